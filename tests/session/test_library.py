"""The library of saved sounds: one file each, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from clapsep_desktop.audio import staging
from clapsep_desktop.errors import AudioWriteError, SoundError, SoundExistsError
from clapsep_desktop.query import EmbeddedPrompt, TextPrompt
from clapsep_desktop.session.library import Library
from clapsep_desktop.session.sounds import Sound, Vector


def _sound(name: str, value: float = 1.0) -> Sound:
    return Sound(name, (), {"mini": Vector((value, 0.0), "v")})


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "sounds")


def test_an_empty_library_is_no_error(library: Library) -> None:
    assert library.sounds() == []
    assert "fridge" not in library
    assert not library.folder.exists()


def test_what_is_saved_is_there(library: Library) -> None:
    for name in ("fridge", "Our Dog", "犬"):
        library.save(_sound(name))
    assert library.names() == ["fridge", "Our Dog", "犬"]
    assert library.get("our dog") == _sound("Our Dog")
    assert all(path.name.isascii() for path in library.folder.iterdir())


def test_a_name_is_taken_once(library: Library) -> None:
    library.save(_sound("Fridge"))
    with pytest.raises(SoundExistsError, match="“fridge” is saved already"):
        library.save(_sound("fridge"))
    library.save(_sound("fridge", 2.0), replace=True)
    assert library.sounds() == [_sound("fridge", 2.0)]


def test_a_missing_sound_is_told_with_those_there_are(library: Library) -> None:
    with pytest.raises(SoundError, match="None is saved yet"):
        library.get("fridge")
    library.save(_sound("dog"))
    with pytest.raises(SoundError, match=r"no saved sound “fridge”\. Saved are: dog\."):
        library.prompt("@fridge")


def test_prompts(library: Library) -> None:
    library.save(_sound("our dog"))
    prompt = library.prompt(" @Our Dog ", 3.0)
    assert isinstance(prompt, EmbeddedPrompt)
    assert (prompt.name, prompt.vector, prompt.weight) == ("our dog", (1.0, 0.0), 3.0)
    assert library.prompt("our dog") == TextPrompt("our dog")


def test_removing_and_renaming(library: Library) -> None:
    library.save(_sound("dog"))
    library.save(_sound("cat"))
    with pytest.raises(SoundError, match="“cat” is saved already"):
        library.rename("dog", "cat")
    assert library.rename("dog", "Dog").name == "Dog"
    library.rename("DOG", "hound")
    assert library.names() == ["cat", "hound"]
    library.remove("hound")
    with pytest.raises(SoundError, match="no saved sound “hound”"):
        library.remove("hound")
    assert library.names() == ["cat"]


def test_sounds_go_to_another_library_in_one_file(library: Library, tmp_path: Path) -> None:
    other = Library(tmp_path / "other")
    with pytest.raises(SoundError, match="no saved sound to export"):
        library.export(tmp_path / "all.clapsounds")
    library.save(_sound("dog"))
    library.save(_sound("cat"))
    library.export(tmp_path / "all.clapsounds")
    other.save(_sound("cat", 5.0))
    with pytest.raises(SoundExistsError, match="Saved already: cat"):
        other.take_in(tmp_path / "all.clapsounds")
    assert other.names() == ["cat"]
    other.take_in(tmp_path / "all.clapsounds", replace=True)
    assert other.sounds() == library.sounds()
    library.export(tmp_path / "one.clapsounds", ["dog"])
    assert Library(tmp_path / "third").take_in(tmp_path / "one.clapsounds") == [_sound("dog")]


def test_a_damaged_file_hides_no_other(library: Library) -> None:
    library.save(_sound("dog"))
    broken = library.folder / "cat-00000000.clapsounds"
    broken.write_bytes(b"\xff{")
    assert library.names() == ["dog"]
    assert library.damaged() == [broken]


def test_a_damaged_sound_says_what_to_do_and_can_be_forgotten(library: Library) -> None:
    library.save(_sound("dog"))
    (file,) = library.folder.iterdir()
    file.write_text(file.read_text()[:100])
    with pytest.raises(SoundError, match=r"“dog” is damaged\. Save or import it again, or forget"):
        library.prompt("@dog")
    library.remove("dog")
    assert "dog" not in library


def test_a_sound_that_cannot_be_removed_is_told(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.save(_sound("dog"))

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        with pytest.raises(AudioWriteError, match="permission denied"):
            library.remove("dog")
    assert "dog" in library


def test_a_failed_save_leaves_the_sound_as_it_was(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.save(_sound("dog"))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staging.os, "fsync", full)
    with pytest.raises(AudioWriteError, match="disk is full"):
        library.save(_sound("dog", 2.0), replace=True)
    assert library.get("dog") == _sound("dog")
    assert len(list(library.folder.iterdir())) == 1


def test_of_a_file_of_sounds_all_are_taken_in_or_none(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.save(_sound("dog"))
    other = Library(tmp_path / "other")
    for name in ("cat", "dog", "hen"):
        other.save(_sound(name, 2.0))
    file = tmp_path / "all.clapsounds"
    other.export(file)
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name.startswith("hen"):
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(AudioWriteError, match="disk is full"):
            library.take_in(file, replace=True)
    assert library.sounds() == [_sound("dog")]
    assert len(list(library.folder.iterdir())) == 1
    assert [sound.name for sound in library.take_in(file, replace=True)] == ["cat", "dog", "hen"]
    assert library.get("dog") == _sound("dog", 2.0)


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLAPSEP_SOUNDS", str(tmp_path))
    assert Library().folder == tmp_path
    monkeypatch.delenv("CLAPSEP_SOUNDS")
    assert Library().folder.name == "sounds"
