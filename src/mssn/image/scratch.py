"""Arrays too large for memory: they live in temporary files, and what is done with leaves the memory."""

from __future__ import annotations

import mmap
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from mssn.atomic import hold, part_of
from mssn.errors import ImageError


class ScratchArrays:
    """Makes arrays, those above a limit in temporary files; the files go when the block ends.

    Args:
        limit: Bytes of the largest array to hold in memory.
        folder: Where files are made when they are needed.
    """

    def __init__(self, limit: int, folder: Path) -> None:
        self.limit, self.folder = limit, folder
        self._files: list[Path] = []
        self._held = ExitStack()  # the files, open, which tells others that they are in use

    def __enter__(self) -> ScratchArrays:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the files; arrays in them must not be used any more."""
        self._held.close()
        for file in self._files:
            with suppress(OSError):  # where an open file cannot be removed, an array of it is still in use
                file.unlink()
        self._files.clear()

    def holds(self, size: int) -> bool:
        """Whether an array of so many bytes would go into a file."""
        return size > self.limit

    def new_file(self) -> Path:
        """A name for a temporary file; whoever asks makes it."""
        file = part_of(self.folder)
        self._files.append(file)
        return file

    def empty(self, shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
        """An array to be filled.

        Raises:
            ImageError: There is no room for its file.
        """
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if not self.holds(size):
            return np.empty(shape, dtype)
        file = self.new_file()
        try:
            handle = self._held.enter_context(open(file, "x+b"))  # noqa: SIM115
            hold(handle)
            if hasattr(os, "posix_fallocate"):  # a full disk shows here, not as a crash in the middle
                os.posix_fallocate(handle.fileno(), 0, size)
            else:
                handle.truncate(size)
        except OSError as error:
            needed = f"{size / 2**20:.0f} MiB of a picture's pixels"
            raise ImageError(f"{self.folder}: no room for {needed} ({error.strerror})") from error
        return np.memmap(file, dtype, "r+", shape=shape)


def in_memory(shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """An array to be filled, in memory whatever its size; what `ScratchArrays.empty` is for small ones."""
    return np.empty(shape, dtype)


def release(array: np.ndarray) -> None:
    """Let the parts of a file's array that are in memory leave it; they come back when touched."""
    root = _root(array)
    pages = None if root is None else getattr(root, "_mmap", None)
    if pages is not None and hasattr(pages, "madvise"):
        pages.madvise(mmap.MADV_DONTNEED)


def _root(array: np.ndarray) -> np.memmap | None:
    root = array
    while isinstance(root.base, np.ndarray):
        root = root.base
    return root if isinstance(root, np.memmap) else None
