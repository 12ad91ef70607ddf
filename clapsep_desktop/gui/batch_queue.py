"""The recordings of a batch in a table: their order, how far each is, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

from clapsep_desktop.batch import places
from clapsep_desktop.batch.jobs import Advanced, Event, Finished, Job, Outcome

_COLUMNS = ("Recording", "State", "Result")
_NAME, _STATE, _RESULT = range(3)
_WAITING = "Waiting"


class BatchQueue(QTreeWidget):
    """Each recording is there once."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[str, QTreeWidgetItem] = {}  # by recording, in order
        self.setObjectName("batchQueue")
        self.setAccessibleName("Recordings")
        self.setToolTip("Drop recordings or folders here.")
        self.setHeaderLabels(_COLUMNS)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        header = self.header()
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(_STATE, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_RESULT, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)

    @property
    def sources(self) -> tuple[str, ...]:
        """Paths and URLs of the recordings, in order."""
        return tuple(self._items)

    def add(self, sources: Iterable[str]) -> None:
        """Add recordings at the end; what is there already stays where it is."""
        new = []
        for source in sources:
            if source not in self._items:
                item = QTreeWidgetItem([places.name_of(source), _WAITING, ""])
                item.setToolTip(_NAME, source)
                self._items[source] = item
                new.append(item)
        self.addTopLevelItems(new)

    def remove_all(self) -> None:
        """Empty the list."""
        self._items.clear()
        self.clear()

    def wait(self) -> None:
        """Nothing is done of any."""
        for source in self._items:
            self._show(source, _WAITING, "")

    def show_outcome(self, job: Job, outcome: Outcome | None) -> None:
        """Show what came of a job; None for nothing yet."""
        if outcome is None:
            self._show(job.source, _WAITING, "")
        elif outcome.is_done:
            state = "Done before" if outcome.before else "Done"
            self._show(job.source, state, ", ".join(map(places.name_of, job.targets)))
        else:
            self._show(job.source, "Failed", outcome.error)

    def show_event(self, event: Event) -> None:
        """Show how a job comes on."""
        if isinstance(event, Finished):
            self.show_outcome(event.job, event.outcome)
        else:
            self._show(event.job.source, _progress(event), "")

    def _show(self, source: str, state: str, result: str) -> None:
        item = self._items[source]
        item.setText(_STATE, state)
        item.setText(_RESULT, result)
        item.setToolTip(_RESULT, result)


def _progress(event: Advanced) -> str:
    phase = event.phase[:1].upper() + event.phase[1:]
    return f"{phase} {event.done / event.total:.0%}" if event.total else phase
