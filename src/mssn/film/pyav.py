"""PyAV, imported where a film is first looked at, and how its errors read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mssn.errors import FilmError, MissingDependencyError

if TYPE_CHECKING:
    import av


def require() -> None:
    """Make sure that PyAV is there.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(f"films need PyAV ({error}); run: pip install 'mssn[video]'") from error


def url(path: Path) -> str:
    """A file's name as FFmpeg takes it literally: colons, a leading dash and percent signs, too."""
    return f"file:{path.absolute()}"


def reason(error: BaseException) -> str:
    """What FFmpeg says, without numbers and file names."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextmanager
def opened(path: Path) -> Iterator[av.container.InputContainer]:
    """A film opened for reading.

    Raises:
        FilmError: It cannot be opened.
    """
    require()
    import av

    try:
        # Text in strange encodings goes through unchanged.
        container = av.open(url(path), "r", metadata_errors="surrogateescape")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise FilmError(f"{path}: cannot be read as a film: {reason(error)}") from error
    with container:
        yield container
