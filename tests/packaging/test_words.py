"""The lists of typed words that packaging/benchmarks/words.py asks by."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "benchmarks" / "words.py"
COMPLAINTS = {
    "hum", "hiss", "wind", "traffic", "keyboard", "chair creak", "mouth clicks", "dog", "phone",
    "room noise",
}  # fmt: skip


@pytest.fixture(scope="module")
def words() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmark_words", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)  # where dataclasses look for it
        spec.loader.exec_module(module)
    return module


def test_every_sound_has_every_wording_once(words):
    for concept, listed in words.WORDS["wordings"].items():
        ways = words.wordings("a caption of it", listed)
        assert len(set(ways.values())) == len(ways), concept
        assert ways["long sentence"].count(" ") >= 8, concept
        assert " " not in ways["single noun"]


def test_all_ten_complaints_have_what_somebody_types(words):
    assert set(words.WORDS["complaints"]) == COMPLAINTS
    for about in words.WORDS["complaints"].values():
        assert len(about["typed"]) == 3
        assert ("made" in about) != bool(about.get("concepts"))


@pytest.mark.parametrize("text", ["a dog barking", "rain", "wind noise", "typing on keys"])
def test_a_typing_error_is_one_word_spelt_wrong(words, text):
    wrong = words.mistyped(text).split()
    differ = [one for one, other in zip(text.split(), wrong, strict=True) if one != other]
    assert len(differ) == 1


def test_a_made_hiss_rises_with_frequency(words):
    spectrum = np.abs(np.fft.rfft(words.hiss(np.random.default_rng(0))))
    fifth = len(spectrum) // 5
    assert spectrum[-fifth:].mean() > 3 * spectrum[:fifth].mean()
