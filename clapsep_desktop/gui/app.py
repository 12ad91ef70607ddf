"""The application: from the command line to a window and out again."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QObject, QSocketNotifier, QTimer, Signal
from PySide6.QtWidgets import QApplication

from clapsep_desktop import __version__
from clapsep_desktop.errors import AudioWriteError
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.editor import Editor
from clapsep_desktop.gui.main_window import MainWindow
from clapsep_desktop.gui.preferences import APPLICATION, ORGANIZATION, Settings
from clapsep_desktop.session import recovery

ABOUT = (
    "An audio editor that keeps and removes sounds by words or by example, on this machine alone. "
    "For the command line without a window see clapsep --help."
)
NO_DISPLAY = (
    "There is no screen to open a window on. Start CLAPSep Desktop in a graphical session, or use "
    "the command line: clapsep --help."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window, with a file in it if one is named, and wait until it is closed.

    Args:
        arguments: of the command line; the process's own by default.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="clapsep-desktop", description=ABOUT)
    parser.add_argument("file", nargs="?", type=Path, help="a recording or a project to open")
    parser.add_argument("--version", action="version", version=f"CLAPSep Desktop {__version__}")
    return run(parser.parse_args(arguments).file)


def run(file: Path | None = None) -> int:
    """Open the window, with a file in it if one is given; the exit code."""
    if not has_display():
        print(NO_DISPLAY, file=sys.stderr)  # noqa: T201
        return 1
    # Else torch's idle threads burn the time that others on a busy machine could use.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    app = make_application()
    settings = Settings()
    theme.apply(app, settings.values.theme)
    window = MainWindow(make_editor(settings))
    window.closed.connect(app.quit)
    window.show()
    QTimer.singleShot(0, window, window.keeping.look_for_crashes)
    if file is not None:
        QTimer.singleShot(0, window, lambda: window.open_file(file.absolute()))
    with faults_told(window), interrupts_close(window):
        return app.exec()


def make_application() -> QApplication:
    """The application, with its name and its icon."""
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setOrganizationName(ORGANIZATION)
    app.setApplicationName(APPLICATION)
    app.setApplicationDisplayName(APPLICATION)
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("clapsep-desktop")
    app.setQuitOnLastWindowClosed(False)  # the main window says when everything is joined
    app.setWindowIcon(theme.app_icon())
    return app


def make_editor(settings: Settings) -> Editor:
    """An editor whose results lie where the user wants them, and a crash leaves them to be found.

    Where that folder cannot be written, they lie in the program's own, or else among the system's
    temporary files.
    """
    own, chosen = recovery.sessions_root(), settings.values.results_folder
    roots = [Path(chosen), own] if chosen else [own]
    for root in roots:
        with contextlib.suppress(AudioWriteError):
            return Editor(settings, recovery.new_folder(root), roots=roots)
    return Editor(settings, Path(tempfile.mkdtemp(prefix="clapsep-")) / "session", roots=roots)


def has_display() -> bool:
    """Whether a window can be opened; Qt would end the process where it cannot."""
    if os.environ.get("QT_QPA_PLATFORM") or not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class _Faults(QObject):
    """Brings faults of any thread to that of the window.

    Signals:
        met(BaseException): a fault of the program.
    """

    met = Signal(object)


@contextlib.contextmanager
def faults_told(window: MainWindow) -> Iterator[None]:
    """Tell the user of a fault of the program, which else only a terminal would show.

    Qt calls slots on threads of its own, and what they raise arrives at Python's hook there.
    """
    before = sys.excepthook, threading.excepthook
    faults = _Faults()
    faults.met.connect(window.tell_fault)

    def tell(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        traceback.print_exception(kind, fault, trace)
        faults.met.emit(fault)

    def tell_of_thread(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None:
            tell(ended.exc_type, ended.exc_value, ended.exc_traceback)

    sys.excepthook, threading.excepthook = tell, tell_of_thread
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before


@contextlib.contextmanager
def interrupts_close(window: MainWindow) -> Iterator[None]:
    """Let Ctrl-C in the terminal, and the end of the session, close the window.

    Python handles signals between two of its own steps only, and in Qt's event loop there are
    none: a byte on a socket wakes it.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    notifier = QSocketNotifier(ours.fileno(), QSocketNotifier.Type.Read, QObject(window))

    def close() -> None:
        with contextlib.suppress(BlockingIOError):
            ours.recv(16)
        window.close_now()

    notifier.activated.connect(close)
    numbers = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    wakeup = signal.set_wakeup_fd(theirs.fileno())
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        notifier.setEnabled(False)
        ours.close()
        theirs.close()
