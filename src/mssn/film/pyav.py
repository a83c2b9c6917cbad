"""PyAV, imported where a film is first looked at, and how its errors read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mssn.errors import FilmError, MissingDependencyError

if TYPE_CHECKING:
    import av


def require() -> None:
    """Make sure that PyAV is there.

    Raises:
        MissingDependencyError: It is not installed.
    """
    # SVT-AV1 writes how it is set to the error stream, and asks only the environment whether to.
    os.environ.setdefault("SVT_LOG", "0")
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(f"films need PyAV ({error}); run: pip install 'mssn[video]'") from error


def faults() -> tuple[type[Exception], ...]:
    """What PyAV raises: its own errors, the system's, and what it says of arguments."""
    import av

    return (av.error.FFmpegError, OSError, ValueError)


def url(path: Path) -> str:
    """A file's name as FFmpeg takes it literally: colons, a leading dash and percent signs, too."""
    return f"file:{path.absolute()}"


def reason(error: BaseException) -> str:
    """What FFmpeg says, without numbers and file names."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextmanager
def opened(path: Path, file: BinaryIO | None = None) -> Iterator[av.container.InputContainer]:
    """A film opened for reading.

    Args:
        path: Its name.
        file: Its bytes, where they are not on disk.

    Raises:
        FilmError: It cannot be opened.
        MissingDependencyError: PyAV is not installed.
    """
    require()
    import av

    try:
        # Texts in unknown encodings go through unchanged.
        container = av.open(file or url(path), "r", metadata_errors="surrogateescape")
    except faults() as error:
        raise FilmError(f"{path}: cannot be read as a film: {reason(error)}") from error
    with container:
        yield container
