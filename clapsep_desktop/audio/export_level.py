"""The files of an export that share a level: what they are made of, and how loud they become."""

from __future__ import annotations

import math

from clapsep_desktop.audio.excerpt import Excerpt
from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings, PlannedFile, Take
from clapsep_desktop.audio.loudness import Loudness, LoudnessMeter
from clapsep_desktop.audio.mix import MixSource
from clapsep_desktop.audio.quantize import Dither
from clapsep_desktop.audio.rendition import GainSource, LimitedSource, PartSource, SilentSource
from clapsep_desktop.audio.resample import ResampledSource
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.timebase import Span

_DITHER_STEPS = 2  # of an integer's, that dither and rounding can add to a peak
_AUDIBLE = 0.05  # dB; smaller differences from a loudness that was asked for are not told


class Rendition:
    """A take on its way to its files.

    Attributes:
        info: the recording's, but with the rate and length of the files.
        take: the files.
        settings: how they are asked for.
        comment: a note on the processing, for their metadata.
        markers: in frames of the recording.
        original: the recording at the files' rate.
        kept: what is kept of it, likewise.
        sources: what each file holds, before it is levelled.
        measured: what `needs_measure` is about, by file; None for what they add up to.
        loudness: what came of it.
        gain: dB by which all of them are made louder; see `decide_gain`.
        meters: for each file, to be given what is written where softening changes it.
    """

    def __init__(self, material: ExportMaterial, settings: ExportSettings, take: Take) -> None:
        self.info = take.info
        self.take = take
        self.settings = settings
        self.comment = material.comment
        self.markers = material.markers
        self.loudness: dict[PlannedFile | None, Loudness] = {}
        self.meters: dict[PlannedFile, LoudnessMeter] = {}
        self.gain = 0.0
        self._source_info = material.info
        self.original = self._converted(material.original)
        self.kept = self._converted(material.kept)
        self.sources = {file: self._source_of(material, file) for file in take.files}
        self.measured: dict[PlannedFile | None, AudioSource] = {}
        for file, source in self.sources.items():
            self.measured[file] = source
        if self.settings.what == "both":  # what they add up to must fit as well
            self.measured[None] = self.original

    def _source_of(self, material: ExportMaterial, file: PlannedFile) -> AudioSource:
        if file.role == "kept":
            return self.kept
        if file.role == "removed":
            return self._converted(material.removed)
        layers = [material.stems[file.stem].layer]
        silence = SilentSource(material.original)
        return self._converted(MixSource(silence, layers, role="removed"))

    def _converted(self, source: AudioSource) -> AudioSource:
        if source.rate != self.info.rate:
            source = ResampledSource(source, self.info.rate)
        return PartSource(source, self.take.cut)

    # The level

    @property
    def needs_measure(self) -> bool:
        """Whether a gain depends on what the files measure."""
        lowered = self.settings.clipping == "lower" and self._can_clip
        return self.settings.loudness is not None or lowered

    @property
    def _can_clip(self) -> bool:
        return not all(file.format.is_float for file in self.take.files)

    @property
    def softened(self) -> bool:
        """Whether peaks are held down."""
        wanted = self.settings.loudness is not None or self._can_clip
        return self.settings.clipping == "soft" and wanted

    def decide_gain(self) -> None:
        """The gain that all files of the take share; the first one's loudness counts."""
        if not self.loudness:
            return
        wanted = self.settings.loudness
        if wanted is not None:
            self.gain = self.loudness[self.take.files[0]].gain_to(wanted)
        if not self.softened:
            self.gain = min(self.gain, self._most_gain())
        if wanted is not None and self.softened:
            form = self.info.rate, self.info.channels
            self.meters = {file: LoudnessMeter(*form) for file in self.take.files}

    def _most_gain(self) -> float:
        """DB that the loudest peak of the take has left."""
        if self.settings.loudness is not None:
            peaks = [one.true_peak for one in self.loudness.values()]
            return self.settings.ceiling - max(peaks)
        bits = min((file.format.bits or 16 for file in self.take.files), default=16)
        limit = 1.0 - (1 + _DITHER_STEPS) * 2.0 ** (1 - bits)
        lossy = any(file.format.lossy for file in self.take.files)
        peaks = [one.true_peak if lossy else one.peak for one in self.loudness.values()]
        return 20 * math.log10(limit) - max(peaks)

    def loudness_note(self) -> str | None:
        """A sentence on a loudness that was asked for and not met."""
        wanted, file = self.settings.loudness, self.take.files[0]
        name, reached = file.target.name, self.integrated(file)
        if wanted is None or reached is None:
            return None
        if not math.isfinite(reached):
            return f"“{name}” is silent or too short, so that no loudness could be met."
        if reached >= wanted - _AUDIBLE:
            return None
        told = f"“{name}” has {reached:.1f} LUFS, not {wanted:g}: "
        ceiling = f"{self.settings.ceiling:g} dBTP"
        if self.softened:
            return f"{told}softening the peaks above {ceiling} took the rest."
        return f"{told}any louder, its peaks would exceed {ceiling}. Soften the peaks to meet it."

    def integrated(self, file: PlannedFile) -> float | None:
        """LUFS of a file as it was written, where that is known."""
        if file in self.meters:
            return self.meters[file].result().integrated
        if file in self.loudness and not self.softened:
            return self.loudness[file].integrated_at(self.gain)
        return None

    def finished(self, source: AudioSource) -> AudioSource:
        """A source at the level that is written."""
        if self.gain:
            source = GainSource(source, 10 ** (self.gain / 20))
        if self.softened:
            source = LimitedSource(source, 10 ** (self.settings.ceiling / 20))
        return source

    # The files

    @property
    def excerpt(self) -> Excerpt | None:
        """Which part of the recording the files hold; None for the whole as it is."""
        whole = self.take.span == Span(0, self._source_info.frames)
        if whole and self.info.rate == self._source_info.rate:
            return None
        return Excerpt(self.take.span, self._source_info.rate, self.info.rate, whole)

    def dither(self, file: PlannedFile) -> Dither | None:
        """What a file is dithered with, if it is."""
        bits = file.format.bits
        if not self.settings.dither or bits is None or self.settings.what == "both":
            return None
        deeper = self._source_info.bits is None or self._source_info.bits > bits
        computed = bool(self.gain) or self.softened or self.info.rate != self._source_info.rate
        return Dither(bits) if deeper or computed else None
