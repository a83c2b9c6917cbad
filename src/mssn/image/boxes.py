"""Boxes, of which AVIF, HEIC and JPEG XL files are made: what they are called and where they lie.

Source: ISO/IEC 14496-12, sections 4.2 (boxes) and 8.11.3 (iloc, the places of items).
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

_MOST_PARTS = 2**16  # of all items; libheif takes no more than 32 of each of 1000


def outer_boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and length of the content of the outermost boxes, up to what is damaged.

    Args:
        file: An open file; it may be read between two boxes.
    """
    place = 0
    with suppress(OSError, OverflowError):  # no file is that long
        file.seek(0)
        while len(head := file.read(16)) >= 8:
            size, start = int.from_bytes(head[:4], "big"), 8
            if size == 1:
                size, start = int.from_bytes(head[8:], "big"), 16
            size = size or sys.maxsize - place  # 0: up to the end
            if size < start:
                return
            yield head[4:8], place + start, size - start
            place += size
            file.seek(place)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the boxes in a box, up to what is damaged."""
    place = 0
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big") or len(data) - place
        if size < 8:
            return
        yield data[place + 4 : place + 8], data[place + 8 : place + size]
        place += size


def inside(data: bytes, *names: bytes) -> bytes:
    """The content of a box inside boxes; nothing where there is none."""
    for name in names:
        data = next((content for kind, content in boxes(data) if kind == name), b"")
    return data


def box(name: bytes, content: bytes) -> bytes:
    """A box as it stands in a file."""
    return struct.pack(">I", 8 + len(content)) + name + content


def locations(iloc: bytes) -> list[tuple[int, int, list[tuple[int, int]]]]:
    """Where items lie, up to what is damaged.

    Args:
        iloc: The content of the box that says so.

    Returns:
        (item, 0 for places in the file, its parts as (offset, length)) of each.
    """
    found: list[tuple[int, int, list[tuple[int, int]]]] = []
    if len(iloc) < 8:
        return found
    version, place, parts = iloc[0], 6, 0

    def number(size: int) -> int:
        nonlocal place
        place += size
        if place > len(iloc):
            raise EOFError
        return int.from_bytes(iloc[place - size : place], "big")

    wide = 4 if version == 2 else 2
    with suppress(EOFError):
        for _ in range(number(wide)):
            item, method = number(wide), number(2) & 15 if version else 0
            number(2)  # the file, which is this one
            base, count = number(iloc[5] >> 4), number(2)
            extents: list[tuple[int, int]] = []
            parts += count + 1
            if (
                parts > _MOST_PARTS
            ):  # their numbers may take no bytes, so that few bytes could name any number
                break
            for _ in range(count):
                number(iloc[5] & 15 if version else 0)
                extents.append((base + number(iloc[4] >> 4), number(iloc[4] & 15)))
            found.append((item, method, extents))
    return found
