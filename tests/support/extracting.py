"""Extractions of arrays by models that need no weights, for tests of the engine."""

from __future__ import annotations

import numpy as np
import pytest

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.separation.engine import Separator, assemble
from clapsep_desktop.timebase import Span
from tests.support.models import GRID, SPEECH_GRID, FakeModel

GRIDS = pytest.mark.parametrize("grid", [GRID, SPEECH_GRID], ids=["32k", "48k"])


class CountingSource(ArraySource):
    """A source that remembers what was read of it."""

    def __init__(self, samples: np.ndarray, rate: int) -> None:
        super().__init__(samples, rate)
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, stop: int) -> np.ndarray:
        self.reads.append((start, stop))
        return super().read(start, stop)


def kept(
    samples: np.ndarray,
    rate: int,
    model: FakeModel,
    span: Span | None = None,
    **options: object,
) -> np.ndarray:
    """All that an extraction keeps, in the order of the recording."""
    blocks = Separator(model).extract(ArraySource(samples, rate), span, **options)  # type: ignore[arg-type]
    return assemble(blocks)
