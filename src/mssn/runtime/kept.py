"""Networks as an engine made them ready, kept on disk: that takes longer than to enlarge a small picture.

A file is named by all that made it, and begins with a hash of the rest of it: it is right, or is made anew.
Where nothing can be kept, networks are made ready every time.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from mssn.atomic import default_cache, replacing

FOLDER = "networks"  # in the cache folder
MOST = 16  # files; those used last stay
_HASH = 32  # bytes


class Kept:
    """The place of one network that was made ready.

    Args:
        made_from: All that it depends on: weights, settings, versions, processor.
    """

    def __init__(self, *made_from: bytes) -> None:
        self._name = hashlib.sha256(b"".join(map(_hash, made_from))).hexdigest()[:32]

    @property
    def _path(self) -> Path:
        return default_cache() / FOLDER / self._name

    def read(self) -> bytes | None:
        """What was kept; None if nothing is there, or not whole."""
        with suppress(OSError, RuntimeError):  # there may be no home
            content = self._path.read_bytes()
            if content[:_HASH] == _hash(content[_HASH:]):
                with suppress(OSError):
                    os.utime(self._path)
                return content[_HASH:]
        return None

    def write(self, content: bytes) -> None:
        """Keep it, and let those go that nobody used for longest; where that cannot be, nothing happens."""
        with suppress(OSError, RuntimeError):
            folder = self._path.parent
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(self._path) as file:
                file.write(_hash(content) + content)
            files = [path for path in folder.iterdir() if not path.name.startswith(".")]
            for path in sorted(files, key=lambda path: path.stat().st_mtime)[:-MOST]:
                path.unlink(missing_ok=True)


def _hash(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
