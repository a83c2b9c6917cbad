"""What is kept on disk: pictures that training decoded, shrunk and degraded once, a folder for each set.

A folder is whole when its index is there, which is written last. It is named by what made it: the content of
the pictures, the code that reads and shrinks them, and the libraries below. So a cache is never wrong; one
that nothing makes any more stays until `mssn cache --clear`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from mssn.atomic import default_cache, replacing
from mssn.errors import DataError
from mssn.once import Once
from mssn.runtime.kept import FOLDER

INDEX = "index.json"
# Ours and nothing else, whatever folder MSSN_CACHE names; 0.1 had a file for degraded pictures, and hidden
# files and folders for what was unfinished.
_NAMES = re.compile(r"x\d+-(degraded-)?[0-9a-f]{24}(\.rgb)?|\.decoding-\w+|\.mssn-[\w-]+\.part|networks")
_CODE = (
    "image/*.py",
    *(f"lab/data/{name}.py" for name in ("folder", "sources", "opaque", "degraded")),
    "score/degrade.py",
)
_DECODERS = ("pillow", "pillow-heif", "pillow-jxl-plugin")
_ABANDONED = 24 * 3600.0  # seconds without a change after which nobody is at work on what is unfinished


@dataclass(frozen=True)
class Entry:
    """One set of pictures that is kept.

    Args:
        path: Its folder (a file for some of mssn 0.1's).
        what: What it is, for people.
        size: Bytes.
        age: Seconds since it was made.
        unfinished: It is not whole: in the making, or left by a run that was killed.
    """

    path: Path
    what: str
    size: int
    age: float
    unfinished: bool

    @property
    def busy(self) -> bool:
        """It may be in the making."""
        return self.unfinished and self.age < _ABANDONED


def _hash_maker() -> str:
    """A hash of all that turns files into pixels here: our code, libvips, the other decoders, NumPy."""
    package = Path(__file__).parents[2]
    code = [path.read_bytes() for pattern in _CODE for path in sorted(package.glob(pattern))]
    versions: dict[str, object] = {"numpy": np.__version__}
    with suppress(ImportError):  # where packed pictures are trained on, there may be none
        import pyvips

        versions["libvips"] = [pyvips.version(part) for part in range(3)]
    for decoder in _DECODERS:
        with suppress(metadata.PackageNotFoundError):
            versions[decoder] = metadata.version(decoder)
    return _hash(*code, json.dumps(versions).encode())


maker = Once(_hash_maker)


def home(cache: Path | None, prefix: str, key: str) -> Path:
    """The folder of a set.

    Args:
        cache: Where sets are kept; default `default_cache()`.
        prefix: Begins its name: "x2" or "x2-degraded".
        key: Equal for equal files and settings.
    """
    return (cache or default_cache()) / f"{prefix}-{_hash(maker().encode(), key.encode())}"


def read_index(folder: Path) -> dict[str, Any] | None:
    """What `write_index` wrote; None if the set is not whole."""
    try:
        index = json.loads((folder / INDEX).read_text())
        whole = all((folder / name).stat().st_size == size for name, size in index["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return index if whole else None


def write_index(folder: Path, what: str, **values: object) -> None:
    """Say that a set is whole, after its other files were written.

    Args:
        folder: Its folder.
        what: What it is, for people.
        values: What else is to be known of it.

    Raises:
        OSError: It cannot be written.
    """
    files = {path.name: path.stat().st_size for path in folder.glob("*.rgb")}
    with replacing(folder / INDEX) as file:
        file.write(json.dumps({"what": what, "maker": maker(), "files": files, **values}).encode())


@contextmanager
def making(folder: Path) -> Iterator[None]:
    """Make the folder of a set; the block writes its files, with `write_index` last.

    Raises:
        DataError: It cannot be written.
    """
    try:
        tidy(folder.parent)
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if read_index(folder) is None:  # unless another process was first with the same pixels
            raise DataError(
                f"{folder.parent}: cannot keep pictures for training here ({error.strerror}); free some room "
                "(`mssn cache` lists what is kept) or point MSSN_CACHE to another folder"
            ) from error
    finally:
        with suppress(OSError):
            folder.rmdir()  # if nothing came of it


def tidy(cache: Path) -> None:
    """Remove what runs that were killed have left unfinished."""
    for entry in entries(cache):
        if entry.unfinished and not entry.busy:
            with suppress(OSError):  # another run does the same
                _remove(entry.path)


def entries(cache: Path) -> list[Entry]:
    """All sets, the newest first."""
    return sorted(map(_entry, _found(cache)), key=lambda entry: entry.age)


def clear(cache: Path) -> list[Entry]:
    """Remove all sets but those that may be in the making.

    Raises:
        OSError: One cannot be removed.
    """
    gone = [entry for entry in entries(cache) if not entry.busy]
    for entry in gone:
        _remove(entry.path)
    return gone


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _found(cache: Path) -> list[Path]:
    try:
        return [path for path in cache.iterdir() if _NAMES.fullmatch(path.name)]
    except OSError:
        return []  # nothing was ever kept


def _entry(path: Path) -> Entry:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    stats = []
    for file in (path, *files):
        with suppress(OSError):  # somebody is at work in it
            stats.append(file.stat())
    age = time.time() - max((stat.st_mtime for stat in stats), default=0.0)
    index = read_index(path)
    unfinished = path.name.startswith(".") or (path.is_dir() and not (path / INDEX).exists())
    if path.name == FOLDER:
        unfinished, what = False, "networks made ready for this processor"
    elif unfinished:
        what = "unfinished: in the making, or left by a run that was killed"
    elif index is None:
        what = "left by another version of mssn"
    else:
        what = index["what"] + (", by other code than this" if index["maker"] != maker() else "")
    size = sum(stat.st_size for stat in (stats[1:] if path.is_dir() else stats[:1]))
    return Entry(path, what, size, age, unfinished)


def pictures(count: int) -> str:
    """So many pictures, in words."""
    return "1 picture" if count == 1 else f"{count} pictures"


def _hash(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()
