"""Folders of this machine, or what is mounted there."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from mssn import atomic
from mssn.cluster.faults import MissingError, RefusedError, StoreError, only_a_file
from mssn.cluster.names import is_ours, shown, tree_path
from mssn.cluster.store import Entry

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


class Local:
    """A folder; see `mssn.cluster.store.Store` for what its methods do.

    Args:
        root: The folder; it need not be there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def list(self, leave_out: Collection[str], needed: bool) -> Iterator[Entry]:
        """All files, each folder's names sorted when it is entered."""
        try:
            if not self.root.is_dir() and (needed or self.root.exists()):
                kind = "is a file, not a folder" if self.root.exists() else "no such folder"
                raise StoreError(f"{shown(self.root)}: {kind}")
            waiting = [self._inside("", leave_out)] if self.root.is_dir() else []
        except OSError as error:
            raise _fault(self.root, error, writing=True) from error
        while waiting:
            if not waiting[-1]:
                waiting.pop()
                continue
            name = os.fsdecode(waiting[-1].pop())
            if name.endswith("//"):  # a linked folder
                if needed:
                    yield Entry(name[:-1], 0, "")
                continue
            if name.endswith("/"):
                waiting.append(self._inside(name, leave_out))
                continue
            try:
                facts = os.stat(self.root / name)
            except OSError:
                if needed and os.path.islink(self.root / name):  # to nothing; else it is gone since
                    yield Entry(name, -1, "")
                continue
            if stat.S_ISREG(facts.st_mode):
                yield Entry(name, facts.st_size, f"{facts.st_size}-{facts.st_mtime_ns}")
            elif needed:
                yield Entry(name, -1, "")

    def _inside(self, folder: str, leave_out: Collection[str]) -> list[bytes]:
        """Full names of what is in a folder (folders end in "/", linked ones in "//"), the last one first."""
        names: list[bytes] = []
        try:
            with os.scandir(self.root / folder) as found:
                for entry in found:
                    name = folder + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if name not in leave_out and not is_ours(entry.name):
                            names.append(os.fsencode(name) + b"/")
                    elif not is_ours(entry.name):
                        linked = entry.is_symlink() and entry.is_dir()
                        names.append(os.fsencode(name) + b"//" * linked)
        except FileNotFoundError:
            if folder:  # gone since
                return []
            raise
        except OSError as error:
            raise _fault(self.root / folder, error, writing=True) from error
        return sorted(names, reverse=True)

    def fetch(self, name: str, sink: BinaryIO, size: int | None) -> None:
        """Copy a file."""
        try:
            only_a_file(shown(self.root / name), os.stat(self.root / name).st_mode)
            with open(self.root / name, "rb") as source:
                _copy(source, sink)
        except OSError as error:
            raise _fault(self.root / name, error) from error
        if size not in (None, sink.tell()):
            raise StoreError(f"{shown(self.root / name)}: has changed; it had {size} bytes")

    def send(self, name: str, content: Path | bytes) -> None:
        """Copy a file into its place."""
        path = self.root / tree_path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic.replacing(path) as sink:
                if isinstance(content, bytes):
                    sink.write(content)
                else:
                    with open(content, "rb") as source:
                        _copy(source, sink)
        except OSError as error:
            raise _fault(path, error, writing=True) from error

    def remove(self, name: str) -> None:
        """Remove a file."""
        try:
            (self.root / tree_path(name)).unlink(missing_ok=True)
        except NotADirectoryError:
            pass
        except OSError as error:
            raise _fault(self.root / name, error, writing=True) from error

    def sweep(self) -> None:
        """Remove what dead writers left."""
        for folder, _, names in os.walk(self.root):
            if any(is_ours(name) for name in names):
                atomic.sweep(Path(folder))


def _copy(source: BinaryIO, sink: BinaryIO) -> None:
    """Copy what is left of an open file."""
    shutil.copyfileobj(source, sink, 1 << 20)


def _fault(path: Path, error: OSError, *, writing: bool = False) -> StoreError:
    """What an error of the system means."""
    message = f"{shown(path)}: {error.strerror}"
    if isinstance(error, FileNotFoundError) and not writing:
        return MissingError(message)
    return (RefusedError if writing and error.errno in FULL else StoreError)(message)
