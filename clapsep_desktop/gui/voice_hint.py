"""A line that proposes to name the voice, where only what disturbs it is named."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from clapsep_desktop.gui.controls import GRID, Notice, tool_button
from clapsep_desktop.query import Query, TextPrompt

VOICE = TextPrompt("a person speaking")
"""What is proposed to be kept."""

WHY = (
    "Adds “a person speaking” to what is kept. A voice comes out much cleaner when it is named "
    "too; what is neither voice nor named may go as well."
)

_ABOUT_VOICES = re.compile(
    r"\b(?:(?:man|men|boys?|girls?|guys?)\b|wom[ae]n|male|female|child|people|person|crowd|"
    r"voice|vocal|speech|speak|spoke|talk|conversation|narrat|announce|chat|"
    r"sing|song|choir|whisper|shout|laugh|cry|cough|breath)",
    re.IGNORECASE,
)


def names_only_what_disturbs(query: Query) -> bool:
    """Whether a query removes sounds by name, none of them a person's, and keeps nothing.

    >>> names_only_what_disturbs(Query.of(remove=["a dog barking"]))
    True
    >>> names_only_what_disturbs(Query.of(remove=["a woman talking"]))
    False
    """
    texts = [prompt.text for prompt in query.remove if isinstance(prompt, TextPrompt)]
    return not query.keep and bool(texts) and not any(map(_ABOUT_VOICES.search, texts))


class VoiceHint(QFrame):
    """The line, with a button that does it and one that sends it away.

    Signals:
        taken(): the voice is to be kept.
        dismissed(): the user does not want to be asked again.
    """

    taken = Signal()
    dismissed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("voiceHint")
        notice = Notice("voiceHintLine", "info")
        notice.say("Should a voice stay?")
        notice.setToolTip(WHY)
        keep = QPushButton("Keep the Voice")
        keep.setObjectName("voiceHintKeep")
        keep.setAccessibleName(keep.text())
        keep.setAccessibleDescription(WHY)
        keep.setToolTip(WHY)
        keep.setProperty("kind", "link")
        keep.setAutoDefault(False)
        keep.clicked.connect(self.taken)
        close = tool_button(
            "voiceHintClose",
            "close",
            "Do Not Ask Again",
            "Do not ask this any more, until the preferences say so.",
        )
        close.clicked.connect(self.dismissed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        row.addWidget(notice, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(keep)
        row.addWidget(close)
        self.hide()
