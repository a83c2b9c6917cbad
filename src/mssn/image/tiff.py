"""TIFFs: what their directories say, one for each page, and how several become one.

Source: TIFF 6.0, section 2; BigTIFF; TIFF Technical Note 2 (JPEG in TIFF).
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Literal

_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # of both byte orders, the last two of BigTIFF
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_STRIPS, _ORIENTATION, _CHANNELS, _TILES = 273, 274, 277, 324
_UNIT, _EXTRA, _SAMPLES, _TABLES, _STREAM, _OLD_TABLES = 296, 338, 339, 347, 513, 519
_KIND = (_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _CHANNELS, _EXTRA, _SAMPLES)
_RGB, _LAB = 2, 8  # kinds of colours
_SMALLER, _MASK = 1, 4  # bits of a subfile's type
_NO_UNIT = 1
_FORMATS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # types of numbers that are asked for
_MOST_VALUES = 64  # of a tag, more are never needed
_MOST_ENTRIES = 1 << 16  # what a hostile file adds is not looked at


@dataclass(frozen=True)
class Directory:
    """One page.

    Attributes:
        values: The numbers of each tag, at most 64.
        places: Where the values of a tag lie in the file, and how many bytes they have.
    """

    values: dict[int, tuple[int, ...]] = field(default_factory=dict)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)

    def number(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        return self.values.get(tag, (default,))[0]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, as they are stored; 0 if the file does not say."""
        return self.number(_HEIGHT, 0), self.number(_WIDTH, 0)

    @property
    def nbytes(self) -> int:
        """Bytes of its pixels when they are decoded."""
        bits = max(8, *self.values.get(_BITS, (1,)))
        return math.prod(self.size) * self.number(_CHANNELS, 1) * bits // 8

    @property
    def kind(self) -> tuple[tuple[int, ...], ...]:
        """Equal for pages that can be decoded together: of one size, depth, colour and orientation."""
        return tuple(self.values.get(tag, ()) for tag in _KIND)

    @property
    def is_page(self) -> bool:
        """Whether it is a page, not a smaller copy of one, or its mask."""
        return not self.number(_SUBFILE, 0) & (_SMALLER | _MASK)

    @property
    def compression(self) -> int:
        """The method by its number; 1 is none."""
        return self.number(_COMPRESSION, 1)

    @property
    def is_lab_of_8_bits(self) -> bool:
        """Whether its colours are CIE L*a*b* of 8 bits each."""
        return (self.number(_PHOTOMETRIC, 0), self.values.get(_BITS)) == (_LAB, (8, 8, 8))

    def as_rgb(self, content: bytes) -> bytes:
        """The whole file, in which this page calls its colours RGB; numbers stay what they are."""
        place = self.places[_PHOTOMETRIC][0]
        order: Literal["little", "big"] = "little" if content[:2] == b"II" else "big"
        return content[:place] + _RGB.to_bytes(2, order) + content[place + 2 :]

    @property
    def extra(self) -> tuple[int, ...]:
        """What channels behind the colours are: 0 of no stated kind, 1 and 2 transparency."""
        return self.values.get(_EXTRA, ())

    @property
    def jpeg_tables(self) -> tuple[int, int] | None:
        """Where a JPEG stream with the page's tables lies, and how long it is."""
        if _TABLES in self.places:
            return self.places[_TABLES]
        if _STREAM in self.values:
            return self.number(_STREAM, 0), 1 << 16
        return None

    @property
    def old_table(self) -> int | None:
        """Where the 64 numbers of the first quantisation table lie (JPEG of TIFF 6.0)."""
        return self.number(_OLD_TABLES, 0) or None

    @property
    def first_strip(self) -> int:
        """Where the first strip or tile lies; 0 if the file does not say."""
        return self.number(_STRIPS, 0) or self.number(_TILES, 0)


def is_tiff(head: bytes) -> bool:
    """Whether a file that starts like this is a TIFF."""
    return head[:4] in _MARKS


def directories(file: IO[bytes], start: int = 0, most: int = _MOST_ENTRIES) -> Iterator[Directory]:
    """The directories of a TIFF, one for each page, up to what is damaged; none of any other file.

    Args:
        file: An open file; it may be read and written between two directories.
        start: Where the TIFF begins in it.
        most: Entries of all directories together.
    """
    file.seek(start)
    head = file.read(16)
    if not is_tiff(head):
        return
    order, big = "<" if head[:2] == b"II" else ">", head[2:4].strip(b"\0") == b"+"
    seen: set[int] = set()
    try:
        place = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
        while place and place not in seen:
            seen.add(place)
            file.seek(start + place)
            count = struct.unpack(order + ("Q" if big else "H"), file.read(8 if big else 2))[0]
            most -= count
            if most < 0:
                break
            body = file.read(count * (20 if big else 12))
            following = file.read(8 if big else 4)
            yield _directory(file, start, start + place + (8 if big else 2), order, big, body)
            place = struct.unpack(order + ("Q" if big else "I"), following)[0]
    except (struct.error, OverflowError, ValueError, OSError):
        pass  # whoever decodes the file will say what is wrong


def _directory(file: IO[bytes], start: int, body_start: int, order: str, big: bool, body: bytes) -> Directory:
    size, room = (20, 8) if big else (12, 4)
    directory = Directory()
    for at in range(0, len(body) - size + 1, size):
        tag, kind, number = struct.unpack_from(order + ("HHQ" if big else "HHI"), body, at)
        letter = _FORMATS.get(kind, "B")
        length = number * struct.calcsize(letter)
        value = body[at + size - room : at + size]
        directory.places[tag] = body_start + at + size - room, length
        if length > room:
            place = start + struct.unpack(order + ("Q" if big else "I"), value)[0]
            directory.places[tag] = place, length
            if tag not in (*_KIND, _STRIPS, _TILES, _OLD_TABLES):
                continue
            file.seek(place)
            value = file.read(min(length, _MOST_VALUES * struct.calcsize(letter)))
        fits = min(number, len(value) // struct.calcsize(letter), _MOST_VALUES)
        if fits and kind in _FORMATS:
            directory.values[tag] = struct.unpack_from(f"{order}{fits}{letter}", value)
    return directory


def without_unit(tiff: IO[bytes]) -> None:
    """Say of every page of a TIFF that its resolution has no unit, which leaves nothing but square pixels.

    Args:
        tiff: A file of libvips, open for reading and writing.
    """
    tiff.seek(0)
    order: Literal["little", "big"] = "little" if tiff.read(2) == b"II" else "big"
    for page in directories(tiff, most=sys.maxsize):
        if _UNIT in page.places:
            tiff.seek(page.places[_UNIT][0])
            tiff.write(_NO_UNIT.to_bytes(2, order))


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
