"""The editor in a process of its own, telling on its standard output what happens in it.

Usage: python -m tests.support.real_window FOLDER RECORDING

Each line is JSON: {"told": what, ...}. Models are tiny; while FOLDER/hold exists, they wait.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPoint, QTimer
from PySide6.QtWidgets import QApplication, QDialog, QScrollArea, QSlider, QWidget

from clapsep_desktop.gui import theme
from tests.support.windows import Studio


class Hold:
    """An event that is set unless a file exists."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def wait(self, timeout: float) -> bool:
        end = time.monotonic() + timeout
        while self._path.exists() and time.monotonic() < end:
            time.sleep(0.01)
        return not self._path.exists()

    def set(self) -> None:
        self._path.unlink(missing_ok=True)


def tell(told: str, **what: object) -> None:
    sys.stdout.write(json.dumps({"told": told, **what}) + "\n")
    sys.stdout.flush()


def place(widget: QWidget) -> list[int]:
    """Left, top, width and height on the screen."""
    corner = widget.mapToGlobal(QPoint(0, 0))
    return [corner.x(), corner.y(), widget.width(), widget.height()]


def _scroll_to(widget: QWidget) -> None:
    """Scroll the list that a widget lies in, so that a mouse can reach it."""
    above = widget.parentWidget()
    while above is not None and not isinstance(above, QScrollArea):
        above = above.parentWidget()
    if above is not None:
        above.ensureWidgetVisible(widget)


class Reporter(QObject):
    """Tells what the editor does."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio.window)
        self._studio = studio
        editor = studio.editor
        editor.document.session_changed.connect(self._session)
        editor.timeline.selection_changed.connect(self._selection)
        editor.sound.role_changed.connect(lambda role: tell("role", role=role))
        editor.operations.planned.connect(lambda plan: tell("planned", plan=plan))
        editor.runner.stopped.connect(lambda _: tell("stopped"))
        editor.runner.idle.connect(lambda: tell("idle"))
        editor.operations.exported.connect(self._exported)
        QApplication.instance().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Show and isinstance(watched, QDialog):
            QTimer.singleShot(200, watched, lambda: tell("dialog", window=int(watched.winId())))
        return False

    def _session(self) -> None:
        session = self._studio.session
        steps = [] if session is None else [[one.title, one.strength] for one in session]
        QTimer.singleShot(300, self, lambda: self._tell_session(steps))

    def _tell_session(self, steps: list[object]) -> None:
        window = self._studio.window
        sliders = [row.findChild(QSlider) for row in window.history.rows]
        if sliders and sliders[-1] is not None:
            _scroll_to(sliders[-1])
        tell(
            "session",
            steps=steps,
            waveform=place(window.track.waveform.viewport()),
            sliders=[place(slider) for slider in sliders if slider is not None],
        )

    def _selection(self) -> None:
        span = self._studio.editor.timeline.selection
        tell("selection", span=None if span is None else [span.start, span.stop])

    def _exported(self, report) -> None:
        np.save(self._studio.folder / "heard.npy", self._studio.read("kept"))
        tell("exported", files=[str(file.path) for file in report.files])


def main(folder: Path, recording: Path) -> int:
    app = QApplication([])
    theme.apply(app, "dark")
    studio = Studio(folder)
    studio.gate = Hold(folder / "hold")  # type: ignore[assignment]
    studio.dialogs.answers = ["Don’t Save"]
    window = studio.window
    reporter = Reporter(studio)
    window.closed.connect(app.quit)
    window.move(0, 0)
    window.resize(1260, 1080)
    window.show()
    act: Callable[[], None] = lambda: tell("shown", window=int(window.winId()))  # noqa: E731
    QTimer.singleShot(500, window, act)
    QTimer.singleShot(600, window, lambda: window.open_file(recording))
    code = app.exec()
    reporter.setParent(None)
    tell("closed", left=[path.name for path in studio.sessions.iterdir()])
    return code


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
