"""The main window: puts the parts together, and knows no audio.

`Editor` holds what is no widget; each panel has a link to it; `Commands` says what the commands do.
Here stand layout, opening and closing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.gui import keyboard, menus, view_state
from clapsep_desktop.gui.actions import Actions
from clapsep_desktop.gui.commands import Commands
from clapsep_desktop.gui.controls import GRID
from clapsep_desktop.gui.editor import Editor
from clapsep_desktop.gui.history_link import HistoryLink
from clapsep_desktop.gui.history_panel import HistoryPanel
from clapsep_desktop.gui.message_bar import MessageBar
from clapsep_desktop.gui.notifications import Notifications
from clapsep_desktop.gui.panes import Panes
from clapsep_desktop.gui.plot import Readout
from clapsep_desktop.gui.plot_text import readout_text
from clapsep_desktop.gui.projects import Projects
from clapsep_desktop.gui.query_link import QueryLink
from clapsep_desktop.gui.query_panel import QueryPanel
from clapsep_desktop.gui.questions import Dialogs, Question
from clapsep_desktop.gui.recent_files import RecentFiles
from clapsep_desktop.gui.recordings import STOP_AND_CLOSE, Recordings, demo
from clapsep_desktop.gui.result_link import ResultLink
from clapsep_desktop.gui.safekeeping import Safekeeping
from clapsep_desktop.gui.settings_link import SettingsLink
from clapsep_desktop.gui.status_bar import StatusBar
from clapsep_desktop.gui.tools import Tools
from clapsep_desktop.gui.track_area import TrackArea
from clapsep_desktop.gui.transport_bar import TransportBar
from clapsep_desktop.gui.troubles import Troubles
from clapsep_desktop.gui.welcome import HINT, Welcome
from clapsep_desktop.gui.window_layout import WindowLayout
from clapsep_desktop.gui.windows import Windows

TITLE = "CLAPSep Desktop"
SMALLEST = QSize(800, 500)  # logical pixels
FIRST_SIZE = (1360, 860)
DOCK_WIDTH = 340


class MainWindow(QMainWindow):
    """The editor's window.

    Signals:
        closed(): everything is stopped, joined and deleted.

    Args:
        editor: what the window shows; it is closed with the window.
        dialogs: asks in boxes; by default real ones.
    """

    closed = Signal()

    def __init__(self, editor: Editor, dialogs: Dialogs | None = None) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.resize(*FIRST_SIZE)
        self.setAcceptDrops(True)
        self.editor = editor
        self.dialogs = dialogs or Dialogs(self)
        self.actions_ = Actions(self)
        self._may_close = False  # what is not saved was settled
        self._is_closing = False  # the user is being asked
        self._keeps_session = False  # or is left to be recovered
        self._make_parts()
        self._make_links()
        self._lay_out()
        self.layout_ = WindowLayout(self, self.query_dock, self.history_dock, editor.settings)
        self.commands = Commands(self)
        self._make_menus()
        panes = [
            self.transport, self.track, self.query_dock, self.history_dock, self.checklist_dock,
            self.status,
        ]  # fmt: skip
        self.panes = Panes(panes)
        self._connect()
        self.settings_link = SettingsLink(self)
        self.layout_.restore()
        self._show_document()
        keyboard.only_by_tab(self)
        keyboard.numbers_only(self)
        self.setMinimumSize(SMALLEST.expandedTo(self.minimumSizeHint()))  # fonts differ
        self.status.start()

    # -- Building ------------------------------------------------------------------------------

    def _make_parts(self) -> None:
        editor = self.editor
        self.track = TrackArea(editor.timeline)
        self.track.set_data(editor.view)
        self.transport = TransportBar(editor.playback, self.actions_)
        self.query = QueryPanel()
        self.history = HistoryPanel()
        self.messages = MessageBar()
        self.welcome = Welcome()
        self.status = StatusBar(editor.runner)
        self.recent = RecentFiles(editor.settings, self)
        self.recent_menu = menus.RecentMenu(self.recent, self)
        self.themes = menus.ThemeMenu(editor.settings.values.theme, self)

    def _make_links(self) -> None:
        editor = self.editor
        self.keeping = Safekeeping(editor.document, editor.runner, editor.roots, self._view, self)
        self.projects = Projects(
            editor.document,
            editor.runner,
            self.keeping,
            ask=self.dialogs.ask,
            choose_target=self.dialogs.project_to_save,
            choose_recording=self.dialogs.recording_to_look_for,
            parent=self,
        )
        self.recordings = Recordings(editor, self.projects, self.keeping, self.dialogs, self)
        self.query_link = QueryLink(self.query, editor)
        self.history_link = HistoryLink(self.history, editor)
        self.result_link = ResultLink(self.history, self.transport, editor)
        self.notifications = Notifications(self, editor.runner, editor.settings)
        self.windows = Windows(self)
        self.tools = Tools(editor, self.query, self.track.lane, self)
        ways = {
            "open": self.recordings.ask,
            "extract": self.query_link.extract,
            "get_base": self.windows.show_models,
            "preferences": self.windows.show_preferences,
            "save_as": self.projects.save_as,
            "move_results": self.move_results,
            "export": self.windows.export,
        }
        self.troubles = Troubles(self.messages, editor, ways)

    def _lay_out(self) -> None:
        bar = QToolBar("Transport")
        bar.setObjectName("transportToolBar")
        bar.setMovable(False)
        bar.toggleViewAction().setEnabled(False)
        bar.addWidget(self.transport)
        self.addToolBar(bar)
        self.pages = QStackedWidget()
        self.pages.setObjectName("pages")
        self.pages.addWidget(self.welcome)
        self.pages.addWidget(self.track)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(GRID, GRID, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.messages)
        column.addWidget(self.pages, 1)
        self.setCentralWidget(centre)
        self.query_dock = self._dock("queryDock", "Query", self.query)
        self.history_dock = self._dock("historyDock", "History", self.history)
        self.checklist_dock = self._dock("checklistDock", "Checklist", self.tools.checklist)
        self.tabifyDockWidget(self.history_dock, self.checklist_dock)  # three have no room
        self.checklist_dock.hide()  # until it is asked for
        docks = [self.query_dock, self.history_dock]
        self.resizeDocks(docks, [DOCK_WIDTH] * 2, Qt.Orientation.Horizontal)
        self.setStatusBar(self.status)

    def _dock(self, name: str, title: str, panel: QWidget) -> QDockWidget:
        dock = QDockWidget(title)
        dock.setObjectName(name)
        dock.setAccessibleName(title)
        dock.setWidget(panel)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        return dock

    def _make_menus(self) -> None:
        grown = {
            menus.RECENT: self.recent_menu.put_into,
            menus.PANELS: self._add_panels,
            menus.THEMES: self.themes.put_into,
        }
        menus.fill(self.menuBar(), self.actions_, grown)
        self.menuBar().setObjectName("menuBar")
        menu = menus.on_plots(self.actions_, self)
        for plot in self.track.plots:
            plot.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            plot.customContextMenuRequested.connect(
                partial(self._show_menu_at, menu, plot.viewport())
            )

    def _show_menu_at(self, menu: QMenu, area: QWidget, place: QPoint) -> None:
        menu.popup(area.mapToGlobal(place))

    def _add_panels(self, menu: QMenu) -> None:
        for dock in (self.query_dock, self.history_dock, self.checklist_dock):
            action = dock.toggleViewAction()
            action.setObjectName(f"action_{dock.objectName()}")
            action.setToolTip(f"Show or hide the panel “{dock.windowTitle()}”.")
            menu.addAction(action)

    def _connect(self) -> None:
        editor, document = self.editor, self.editor.document
        for signal in (document.opened, document.closed, document.dirty_changed):
            signal.connect(self._show_document)
        editor.operations.opened.connect(self._on_opened)
        editor.operations.computes_on.connect(self.status.show_devices)
        editor.operations.extracted.connect(self.query_link.on_extracted)
        self.query_link.asked.connect(self.return_to_track)
        self.projects.opened.connect(self._on_opened)
        self.projects.view_restored.connect(self._show_view)
        self.projects.saved.connect(self._on_saved)
        self.keeping.moved.connect(self._on_moved)
        for part in (self.projects, self.keeping, self.result_link):
            part.noted.connect(self.troubles.note)
            part.troubled.connect(self.troubles.show)
        self.tools.troubled.connect(self.troubles.show)
        self.tools.noted.connect(self.troubles.note)
        self.status.cancel_requested.connect(editor.operations.cancel_all)
        self.track.hovered.connect(self._show_readout)
        self.track.files_dropped.connect(self.recordings.open_first)
        self.track.seek_requested.connect(editor.playback.seek)
        self.recent.changed.connect(self._show_recent)
        self.recent_menu.chosen.connect(self.recordings.open)
        self.recent_menu.cleared.connect(editor.settings.forget_files)
        self.welcome.open_requested.connect(self.recordings.ask)
        self.welcome.demo_requested.connect(self.recordings.open_demo)
        self.welcome.file_requested.connect(self.recordings.open)
        self.history.query_wanted.connect(self._ask_again)
        self.query.get_model_requested.connect(self.windows.show_models)

    # -- Opening -------------------------------------------------------------------------------

    @Slot(object)
    def open_file(self, path: Path) -> None:
        """Open a recording or a project, once what is open now is settled."""
        self.recordings.open(path)

    @Slot(object)
    def _on_opened(self, path: Path) -> None:
        settings = self.editor.settings
        if path == demo():
            if not settings.values.hint_shown:
                self.show_hint()
        else:
            settings.remember_file(path)
        self.track.setFocus()

    @Slot(object)
    def _on_saved(self, path: Path) -> None:
        self.editor.settings.remember_file(path)
        self._show_document()
        self.statusBar().showMessage(f"Saved “{path.name}”.", 4000)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files from elsewhere, wherever over the window they are held."""
        if event.source() is None and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open the first file."""
        urls = event.mimeData().urls()
        self.recordings.open_first([Path(url.toLocalFile()) for url in urls if url.isLocalFile()])

    # -- What is shown -------------------------------------------------------------------------

    @Slot()
    def _show_document(self) -> None:
        document = self.editor.document
        name = ""
        if document.session is not None:
            name = (document.project or document.session.recording.path).name
        self.setWindowTitle(f"{name}[*] – {TITLE}" if name else f"{TITLE}[*]")
        self.setWindowModified(document.is_dirty)
        self.setWindowFilePath(str(document.project or "") if name else "")
        self.pages.setCurrentWidget(self.track if name else self.welcome)
        self.status.show_recording(document.material.info if document.material else None)
        if not name:
            self.recent.look()
            self._show_recent()

    @Slot()
    def _show_recent(self) -> None:
        """Offer the recent files that are there, where nothing is open."""
        self.welcome.show_recent([path for path in self.recent.paths if self.recent.is_there(path)])

    @Slot(object)
    def _show_readout(self, readout: Readout | None) -> None:
        """Say in the status bar what lies under the pointer."""
        self.status.show_readout(readout_text(readout, self.editor.timeline.rate))

    def focus_query(self) -> None:
        """Put the keyboard into the query."""
        self.show_dock(self.query_dock)
        self.query.focus_query()

    @Slot()
    def return_to_track(self) -> bool:
        """Take the keyboard from a panel or field to the track, where single keys are commands.

        Returns:
            Whether it was elsewhere, and there is a track.
        """
        focus = QApplication.focusWidget()
        if focus is None or self.track.isAncestorOf(focus) or not self.track.isVisible():
            return False
        self.track.setFocus()
        return True

    @Slot(str)
    def _ask_again(self, identity: str) -> None:
        """Show an extraction's query, to be changed and asked again."""
        session = self.editor.document.session
        if session is not None and identity in session:
            self.query.set_query(session.find(identity).query)
            self.focus_query()

    def show_dock(self, dock: QDockWidget) -> None:
        """Show a panel that may be hidden or behind another."""
        dock.show()
        dock.raise_()

    def show_full_screen(self, on: bool) -> None:
        """Use the whole screen, or a window."""
        self.setWindowState(
            self.windowState() | Qt.WindowState.WindowFullScreen
            if on
            else self.windowState() & ~Qt.WindowState.WindowFullScreen
        )

    def show_hint(self) -> None:
        """Say how to begin."""
        self.editor.settings.update(hint_shown=True)
        self.messages.say(HINT, title="Welcome")

    def move_results(self) -> None:
        """Ask for another folder for results, and move them."""
        folder = self.dialogs.folder_for_results(self.editor.document.store.folder.parent)
        if folder is not None:
            self.keeping.move_results(folder)

    @Slot(object)
    def _on_moved(self, folder: Path) -> None:
        self.editor.settings.update(results_folder=str(folder))
        self.troubles.note(f"Results lie in “{folder}” from now on.")

    # -- Where the user looks, as a project keeps it --------------------------------------------

    def _view(self) -> Mapping[str, Any]:
        return view_state.captured(self.editor.timeline, self.editor.sound.role)

    @Slot(object)
    def _show_view(self, view: Mapping[str, Any]) -> None:
        role = view_state.restore(view, self.editor.timeline)
        if role is not None:
            self.editor.sound.hear(role)

    # -- Keys and closing ----------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Leave keys to the control that has the keyboard, where they are its own."""
        if event.type() == QEvent.Type.ShortcutOverride:
            assert isinstance(event, QKeyEvent)
            if keyboard.belongs_to_control(event):
                event.accept()
                return True
        return super().event(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask where something would be lost; then stop and join everything."""
        if not self._may_close:
            self._is_closing = True
            if self._may_stop_batch():
                self.recordings.leave(self._allow_closing)
            self._is_closing = False
        if not self._may_close:
            event.ignore()
            return
        self.hide()
        self.tools.close()
        self.windows.close()
        self.status.stop()
        self.recent.close()
        self.projects.close()
        self.keeping.close(keep=self._keeps_session)
        self.editor.close(keep=self._keeps_session)
        self.result_link.close()
        self.query_link.close()
        self.editor.settings.sync()  # the event loop, which would write them, is about to end
        event.accept()
        self.closed.emit()

    def _may_stop_batch(self) -> bool:
        question = Question(
            "A batch is running",
            "Closing stops it. What is done stays done, and the next run goes on from there.",
            (STOP_AND_CLOSE,),
        )
        return not self.tools.is_batch_running or self.dialogs.ask(question) == STOP_AND_CLOSE

    def close_now(self) -> None:
        """Close without a question; what is not saved is there to be recovered."""
        self._may_close = True
        self._keeps_session = self.editor.document.is_dirty
        question = QApplication.activeModalWidget()
        if self._is_closing and question is not None:
            question.close()  # as by Esc; what asks it goes on closing
        else:
            self.close()

    def tell_fault(self, fault: BaseException) -> None:
        """Say that the program has a fault."""
        self.messages.say(
            f"{type(fault).__name__}: {fault}. Nothing that was finished is lost. Please report "
            "this with what you did.",
            title="The program has a fault",
            tone="error",
        )

    def _allow_closing(self) -> None:
        """Close now, or, where saving took its time, once more."""
        self.layout_.remember()
        self._may_close = True
        if not self._is_closing:
            self.close()
