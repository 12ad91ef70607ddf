"""Every error a user can meet, drawn as a tree.

ClapSepError
 ├── AudioError                a recording could not be read or written
 │    ├── AudioReadError       missing, empty, damaged or not audio
 │    ├── AudioFormatError     a rate, channel count or format outside what is supported
 │    └── AudioWriteError      a target cannot be written: no rights, disk full, the source itself
 │         └── TargetExistsError  files are there already that may not be replaced
 ├── SpanError                 a selection that is empty, reversed or outside the recording
 ├── QueryError                nothing asked for, text too long, weight or blend out of range
 ├── ModelError                a model cannot be used
 │    ├── ModelMissingError    not installed; says how to get it
 │    ├── ModelDamagedError    truncated, altered, or holding objects that are refused
 │    ├── ModelMismatchError   intact, but not a model of the expected shape
 │    └── DownloadError        the connection failed; says what to fetch by hand
 ├── DeviceError               the chosen device is absent or failed
 ├── ProjectError             a project cannot be opened or saved
 │    ├── ProjectDamagedError  truncated, altered, or not a project
 │    ├── ProjectVersionError  saved by a newer version of the program
 │    ├── ProjectInUseError    another instance has it open
 │    └── SourceChangedError   a file is not the recording that the project was made of
 ├── RecipeError               a recipe cannot be read or carried out
 ├── SoundError                a saved sound is missing or damaged
 │    └── SoundExistsError     a sound of that name is saved already
 └── DataError                 a list of sounds, or a folder of results, cannot be used

The text of each error is a sentence for the user: what happened, then what to do.
"""


class ClapSepError(Exception):
    """Base of every error that is the user's to know about."""


class AudioError(ClapSepError):
    """A recording could not be read or written."""


class AudioReadError(AudioError):
    """A file is missing, empty, damaged or not audio."""


class AudioFormatError(AudioError):
    """A rate, channel count or format lies outside what is supported."""


class AudioWriteError(AudioError):
    """A target cannot be written."""


class TargetExistsError(AudioWriteError):
    """Files are there already that may not be replaced; ``names`` are theirs."""

    def __init__(self, text: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(text, names)
        self.names = names

    def __str__(self) -> str:
        return str(self.args[0])


class SpanError(ClapSepError):
    """A selection is empty, reversed or outside the recording."""


class QueryError(ClapSepError):
    """A query asks for nothing, or for something out of range."""


class ModelError(ClapSepError):
    """A model cannot be used."""


class ModelMissingError(ModelError):
    """A model is not installed."""


class ModelDamagedError(ModelError):
    """A model file is truncated, altered or unsafe."""


class ModelMismatchError(ModelError):
    """A model file is intact but has the wrong shape."""


class DownloadError(ModelError):
    """A download failed."""


class DeviceError(ClapSepError):
    """The chosen device is absent or failed."""


class ProjectError(ClapSepError):
    """A project cannot be opened or saved."""


class ProjectDamagedError(ProjectError):
    """A project file is truncated, altered or none at all."""


class ProjectVersionError(ProjectError):
    """A project was saved by a newer version of the program."""


class ProjectInUseError(ProjectError):
    """Another instance has the project open."""


class SourceChangedError(ProjectError):
    """A file is not the recording that a project was made of."""


class RecipeError(ClapSepError):
    """A recipe cannot be read or carried out."""


class SoundError(ClapSepError):
    """A saved sound is missing or damaged."""


class SoundExistsError(SoundError):
    """A sound of that name is saved already, and may not be replaced."""


class DataError(ClapSepError):
    """A list of sounds, or a folder of results, cannot be used."""
