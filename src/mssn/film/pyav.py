"""PyAV, imported where a film is first looked at, and how its errors read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mssn.errors import FilmError, ImageError, MissingDependencyError
from mssn.film.inputs import RAW, Given, opening

if TYPE_CHECKING:
    from av.container import InputContainer


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
    from av.error import FFmpegError

    return (FFmpegError, OSError, ValueError)


def url(path: Path) -> str:
    """A file's name as FFmpeg takes it literally: colons, a leading dash and percent signs, too."""
    return f"file:{path.absolute()}"


def reason(error: BaseException) -> str:
    """What FFmpeg says, without numbers and file names."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextmanager
def opened(path: Path, given: Given = None, *, look: bool = False) -> Iterator[InputContainer]:
    """A film opened for reading.

    Args:
        path: Its name, or a pattern of numbered pictures.
        given: What came with the path, as for `probe`.
        look: It will be opened once more.

    Raises:
        FilmError: It cannot be opened.
        MissingDependencyError: PyAV is not installed.
    """
    require()
    import av

    try:
        # Texts in unknown encodings go through unchanged.
        file, form, options = opening(path, given, look=look)
        container: Any = av.open(file, "r", form, options, metadata_errors="surrogateescape")
    except ImageError as error:
        raise FilmError(*error.args) from error
    except faults() as error:
        if path.is_file() and not path.stat().st_size:
            raise FilmError(f"{path}: the file is empty") from error
        raise FilmError(f"{path}: cannot be read as a film: {reason(error)}") from error
    with container:
        if container.format.name.endswith("_pipe"):
            raise FilmError(f"{path}: is one picture, and no film; give it the ending of its format")
        if isinstance(given, Fraction) and container.format.name not in ("image2", *RAW):
            raise FilmError(f"{path}: has times of its own; leave `rate` out")
        yield container
