"""Which models that take queries are installed, and which version of their weights; no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from clapsep_desktop.model import registry
from clapsep_desktop.model.folder import CONFIG_NAME
from clapsep_desktop.session.sounds import Sound

QUERY_ARCHITECTURES = ("clapsep-mini", "clapsep-base")
"""Kinds of models that take queries."""


def query_models() -> dict[str, str]:
    """The installed models that take queries, each with the version of its weights."""
    return {
        model.name: version_of(model.folder)
        for model in registry.installed()
        if model.architecture in QUERY_ARCHITECTURES
    }


def version_of(folder: Path) -> str:
    """Twelve hexadecimal digits that tell a model's weights from any others.

    Taken from its config.json, which holds the digests of its files.
    """
    content = (folder / CONFIG_NAME).read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]


def is_known(sound: Sound) -> bool:
    """Whether every installed model knows a sound, or could not learn it."""
    known = (sound.is_known_to(name, version) for name, version in query_models().items())
    return not sound.clips or all(known)
