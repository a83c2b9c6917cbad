"""Write a file so that it appears under its name only when whole, and never leaves scraps."""

from __future__ import annotations

import os
import platform
import secrets
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_HERE = f"{zlib.crc32(platform.node().encode()):08x}"  # other machines may share the folder


def part_of(folder: Path) -> Path:
    """A fresh name for a hidden temporary file, which says whose it is."""
    # Short, so that it fits wherever the target's own name fits; random, so that threads do not meet.
    return folder / f".mssn-{_HERE}-{os.getpid()}-{secrets.token_hex(4)}.part"


def sweep(folder: Path) -> None:
    """Remove temporary files of processes that were killed on this machine and could not do so themselves."""
    for file in folder.glob(f".mssn-{_HERE}-*.part"):
        with suppress(OSError, ValueError, IndexError):
            if not _runs(int(file.name.split("-")[2])):
                file.unlink()


def _runs(process: int) -> bool:
    if os.name != "posix":
        return True  # asking would stop it; an open file cannot be removed there anyway
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a hidden file beside `path`; it takes that name when the block ends without an error.

    Args:
        path: Target; its folder must exist. Whatever is there stays until the end.
        durable: Wait until the bytes are on the disk before the old file goes.

    Raises:
        OSError: It cannot be written; the target is untouched.
    """
    part = part_of(path.parent)
    try:
        with open(part, "x+b") as file:  # an ordinary open: permissions are those of any new file
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:  # an interrupted writer must not leave its scraps behind either
        with suppress(OSError):
            part.unlink()
        raise
