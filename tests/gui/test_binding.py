"""What is expected of the Qt binding itself."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject, Signal


class Sender(QObject):
    told = Signal(bool)


def test_emitting_keeps_the_references_to_true() -> None:
    """PySide6 6.12.0 drops one each time, so that Python 3.11 ends after some thousand signals."""
    sender = Sender()
    before = sys.getrefcount(True)
    for _ in range(100):
        sender.told.emit(True)
    assert sys.getrefcount(True) > before - 50
