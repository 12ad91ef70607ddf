"""What the command line says: results on the standard output, all else on the standard error.

A bar moves only where a person watches; in a pipe or a file there are whole lines or nothing.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Literal, Self

import typer

Unit = Literal["seconds", "bytes", "recordings"]


def say(text: str = "") -> None:
    """A line of a command's result."""
    typer.echo(text)


def warn(text: str) -> None:
    """A sentence the user should know, beside the result."""
    typer.echo(text, err=True)


def answer(value: dict[str, Any]) -> None:
    """A command's result as one JSON object, pure ASCII."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


def accept_any_text() -> None:
    """Let names and queries of any script pass a terminal that lacks their characters."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


class Progress:
    """The phase a long command is in, and a bar with the time left where it can be measured.

    A context manager; silent unless the standard error is a terminal.
    """

    def __init__(self) -> None:
        self._bar = _rich_bar() if sys.stderr.isatty() else None
        self._name: str | None = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(
        self, name: str, done: float = 0.0, total: float | None = None, unit: Unit = "seconds"
    ) -> None:
        """Where the work stands.

        Args:
            name: of the phase; a new name starts a new bar.
            done: seconds of sound, bytes or recordings.
            total: of them; None where nothing can be measured.
            unit: which of them.
        """
        if self._bar is None:
            return
        if name != self._name:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(name, total=total, unit=unit)
            self._name = name
        self._bar.update(self._task, completed=done, total=total)

    @property
    def watched(self) -> bool:
        """Whether a person sees the bar."""
        return self._bar is not None

    def tell(self, text: str) -> None:
        """What is about to happen, above the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)

    def note(self, sentence: str) -> None:
        """A warning, written above the bar."""
        if self._bar is None:
            warn(sentence)
        else:
            self.tell(sentence)


def _rich_bar() -> Any:
    # rich is imported for people only: a script need not wait for it.
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, Task, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    class SpeedColumn(ProgressColumn):
        """The measured speed, and the time left at that speed."""

        def render(self, task: Task) -> Text:
            if task.total is None or not task.speed:
                return Text("")
            if task.fields["unit"] == "bytes":
                speed = f"{task.speed / 1e6:.1f} MB/s"
            elif task.fields["unit"] == "recordings":
                speed = f"{task.speed * 60:.1f} a minute"
            else:
                speed = speed_text(task.speed)
            return Text(f"{speed}, {_minutes((task.remaining or 0) / task.speed)} left")

    return Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        SpeedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def speed_text(speed: float) -> str:
    """Seconds of sound in a second, for a person.

    >>> speed_text(61.3), speed_text(0.42)
    ('61 × real time', '0.4 × real time')
    """
    return f"{speed:.{0 if speed >= 10 else 1}f} × real time"


def _minutes(seconds: float) -> str:
    """``0:05``, ``12:30``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
