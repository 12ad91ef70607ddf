"""Where the main window and its panels lie: as the user left them, or as at first."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QObject, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QMainWindow

from clapsep_desktop.gui.preferences import Settings

HISTORY_HEIGHT = 220
"""Of its dock at least, before the query gets all it asks for."""

STATE_VERSION = 1
"""Of the layout; one that was stored by another version is not restored."""


class WindowLayout(QObject):
    """Remembers a window's layout, and brings it back.

    Args:
        window: in its first layout, with all its panels.
        query: its upper panel.
        history: the one below that.
        settings: remember the layout.
    """

    def __init__(
        self, window: QMainWindow, query: QDockWidget, history: QDockWidget, settings: Settings
    ) -> None:
        super().__init__(window)
        self._window, self._query, self._history = window, query, history
        self._settings = settings
        self._first = window.saveState(STATE_VERSION)

    def restore(self) -> None:
        """Bring back what is remembered, if anything is."""
        values = self._settings.values
        if values.geometry:
            self._window.restoreGeometry(QByteArray(values.geometry))
        if values.window_state:
            self._window.restoreState(QByteArray(values.window_state), STATE_VERSION)
        else:
            self._share_height_soon()

    def reset(self) -> None:
        """Put every panel back where it was at first."""
        self._window.restoreState(self._first, STATE_VERSION)
        self._share_height_soon()

    def remember(self) -> None:
        """Keep the layout for the next start."""
        self._settings.update(
            geometry=self._window.saveGeometry().data(),
            window_state=self._window.saveState(STATE_VERSION).data(),
        )

    def _share_height_soon(self) -> None:
        QTimer.singleShot(0, self, self._share_height)  # once all have their sizes

    def _share_height(self) -> None:
        """Give the query the height it asks for, and the history what is left."""
        docks = [self._query, self._history]
        whole = sum(dock.height() for dock in docks)
        wished = self._query.sizeHint().height()
        query = min(wished, max(whole - HISTORY_HEIGHT, whole // 2))
        self._window.resizeDocks(docks, [query, whole - query], Qt.Orientation.Vertical)
