"""Takes the README's pictures of the window: the demo before, during and after an extraction.

Usage: python packaging/screenshots.py [FOLDER] [--moment before|during|after] [--theme dark|light]
                                       [--scale 100|200]

What is not named is taken in every way there is. The window is a real one that is drawn without a
screen, the extraction is the demo's own, made by the models that are installed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtCore import SignalInstance

    from clapsep_desktop.gui.main_window import MainWindow

PICTURES = Path(__file__).with_name("pictures")
MOMENTS = ("before", "during", "after")
THEMES = ("dark", "light")
SCALES = (100, 200)
SIZE = (1440, 900)  # logical pixels
PATIENCE = 600_000  # ms that an extraction may take
QUALITY = 90  # of WebP: small, and no one sees a difference


def main(arguments: list[str]) -> int:
    """Take the pictures; those of one scale in one process, as Qt takes the scale at its start."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=PICTURES)
    parser.add_argument("--moment", choices=MOMENTS, action="append")
    parser.add_argument("--theme", choices=THEMES, action="append")
    parser.add_argument("--scale", choices=SCALES, type=int, action="append")
    asked = parser.parse_args(arguments)
    scales = asked.scale or SCALES
    if len(scales) > 1:
        rest = [one for one in arguments if not one.startswith("--scale")]
        codes = [
            subprocess.run([sys.executable, __file__, *rest, "--scale", str(scale)]).returncode
            for scale in scales
        ]
        return max(codes)
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name in asked.theme or THEMES:
        take(asked.folder, scales[0], name, asked.moment or MOMENTS)
    return 0


def take(folder: Path, scale: int, theme_name: str, moments: Sequence[str]) -> None:
    """Take pictures of the moments in one theme."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_SCALE_FACTOR"] = str(scale / 100)
    from PySide6.QtCore import QSettings

    from clapsep_desktop.gui import theme
    from clapsep_desktop.gui.app import make_application
    from clapsep_desktop.gui.editor import Editor
    from clapsep_desktop.gui.main_window import MainWindow
    from clapsep_desktop.gui.preferences import Settings

    app = make_application()
    with tempfile.TemporaryDirectory() as place:
        store = QSettings(str(Path(place, "settings.ini")), QSettings.Format.IniFormat)
        settings = Settings(store)
        settings.update(theme=theme_name)
        theme.apply(app, settings.values.theme)
        window = MainWindow(Editor(settings, Path(place, "session")))
        window.resize(*SIZE)
        window.show()
        try:
            for moment in play(window, moments, Path(place)):
                picture = folder / f"window-{moment}-{theme_name}-{scale}.webp"
                window.grab().save(str(picture), quality=QUALITY)
                print(picture)
        finally:
            window.editor.document.undo_stack.setClean()  # nothing is to be recovered
            window.close_now()


def play(window: MainWindow, moments: Sequence[str], place: Path) -> Iterator[str]:
    """Go through the demo, stopping at each of the moments."""
    from clapsep_desktop.query import Query
    from clapsep_desktop.resources import resource

    editor = window.editor
    told = json.loads(resource("demo", "demo.json").read_text(encoding="utf-8"))
    wait(editor.document.opened, window.recordings.open_demo)
    window.messages.clear()
    window.query.set_query(Query.of(keep=told["keep"], remove=told["remove"]))
    settle(window)
    if "before" in moments:
        yield "before"
    if "after" in moments:
        wait(editor.operations.extracted, window.actions_["extract"].trigger)
        wait(editor.operations.compared, window.actions_["compare"].trigger)
        settle(window)
        yield "after"
        editor.document.undo_stack.setClean()  # leaving it asks no question
    if "during" in moments:  # by the model that works its way along, window by window
        wait(editor.document.opened, partial(window.recordings.open, lengthened(place)))
        settle(window)
        window.query.options.model = "mini"
        wait(editor.document.audio_changed, window.actions_["extract"].trigger)
        until(lambda: False, 700)
        yield "during"
        editor.operations.cancel_all()
        until(lambda: editor.runner.current is None)


def lengthened(folder: Path) -> Path:
    """The demo over and over: of it alone, a fast machine has nothing left to do in a moment."""
    import numpy as np
    import soundfile

    from clapsep_desktop.resources import resource

    samples, rate = soundfile.read(resource("demo", "demo.flac"), dtype="int16")
    path = folder / "demo, eight times.wav"
    soundfile.write(path, np.tile(samples, (8, 1)), rate)
    return path


def wait(signal: SignalInstance, act: Callable[[], object]) -> None:
    """Do something and wait for a signal."""
    told: list[object] = []
    signal.connect(lambda *_: told.append(True))
    act()
    until(lambda: bool(told))


def settle(window: MainWindow) -> None:
    """Wait until everything is drawn."""
    until(lambda: not window.editor.view.is_busy)
    until(lambda: False, 400)


def until(there: Callable[[], bool], patience: int = PATIENCE) -> None:
    """Let the window live until something is so, or for some milliseconds at most."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    timer = QTimer()
    timer.timeout.connect(lambda: loop.quit() if there() else None)
    timer.start(10)
    QTimer.singleShot(patience, loop, loop.quit)
    if not there():
        loop.exec()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
