from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.errors import ModelDamagedError
from clapsep_desktop.model.text import SentenceEncoder
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, TextPrompt
from clapsep_desktop.resources import resource
from clapsep_desktop.separation.about import PROBE, SPOKEN, Probe, SpeechJudge

QUERIES = Path(__file__).with_name("speech_queries.csv")


class Shipped:
    """The shipped sentence encoder, without the mini model around it."""

    def __init__(self) -> None:
        self._encoder = SentenceEncoder.load(resource("models", "mini", "text"))

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        return self._encoder.embed(texts)

    def embed_example(self, prompt: AudioPrompt) -> np.ndarray:
        raise AssertionError("only texts are judged here")


class Plane:
    """A space of two dimensions: speech lies along the first, and examples lie where told."""

    def __init__(self, example: Sequence[float] = (0.0, 1.0)) -> None:
        self._example = np.array(example)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0.0] if text in SPOKEN else [0.0, 1.0] for text in texts])

    def embed_example(self, prompt: AudioPrompt) -> np.ndarray:
        return self._example


NEAR = 0.4
FLAT = Probe(np.array([1.0, 0.0]), -0.5, NEAR)


@pytest.fixture(scope="module")
def judge() -> SpeechJudge:
    return SpeechJudge(Shipped(), Probe.load(resource("models", "speech", PROBE)))


def test_typed_queries_are_understood(judge) -> None:
    with QUERIES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    verdicts = np.array(judge.about_speech([TextPrompt(row["text"]) for row in rows]))
    spoken = np.array([row["about"] == "speech" for row in rows])
    assert len(rows) > 500
    assert np.mean(verdicts == spoken) > 0.96
    # A query for another sound that the specialist takes for its own loses that sound altogether.
    assert np.mean(verdicts[~spoken]) < 0.02


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a man speaking", True),
        ("A WOMAN SPEAKING", True),
        ("the speech", True),
        ("podcast host", True),
        ("a man singing", False),
        ("sung voice", False),
        ("a voice that sings", False),
        ("the singer's voice", False),
        ("tenor voice", False),
        ("rapper", False),
        ("the music behind the speech", False),
        ("a man whispering", False),
        ("a cheering crowd", False),
        ("a baby crying", False),
        ("people laughing", False),
        ("a choir", False),
        ("wind", False),
        ("a dog barking", False),
        ("a man speaking and a dog barking", False),
        ("🎵", False),
    ],
)
def test_sung_voices_crowds_and_mixtures_are_not_speech(judge, text: str, expected: bool) -> None:
    assert judge.about_speech([TextPrompt(text)]) == [expected]


def test_prompts_of_all_kinds_are_judged_in_their_order() -> None:
    judge = SpeechJudge(Plane((1.0, 0.0)), FLAT)
    prompts = [
        TextPrompt("wind"),
        AudioPrompt(Path("voice.wav")),
        TextPrompt("speech"),
        EmbeddedPrompt("mine", "mini", (3.0, 0.0)),
        EmbeddedPrompt("door", "mini", (0.0, 2.0)),
        EmbeddedPrompt("elsewhere", "base", (1.0, 0.0)),
        EmbeddedPrompt("other size", "mini", (1.0, 0.0, 0.0)),
    ]
    assert judge.about_speech(prompts) == [False, True, True, True, False, False, False]
    assert judge.about_speech([]) == []


@pytest.mark.parametrize(("cosine", "expected"), [(NEAR - 0.01, False), (NEAR + 0.01, True)])
def test_an_example_must_lie_near_speech(cosine: float, expected: bool) -> None:
    example = (cosine, float(np.sqrt(1 - cosine**2)))
    judge = SpeechJudge(Plane(example), FLAT)
    assert judge.about_speech([AudioPrompt(Path("sound.wav"))]) == [expected]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": 1, "weights": [1.0], "offset": 0.0, "near": 0.4}',
        '{"format": 2, "weights": [[1.0]], "offset": 0.0, "near": 0.4}',
        '{"format": 2, "weights": [NaN], "offset": 0.0, "near": 0.4}',
        '{"format": 2, "weights": [1.0], "offset": 0.0}',
    ],
)
def test_a_damaged_probe_says_so(tmp_path, content: str) -> None:
    path = tmp_path / PROBE
    path.write_text(content)
    with pytest.raises(ModelDamagedError, match="Install"):
        Probe.load(path)


def test_a_missing_probe_says_so(tmp_path) -> None:
    with pytest.raises(ModelDamagedError, match="Install"):
        Probe.load(tmp_path / PROBE)


def test_the_shipped_probe_fits_the_shipped_encoder() -> None:
    stored = json.loads(resource("models", "speech", PROBE).read_text())
    assert len(stored["weights"]) == Shipped().embed_text(["speech"]).shape[1]
