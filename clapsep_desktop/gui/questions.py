"""Questions that must be answered before something would be lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QMessageBox, QWidget


@dataclass(frozen=True)
class Question:
    """A question with its answers.

    Attributes:
        title: of the box.
        text: what would happen.
        answers: the words of the buttons; the first is taken by Enter.
        cancel: the answer that Esc stands for.
    """

    title: str
    text: str
    answers: tuple[str, ...]
    cancel: str = "Cancel"


Ask = Callable[[Question], str]
"""Asks and returns one of the question's answers."""


def ask_in_a_box(parent: QWidget, question: Question) -> str:
    """Ask in a box over a window, and wait."""
    box = QMessageBox(parent)
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
    return next(
        (answer for answer, button in buttons.items() if button is clicked), question.cancel
    )
