"""The private folder in which uploads and results lie, and what a killed app left of its own."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from mssn.atomic import LOCK, hold
from mssn.errors import MssnError

PREFIX = "mssn-app-"
_YOUNG = 3600.0  # seconds that a folder without a lock may still be in the making


class Room:
    """A folder that only this user may look into, until `close`.

    It lies where the system has its temporary files (`TMPDIR`). What killed apps of this user left there goes
    first: a lock tells that nobody uses it.

    Args:
        place: Where to make it; default the system's temporary folder.

    Raises:
        MssnError: It cannot be made there.
    """

    def __init__(self, place: Path | None = None) -> None:
        try:
            # Python would pass over a TMPDIR that is full or missing.
            place = place or Path(os.environ.get("TMPDIR") or tempfile.gettempdir())
            sweep(place)
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))  # mode 0700
        except OSError as error:
            about = f"no folder for uploads can be made in {place or 'the system'} ({error.strerror})"
            raise MssnError(f"{about}; let TMPDIR name another place") from error
        self._lock = open(self.path / LOCK, "x+b")  # noqa: SIM115
        hold(self._lock)

    def new(self) -> Path:
        """A folder for one job."""
        return Path(tempfile.mkdtemp(dir=self.path))

    def close(self) -> None:
        """Remove all of it."""
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def sweep(place: Path) -> None:
    """Remove the folders of apps that were killed; those of others, or in use, stay."""
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError):
            about = folder.lstat()
            mine = not hasattr(os, "getuid") or about.st_uid == os.getuid()
            if mine and stat.S_ISDIR(about.st_mode) and _abandoned(folder, about.st_mtime):
                shutil.rmtree(folder)


def _abandoned(folder: Path, changed: float) -> bool:
    try:
        with open(folder / LOCK, "r+b") as lock:
            if not hold(lock):
                return False
            if os.name == "posix":
                return True
        (folder / LOCK).unlink()  # where there are no locks, a file that is open cannot be removed
        return True
    except FileNotFoundError:
        return time.time() - changed > _YOUNG
