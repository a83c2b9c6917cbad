"""Write a file so that it appears under its name only when whole, and never leaves scraps."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

try:
    import fcntl
except ImportError:  # Windows, which removes no file that is open
    fcntl = None

ABANDONED = 24 * 3600.0  # seconds without a change after which a temporary file that nobody holds is scrap
FOLDER_ABANDONED = 14 * ABANDONED  # the same of a folder whose work the next run goes on with
LOCK = "lock"  # the file in such a folder that is held


def default_cache() -> Path:
    """Where files are kept that can be made anew: $MSSN_CACHE, else the user's cache folder.

    Raises:
        RuntimeError: There is no such variable, and the user has no home.
    """
    if folder := os.environ.get("MSSN_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mssn"


def part_of(folder: Path) -> Path:
    """A fresh name for a hidden temporary file; whoever makes it holds it with `hold`."""
    # Short, so that it fits wherever the target's own name fits; random, so that nobody meets another.
    return folder / f".mssn-{secrets.token_hex(8)}.part"


def work_folder(target: Path) -> Path:
    """The hidden folder beside a target, or what it links to, in which it is made piece by piece."""
    place = Path(os.path.realpath(target))
    return place.parent / f".mssn-{hashlib.sha256(os.fsencode(place.name)).hexdigest()[:16]}.work"


def hold(file: IO[bytes]) -> bool:
    """Mark a temporary file as in use, until it is closed; whether nobody else holds it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks, where age alone must tell
        return True
    return True


def sweep(folder: Path) -> None:
    """Remove what killed processes left and nobody holds: files untouched for a day, folders for two weeks.

    Names of machines and numbers of processes would tell nothing: containers that share a folder share them,
    too. Some network folders do not show the locks of other machines, hence the age.
    """
    with suppress(OSError):
        for file in list(folder.glob(".mssn-*.part")):
            with suppress(OSError):
                if time.time() - file.stat().st_mtime > ABANDONED:
                    with open(file, "r+b") as handle:  # some systems lock only what is open for writing
                        if hold(handle):
                            file.unlink()
        for work in list(folder.glob(".mssn-*.work")):
            with suppress(OSError):
                newest = max(file.stat().st_mtime for file in (work, *work.iterdir()))
                if time.time() - newest > FOLDER_ABANDONED:
                    with open(work / LOCK, "a+b") as handle:
                        if hold(handle):
                            shutil.rmtree(work)


def try_writing(folder: Path) -> None:
    """Make a temporary file and remove it again, before work whose result would have no place.

    Raises:
        OSError: No file can be made in the folder.
    """
    part = part_of(folder)
    part.touch(exist_ok=False)
    part.unlink()


def present(path: Path) -> os.stat_result | None:
    """What is there already under the name of a file to be written; None if nothing is.

    Raises:
        OSError: No file can be written there: the name is too long, or belongs to a folder, a device, or a
            link to nothing.
    """
    try:
        there = os.stat(path)
    except FileNotFoundError:
        if path.is_symlink():
            raise FileNotFoundError(
                errno.ENOENT, "is a link to a file that is not there", str(path)
            ) from None
        return None
    if stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder, not a file to write", str(path))
    if not stat.S_ISREG(there.st_mode):
        raise OSError(errno.EINVAL, "is a pipe or a device, not a file to write", str(path))
    return there


@contextmanager
def replacing(path: Path, *, durable: bool = False, part: Path | None = None) -> Iterator[BinaryIO]:
    """Open a hidden file beside `path`; it takes that name when the block ends without an error.

    As with `cp`, a link stays one and what it points to is replaced, a file that is replaced keeps its mode
    (and, where the system allows it, its owner), and a new one gets what the umask leaves.

    Args:
        path: Target; its folder must exist. Whatever is there stays until the end.
        durable: Wait until the bytes are on the disk before the old file goes.
        part: Name of the hidden file, on the same disk; default: a fresh one.

    Raises:
        OSError: It cannot be written; the target is untouched.
    """
    there = present(path)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    part = part or part_of(target.parent)
    try:
        with open(part, "x+b") as file:  # an ordinary open, which obeys the umask
            hold(file)
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if there is not None:
            _keep(part, there)
        os.replace(part, target)
    except BaseException:  # an interrupted writer must not leave its scraps behind either
        with suppress(OSError):
            part.unlink()
        raise


def _keep(part: Path, there: os.stat_result) -> None:
    """Give a new file the owner and the mode of the one it replaces."""
    mine = part.stat()
    if os.name == "posix" and (mine.st_uid, mine.st_gid) != (there.st_uid, there.st_gid):
        for owner in (-1, there.st_uid):  # the group first: giving a file away gives up the right to
            with suppress(OSError):
                os.chown(part, owner, there.st_gid)
    os.chmod(part, stat.S_IMODE(there.st_mode))
