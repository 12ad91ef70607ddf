"""What is remembered between runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QSettings

from clapsep_desktop.gui.preferences import (
    RECENT_FILES,
    RECENT_QUERIES,
    Preferences,
    Settings,
)
from clapsep_desktop.query import EmbeddedPrompt, Query


def store_at(path: Path) -> QSettings:
    return QSettings(str(path), QSettings.Format.IniFormat)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "settings.ini"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "contrast"),
        ("device", "cuda"),
        ("output_device", "Kopfhörer = [links]; 100 %"),
        ("model", "/home/me/my model"),
        ("specialists", False),
        ("spectrogram_fft", 8192),
        ("spectrogram_floor", -87.5),
        ("disk_budget", 7 << 33),
        ("autosave_minutes", 0),
        ("recent_files", ("/a/ä.wav", "C:\\b, c.flac")),
        ("geometry", b"\x01\xd9\xd0\xcb\x00\x03"),
        ("window_state", b""),
    ],
)
def test_a_value_is_the_same_after_a_restart(qapp, place, name, value):
    before = Settings(store_at(place))
    before.update(**{name: value})
    before.sync()

    after = Settings(store_at(place))

    assert getattr(after.values, name) == value
    assert after.values == before.values


def test_an_empty_store_gives_the_defaults(qapp, place):
    assert Settings(store_at(place)).values == Preferences()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    name=st.sampled_from(sorted(Preferences.__dataclass_fields__)),
    text=st.one_of(
        st.text(alphabet=st.characters(codec="ascii", exclude_characters="\0"), max_size=20),
        st.sampled_from(["null", "NaN", "-1", "1e999", "[1]", '"?"', "{}", "true", "[" * 5000]),
    ),
)
def test_no_store_keeps_the_program_from_starting(qapp, place, name, text):
    store = store_at(place)
    store.clear()
    store.setValue(name, text)

    values = Settings(store).values

    default = Preferences()
    for other in Preferences.__dataclass_fields__:
        if other != name:
            assert getattr(values, other) == getattr(default, other)


def test_a_floor_over_the_ceiling_is_not_believed(qapp, place):
    store = store_at(place)
    store.setValue("spectrogram_floor", "-20.0")
    store.setValue("spectrogram_ceiling", "-40.0")
    store.setValue("theme", '"light"')

    values = Settings(store).values

    assert values == Preferences(theme="light")


def test_a_change_is_told_once_and_only_if_it_is_one(qtbot, place):
    kept = Settings(store_at(place))
    with qtbot.waitSignal(kept.changed) as told:
        kept.update(theme="light", undo_limit=200)
    assert told.args == [frozenset({"theme"})]
    with qtbot.assertNotEmitted(kept.changed):
        kept.update(theme="light")


@pytest.mark.parametrize(
    "change",
    [
        {"theme": "pink"},
        {"undo_limit": 0},
        {"undo_limit": True},
        {"specialists": 1},
        {"spectrogram_fft": 1000},
        {"spectrogram_floor": 3.0},
        {"recent_files": ("a", 3)},
        {"autosave_minutes": float("nan")},
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(qapp, place, change):
    kept = Settings(store_at(place))
    with pytest.raises(ValueError, match=next(iter(change)).split("_")[-1]):
        kept.update(**change)
    assert kept.values == Preferences()


def test_recent_files_are_newest_first_without_repeats_and_few(qapp, place):
    kept = Settings(store_at(place))
    for number in range(RECENT_FILES + 3):
        kept.remember_file(Path(f"/sounds/{number}.wav"))
    kept.remember_file(Path("/sounds/7.wav"))

    names = [path.stem for path in kept.recent_files]
    assert names[:3] == ["7", str(RECENT_FILES + 2), str(RECENT_FILES + 1)]
    assert len(names) == len(set(names)) == RECENT_FILES

    kept.forget_files()
    assert kept.recent_files == []


def test_recent_queries_come_back_as_they_were(qapp, place):
    kept = Settings(store_at(place))
    saved = Query(keep=(EmbeddedPrompt("my dog", "mini", (0.6, 0.8)),), strength=0.7)
    for query in (Query.of(["rain"]), saved, Query.of(remove=["hum"]), Query.of(["rain"])):
        kept.remember_query(query)
    kept.sync()

    again = Settings(store_at(place))

    assert again.recent_queries == [Query.of(["rain"]), Query.of(remove=["hum"]), saved]


def test_a_query_of_another_version_is_left_out(qapp, place):
    kept = Settings(store_at(place))
    kept.update(recent_queries=('{"version": 99}', Query.of(["rain"]).to_json(), "nonsense"))
    assert kept.recent_queries == [Query.of(["rain"])]


def test_the_list_of_queries_does_not_grow_without_end(qapp, place):
    kept = Settings(store_at(place))
    for number in range(RECENT_QUERIES + 5):
        kept.remember_query(Query.of([f"sound {number}"]))
    assert len(kept.recent_queries) == RECENT_QUERIES


def test_reset_keeps_what_is_no_choice(qapp, place):
    kept = Settings(store_at(place))
    kept.update(theme="light", undo_limit=3, recent_files=("/a.wav",), hint_shown=True)
    kept.reset()
    assert kept.values == Preferences(recent_files=("/a.wav",), hint_shown=True)
