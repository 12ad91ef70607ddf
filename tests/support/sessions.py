"""Sessions for tests: random ones for laws, and real ones with sound behind them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
from hypothesis import strategies as st

from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Query, TextPrompt
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import (
    Extraction,
    Heard,
    Marker,
    Recording,
    Session,
    new_id,
)
from clapsep_desktop.timebase import Span

T = TypeVar("T")

RATE, CHANNELS, FRAMES = 8_000, 2, 8_000


def finished(steps: Generator[object, None, T]) -> T:
    """What a generator returns in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            value: T = stop.value
            return value


def noise(frames: int, seed: int = 0) -> np.ndarray:
    """float32 (frames, CHANNELS) between -0.5 and 0.5."""
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, CHANNELS)).astype(np.float32)


def make_recording(path: Path, seed: int = 0) -> Recording:
    """A recording on the disk."""
    soundfile.write(path, noise(FRAMES, seed), RATE, "PCM_24")
    return Recording(path, RATE, CHANNELS, FRAMES)


def make_step(store: AudioStore, session: Session, seed: int, frames: int = 1_000) -> Extraction:
    """A rendered extraction whose buffer, of seeded noise, lies in a store."""
    span = Span(100 * seed, 100 * seed + frames)
    with store.create(RATE, CHANNELS, frames, new_id()) as writer:
        writer.write(0, noise(frames, seed))
        buffer = writer.seal()
    return Extraction(
        Query.of(keep=[f"sound {seed}"]),
        span,
        buffer=buffer,
        heard=session.heard_by(span),
        plan='{"version": 1}',
        vectors=((0.1, -0.25, 1 / 3), None),
        seconds=1.5,
    )


def make_history(store: AudioStore, recording: Recording, steps: int = 3) -> History:
    """A history of some extractions and a re-tuned strength, with the last step undone."""
    history = History.of(Session(recording))
    for seed in range(1, steps + 1):
        session = history.current
        extraction = make_step(store, session, seed)
        history = history.applied(extraction.title, session.added(extraction))
    first = history.current.extractions[0].id
    history = history.applied("Strength", history.current.edited(first, strength=0.3))
    history = history.applied("Add Marker", history.current.marked(Marker(40, "bark")))
    return history.at(history.index - 1)


# -- Random ones -------------------------------------------------------------------------------

_share = st.floats(0, 1)
_weights = st.floats(0.001, 100)
_words = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
_identities = st.uuids().map(lambda value: value.hex)
_prompts = st.one_of(
    st.builds(TextPrompt, _words, _weights),
    st.builds(AudioPrompt, st.just(Path("/sounds/dog.wav")), weight=_weights),
    st.builds(AudioPrompt, st.just(Path("/recordings/in/bark.wav")), st.just(0.5), st.just(2.25)),
    st.builds(EmbeddedPrompt, _words, st.just("mini"), st.just((0.5, 1e-7)), weight=_weights),
)
_queries = st.builds(
    Query, st.lists(_prompts, min_size=1, max_size=2).map(tuple), blend=_share, strength=_share
)
_spans = st.tuples(st.integers(0, 5_000), st.integers(1, 3_000)).map(
    lambda pair: Span(pair[0], sum(pair))
)
_vectors = st.lists(st.floats(-1, 1), min_size=1, max_size=3).map(tuple)
extractions = st.builds(
    Extraction,
    _queries,
    _spans,
    band=st.none() | st.just((100.0, 4_000.5)),
    channels=st.sampled_from(["linked", "independent"]),
    model=st.sampled_from(["auto", "mini", "/models/mine"]),
    specialists=st.booleans(),
    strength=_share,
    enabled=st.booleans(),
    name=st.text(max_size=5),
    buffer=st.just("") | _identities,
    heard=st.lists(st.builds(Heard, _identities, _share), max_size=2).map(tuple),
    plan=st.text(max_size=5),
    vectors=st.lists(st.none() | _vectors, max_size=2).map(tuple),
    seconds=st.floats(0, 1e6),
    id=_identities,
)
_markers = st.builds(Marker, st.integers(0, 8_000), st.text(max_size=5))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Histories of any steps, in which most extractions are shared by several states."""
    recording = Recording(Path("/recordings/field.wav"), RATE, CHANNELS, FRAMES, draw(_words))
    pool = draw(st.lists(extractions, max_size=4, unique_by=lambda one: one.id))
    stacks = st.lists(st.sampled_from(pool), unique_by=lambda one: one.id) if pool else st.just([])
    states = draw(
        st.lists(
            st.builds(
                Session,
                st.just(recording),
                stacks.map(tuple),
                st.lists(_markers, max_size=2).map(tuple),
            ),
            min_size=1,
            max_size=5,
        )
    )
    states = [_retuned(draw, state) for state in states]
    titles = tuple(f"Step {number}" for number in range(1, len(states)))
    return History(tuple(states), titles, draw(st.integers(0, len(states) - 1)))


def _retuned(draw: st.DrawFn, state: Session) -> Session:
    """Now and then with another strength, so that one id stands for two values."""
    if not state.extractions or draw(st.booleans()):
        return state
    return replace(state).edited(state.extractions[0].id, strength=draw(_share))
