"""What the window asks in boxes of their own: questions, and names of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

SOUND_FILES = "Recordings (*.wav *.wave *.rf64 *.w64 *.aif *.aiff *.flac *.ogg *.oga *.opus *.mp3)"
PROJECT_FILES = "Projects (*.clapsep)"
ALL_FILES = "All Files (*)"


@dataclass(frozen=True)
class Question:
    """A question with its answers.

    Attributes:
        title: the question.
        text: what would happen.
        answers: the words of the buttons; the first is taken by Enter.
        cancel: the answer that Esc stands for.
    """

    title: str
    text: str
    answers: tuple[str, ...]
    cancel: str = "Cancel"


REPLACE = "Replace"


def replace_question(names: Sequence[str]) -> Question:
    """Whether files that are there already shall be replaced; `REPLACE` if so."""
    if len(names) == 1:
        text = "A file of that name is there already. Its content would be lost."
        return Question(f"Replace “{names[0]}”?", text, (REPLACE,))
    some = ", ".join(names[:5]) + ("…" if len(names) > 5 else "")
    text = f"Files of these names are there already: {some}. Their content would be lost."
    return Question(f"Replace {len(names)} files?", text, (REPLACE,))


Ask = Callable[[Question], str]
"""Asks and returns one of the question's answers."""


class Dialogs:
    """The boxes of a window; a test puts answers in their place.

    Args:
        parent: the window.
    """

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent

    def ask(self, question: Question) -> str:
        """Ask a question and wait for the answer."""
        box = QMessageBox(self._parent)
        box.setObjectName("question")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(question.title)
        box.setText(question.title)
        box.setInformativeText(question.text)
        buttons = {}
        for number, answer in enumerate((*question.answers, question.cancel)):
            button = box.addButton(answer, QMessageBox.ButtonRole.ActionRole)
            button.setObjectName(f"answer{number}")
            buttons[answer] = button
        box.setDefaultButton(buttons[question.answers[0]])
        box.setEscapeButton(buttons[question.cancel])
        box.exec()
        clicked = box.clickedButton()
        box.deleteLater()
        given = (answer for answer, button in buttons.items() if button is clicked)
        return next(given, question.cancel)

    def file_to_open(self, folder: Path | None, *, projects: bool = True) -> Path | None:
        """Ask for a file that is there.

        Args:
            folder: to begin in.
            projects: whether it may be a project.
        """
        both = f"{SOUND_FILES[:-1]} *.clapsep)".replace("Recordings", "Recordings and Projects")
        kinds = [both, SOUND_FILES, PROJECT_FILES] if projects else [SOUND_FILES]
        name, _ = QFileDialog.getOpenFileName(
            self._parent, "Open", str(folder or ""), ";;".join([*kinds, ALL_FILES])
        )
        return Path(name) if name else None

    def recording_to_look_for(self, where_it_was: Path) -> Path | None:
        """Ask where a project's recording is now."""
        name, _ = QFileDialog.getOpenFileName(
            self._parent,
            f"Where is “{where_it_was.name}”?",
            str(where_it_was.parent),
            f"{SOUND_FILES};;{ALL_FILES}",
        )
        return Path(name) if name else None

    def folder_for_results(self, folder: Path) -> Path | None:
        """Ask where results are to lie.

        Args:
            folder: where they lie now.
        """
        name = QFileDialog.getExistingDirectory(self._parent, "Folder for Results", str(folder))
        return Path(name) if name else None

    def project_to_save(self, proposal: Path) -> Path | None:
        """Ask for the name of a project file; the box asks before one is replaced."""
        name, _ = QFileDialog.getSaveFileName(
            self._parent, "Save Project", str(proposal), PROJECT_FILES
        )
        return Path(name) if name else None


def open_folder(folder: Path) -> None:
    """Show a folder in the system's own file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(folder))
