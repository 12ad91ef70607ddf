"""The lines of the history panel: the recording, and each extraction made of it."""

from __future__ import annotations

import json
from dataclasses import replace

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.controls import (
    GRID,
    ValueSlider,
    muted_label,
    set_kind,
    tool_button,
)
from clapsep_desktop.gui.drag_out import DragOut
from clapsep_desktop.gui.elided import ElidedLabel
from clapsep_desktop.gui.model_choices import model_title
from clapsep_desktop.gui.wording import short_time, size_text
from clapsep_desktop.session.session import Extraction, Recording
from clapsep_desktop.timebase import Span

_KEYS = {
    Qt.Key.Key_Delete: "delete",
    Qt.Key.Key_Backspace: "delete",
    Qt.Key.Key_F2: "rename",
    Qt.Key.Key_Space: "toggle",
    Qt.Key.Key_Return: "activate",
    Qt.Key.Key_Enter: "activate",
    Qt.Key.Key_Up: "previous",
    Qt.Key.Key_Down: "next",
    Qt.Key.Key_Home: "first",
    Qt.Key.Key_End: "last",
    Qt.Key.Key_F5: "rerender",
}
_WITH_ALT = {Qt.Key.Key_Up: "up", Qt.Key.Key_Down: "down"}

KEY_HELP = (
    "Space: on or off. Enter: show its place. F2: rename. F5: render again.\n"
    "Drag it, or Alt+Up and Alt+Down: move. Delete: take it out."
)


def _command(event: QKeyEvent) -> str:
    """What a key says to a line; empty for nothing."""
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if modifiers == Qt.KeyboardModifier.AltModifier:
        return _WITH_ALT.get(Qt.Key(event.key()), "")
    if modifiers == Qt.KeyboardModifier.NoModifier:
        return _KEYS.get(Qt.Key(event.key()), "")
    return ""


def models_text(extraction: Extraction) -> str:
    """The models that answered, or will: "Auto: Speech, Mini"."""
    title = model_title(extraction.model)
    if not extraction.plan:
        return title
    try:
        steps = json.loads(extraction.plan)["steps"]
        used = dict.fromkeys(model_title(str(step["model"])) for step in steps)
    except (ValueError, KeyError, TypeError):  # of another version
        return title
    words = ", ".join(used)
    return words if extraction.model != "auto" else f"Auto: {words}"


def rate_text(recording: Recording) -> str:
    """Rate, channels and length of a recording."""
    channels = {1: "mono", 2: "stereo"}.get(recording.channels, f"{recording.channels} channels")
    return f"{recording.rate / 1000:g} kHz, {channels}, {short_time(recording.seconds)}"


class Line(QFrame):
    """A card that takes the keyboard and says what is to be done.

    Signals:
        commanded(str): "delete", "rename", "toggle", "activate", "previous", "next", "first",
            "last", "up", "down" or "rerender".
        menu_wanted(QPoint): a menu is asked for at this place on the screen.
    """

    commanded = Signal(str)
    menu_wanted = Signal(QPoint)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def event(self, event: QEvent) -> bool:
        mine = isinstance(event, QKeyEvent) and _command(event) and self.hasFocus()
        if mine and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # the key is meant for the line, not for the window
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        command = _command(event)
        if command and self.hasFocus():
            self.commanded.emit(command)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        keyboard = event.reason() == QContextMenuEvent.Reason.Keyboard
        place = self.mapToGlobal(QPoint(4 * GRID, self.height() // 2))
        self.menu_wanted.emit(place if keyboard else event.globalPos())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.commanded.emit("activate")

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        set_kind(self, "current", True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        set_kind(self, "current", False)


def drag_handle(tip: str) -> QToolButton:
    """What a line is dragged by; a click copies."""
    handle = tool_button("", "file-audio", "Copy as a File", tip, role="muted")
    handle.setCursor(Qt.CursorShape.OpenHandCursor)
    return handle


class SourceRow(Line):
    """The recording that all extractions are made of.

    Signals:
        drag_begun(): what is heard is to be dragged out.
        copy_wanted(): it is to be copied as a file.
    """

    drag_begun = Signal()
    copy_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("historySource")
        self.setToolTip("The recording as it was opened; it is never changed.\nEnter: select it.")
        self._mark = QLabel()
        self._name = ElidedLabel("", Qt.TextElideMode.ElideMiddle)
        self._name.setProperty("kind", "heading")
        self._about = ElidedLabel()
        self._about.setProperty("kind", "muted")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self._name)
        words.addWidget(self._about)
        row = QHBoxLayout(self)
        row.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        row.setSpacing(2 * GRID)
        row.addWidget(self._mark)
        row.addLayout(words, 1)
        self.handle = drag_handle(
            "Drag what is heard now to another program, as a file; or click to copy it."
        )
        self.handle.setObjectName("historySourceDrag")
        self.handle.clicked.connect(self.copy_wanted)
        DragOut(self.handle).begun.connect(self.drag_begun)
        row.addWidget(self.handle)
        theme.notifier().changed.connect(self._draw)
        self._draw()

    def show_recording(self, recording: Recording) -> None:
        """Tells about a recording."""
        self._name.setText(recording.path.name)
        self._about.setText(rate_text(recording))
        self.setAccessibleName(f"Recording {recording.path.name}, {rate_text(recording)}")

    def _draw(self, _: object = None) -> None:
        self._mark.setPixmap(theme.icon("waveform", "muted").pixmap(QSize(20, 20)))


class TitleField(QLineEdit):
    """A title that is being changed.

    Signals:
        done(bool): by Enter or by leaving (True), or by Esc (False).
    """

    done = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setMaxLength(200)
        self.setAccessibleName("Name")
        self.setToolTip("Enter takes the name, Esc leaves it as it was; empty: the query's words.")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.done.emit(False)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.done.emit(True)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.done.emit(True)


class ExtractionRow(Line):
    """One extraction of the stack.

    Args:
        identity: the extraction's id.

    Signals:
        toggled(bool): it is to count or not.
        strength_changed(float, bool): see `ValueSlider.moved`.
        renamed(str): its new title; empty for the query's words.
        drag_begun(): what it removes is to be dragged out.
        copy_wanted(): that is to be copied as a file.
    """

    drag_begun = Signal()
    copy_wanted = Signal()
    toggled = Signal(bool)
    strength_changed = Signal(float, bool)
    renamed = Signal(str)

    def __init__(self, identity: str) -> None:
        super().__init__()
        self.identity = identity
        self.setToolTip(KEY_HELP)
        self._extraction: Extraction | None = None
        self.check = QCheckBox()
        self.check.setToolTip("Whether this step counts. Key: Space.")
        self.check.clicked.connect(self.toggled)
        self._number = muted_label("")
        self._title = ElidedLabel()
        self._title.setProperty("kind", "heading")
        self.title_field = TitleField()
        self.title_field.hide()
        self.title_field.done.connect(self._end_rename)
        self.menu_button = tool_button("", "more", "Menu", "What can be done with this step.")
        self.menu_button.clicked.connect(self._want_menu)
        self.handle = drag_handle(
            "Drag what this step removes to another program, as a file; or click to copy it."
        )
        self.handle.clicked.connect(self.copy_wanted)
        DragOut(self.handle).begun.connect(self.drag_begun)
        self._query = ElidedLabel()
        self._facts = muted_label("")
        self._facts.setWordWrap(True)
        self._change = muted_label("")
        self._change.setWordWrap(True)
        self._query.setProperty("kind", "muted")
        self.strength = ValueSlider(
            "", "Strength", "How strongly this step works. It changes at once, without the model."
        )
        self.strength.moved.connect(self.strength_changed)
        self.render_button = QPushButton("Render Again")
        self.render_button.setProperty("kind", "small")
        self.render_button.setToolTip(
            "What this step hears was changed after it was made. Rendering it again takes that "
            "into account. Key: F5."
        )
        self.render_button.clicked.connect(self._want_render)
        self._badge = QLabel("Outdated")
        self._badge.setProperty("kind", "badge")
        self._lay_out()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        head.addWidget(self.check)
        head.addWidget(self._number)
        head.addWidget(self._title, 1)
        head.addWidget(self.title_field, 1)
        head.addWidget(self.handle)
        head.addWidget(self.menu_button)
        self._stale = QWidget()
        stale = QHBoxLayout(self._stale)
        stale.setContentsMargins(0, 0, 0, 0)
        stale.setSpacing(2 * GRID)
        stale.addWidget(self._badge)
        stale.addStretch(1)
        stale.addWidget(self.render_button)
        body = QVBoxLayout()
        body.setContentsMargins(6 * GRID, 0, GRID, 0)
        body.setSpacing(GRID)
        for widget in (self._query, self._facts, self.strength, self._change, self._stale):
            body.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, GRID, 2 * GRID)
        column.setSpacing(GRID)
        column.addLayout(head)
        column.addLayout(body)

    def show_extraction(self, extraction: Extraction, number: int, outdated: bool) -> None:
        """Tells about an extraction.

        Args:
            extraction: the one of this line's id.
            number: its place in the stack, from 1.
            outdated: whether it would hear something else now.
        """
        self._extraction = extraction
        self.setObjectName(f"history{number}Row")
        for part, widget in (
            ("Check", self.check),
            ("Drag", self.handle),
            ("Menu", self.menu_button),
            ("Render", self.render_button),
            ("Title", self.title_field),
            ("StrengthSlider", self.strength.slider),
            ("StrengthField", self.strength.field),
        ):
            widget.setObjectName(f"history{number}{part}")
        self.check.setChecked(extraction.enabled)
        self.check.setAccessibleName(f"Step {number} counts")
        self._number.setText(str(number))
        self._title.setText(extraction.title)
        self._title.setEnabled(extraction.enabled)
        words = str(replace(extraction.query, strength=1.0))
        self._query.setText(words[:1].upper() + words[1:])
        self._query.setVisible(bool(extraction.name))
        self._stale.setVisible(outdated or not extraction.is_rendered)
        self.handle.setEnabled(extraction.is_rendered)
        self._badge.setText("Outdated" if extraction.is_rendered else "Not rendered")
        self.strength.set_value(extraction.strength)
        self.strength.setEnabled(extraction.enabled and extraction.is_rendered)
        state = "" if extraction.enabled else ", off"
        self.setAccessibleName(f"Step {number}{state}: {extraction.title}")

    def show_facts(self, extraction: Extraction, recording: Recording, amount: int) -> None:
        """Tells where in a recording it is and what it took.

        Args:
            extraction: the one of this line's id.
            recording: what the stack is made of.
            amount: bytes it takes on disk.
        """
        start, stop = (
            short_time(edge / recording.rate)
            for edge in (extraction.span.start, extraction.span.stop)
        )
        whole = extraction.span == Span(0, recording.frames)
        facts = ["Whole file" if whole else f"{start} – {stop}"]
        if extraction.band is not None:
            facts.append(f"{extraction.band[0]:,.0f} – {extraction.band[1]:,.0f} Hz")
        facts.append(models_text(extraction))
        if extraction.is_rendered:
            facts.append(f"in {extraction.seconds:.1f} s")
            facts.append(size_text(amount))
        # A line may break between two facts only.
        self._facts.setText(" · ".join(fact.replace(" ", "\N{NO-BREAK SPACE}") for fact in facts))
        self.setAccessibleDescription(", ".join(facts))

    def set_change(self, text: str) -> None:
        """Says what the step changed; empty for nothing to say."""
        self._change.setText(text.replace(" dBFS", "\N{NO-BREAK SPACE}dBFS"))
        self._change.setVisible(bool(text))

    def rename(self) -> None:
        """Lets the user type another title in place."""
        if self._extraction is None:
            return
        self.title_field.setText(self._extraction.title)
        self._title.hide()
        self.title_field.show()
        self.title_field.selectAll()
        self.title_field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _end_rename(self, taken: bool) -> None:
        if self.title_field.isHidden() or self._extraction is None:
            return
        had_focus = self.title_field.hasFocus()
        self.title_field.hide()
        self._title.show()
        if had_focus:
            self.setFocus(Qt.FocusReason.OtherFocusReason)
        name = " ".join(self.title_field.text().split())
        if taken and name != self._extraction.title:
            self.renamed.emit(name)

    def _want_menu(self) -> None:
        self.menu_wanted.emit(self.menu_button.mapToGlobal(QPoint(0, self.menu_button.height())))

    def _want_render(self) -> None:
        self.commanded.emit("rerender")
