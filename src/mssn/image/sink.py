"""What an encoder of libvips writes, on its way into a file of Python, with a changed beginning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

import numpy as np
import pyvips

from mssn.image.scratch import release

Change = Callable[[bytearray], bytes | None]
"""Makes another beginning of a file's beginning; None if it must see more of it."""


_OFTEN = 2**16  # bytes written from one release to the next


def encode_to(
    image: pyvips.Image,
    file: BinaryIO,
    suffix: str,
    options: dict[str, Any],
    pixels: Sequence[np.ndarray],
    change: Change | None = None,
) -> None:
    """Encode into a file, which need not fit into memory.

    Args:
        image: What to encode.
        file: Open for reading and writing, at its beginning.
        suffix: Ending that chooses the format.
        options: Those of the encoder.
        pixels: Where the image's come from; of arrays that lie in files, what was encoded leaves the memory.
        change: Of formats that are written from the beginning to the end only.

    Raises:
        pyvips.Error: It cannot be encoded.
        OSError: It cannot be written.
    """
    sink = _Sink(file, change, pixels)
    # Python must not run in the main thread here: Ctrl-C would end in libvips, where nobody catches it.
    with ThreadPoolExecutor(1, "mssn-encode") as thread:
        try:
            thread.submit(image.write_to_target, sink.target, suffix, **options).result()
        except BaseException as error:
            if sink.failure is None:
                sink.failure = error  # if it is Ctrl-C, the encoder stops here
            raise sink.failure from None


class _Sink:
    """A target of libvips."""

    def __init__(self, file: BinaryIO, change: Change | None, pixels: Sequence[np.ndarray]) -> None:
        self.failure: BaseException | None = None
        self._pixels, self._written = pixels, 0
        self.target = pyvips.TargetCustom()
        self._file, self._change, self._start = file, change, bytearray()
        self.target.on_write(self._write)
        if change is None:  # TIFF goes back to what it has written
            self.target.on_read(self._read)
            self.target.on_seek(lambda offset, whence: self._try(file.seek, offset, whence))

    def _read(self, size: int) -> bytes | None:
        data = self._try(self._file.read, size)
        return data if isinstance(data, bytes) else None

    def _write(self, data: Any) -> int:
        return self._try(self._pass_on, bytes(data))

    def _pass_on(self, data: bytes) -> int:
        self._written += len(data)
        if self._written >= _OFTEN:
            self._written = 0
            for array in self._pixels:
                release(array)
        if self._change is None:
            return self._file.write(data)
        self._start += data
        changed = self._change(self._start)
        if changed is not None:
            self._file.write(changed)
            self._change = None
        return len(data)

    def _try(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """What the step returns; its failure is kept, because libvips knows none of Python's."""
        try:
            if self.failure is not None:
                return -1
            return step(*arguments)
        except BaseException as error:
            self.failure = error
            return -1
