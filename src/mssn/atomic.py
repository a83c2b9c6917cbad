"""Write a file so that it appears under its name only when whole, and never leaves scraps."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a hidden file beside `path`; it takes that name when the block ends without an error.

    Args:
        path: Target; its folder must exist. Whatever is there stays until the end.
        durable: Wait until the bytes are on the disk before the old file goes.

    Raises:
        OSError: It cannot be written; the target is untouched.
    """
    # Short, so that it fits wherever the target's own name fits; random, so that threads do not meet.
    part = path.with_name(f".mssn-{secrets.token_hex(8)}.part")
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
