from __future__ import annotations

from pathlib import Path

import pytest

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.asks import ASKABLE, DEFAULT_MODES, Ask, asks_of, query_of
from clapsep_desktop.evaluation.benchmark import decode
from clapsep_desktop.evaluation.items import RATE, Item, Part
from clapsep_desktop.query import AudioPrompt, Query, TextPrompt
from tests.support.corpus import band_noise, write_clip


@pytest.fixture
def item(tmp_path: Path) -> Item:
    """A dog and, beside it, a horn and rain; two recordings to show of each but the rain."""
    clips = [
        write_clip(tmp_path / f"{i}.wav", band_noise(i, 0.5 if i % 2 else 3.0)) for i in range(5)
    ]
    parts = (
        Part(Path("dog.wav"), "dog", "a dog", (clips[0], clips[1])),
        Part(Path("horn.wav"), "horn", "a horn", (clips[2], clips[3])),
        Part(Path("rain.wav"), "rain", "rain", (clips[4],)),
    )
    return Item("name", "split", parts, 0, 0.0, 1.0, "loudest", 0, absent="a cat")


def _texts(query: Query, side: str) -> list[str]:
    return [p.text for p in getattr(query, side) if isinstance(p, TextPrompt)]


def _clips(query: Query, side: str) -> list[str]:
    return [p.path.name for p in getattr(query, side) if isinstance(p, AudioPrompt)]


@pytest.mark.parametrize(
    ("mode", "keep", "remove"),
    [
        ("both", ["a dog"], ["a horn", "rain"]),
        ("positive", ["a dog"], []),
        ("negative", [], ["a horn", "rain"]),
        ("absent", ["a cat"], []),
    ],
)
def test_words(item: Item, mode: str, keep: list[str], remove: list[str]) -> None:
    query = query_of(item, Ask(mode), decode)
    assert query is not None
    assert (_texts(query, "keep"), _texts(query, "remove")) == (keep, remove)
    assert not _clips(query, "keep")
    assert not _clips(query, "remove")


@pytest.mark.parametrize(
    ("mode", "texts", "keep", "remove"),
    [
        ("example", False, ["0.wav"], ["2.wav", "4.wav"]),
        ("example-positive", False, ["0.wav"], []),
        ("example-negative", False, [], ["2.wav", "4.wav"]),
        ("hybrid", True, ["0.wav"], ["2.wav", "4.wav"]),
        ("hybrid-positive", True, ["0.wav"], []),
    ],
)
def test_examples(item: Item, mode: str, texts: bool, keep: list[str], remove: list[str]) -> None:
    query = query_of(item, Ask(mode, 1, 1.0), decode)
    assert query is not None
    assert (_clips(query, "keep"), _clips(query, "remove")) == (keep, remove)
    assert _texts(query, "keep") == (["a dog"] if texts and keep else [])
    assert _texts(query, "remove") == (["a horn", "rain"] if texts and remove else [])


def test_a_query_is_not_made_from_too_few_recordings(item: Item) -> None:
    assert query_of(item, Ask("example", 2, 1.0), decode) is None  # of the rain there is one
    positive = query_of(item, Ask("example-positive", 2, 1.0), decode)
    assert positive is not None
    assert _clips(positive, "keep") == ["0.wav", "1.wav"]
    assert query_of(item, Ask("example-positive", 3, 1.0), decode) is None


def test_no_query_asks_for_an_absent_sound_that_nobody_knows(item: Item) -> None:
    lacking = Item(**{**vars(item), "absent": ""})
    assert query_of(lacking, Ask("absent"), decode) is None
    assert query_of(item, Ask("none"), decode) is None


def test_the_loudest_part_of_a_long_example_is_shown(tmp_path: Path, item: Item) -> None:
    samples = band_noise(0, 4.0)
    samples[: 3 * RATE] *= 0.01
    path = write_clip(tmp_path / "late.wav", samples)
    part = Part(Path("x.wav"), "x", "x", (path,))
    query = query_of(
        Item(**{**vars(item), "parts": (part, *item.parts[1:])}),
        Ask("example-positive", 1, 0.5),
        decode,
    )
    assert query is not None
    (prompt,) = query.keep
    assert isinstance(prompt, AudioPrompt)
    assert prompt.start is not None
    assert prompt.end is not None
    assert prompt.end - prompt.start == pytest.approx(0.5)
    assert prompt.start >= 2.95


def test_examples_come_in_every_number_and_length() -> None:
    asks = asks_of(["both", "example", "both"], [1, 5], [1.0, 4.0])
    assert asks == [
        Ask("both"),
        Ask("example", 1, 1.0),
        Ask("example", 1, 4.0),
        Ask("example", 5, 1.0),
        Ask("example", 5, 4.0),
    ]
    assert len({ask.title for ask in asks}) == len(asks)


@pytest.mark.parametrize(
    ("modes", "shots", "seconds"),
    [
        (["loudly"], [1], [1.0]),
        (["none"], [1], [1.0]),
        (["example"], [0], [1.0]),
        (["example"], [11], [1.0]),
        (["example"], [1], [0.0]),
        (["example"], [1], [float("nan")]),
    ],
)
def test_what_cannot_be_asked_is_refused(
    modes: list[str], shots: list[int], seconds: list[float]
) -> None:
    with pytest.raises(DataError):
        asks_of(modes, shots, seconds)


def test_the_common_modes_can_be_asked() -> None:
    assert set(DEFAULT_MODES) < set(ASKABLE)
