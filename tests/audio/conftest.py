"""What several tests of exports begin with."""

from __future__ import annotations

import pytest

from tests.support.sounds import noisy_tone, write_sound


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "out"
    made.mkdir()
    return made


@pytest.fixture
def source(tmp_path):
    return write_sound(tmp_path / "source.wav", noisy_tone(60_000), subtype="PCM_24")
