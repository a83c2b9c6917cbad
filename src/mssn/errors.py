"""Every error `mssn` raises on purpose, as one tree.

    MssnError                 anything a person can put right; the message says how
    |-- ImageError            a picture cannot be read or written
    |-- FilmError             a film cannot be read or written
    |-- UnknownModelError     no such model, or no such scale of it
    |-- WeightsError          a weights file is damaged or belongs to another network
    |-- RecipeError           a training recipe has an unknown or impossible value
    |-- DataError             a folder holds no usable pictures
    |-- CheckpointError       a training checkpoint cannot be read or does not fit
    |-- CancelledError        whoever follows the progress of a picture wants no more
    |-- TrainingError         training cannot go on
    |   `-- DivergedError     its loss or weights are no longer numbers
    `-- MissingDependencyError      an optional dependency is not installed

The library raises; only the command line prints and exits. A message is one line, names the file or
value, and says what to do about it. An argument is named in backquotes, as in "`quality` must be 1 to 100" or
"use `force=True`"; the command line writes it as its option, --quality or --force.
"""

from __future__ import annotations


class MssnError(Exception):
    """Base of all errors a person can put right."""


class ImageError(MssnError):
    """A picture cannot be read or written."""


class FilmError(MssnError):
    """A film cannot be read or written."""


class UnknownModelError(MssnError):
    """There is no such model, or it has no such scale."""


class WeightsError(MssnError):
    """A weights file is damaged, or its description and its tensors disagree."""


class CancelledError(MssnError):
    """Whoever follows the progress of a picture wants no more of it."""


class RecipeError(MssnError):
    """A training recipe has an unknown key or an impossible value."""


class DataError(MssnError):
    """A data folder is missing or holds no usable pictures."""


class CheckpointError(MssnError):
    """A training checkpoint cannot be read or belongs to another run."""


class TrainingError(MssnError):
    """Training cannot go on, for example because the memory is not enough."""


class DivergedError(TrainingError):
    """The loss or the weights are not numbers any more; a lower learning rate may help."""


class MissingDependencyError(MssnError):
    """An optional dependency is not installed."""
