"""Metadata carried from a recording to what is made of it."""

from __future__ import annotations

from pathlib import Path

from clapsep_desktop.audio.formats import AudioInfo, TargetFormat


def carry_metadata(info: AudioInfo, target: Path, chosen: TargetFormat, comment: str) -> list[str]:
    """Carry over what the target's format can hold."""
    return []
