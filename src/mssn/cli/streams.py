"""What is said on standard error and in JSON, so that nothing in a name or in a pipe can break it."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO
from unicodedata import category

_BREAKING = ("Cc", "Cs", "Zl", "Zp")  # controls, bytes that are no text, separators of lines


def is_url(text: str) -> bool:
    """Whether a text names a place by a scheme, s3://bucket for instance, and is no file of this machine."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None and not os.path.exists(text)


def one_line(text: str) -> str:
    r"""Text whose line breaks and other controls, from a file's name for instance, are shown as \n."""
    return "".join(
        character.encode("unicode_escape").decode() if category(character) in _BREAKING else character
        for character in text
    )


def typed() -> str:
    """The command that runs, as it could be typed again."""
    return one_line(shlex.join(["mssn", *sys.argv[1:]]))


def tell(text: str) -> None:
    """Print a line on standard error; when it takes no more, nothing is told, and the work goes on."""
    try:
        print(one_line(text), file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO | None) -> None:
    """Send a stream that takes no more to nowhere: what waits in it must not fail again when Python ends."""
    if stream is not None:
        with suppress(OSError, io.UnsupportedOperation):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def open_closed() -> None:
    """Open to nowhere what was closed (`2>&-`).

    Else the next file would take its number and get its lines, and `print` would take standard output for it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def flushed(code: int) -> int:
    """The exit code, once standard output has taken what waits for it; Python itself would exit with 120."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        silence(sys.stdout)
        if not isinstance(error, BrokenPipeError):  # else the reader of a pipe has seen enough
            tell(f"mssn: standard output takes no more: {error.strerror}")
            return code or 1
    return code


def broken(stream: TextIO | None) -> bool:
    """Whether the reader of a pipe has gone, and something waits for it."""
    try:
        if stream is not None:
            stream.flush()
    except BrokenPipeError:
        silence(stream)
        return True
    return False


@contextmanager
def telling_every(seconds: float, line: Callable[[], str]) -> Iterator[None]:
    """Tell how the work stands again and again, while it goes on."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            tell(line())

    thread = threading.Thread(target=repeat, name="mssn-tell", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON that every program reads: what is no finite number is null, because JSON has no word for it."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
