"""What the editor's views cost with an hour of 48 kHz stereo.

    python packaging/benchmarks/views.py                 frame times, first picture, memory
    python packaging/benchmarks/views.py --scale 2       on a screen of 200 %
    python packaging/benchmarks/views.py --file FILE     with a recording of your own

Frames are painted into memory by Qt's offscreen platform. A frame counts from the change of the
visible range until every view has painted it, background replies that come in meanwhile included.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import soundfile
from PySide6.QtWidgets import QApplication

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from clapsep_desktop.audio.files import AudioFile  # noqa: E402
from clapsep_desktop.gui import theme  # noqa: E402
from clapsep_desktop.gui.tiles import PieceKey, TileKey  # noqa: E402
from clapsep_desktop.gui.timeline import Timeline  # noqa: E402
from clapsep_desktop.gui.track_area import TrackArea  # noqa: E402
from clapsep_desktop.gui.viewdata import ViewData  # noqa: E402
from clapsep_desktop.timebase import Span  # noqa: E402

RATE, CHANNELS, SECONDS = 48_000, 2, 3_600
SIZE = 1600, 900  # logical pixels
FRAME = 1 / 60  # seconds


def write_hour(path: Path) -> None:
    """An hour of made-up sound: a noise floor, and tones that come and go."""
    rng = np.random.default_rng(5)
    parts = [_part(rng) for _ in range(12)]
    with soundfile.SoundFile(path, "w", RATE, CHANNELS, "PCM_16") as file:
        for _ in range(SECONDS // 10):
            file.write(parts[rng.integers(len(parts))])


def _part(rng: np.random.Generator) -> np.ndarray:
    """Ten seconds of it."""
    seconds = np.arange(10 * RATE) / RATE
    sound = rng.normal(0, 0.01, (len(seconds), CHANNELS))
    for _ in range(20):
        start, length = rng.uniform(0, 9), rng.uniform(0.05, 1.0)
        inside = (seconds >= start) & (seconds < start + length)
        pitch, level = rng.uniform(80, 8000), rng.uniform(0.02, 0.3)
        tone = level * np.sin(2 * np.pi * pitch * seconds[inside])
        sound[inside] += tone[:, None] * rng.uniform(0.2, 1, CHANNELS)
    return (np.clip(sound, -1, 1) * 32_767).astype(np.int16)


def measure(path: Path, size: tuple[int, int]) -> None:
    """Open the file in the views and print what they cost."""
    app = QApplication(sys.argv[:1])
    theme.apply(app, "dark")
    process = psutil.Process()
    timeline, data = Timeline(), WatchedData()
    track = TrackArea(timeline, data)
    track.resize(*size)
    track.show()
    app.processEvents()
    before = process.memory_info().rss
    print(f"{size[0]} x {size[1]} pixels at {track.devicePixelRatioF():.0%}")

    with AudioFile(path) as file:
        began = time.perf_counter()
        timeline.set_recording(file.rate, file.frames)
        data.set_sources({"original": file})
        print(
            f"first picture of {file.frames / file.rate:.0f} s: {_first_picture(app, data):.2f} s"
        )
        _until(app, lambda: not data.is_busy, 60)
        print(f"whole overview after {time.perf_counter() - began:.2f} s")
        for title, frames in _journeys(timeline):
            _report(title, [_frame(app, step) for step in frames])
        print(f"memory for the views: {(process.memory_info().rss - before) / 2**20:.0f} MiB")
        data.close()
    track.close()


def _journeys(timeline: Timeline) -> Iterator[tuple[str, Iterator[Callable[[], None]]]]:
    """What the user does, a step a frame."""
    rate = timeline.rate

    def scroll(pixels: float) -> Iterator[Callable[[], None]]:
        for _ in range(300):
            yield lambda: timeline.scroll(pixels * timeline.frames_per_pixel)

    def zoom(factor: float, count: int) -> Iterator[Callable[[], None]]:
        for _ in range(count):
            yield lambda: timeline.zoom_at(700, factor)

    for title, seconds in (("0.1 s", 0.1), ("10 s", 10), ("1 min", 60), ("10 min", 600)):
        timeline.zoom_to(Span(600 * rate, 600 * rate + round(seconds * rate)))
        yield f"scroll, {title} visible", scroll(13)
    timeline.fit()
    yield "zoom in, hour to samples", zoom(1.05, 300)
    yield "zoom out, samples to hour", zoom(1 / 1.05, 300)
    timeline.fit()
    yield "wheel notches in", zoom(1.25, 60)
    yield "wheel notches out", zoom(0.8, 60)


def _frame(app: QApplication, step: Callable[[], None]) -> tuple[float, float]:
    """Seconds that one frame takes, and of them those that this thread computed.

    On a machine that does other work too, the second figure is the one to go by.

    Then the rest of the frame passes, as it would on a screen.
    """
    began, computed = time.perf_counter(), time.thread_time()
    step()
    app.processEvents()
    taken, worked = time.perf_counter() - began, time.thread_time() - computed
    while time.perf_counter() - began < FRAME:
        time.sleep(0.001)
    return taken, worked


def _report(title: str, frames: list[tuple[float, float]]) -> None:
    taken, worked = np.array(frames).T * 1000
    print(
        f"{title:28} median {np.median(taken):5.1f} ms, 95 % {np.percentile(taken, 95):5.1f} ms, "
        f"longest {taken.max():5.1f} ms; computing median {np.median(worked):5.1f} ms, "
        f"95 % {np.percentile(worked, 95):5.1f} ms, longest {worked.max():5.1f} ms"
    )


class WatchedData(ViewData):
    """Knows what each view sees.

    Attributes:
        seen: keys of what a view asked for last, by view.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, Sequence[PieceKey]] = {}

    def want(self, view: str, visible: Sequence[PieceKey], near: Sequence[PieceKey] = ()) -> None:
        """See `ViewData.want`."""
        self.seen[view] = visible
        super().want(view, visible, near)

    @property
    def shows_all(self) -> bool:
        """Whether every tile that is seen is there."""
        tiles = [key for key in self.seen.get("spectrogram", ()) if isinstance(key, TileKey)]
        return bool(tiles) and all(self.tile(key) is not None for key in tiles)


def _first_picture(app: QApplication, data: WatchedData) -> float:
    """Seconds until the spectrogram is there over its whole width."""
    began = time.perf_counter()
    _until(app, lambda: data.shows_all, 30)
    return time.perf_counter() - began


def _until(app: QApplication, done: Callable[[], bool], seconds: float) -> None:
    limit = time.perf_counter() + seconds
    while not done() and time.perf_counter() < limit:
        app.processEvents()
        time.sleep(0.002)


def main() -> None:
    """Runs what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--file", type=Path, help="a sound file; an hour is made if left out")
    parser.add_argument("--scale", default="1", help="device pixels in a logical one")
    options = parser.parse_args()
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_SCALE_FACTOR"] = options.scale
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or Path(folder) / "hour.wav"
        if options.file is None:
            write_hour(path)
        measure(path, SIZE)


if __name__ == "__main__":
    main()
