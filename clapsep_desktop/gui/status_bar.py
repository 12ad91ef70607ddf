"""The bar at the bottom: the job that runs with its progress, and what the program runs on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil
from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QStatusBar, QWidget

from clapsep_desktop.audio.formats import AudioInfo
from clapsep_desktop.gui.controls import GRID, muted_label, tool_button
from clapsep_desktop.gui.elided import ElidedLabel
from clapsep_desktop.gui.jobs import Job, JobRunner, Progress, ProgressModel
from clapsep_desktop.gui.model_choices import model_title
from clapsep_desktop.gui.wording import size_text

SHOWN_EVERY = 100
"""ms between two looks at the progress of a job."""

MEASURED_EVERY = 2_000
"""ms between two looks at the memory that is used."""

_STEPS = 1_000  # of the progress bar
_CHANNELS = {1: "mono", 2: "stereo"}


class StatusBar(QStatusBar):
    """Shows what runs and lets it be cancelled; also the recording's form and the memory used.

    Signals:
        cancel_requested(): Cancel was pressed.

    Args:
        runner: whose jobs are shown.
        clock: s, of a clock that never goes back.
    """

    cancel_requested = Signal()

    def __init__(self, runner: JobRunner, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.setObjectName("statusBar")
        self.setAccessibleName("Status")
        self.setSizeGripEnabled(False)
        self._clock = clock
        self._model = ProgressModel()
        self._stopping = False
        self._job = _JobLine()
        self._job.cancel.clicked.connect(self.cancel_requested)
        self._job.hide()
        self.addWidget(self._job, 1)
        self._readout = muted_label("", "statusReadout")
        self._readout.setAccessibleName("Under the pointer")
        self._readout.setContentsMargins(2 * GRID, 0, 0, 0)
        self.addWidget(self._readout)
        self._form = self._fact("statusForm", "Recording", "Rate, channels, depth and length.")
        self._models = self._fact("statusModel", "Model", "The model that answers the query.")
        self._device = self._fact("statusDevice", "Device", "Where the model computes.")
        self._memory = self._fact("statusMemory", "Memory", "Memory that the program uses now.")
        self._process = psutil.Process()
        self._ticking = QTimer(self)
        self._ticking.setInterval(SHOWN_EVERY)
        self._ticking.timeout.connect(self._show_progress)
        self._measuring = QTimer(self)
        self._measuring.setInterval(MEASURED_EVERY)
        self._measuring.timeout.connect(self._show_memory)
        runner.started.connect(self._on_started)
        runner.progressed.connect(self._on_progressed)
        runner.cancelling.connect(self._on_cancelling)
        runner.idle.connect(self._on_idle)
        self._show_memory()
        self.show_recording(None)
        self.show_model("auto")
        self.show_devices(())

    def start(self) -> None:
        """Begin to measure the memory, until `stop`."""
        self._measuring.start()

    def stop(self) -> None:
        """Measure and show nothing any more."""
        self._measuring.stop()
        self._ticking.stop()

    # -- What the program runs on --------------------------------------------------------------

    def show_recording(self, info: AudioInfo | None) -> None:
        """Tell the form of the recording."""
        self._form.setText("" if info is None else form_of(info))
        self._form.setVisible(info is not None)

    def show_readout(self, text: str) -> None:
        """Tell what lies under the pointer, while no job has something to say."""
        self._readout.setText(text)

    def show_model(self, name: str) -> None:
        """Tell which model is chosen."""
        self._models.setText(f"Model: {model_title(name)}")

    def show_devices(self, devices: Sequence[str]) -> None:
        """Tell where models compute; nothing before the first of them does."""
        names = ", ".join(dict.fromkeys(device_name(device) for device in devices))
        self._device.setText(names)
        self._device.setVisible(bool(names))

    def _fact(self, name: str, title: str, tip: str) -> QLabel:
        label = muted_label("", name)
        label.setAccessibleName(title)
        label.setToolTip(tip)
        label.setContentsMargins(GRID, 0, GRID, 0)
        self.addPermanentWidget(label)
        return label

    @Slot()
    def _show_memory(self) -> None:
        self._memory.setText(size_text(self._process.memory_info().rss))

    # -- The job -------------------------------------------------------------------------------

    @property
    def job_text(self) -> str:
        """What is said of the running job; empty when nothing runs."""
        return self._job.text.text() if self._job.isVisibleTo(self) else ""

    @Slot(object)
    def _on_started(self, job: Job[Any]) -> None:
        self._model = ProgressModel()
        self._stopping = False
        self._job.title = job.title
        self._job.cancel.setEnabled(True)
        self._readout.hide()
        self._job.show()
        self._ticking.start()
        self._show_progress()

    @Slot(object, object)
    def _on_progressed(self, _: Job[Any], progress: Progress) -> None:
        self._model.update(progress, self._clock())

    @Slot(object)
    def _on_cancelling(self, _: Job[Any]) -> None:
        self._stopping = True
        self._job.cancel.setEnabled(False)
        self._show_progress()

    @Slot()
    def _on_idle(self) -> None:
        self._ticking.stop()
        self._job.hide()
        self._readout.show()

    @Slot()
    def _show_progress(self) -> None:
        if self._stopping:
            self._job.show_progress("Stopping…", None)
            return
        text = progress_text(self._model, self._clock())
        self._job.show_progress(text, self._model.fraction)


class _JobLine(QWidget):
    """Title, phase, bar and Cancel in one line."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("statusJob")
        self.title = ""
        self.text = ElidedLabel("")
        self.text.setObjectName("statusJobText")
        self.bar = QProgressBar()
        self.bar.setObjectName("statusJobBar")
        self.bar.setAccessibleName("Progress")
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(160, 8)
        self.cancel = tool_button(
            "statusJobCancel", "cancel", "Cancel", "Cancel (Esc): stop this; nothing is changed."
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 0, 0, 0)
        row.setSpacing(2 * GRID)
        row.addWidget(self.bar, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.cancel)
        row.addWidget(self.text, 1)

    def show_progress(self, text: str, fraction: float | None) -> None:
        """Show a phase; without a fraction the bar only tells that something goes on."""
        whole = f"{self.title} – {text}" if text else self.title
        self.text.setText(whole)
        self.text.setAccessibleName(whole)
        self.bar.setMaximum(0 if fraction is None else _STEPS)
        if fraction is not None:
            self.bar.setValue(round(fraction * _STEPS))


def progress_text(model: ProgressModel, now: float) -> str:
    """A phase in words: what is done, how far, how fast, how long it still takes."""
    if not model.phase:
        return ""
    parts = [model.phase[:1].upper() + model.phase[1:]]
    if model.fraction is not None:
        parts.append(f"{model.fraction:.0%}")
    remaining = model.remaining(now)
    if remaining is not None and model.fraction:
        parts.append(f"{length_text(remaining)} left")
        if model.speed and model.of_sound:
            parts.append(f"{model.speed:.3g}× real time")
    return ", ".join(parts)


def length_text(seconds: float) -> str:
    """A length of time, roughly.

    >>> [length_text(seconds) for seconds in (0.4, 59, 61, 3700)]
    ['1 s', '59 s', '1 min 1 s', '1 h 1 min']
    """
    whole = max(round(seconds), 1)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def form_of(info: AudioInfo) -> str:
    """A recording's form in one line: “48 kHz, stereo, 24-bit, 1 min 5 s”."""
    depth = f"{info.bits}-bit" if info.bits else ("float" if not info.lossy else info.subtype)
    channels = _CHANNELS.get(info.channels, f"{info.channels} channels")
    if info.lossy:
        depth = {"MPEG_LAYER_III": "MP3"}.get(depth, depth.capitalize())
    return f"{info.rate / 1000:g} kHz, {channels}, {depth}, {length_text(info.duration)}"


def device_name(device: str) -> str:
    """A device as people call it.

    >>> device_name("cpu"), device_name("cuda:0")
    ('CPU', 'GPU')
    """
    if device.startswith(("cuda", "mps")):
        return "GPU"
    return device.upper()
