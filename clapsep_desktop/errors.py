"""Every error a user can meet, drawn as a tree.

ClapSepError
 ├── AudioError                a recording could not be read or written
 │    ├── AudioReadError       missing, empty, damaged or not audio
 │    ├── AudioFormatError     a rate, channel count or format outside what is supported
 │    └── AudioWriteError      a target cannot be written: no rights, disk full, the source itself
 ├── SpanError                 a selection that is empty, reversed or outside the recording
 ├── QueryError                nothing asked for, text too long, weight or blend out of range
 ├── ModelError                a model cannot be used
 │    ├── ModelMissingError    not installed; says how to get it
 │    ├── ModelDamagedError    truncated, altered, or holding objects that are refused
 │    ├── ModelMismatchError   intact, but not a model of the expected shape
 │    └── DownloadError        the connection failed; says what to fetch by hand
 ├── DeviceError               the chosen device is absent or failed
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


class DataError(ClapSepError):
    """A list of sounds, or a folder of results, cannot be used."""
