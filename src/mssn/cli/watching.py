"""A folder that is watched: which of its files are whole, and where those go that cannot be enlarged."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mssn.errors import DataError, ImageError
from mssn.image.find import find_images
from mssn.image.formats import FILMS, READABLE
from mssn.upscaling.jobs import Job
from mssn.upscaling.naming import apart, writable

SETTLED = 2.0  # seconds without a change after which a file counts as whole
PATIENCE = 30.0  # the same of one that could not be read: whoever writes it may only be slow
_GONE = 0, 0, 0  # the stamp of a file that is not there
FAILED = "failed"  # the folder, in the one that is watched, into which such files go


@dataclass
class _Seen:
    """A file as it last was: its size and times, since when, and what became of it like that."""

    stamp: tuple[int, int, int]
    since: float
    failed: bool = False
    done: bool = False


class Watched:
    """A folder that is watched.

    Args:
        home: The folder.
        out: Where results go; files in it are nobody's input.
        tell: Takes a line about what stays as it is.
        clock: Seconds that only grow.

    Raises:
        ImageError: Results would go among the originals, or among what was set aside.
        DataError: There is no such folder.
    """

    def __init__(
        self,
        home: Path,
        out: Path,
        tell: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not home.is_dir():
            raise DataError(f"{home}: is no folder to watch")
        _check_apart(home.resolve(), out)
        self.home, self.out, self._tell, self._clock = home, out, tell, clock
        self._seen: dict[Path, _Seen] = {}
        self._told: set[str] = set()

    def ready(self) -> list[Job]:
        """What is whole and has no result yet, in the order a person would count.

        Raises:
            DataError: The folder is gone, or cannot be listed.
        """
        now, files = self._clock(), self._files()
        self._seen = {path: self._look(path, now) for path in files}
        jobs = [Job(path, writable(self.out / path.relative_to(self.home), path)) for path in files]
        return [job for job in apart(jobs)[0] if self._is_whole(job.source, now) and not self.is_there(job)]

    def is_there(self, job: Job) -> bool:
        """Whether a job's result is there; whether it is older than the file it is made of is told, once."""
        if not os.path.exists(job.target):
            return False
        with suppress(OSError):
            changed = job.source.stat().st_mtime > job.target.stat().st_mtime
            if changed:
                self._once(f"{job.source} is newer than {job.target}; remove that to have it made again")
        return True

    def done(self, job: Job) -> None:
        """Note that nothing is to be done any more, as long as the file stays as it is."""
        if (seen := self._seen.get(job.source)) is not None:
            seen.done = True

    def failed(self, job: Job, why: str) -> tuple[str, bool]:
        """Note that a file could not be enlarged.

        Returns:
            What becomes of it, and whether that is final; "" where the file has gone or changed meanwhile.
        """
        seen = self._seen.get(job.source)
        if seen is None or seen.stamp != _stamp(job.source):
            return "", False
        if not seen.failed:
            seen.failed, seen.since = True, self._clock()
            return f"it is tried again in {PATIENCE:.0f} s", False
        aside, target = self.home / FAILED, self.home / FAILED / job.source.relative_to(self.home)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(f"{target}.txt").write_text(f"{why}\n", encoding="utf-8")
            shutil.move(job.source, target)
        except OSError as error:
            seen.done = True
            return f"it stays there, because it cannot be moved into {aside} ({error.strerror})", True
        return f"it was moved into {aside}", True

    def _files(self) -> Sequence[Path]:
        try:
            os.scandir(self.home).close()
        except OSError as error:
            why = f"cannot be listed: {error.strerror}" if self.home.is_dir() else "is gone"
            raise DataError(f"{self.home}: the folder that is watched {why}") from error
        unreadable: list[str] = []
        try:
            found = find_images(self.home, unreadable, endings=(*READABLE, *FILMS))
        except DataError:
            found = []  # nothing in it yet
        for line in unreadable:
            self._once(f"mssn: {line}")
        left_out = [self.out.resolve(), (self.home / FAILED).resolve()]
        return [path for path in found if not any(folder in path.resolve().parents for folder in left_out)]

    def _once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._tell(line)

    def _look(self, path: Path, now: float) -> _Seen:
        stamp, before = _stamp(path), self._seen.get(path)
        return before if before is not None and before.stamp == stamp else _Seen(stamp, now)

    def _is_whole(self, path: Path, now: float) -> bool:
        seen = self._seen.get(path)
        if seen is None or seen.done or seen.stamp == _GONE:
            return False
        if seen.stamp[0] == 0:
            if now - seen.since >= PATIENCE:
                self._once(f"{path} is empty; it waits for its content")
            return False
        return now - seen.since >= (PATIENCE if seen.failed else SETTLED)


def _check_apart(home: Path, out: Path) -> None:
    """Refuse a folder for results in which they would be taken for originals, or meet what was set aside."""
    place = out.resolve()
    if place == home:
        raise ImageError(f"{out}: is the folder that is watched; choose another for the results")
    if place in home.parents:
        raise ImageError(f"{out}: holds the folder that is watched; choose another for the results")
    if home / FAILED in (place, *place.parents):
        raise ImageError(f"{out}: is where failures are set aside; choose another folder for the results")


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes with a file."""
    try:
        about = path.stat()
    except OSError:
        return _GONE
    return about.st_size, about.st_mtime_ns, about.st_ino
