"""Every command of the main window: its words, its keys, its hint, and when it can be used.

The table below is the whole keyboard map; `clapsep_desktop.gui.menus` says where each one lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Flag, auto

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from clapsep_desktop.gui import theme


class Needs(Flag):
    """What must be there for a command to make sense; all that are named."""

    NOTHING = 0
    RECORDING = auto()
    SELECTION = auto()
    RESULT = auto()  # something was extracted
    REPEATABLE = auto()  # something was asked before


@dataclass(frozen=True)
class Command:
    """One entry of the table.

    Attributes:
        name: of the action, unique; its objectName is ``action_`` and this.
        text: the menu's words, with ``&`` before the letter that chooses them.
        keys: the first is shown in menus and hints.
        tip: what it does, one sentence.
        icon: a drawing in ``resources/icons``.
        needs: what must be there.
        checkable: whether it is on or off.
        group: of commands of which exactly one is on.
    """

    name: str
    text: str
    keys: tuple[str, ...]
    tip: str
    icon: str = ""
    needs: Needs = Needs.NOTHING
    checkable: bool = False
    group: str = ""


_R, _S = Needs.RECORDING, Needs.RECORDING | Needs.SELECTION

COMMANDS = (
    # File
    Command("open", "&Open…", ("Ctrl+O",), "Open a recording or a project.", "open"),
    Command("open_demo", "Open &Demo Recording", (), "Open the recording that comes along.",
            "star"),
    Command("recover", "Recover &Unfinished Work…", (),
            "See what a crash left, and open or delete it.", "history"),
    Command("save", "&Save Project", ("Ctrl+S",), "Save the recording's steps and results.", "save",
            _R),
    Command("save_as", "Save Project &As…", ("Ctrl+Shift+S",),
            "Save the project under another name.", "", _R),
    Command("close", "&Close", ("Ctrl+W",), "Close the recording.", "close", _R),
    Command("export", "&Export…", ("Ctrl+Shift+E",),
            "Write what was kept or removed to a sound file.", "export", _R),
    Command("export_recipe", "Export &Recipe…", (),
            "Write what was asked as a recipe, to be carried out on other recordings.", "steps",
            _R | Needs.RESULT),
    Command("batch", "&Batch…", ("Ctrl+B",), "Carry out a recipe on many recordings.", "batch"),
    Command("preferences", "&Preferences…", ("Ctrl+,",), "Choose device, colours, limits and more.",
            "settings"),
    Command("quit", "&Quit", ("Ctrl+Q",), "Close the window."),
    # Edit
    Command("copy", "&Copy Result as File", ("Ctrl+C",),
            "Copy what is heard now as a file, to paste it in another program while this window "
            "is open.", "file-audio", _R),
    Command("select_all", "Select &All", ("Ctrl+A",), "Select the whole recording.", "selection",
            _R),
    Command("select_none", "Select &None", ("Ctrl+Shift+A",), "Select nothing.", "", _S),
    Command("extend_start", "Extend Selection to &Start", ("Shift+Home",),
            "Move the selection's start to the start of the recording.", "", _R),
    Command("extend_end", "Extend Selection to &End", ("Shift+End",),
            "Move the selection's end to the end of the recording.", "", _R),
    Command("edge_start", "Set Selection &Start Here", ("[",),
            "Put the selection's start where the playhead is, also while playing.", "", _R),
    Command("edge_end", "Set Selection E&nd Here", ("]",),
            "Put the selection's end where the playhead is, also while playing.", "", _R),
    Command("snap", "Snap to &Zero Crossings", ("Z",),
            "Move selection edges to where the wave crosses zero, so that nothing clicks.",
            "magnet", checkable=True),
    Command("spectral", "Spectral &Selection", ("Q",),
            "Select a box of time and frequency, so that an extraction changes only that band.",
            "spectral", checkable=True),
    Command("marker", "&Marker Here", ("M",), "Put a marker at the cursor, or take it away.",
            "marker", _R),
    # View
    Command("zoom_in", "Zoom &In", ("Ctrl+=", "Ctrl++"), "See more detail; or Ctrl and the wheel.",
            "zoom-in", _R),
    Command("zoom_out", "Zoom &Out", ("Ctrl+-",), "See more time; or Ctrl and the wheel.",
            "zoom-out", _R),
    Command("zoom_selection", "Zoom to &Selection", ("Ctrl+E",),
            "Show the selection over the whole width.", "zoom-selection", _S),
    Command("zoom_fit", "&Fit", ("Ctrl+F",), "Show the whole recording, over the whole height.",
            "zoom-fit", _R),
    Command("follow", "Follow &Playhead", (), "Turn the page when the playhead leaves the view.",
            "follow", checkable=True),
    Command("full_screen", "F&ull Screen", ("F11",), "Use the whole screen.", checkable=True),
    # Transport
    Command("play", "&Play / Stop", ("Space",),
            "Play the selection, or from the cursor on; stop returns to where it began.", "play",
            _R),
    Command("play_past", "Play &Past Selection", ("Shift+Space",),
            "Play from the cursor on, past the end of the selection.", "", _R),
    Command("pause", "P&ause Here", ("P",), "Pause, and go on from here with the same key.",
            "pause", _R),
    Command("stop_here", "Stop &Here", ("X",), "Stop, and put the cursor here.", "stop", _R),
    Command("to_start", "Go to &Start", ("Home", "Return", "Enter"),
            "Put the cursor at the start of the recording.", "to-start", _R),
    Command("to_end", "Go to &End", ("End",), "Put the cursor at the end of the recording.",
            "to-end", _R),
    Command("loop", "&Loop", ("L",), "Play the selection again and again.", "loop",
            checkable=True),
    Command("hear_original", "Hear &Original", ("A",), "Hear and see the recording as it was.",
            "", _R, True, "role"),
    Command("hear_kept", "Hear &Kept", ("S",), "Hear and see what is kept.", "keep", _R, True,
            "role"),
    Command("hear_removed", "Hear &Removed", ("D",), "Hear and see what is removed.", "remove", _R,
            True, "role"),
    Command("match_loudness", "&Match Loudness", (),
            "Play original, kept and removed equally loud, so that they compare fairly.",
            "loudness", checkable=True),
    # Extract
    Command("extract", "&Extract", ("Ctrl+Return", "Ctrl+Enter"),
            "Keep and remove what the query asks for.", "extract", _R),
    Command("preview", "&Preview at Cursor", ("Ctrl+Shift+Return", "Ctrl+Shift+Enter"),
            "Hear ten seconds of the result from the cursor on, before it is made.", "preview",
            _R),
    Command("repeat", "&Repeat Last Extraction", ("Ctrl+R",),
            "Ask the last query again, of what is selected now.", "refresh",
            _R | Needs.REPEATABLE),
    Command("focus_query", "&Write a Query", ("/",), "Go to the query and write what to keep.",
            "edit"),
    Command("example_keep", "Keep What Sounds Like the &Selection", ("Ctrl+K",),
            "Use the selection as an example of what to keep.", "example", _S),
    Command("example_remove", "Remove What Sounds &Like the Selection", ("Ctrl+Shift+K",),
            "Use the selection as an example of what to remove.", "example", _S),
    Command("locate", "&Where Is It?", ("Ctrl+L",),
            "Show where the sounds that the query names are heard, or that they are not.",
            "search", _R),
    Command("tag", "What Is &There?", (), "List the everyday sounds in the recording.", "ear", _R),
    Command("sounds", "Saved S&ounds…", (),
            "See, hear and add sounds of your own, for @name in any query.", "star"),
    Command("compare", "&Compare Steps", (),
            "Measure what each step changed, and prove that nothing else did.", "layers",
            _R | Needs.RESULT),
    Command("models", "&Models…", (),
            "See which models are installed; download, import, check and remove them.", "model"),
    Command("cancel", "Ca&ncel", ("Esc",),
            "Stop what runs; else end a preview; else close the message; else go back to the "
            "track; else select nothing.",
            "cancel"),
    # Window
    Command("next_pane", "&Next Pane", ("F6",),
            "Move the keyboard to the next part of the window."),
    Command("previous_pane", "&Previous Pane", ("Shift+F6",),
            "Move the keyboard to the part of the window before."),
    Command("reset_layout", "&Reset Layout", (), "Put every panel back where it was at first."),
    # Help
    Command("keys", "&Keyboard Map", ("F1",), "See every command and its keys.", "keyboard"),
    Command("hint", "&First Steps", (), "See the hint for the first minutes again.", "help"),
    Command("about", "&About CLAPSep Desktop", (), "Versions, models and credits.", "info"),
)  # fmt: skip


class Actions(QObject):
    """The commands as actions of a window, by name.

    Args:
        parent: gets the actions, so that their keys work in all of it.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._actions: dict[str, QAction] = {}
        self._groups: dict[str, QActionGroup] = {}
        self.commands = {command.name: command for command in COMMANDS}
        for command in COMMANDS:
            self._actions[command.name] = self._made(command)
        self.allow(Needs.NOTHING)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __contains__(self, name: object) -> bool:
        return name in self._actions

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._actions.values())

    def add(self, name: str, action: QAction, icon: str = "") -> None:
        """Take in an action that was made elsewhere, such as Undo."""
        action.setObjectName(f"action_{name}")
        if icon:
            theme.dress(action, icon)
        self._actions[name] = action

    def allow(self, there: Needs) -> None:
        """Allow the commands whose needs are met."""
        for name, command in self.commands.items():
            self._actions[name].setEnabled(command.needs in there)

    def _made(self, command: Command) -> QAction:
        action = QAction(command.text, self.parent())
        action.setObjectName(f"action_{command.name}")
        action.setShortcuts([QKeySequence(keys) for keys in command.keys])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.setToolTip(hint(command))
        action.setStatusTip(command.tip)
        action.setCheckable(command.checkable)
        if command.icon:
            theme.dress(action, command.icon)
        if command.group:
            self._group(command.group).addAction(action)
        return action

    def _group(self, name: str) -> QActionGroup:
        if name not in self._groups:
            self._groups[name] = QActionGroup(self)
        return self._groups[name]


def plain(text: str) -> str:
    """A menu's words without the mark of the letter that chooses them, and without “…”."""
    return text.replace("&", "").rstrip("…")


def hint(command: Command) -> str:
    """A command's tooltip: its words, its key and what it does."""
    key = f" ({shown(command.keys[0])})" if command.keys else ""
    return f"{plain(command.text)}{key}: {command.tip}"


def shown(keys: str) -> str:
    """A key sequence as this system writes it."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
