"""The user's own sounds: heard, added, renamed, removed, taken to another machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.audio.playback import Player
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import ClapSepError, SoundExistsError
from clapsep_desktop.gui.controls import GRID, Notice, muted_label, push_button
from clapsep_desktop.gui.jobs import Job, JobRunner, Progress, Steps
from clapsep_desktop.gui.questions import SOUND_FILES, Ask, Dialogs, Question
from clapsep_desktop.query import AudioPrompt
from clapsep_desktop.session.library import MARK, SUFFIX, Library
from clapsep_desktop.session.sounds import MAX_CLIPS, Sound

if TYPE_CHECKING:
    from clapsep_desktop.separation.models import Models

FILES = f"Saved Sounds (*{SUFFIX})"
INTRODUCTION = (
    "Sounds that you have saved can be kept or removed by their names in any query: type "
    f"{MARK} and the name. Each is learned from one to {MAX_CLIPS} examples."
)


class LibraryDialog(QDialog):
    """Shows a library of sounds.

    Signals:
        changed(): the library holds other sounds than before.

    Args:
        library: what is shown.
        runner: learns new sounds.
        models: the models, asked for on the job thread.
        selection: the selected part of the open recording as an example; None without one.
        ask: asks a question; by default in a box.
        player: plays examples, and is closed with the dialog; by default one of its own.
        parent: see QDialog.
    """

    changed = Signal()
    _troubled = Signal(str)  # from the player's thread

    def __init__(
        self,
        library: Library,
        runner: JobRunner,
        models: Callable[[], Models],
        *,
        selection: Callable[[], AudioPrompt | None] = lambda: None,
        ask: Ask | None = None,
        player: Player | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("libraryDialog")
        self.setWindowTitle("Saved Sounds")
        self._library, self._runner, self._models = library, runner, models
        self._selection = selection
        self._player = player or Player()
        self._player.on_trouble = self._troubled.emit
        self._troubled.connect(self._explain)
        self._ask = ask or Dialogs(self).ask
        self._sounds: list[Sound] = []
        self._job: Job[Sound] | None = None
        self._lay_out()
        self.refresh()

    # -- Building ------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        introduction = muted_label(INTRODUCTION, "libraryIntroduction")
        introduction.setWordWrap(True)
        self.list = QListWidget()
        self.list.setObjectName("librarySounds")
        self.list.setAccessibleName("Saved sounds")
        self.list.setToolTip("Double-click a sound, or press Enter, to hear it.")
        self.list.currentRowChanged.connect(self._refresh_buttons)
        self.list.itemActivated.connect(self.play)
        self.notice = Notice("libraryNotice", "error", "error")
        self.add_files = push_button(
            "library", "Add from &Files…", self.ask_for_files, "Save a sound from recordings of it."
        )
        self.add_selection = push_button(
            "library",
            "Add &Selection",
            self.add_selected,
            "Save the selected part of the recording as a sound.",
        )
        self.add_example = push_button(
            "library",
            "Add &Example…",
            self.ask_for_examples,
            "Let the chosen sound be learned from more recordings.",
        )
        self.hear = push_button(
            "library", "&Play", self.play, "Hear the examples of the chosen sound."
        )
        self.rename_button = push_button(
            "library", "Re&name…", self.ask_for_name, "Give it another name."
        )
        self.remove_button = push_button(
            "library", "&Remove…", self.remove, "Forget the chosen sound."
        )
        self.import_button = push_button(
            "library", "&Import…", self.ask_to_import, "Add the sounds of a file that was exported."
        )
        self.export_button = push_button(
            "library",
            "E&xport All…",
            self.ask_to_export,
            "Write all sounds to one file, for another machine.",
        )
        side = QVBoxLayout()
        side.setSpacing(2 * GRID)
        for button in (
            self.add_files,
            self.add_selection,
            self.add_example,
            self.hear,
            self.rename_button,
            self.remove_button,
        ):
            side.addWidget(button)
        side.addStretch(1)
        for button in (self.import_button, self.export_button):
            side.addWidget(button)
        row = QHBoxLayout()
        row.setSpacing(3 * GRID)
        row.addWidget(self.list, 1)
        row.addLayout(side)
        buttons = QDialogButtonBox()
        close = buttons.addButton(QDialogButtonBox.StandardButton.Close)
        close.setObjectName("libraryClose")
        close.setAccessibleName("Close")
        close.setToolTip("Close (Esc).")
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(introduction)
        column.addLayout(row, 1)
        column.addWidget(self.notice)
        column.addWidget(buttons)

    def sizeHint(self) -> QSize:
        return QSize(150 * GRID, 110 * GRID)

    # -- What is shown -------------------------------------------------------------------------

    @property
    def chosen(self) -> Sound | None:
        """The sound that is chosen in the list."""
        row = self.list.currentRow()
        return self._sounds[row] if 0 <= row < len(self._sounds) else None

    def refresh(self, choose: str = "") -> None:
        """Show what the library holds, and choose a sound by its name."""
        before = choose or (self.chosen.name if self.chosen else "")
        self._sounds = self._library.sounds()
        self.list.clear()
        for sound in self._sounds:
            count = len(sound.clips)
            about = f"{count} example{'s' * (count != 1)}, {sound.seconds:.1f} s"
            item = QListWidgetItem(f"{MARK}{sound.name}\n{about}")
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{sound.name}, {about}")
            self.list.addItem(item)
        names = [sound.name for sound in self._sounds]
        self.list.setCurrentRow(names.index(before) if before in names else min(0, len(names) - 1))
        self._refresh_buttons()

    @Slot()
    def _refresh_buttons(self) -> None:
        sound, busy = self.chosen, self._job is not None
        for button in (self.hear, self.rename_button, self.remove_button):
            button.setEnabled(sound is not None and not busy)
        self.hear.setEnabled(bool(sound and sound.clips))
        self.add_example.setEnabled(bool(sound and 0 < len(sound.clips) < MAX_CLIPS and not busy))
        self.add_files.setEnabled(not busy)
        self.add_selection.setEnabled(not busy and self._selection() is not None)
        self.export_button.setEnabled(bool(self._sounds))

    def _try(self, do: Callable[[], object]) -> bool:
        """Do something that may fail with a sentence; whether it was done."""
        try:
            do()
        except ClapSepError as error:
            self._explain(error)
            return False
        self.notice.say("")
        return True

    # -- What the buttons do -------------------------------------------------------------------

    @Slot()
    def play(self) -> None:
        """Play the examples of the chosen sound."""
        sound = self.chosen
        if sound is not None and sound.clips:
            self._try(lambda: self._play(_joined(sound)))

    def _play(self, source: ArraySource) -> None:
        self._player.set_sources({"original": source})
        self._player.play(start=0)

    @Slot()
    def ask_for_files(self) -> None:
        """Ask for recordings and a name, and save a sound."""
        files = self._files("Recordings of One Sound")
        if files:
            self._ask_and_learn([AudioPrompt(path) for path in files], files[0].stem)

    @Slot()
    def add_selected(self) -> None:
        """Ask for a name, and save the selection as a sound."""
        example = self._selection()
        if example is not None:
            self._ask_and_learn([example], "")

    @Slot()
    def ask_for_examples(self) -> None:
        """Ask for more recordings of the chosen sound."""
        sound = self.chosen
        files = self._files("More Examples") if sound else []
        if sound and files:
            self.learn(sound.name, [AudioPrompt(path) for path in files], before=sound)

    @Slot()
    def ask_for_name(self) -> None:
        """Ask for another name of the chosen sound."""
        sound = self.chosen
        name = self._name("Rename Sound", sound.name) if sound else ""
        if sound and name:
            self.rename(sound.name, name)

    def rename(self, name: str, new: str) -> None:
        """Give a sound another name."""
        if self._try(lambda: self._library.rename(name, new)):
            self.refresh(new)
            self.changed.emit()

    @Slot()
    def remove(self) -> None:
        """Forget the chosen sound, after a question."""
        sound = self.chosen
        if sound is None:
            return
        question = Question(
            f"Remove {MARK}{sound.name}?",
            "Its examples are deleted. Queries and recipes that hold it already stay as they are.",
            ("Remove",),
        )
        if self._ask(question) == "Remove" and self._try(lambda: self._library.remove(sound.name)):
            self.refresh()
            self.changed.emit()

    @Slot()
    def ask_to_import(self) -> None:
        """Ask for a file of sounds, and add them."""
        name, _ = QFileDialog.getOpenFileName(self, "Import Sounds", "", FILES)
        if name:
            self.take_in(Path(name))

    def take_in(self, path: Path, *, replace: bool = False) -> None:
        """Add the sounds of a file; asks before any is replaced."""
        try:
            self._library.take_in(path, replace=replace)
        except SoundExistsError as error:
            question = Question("Replace sounds of the same name?", str(error), ("Replace",))
            if self._ask(question) == "Replace":
                self.take_in(path, replace=True)
        except ClapSepError as error:
            self._explain(error)
        else:
            self.notice.say("")
            self.refresh()
            self.changed.emit()

    @Slot()
    def ask_to_export(self) -> None:
        """Ask for a file, and write all sounds to it."""
        name, _ = QFileDialog.getSaveFileName(self, "Export Sounds", f"sounds{SUFFIX}", FILES)
        if name:
            self._try(lambda: self._library.export(Path(name)))

    def learn(
        self, name: str, examples: Sequence[AudioPrompt], before: Sound | None = None
    ) -> None:
        """Save a sound of some examples, once the models have heard them."""
        models = self._models

        def steps() -> Steps[Sound]:
            yield Progress("listening")
            from clapsep_desktop.batch.prepare import sound_of

            return sound_of(name, examples, models(), before)

        self._job = Job(
            f"Learning “{name}”",
            steps,
            on_result=lambda sound: self._learned(sound, replace=before is not None),
            on_abandoned=self._ended,
            on_error=self._explain,
        )
        self.notice.say("Listening to the examples…", "muted", "info")
        self._refresh_buttons()
        self._runner.submit(self._job)

    def _learned(self, sound: Sound, *, replace: bool) -> None:
        self._ended()
        if self._try(lambda: self._library.save(sound, replace=replace)):
            self.refresh(sound.name)
            self.changed.emit()

    def _ended(self) -> None:
        if self._job is None:  # the dialog was closed, and may be deleted
            return
        self._job = None
        self.notice.say("")
        self._refresh_buttons()

    @Slot(str)
    def _explain(self, error: Exception | str) -> None:
        self.notice.say(str(error), "error", "error")

    def done(self, result: int) -> None:
        """Close, in silence; a sound that is being learned is forgotten."""
        job, self._job = self._job, None
        if job is not None:
            self._runner.cancel(job)
        self._player.close()
        super().done(result)

    def _ask_and_learn(self, examples: Sequence[AudioPrompt], proposal: str) -> None:
        name = self._name("Save Sound", proposal)
        if not name:
            return
        if self._try(lambda: self._check_free(name)):
            self.learn(name, examples)

    def _check_free(self, name: str) -> None:
        if name in self._library:
            raise ClapSepError(f"A sound named “{name}” is saved already. Choose another name.")

    def _name(self, title: str, proposal: str) -> str:
        name, accepted = QInputDialog.getText(self, title, "Name of the sound:", text=proposal)
        return name.strip() if accepted else ""

    def _files(self, title: str) -> list[Path]:
        names, _ = QFileDialog.getOpenFileNames(self, title, "", SOUND_FILES)
        return [Path(name) for name in names]


def _joined(sound: Sound) -> ArraySource:
    """All clips of a sound, one after the other; raises SoundError."""
    import numpy as np

    sources = [clip.source() for clip in sound.clips]
    return ArraySource(np.concatenate([source.samples for source in sources]), sources[0].rate)
