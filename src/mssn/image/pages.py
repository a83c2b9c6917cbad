"""TIFFs of one page each, joined into one: for pages that differ in size or kind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any


def join(file: IO[bytes], pages: Iterable[bytes]) -> None:
    """Write pages one after the other; only one of them is held in memory at a time.

    Args:
        file: An empty file, open for reading and writing.
        pages: A whole TIFF each; all of them plain, or all BigTIFFs.

    Raises:
        OSError: The file cannot be written.
    """
    from PIL.TiffImagePlugin import AppendingTiffWriter  # here, because hardly any file needs it

    writer: Any = AppendingTiffWriter(file)
    for page in pages:
        writer.write(page)
        writer.newFrame()
