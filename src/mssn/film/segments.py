"""What is made of a film piece by piece, so that a run that was stopped can go on.

The pieces lie in a hidden folder beside the target. Each is written under a temporary name, and renamed when
it is whole and on the disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from mssn.atomic import LOCK, hold, work_folder
from mssn.errors import FilmError
from mssn.film.inputs import Numbered, is_pattern

_MANIFEST, _WHOLE, _PART = "manifest.json", "whole.json", "part"
_ENDS = 1 << 20  # bytes at either end of a source that tell it from another


class SegmentFolder:
    """The hidden folder of one target; held by one process at a time while its block runs.

    What another making left there stays if it was the same, else it is removed.

    Args:
        target: The file to be made.
        making: Everything that decides what the segments are, as JSON takes it.
    """

    def __init__(self, target: Path, making: Mapping[str, Any]) -> None:
        self.target, self.path = target, work_folder(target)
        self._making, self._held = dict(making), ExitStack()
        self.segments: list[Path] = []  # those that are whole, in order
        self.state: dict[str, Any] | None = None  # what was kept with the last of them

    def __enter__(self) -> SegmentFolder:
        with naming(self.target):
            self._take()
            try:
                if _json_in(self.path / _MANIFEST) != self._making:
                    for left in self.path.iterdir():
                        if left.name != LOCK:
                            left.unlink()
                    self._put(_MANIFEST, self._making)
                self.part.unlink(missing_ok=True)
                self._look()
            except BaseException:
                self._leave()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        if not self._found():  # nothing to go on from
            self.remove()
        self._held.close()

    def _look(self) -> None:
        """Find the segments that are whole; what lies behind the first one that is not is made again."""
        found = self._found()
        for number, segment in enumerate(found):
            state = _json_in(self._state(number))
            if state is None or segment.name != _name(number, segment):  # what a failing disk made of it
                for left in reversed(found[number:]):  # without a gap at any moment
                    left.unlink()
                return
            self.segments.append(segment)
            self.state = state

    def _found(self) -> list[Path]:
        return sorted(self.path.glob("[0-9]*-*"))

    def _state(self, number: int) -> Path:
        return self.path / f"{number:06}.json"

    def _take(self) -> None:
        """Make the folder and hold it.

        Raises:
            FilmError: Another process holds it.
        """
        while True:
            self.path.mkdir(exist_ok=True)
            try:
                lock = self._held.enter_context(open(self.path / LOCK, "a+b"))  # noqa: SIM115
            except FileNotFoundError:  # it was removed just now
                continue
            if not hold(lock):
                raise FilmError(
                    f"{self.target}: is being made by another mssn; wait until it is done, or choose another "
                    "output"
                )
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock.fileno()), os.stat(self.path / LOCK)):
                    return
            self._held.close()

    @property
    def whole(self) -> dict[str, Any] | None:
        """What was kept when all segments were; None if some are missing."""
        about = _json_in(self.path / _WHOLE)
        return about if about and about["segments"] == len(self.segments) else None

    @property
    def part(self) -> Path:
        """Where the next segment is written."""
        return self.path / _PART

    def keep(self, state: Mapping[str, Any]) -> None:
        """The next segment is whole: it gets its name.

        Args:
            state: Where the frames behind it are, as JSON takes it.
        """
        _sync(self.part)
        number = len(self.segments)
        told = self._state(number)  # there before the segment is, so it may be written in place
        told.write_text(json.dumps(state), "utf-8")
        _sync(told)
        segment = self.path / _name(number, self.part)
        os.replace(self.part, segment)
        _sync(self.path)
        self.segments.append(segment)
        self.state = dict(state)

    def keep_whole(self, about: Mapping[str, Any]) -> None:
        """All segments are there; this is to be known when they are joined."""
        self._put(_WHOLE, {**about, "segments": len(self.segments)})

    def remove(self) -> None:
        """Nothing of it is needed any more."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _put(self, name: str, content: Mapping[str, Any]) -> None:
        self.part.write_text(json.dumps(content, indent=1), "utf-8")
        _sync(self.part)
        os.replace(self.part, self.path / name)
        _sync(self.path)


@contextmanager
def naming(target: Path) -> Iterator[None]:
    """Name the target, not what lies in the folder, where something cannot be written.

    Raises:
        FilmError: It cannot.
    """
    try:
        yield
    except (FilmError, OSError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError):
            raise
        why = cause.strerror or cause
        raise FilmError(
            f"{target}: cannot be written: {why}; the next run goes on from what is there"
        ) from error


def identity(source: Path) -> list[Any]:
    """What tells a file from another, and from itself after a change, without reading all of it."""
    if is_pattern(source):
        pictures = Numbered(source)
        stats = [(number, pictures.path(number).stat()) for number in pictures.row()]
        return [[number, about.st_size, about.st_mtime_ns] for number, about in stats]
    about, digest = source.stat(), hashlib.sha256()
    with open(source, "rb") as file:
        digest.update(file.read(_ENDS))
        file.seek(max(0, about.st_size - _ENDS))
        digest.update(file.read(_ENDS))
    return [about.st_size, about.st_mtime_ns, digest.hexdigest()]


def _name(number: int, segment: Path) -> str:
    """A segment's name, which says what is in it."""
    with open(segment, "rb") as file:
        return f"{number:06}-{hashlib.file_digest(file, 'sha256').hexdigest()[:32]}"


def _json_in(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):  # not there, or of a disk that failed
        return None


def _sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    with suppress(PermissionError):  # Windows opens no folders, and needs not
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
