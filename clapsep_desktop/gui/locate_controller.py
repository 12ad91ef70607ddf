"""Looking for sounds: the lane under the spectrogram, and the checklist of what is there.

Both listen to the recording as it was, as jobs like any other; torch comes in on their thread.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal, Slot

from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import Job, JobRunner, Progress, Steps, retold
from clapsep_desktop.gui.lane_view import LaneView
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.query import Query

if TYPE_CHECKING:
    from clapsep_desktop.separation.locate import Located
    from clapsep_desktop.separation.models import Models
    from clapsep_desktop.separation.tags import Tag

T = TypeVar("T")


class LocateController(QObject):
    """Finds sounds in the open recording.

    Signals:
        located(str, Located): what was looked for, and where it is.
        tagged(list[Tag]): what is in the recording, the surest first.
        failed(str): a sentence on why neither can be told.
        busy_changed(bool): whether it listens.

    Args:
        document: holds the recording.
        runner: runs the listening.
        models: the models, asked for on the job thread.
        lane: shows where a sound is.
        parent: see QObject.
    """

    located = Signal(str, object)
    tagged = Signal(object)
    failed = Signal(str)
    busy_changed = Signal(bool)

    def __init__(
        self,
        document: Document,
        runner: JobRunner,
        models: Callable[[], Models],
        lane: LaneView,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._runner = document, runner
        self._models, self._lane = models, lane
        self._jobs: set[int] = set()  # ids of those that have not ended
        document.closed.connect(self._on_closed)

    @property
    def is_busy(self) -> bool:
        """Whether it listens, or will when its turn comes."""
        return bool(self._jobs)

    def locate(self, query: Query) -> None:
        """Look for what a query keeps, or else removes."""
        material = self._document.material
        if material is None:
            self.failed.emit("Open a recording first.")
            return
        source, models = material.source, self._models
        words = ", ".join(map(str, query.keep or query.remove))

        def steps() -> Steps[Located]:
            yield Progress("loading the model")
            from clapsep_desktop.separation.locate import locate

            return (yield from _told(locate(source, query, models())))

        def show(found: Located) -> None:
            self._show(words, found, source.rate)

        self._submit(f"Looking for {words}", steps, show)

    def tag(self) -> None:
        """Find out what is in the recording."""
        material = self._document.material
        if material is None:
            self.failed.emit("Open a recording first.")
            return
        source, models = material.source, self._models

        def steps() -> Steps[list[Tag]]:
            yield Progress("loading the model")
            from clapsep_desktop.separation.tags import tags

            return (yield from _told(tags(source, models())))

        self._submit(f"Listening to “{material.info.path.name}”", steps, self.tagged.emit)

    def show(self, tag: Tag) -> None:
        """Show in the lane where a tag is heard."""
        material = self._document.material
        if material is not None:
            self._show(tag.name, tag.located, material.source.rate)

    def _submit(
        self, title: str, steps: Callable[[], Steps[T]], on_result: Callable[[T], None]
    ) -> None:
        """Run a job whose result counts only while the same recording is open."""
        material = self._document.material

        def arrived(result: T) -> None:
            ended()
            if self._document.material is material:
                on_result(result)

        def ended() -> None:
            self._jobs.discard(id(job))
            self.busy_changed.emit(self.is_busy)

        def explain(error: Exception) -> None:
            self.failed.emit(trouble.sentence(error))

        job = Job(title, steps, on_result=arrived, on_abandoned=ended, on_error=explain)
        self._jobs.add(id(job))
        self.busy_changed.emit(True)
        self._runner.submit(job)

    def _show(self, words: str, found: Located, rate: int) -> None:
        text = f"Where {words} is heard" if found.found else f"{words} was not found here"
        self._lane.show_curve(found.curve, found.step * rate, found.spans, found.threshold, text)
        self.located.emit(words, found)

    @Slot()
    def _on_closed(self) -> None:
        self._lane.clear()


def _told(listening: Generator[tuple[float, float], None, T]) -> Steps[T]:
    """Seconds heard as a job's progress."""
    return retold(listening, lambda heard: Progress("listening", *heard))
