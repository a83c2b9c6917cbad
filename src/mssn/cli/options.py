"""Options and small helpers that several verbs share."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token

from mssn.atomic import replacing
from mssn.checks import number_of, whole_of
from mssn.cli.streams import one_line, tell
from mssn.errors import MssnError, WeightsError
from mssn.image.formats import WITHOUT_QUALITY
from mssn.runtime.base import Precision, RuntimeName


def _whole(kind: object, tokens: Sequence[Token]) -> int:
    """A whole number; cyclopts itself would cut 2.5 to 2."""
    text = tokens[0].value
    try:
        return whole_of(text)
    except ValueError:
        raise ValueError(f"takes a whole number, not '{text}'") from None


def _number(kind: object, tokens: Sequence[Token]) -> float:
    """Any number; cyclopts itself would speak of floats."""
    text = tokens[0].value
    try:
        return number_of(text)
    except ValueError:
        raise ValueError(f"takes a number, not '{text}'") from None


Whole = Annotated[int, Parameter(converter=_whole)]
Number = Annotated[float, Parameter(converter=_number)]
Factor = Annotated[float | None, Parameter(name=["--scale", "-s"], converter=_number)]
Minutes = Annotated[float | None, Parameter(name="--time-limit", converter=_number)]
Model = Annotated[str, Parameter(name=["--model", "-m"])]
Scale = Annotated[int | None, Parameter(name=["--scale", "-s"], converter=_whole)]
Runtime = Annotated[RuntimeName, Parameter(name="--runtime")]
PrecisionOption = Annotated[Precision, Parameter(name="--precision")]
Force = Annotated[bool, Parameter(name=["--force", "-f"])]
Ensemble = Annotated[bool, Parameter(name="--ensemble")]
WholeScale = Annotated[int, Parameter(name=["--scale", "-s"], converter=_whole)]
Threads = Annotated[int | None, Parameter(name="--threads", converter=_whole)]
Quality = Annotated[int | None, Parameter(name=["--quality", "-q"], converter=_whole)]


_OTHER = {"start": "from", "end": "to"}  # arguments whose options are called otherwise


def in_options(message: object) -> str:
    """The message of an error with its arguments (`force=True`) written as options (--force)."""

    def option(found: re.Match[str]) -> str:
        return f"--{_OTHER.get(found[1], found[1]).replace('_', '-')}"

    return re.sub(r"`([a-z_]+)(?:=True)?`", option, str(message))


def unused_quality(quality: int | None, targets: Iterable[Path]) -> str:
    """What to say where a quality was asked for and some files have none; empty if nothing is to be said."""
    files = [path for path in targets if quality is not None and path.suffix.lower() in WITHOUT_QUALITY]
    if not files:
        return ""
    kinds = ", ".join(sorted({path.suffix.lower() for path in files}))
    pictures = "1 picture" if len(files) == 1 else f"{len(files)} pictures"
    return f"--quality says nothing about {pictures} ({kinds}): the format loses nothing"


def check_new_weights(path: Path, force: bool, sources: Iterable[Path]) -> None:
    """Refuse the name of a weights file to be written, before any work.

    Raises:
        WeightsError: It has another ending, is one of the files that are read (under whatever name), or
            exists and may not be overwritten.
    """
    if path.suffix.lower() != ".safetensors":
        raise WeightsError(f"{path}: must end in .safetensors")
    for source in sources:
        if path.exists() and source.exists() and path.samefile(source):
            raise WeightsError(f"{path}: would replace {source}, which is read; choose another output")
    if path.exists() and not force:
        raise WeightsError(f"{path}: exists already; use --force to overwrite it")


class Lines:
    """Lines on standard output; when it takes no more, the work goes on without them.

    Attributes:
        failure: Why it took no more; None as long as it does, or if its reader has seen enough.
    """

    def __init__(self) -> None:
        self.failure: OSError | None = None
        self._open = sys.stdout is not None

    def say(self, text: str) -> None:
        """Print a line at once."""
        if not self._open:
            return
        try:
            print(one_line(text), flush=True)
        except OSError as error:
            self._open = False
            if not isinstance(error, BrokenPipeError):
                self.failure = error
                tell(f"mssn: standard output takes no more: {error.strerror}")
            # What waits in its buffer must not fail again when Python ends.
            with suppress(OSError, io.UnsupportedOperation):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_stdout(content: bytes) -> None:
    """Write all of a file to standard output.

    Raises:
        MssnError: It is closed, or takes no more.
    """
    if sys.stdout is None:
        raise MssnError("standard output is closed; give a file to write with -o")
    rest = memoryview(content)
    try:
        while rest:  # without Python's buffer (PYTHONUNBUFFERED) one call may write a part only
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()
    except OSError as error:
        with suppress(OSError, io.UnsupportedOperation):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise MssnError(f"standard output takes no more: {error.strerror}") from error


def check_text(option: str, path: Path | None, *, force: bool = False) -> None:
    """Refuse a text file that `write_text` could not write, before the work.

    Args:
        option: What the user gave it by, for the message.
        path: The file; None if none was asked for.
        force: It may be overwritten.

    Raises:
        MssnError: It exists, is a folder, or lies where nothing can be made.
    """
    if path is None:
        return
    if path.is_dir():
        raise MssnError(f"{option} {path}: is a folder; name a file")
    if path.exists() and not force:
        raise MssnError(f"{option} {path}: exists already; use --force to overwrite it")
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise MssnError(f"{option} {path}: cannot be written ({above} is no folder to write into)")


def write_text(path: Path, text: str) -> None:
    """Write a small text file, making its folder; it appears only when whole.

    Raises:
        MssnError: It cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise MssnError(f"{path}: cannot be written ({error.strerror})") from error
