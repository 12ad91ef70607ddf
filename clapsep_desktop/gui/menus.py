"""The menu bar: which command lies where, and the menus that grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.actions import Actions
from clapsep_desktop.gui.recent_files import RecentFiles

SEPARATOR = ""
RECENT = "recent"
PANELS = "panels"
THEMES = "themes"

MENUS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("&File", (
        "open", RECENT, "open_demo", "recover", SEPARATOR, "save", "save_as", "export",
        "export_recipe", SEPARATOR, "batch", SEPARATOR, "close", "preferences", "quit",
    )),
    ("&Edit", (
        "undo", "redo", SEPARATOR, "copy", SEPARATOR, "select_all", "select_none", "extend_start",
        "extend_end", "edge_start", "edge_end", SEPARATOR, "snap", "spectral", SEPARATOR, "marker",
    )),
    ("&View", (
        "zoom_in", "zoom_out", "zoom_selection", "zoom_fit", SEPARATOR, "follow", SEPARATOR,
        THEMES, "full_screen",
    )),
    ("&Transport", (
        "play", "play_past", "pause", "stop_here", "to_start", "to_end", "loop", SEPARATOR,
        "hear_original", "hear_kept", "hear_removed", "match_loudness",
    )),
    ("E&xtract", (
        "extract", "preview", "repeat", "cancel", SEPARATOR, "focus_query", "example_keep",
        "example_remove", "sounds", SEPARATOR, "locate", "tag", SEPARATOR, "compare", SEPARATOR,
        "models",
    )),
    ("&Window", ("next_pane", "previous_pane", SEPARATOR, PANELS, "reset_layout")),
    ("&Help", ("hint", "keys", SEPARATOR, "about")),
)  # fmt: skip

ON_PLOTS = (
    "play", SEPARATOR, "select_all", "select_none", "zoom_selection", "zoom_fit", SEPARATOR,
    "marker", SEPARATOR, "example_keep", "example_remove", "extract", "preview",
)  # fmt: skip
"""The commands of a right click on waveform or spectrogram."""


def fill(bar: QMenuBar, actions: Actions, grown: Mapping[str, Callable[[QMenu], None]]) -> None:
    """Build the menus.

    Args:
        bar: gets them.
        actions: the commands.
        grown: for each of `RECENT`, `PANELS` and `THEMES` what puts it into a menu.
    """
    for title, names in MENUS:
        menu = bar.addMenu(title)
        menu.setObjectName(f"menu_{title.replace('&', '').lower()}")
        menu.menuAction().setObjectName(f"action_{menu.objectName()}")
        menu.setToolTipsVisible(True)
        for name in names:
            if name == SEPARATOR:
                menu.addSeparator()
            elif name in grown:
                grown[name](menu)
            else:
                menu.addAction(actions[name])


class ThemeMenu(QObject):
    """The themes as a menu, of which one is taken.

    Signals:
        chosen(str): a name of `theme.THEME_NAMES`.

    Args:
        name: of the one that is taken at first.
        parent: see QObject.
    """

    chosen = Signal(str)

    def __init__(self, name: theme.ThemeName, parent: QObject) -> None:
        super().__init__(parent)
        self._group = QActionGroup(self)
        self._choices: dict[str, QAction] = {}
        for key, title in theme.THEME_NAMES.items():
            action = QAction(title, self)
            action.setObjectName(f"action_theme_{key}")
            action.setCheckable(True)
            action.triggered.connect(self._choose)
            action.setData(key)
            self._group.addAction(action)
            self._choices[key] = action
        self.show_theme(name)

    def put_into(self, menu: QMenu) -> None:
        """Add it to a menu."""
        own = menu.addMenu("&Theme")
        own.setObjectName("menu_theme")
        own.menuAction().setObjectName("action_menu_theme")
        own.addActions(list(self._choices.values()))

    def show_theme(self, name: theme.ThemeName) -> None:
        """Show which one is taken, without telling."""
        self._choices[name].setChecked(True)

    @Slot()
    def _choose(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self.chosen.emit(action.data())


def on_plots(actions: Actions, parent: QWidget) -> QMenu:
    """The menu of a right click on waveform or spectrogram."""
    menu = QMenu(parent)
    menu.setObjectName("menu_plots")
    menu.setToolTipsVisible(True)
    for name in ON_PLOTS:
        if name == SEPARATOR:
            menu.addSeparator()
        else:
            menu.addAction(actions[name])
    return menu


class RecentMenu(QObject):
    """The recent files as a menu, the newest first; those that are gone are marked.

    Signals:
        chosen(Path): a file that is there.
        cleared(): the list is to be emptied.

    Args:
        files: what is listed.
        parent: see QObject.
    """

    chosen = Signal(object)
    cleared = Signal()

    def __init__(self, files: RecentFiles, parent: QObject) -> None:
        super().__init__(parent)
        self._files = files
        self._actions: list[QAction] = []  # of the files, while the menu is there
        files.changed.connect(self._mark_all)

    def put_into(self, menu: QMenu) -> None:
        """Add it to a menu."""
        own = menu.addMenu("Open &Recent")
        own.setObjectName("menu_recent")
        own.menuAction().setObjectName("action_menu_recent")
        own.setToolTipsVisible(True)
        own.aboutToShow.connect(self._fill)
        self._menu = own

    @Slot()
    def _fill(self) -> None:
        self._menu.clear()
        self._actions = [
            self._action(number, path) for number, path in enumerate(self._files.paths, 1)
        ]
        if not self._actions:
            self._menu.addAction("No Recent Files").setEnabled(False)
            return
        self._files.look()
        self._menu.addSeparator()
        clear = self._menu.addAction("&Clear List")
        clear.setObjectName("action_clear_recent")
        clear.triggered.connect(self.cleared)

    def _action(self, number: int, path: Path) -> QAction:
        action = self._menu.addAction("")
        action.setObjectName(f"action_recent_{number}")
        action.setData(path)
        action.triggered.connect(self._choose)
        self._mark(action, number)
        return action

    @Slot()
    def _mark_all(self) -> None:
        """Take up what is known of the files by now."""
        for number, action in enumerate(self._actions, 1):
            self._mark(action, number)

    def _mark(self, action: QAction, number: int) -> None:
        path = action.data()
        there = self._files.is_there(path)
        name = path.name.replace("&", "&&")
        text = f"&{number}  {name}" if number < 10 else f"{number}  {name}"
        action.setText(text if there else f"{text}  (missing)")
        action.setEnabled(there)
        action.setToolTip(str(path) if there else f"{path} is not there any more.")

    @Slot()
    def _choose(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self.chosen.emit(action.data())
