"""Original, kept and removed played equally loud, so that the ear compares the sound alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import QObject, Signal, Slot

from clapsep_desktop.audio.loudness import Loudness, measure
from clapsep_desktop.audio.playback import Player
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import Job, JobRunner, Progress, Steps, retold
from clapsep_desktop.gui.session_sound import ROLES
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.timebase import Span

MEASURED_SECONDS = 60.0
"""Of the recording, at most."""

MOST_GAIN = 24.0
"""dB; what is nearly silent stays so."""


class LoudnessMatch(QObject):
    """Sets the player's gain of each role; what is exported does not change.

    Signals:
        measured(dict[str, float]): the gain of each role, in dB.

    Args:
        document: what is heard.
        runner: measures, when nothing else runs.
        timeline: what is selected is measured, or else what lies around the cursor.
        player: gets the gains.
    """

    measured = Signal(object)

    def __init__(
        self, document: Document, runner: JobRunner, timeline: Timeline, player: Player
    ) -> None:
        super().__init__(document)
        self._document, self._runner = document, runner
        self._timeline, self._player = timeline, player
        self._matched = False
        self._is_stale = False
        self._job: Job[Mapping[str, Loudness]] | None = None
        document.opened.connect(self._outdate)
        document.audio_changed.connect(self._outdate)
        timeline.selection_changed.connect(self._outdate)
        runner.idle.connect(self._measure)

    @Slot(bool)
    def set_matched(self, matched: bool) -> None:
        """Play the roles equally loud, or as they are."""
        self._matched = matched
        if matched:
            self._outdate()
        else:
            self._set_gains(dict.fromkeys(ROLES, 0.0))

    @Slot()
    def _outdate(self) -> None:
        self._is_stale = True
        if self._job is not None:
            self._runner.cancel(self._job)
        elif self._runner.current is None:
            self._measure()

    @Slot()
    def _measure(self) -> None:
        sources = dict(self._document.sources())
        if not (self._matched and self._is_stale and sources):
            return
        self._is_stale = False
        span = self._span()
        self._job = Job(
            "Matching loudness",
            lambda: measure_steps(sources, span),
            on_result=self._take,
            on_abandoned=self._forget_job,
            unasked=True,
        )
        self._runner.submit(self._job)

    def _span(self) -> Span:
        timeline = self._timeline
        most = round(MEASURED_SECONDS * timeline.rate)
        if timeline.selection is not None:
            start, stop = timeline.selection.start, timeline.selection.stop
            return Span(start, min(stop, start + most))
        start = max(min(timeline.cursor - most // 2, timeline.frames - most), 0)
        return Span(start, min(start + most, timeline.frames))

    def _take(self, loudness: Mapping[str, Loudness]) -> None:
        self._job = None
        if self._matched:
            self._set_gains(gains(loudness))

    def _forget_job(self) -> None:
        self._job = None

    def _set_gains(self, decibels: Mapping[str, float]) -> None:
        for role, gain in decibels.items():
            self._player.set_gain(role, gain)
        self.measured.emit(dict(decibels))


def measure_steps(sources: Mapping[str, AudioSource], span: Span) -> Steps[Mapping[str, Loudness]]:
    """Measure a span of every source."""
    found = {}
    for number, (role, source) in enumerate(sources.items()):
        found[role] = yield from retold(
            measure(source, span), partial(_progress, number, len(sources), span, source.rate)
        )
    return found


def _progress(number: int, sources: int, span: Span, rate: int, part: Span) -> Progress:
    """How far measuring has come: a number of sources are done, and the next up to a part."""
    done = number * span.length + part.stop - span.start
    return Progress("measuring", done / rate, sources * span.length / rate)


def gains(loudness: Mapping[str, Loudness]) -> dict[str, float]:
    """What brings every role to the original's loudness, in dB, without clipping.

    >>> original, quiet = Loudness(-20.0, -3.0, -3.0), Loudness(-30.0, -6.0, -6.0)
    >>> gains({"original": original, "kept": original, "removed": quiet})
    {'original': 0.0, 'kept': 0.0, 'removed': 6.0}
    """
    target = loudness["original"].integrated
    return {role: _gain(one, target) for role, one in loudness.items()}


def _gain(loudness: Loudness, target: float) -> float:
    if not (math.isfinite(target) and math.isfinite(loudness.integrated)):
        return 0.0
    wanted = min(target - loudness.integrated, MOST_GAIN)
    return max(min(wanted, -loudness.true_peak), min(wanted, 0.0))
