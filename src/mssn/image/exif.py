"""EXIF and Photoshop blocks: the few bytes that must change when a picture is turned or enlarged.

Everything else stays in its place, byte for byte, because maker notes hold offsets into the block.

Source: TIFF 6.0, section 2 (header, directory, 12-byte entries); Exif 2.32 (CIPA DC-008), sections 4.5 and
4.6; Adobe Photoshop File Formats Specification (2019), "Image Resources Section".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_ORIENTATION, _X, _Y, _UNIT = 0x0112, 0x011A, 0x011B, 0x0128
_INCH, _CENTIMETRE = 2, 3
_WIDTHS, _HEIGHTS, _SIZES = (0x0100, 0xA002), (0x0101, 0xA003), 0x8769
_POINTERS = (_SIZES, 0x8825, 0xA005)  # to the directories of Exif, GPS, Interoperability
_THUMBNAIL, _LENGTH = 0x0201, 0x0202
_SHORT, _LONG, _RATIONAL = 3, 4, 5
MOST_EXIF = 2**24 - 64  # bytes of a block
EXIF_MARK = b"Exif\0\0"  # in front of it in some formats
_PHOTOSHOP = b"Photoshop 3.0\0"
_OUTDATED = (0x03ED, 0x0409, 0x040C)  # resolution, which other blocks state; thumbnails, old and new


class _Entry(NamedTuple):
    tag: int
    kind: int
    place: int  # of its 12 bytes


class _Block:
    """An EXIF block whose numbers can be read and changed where they stand.

    Raises:
        struct.error: It is damaged.
    """

    def __init__(self, exif: bytes) -> None:
        self.data = bytearray(exif)
        self.start = len(EXIF_MARK) if exif.startswith(EXIF_MARK) else 0
        order = {b"II": "<", b"MM": ">"}.get(exif[self.start : self.start + 2])
        if order is None:
            raise struct.error
        self.order = order
        self.first = self.start + self.get("I", self.start + 4)

    def get(self, kind: str, place: int) -> int:
        return struct.unpack_from(self.order + kind, self.data, place)[0]

    def put(self, kind: str, place: int, *values: int) -> None:
        struct.pack_into(self.order + kind, self.data, place, *values)

    def entries(self, directory: int) -> Iterator[_Entry]:
        size, start = 12 * self.get("H", directory), directory + 2
        there = bytes(self.data[start : start + size])
        tags = struct.iter_unpack(self.order + "HH8x", there[: len(there) // 12 * 12])
        for index, (tag, kind) in enumerate(tags):
            yield _Entry(tag, kind, start + 12 * index)
        if len(there) < size:
            raise struct.error

    def number(self, entry: _Entry) -> int:
        return self.get("H" if entry.kind == _SHORT else "I", entry.place + 8)

    def set_number(self, entry: _Entry, value: int) -> None:
        """A number at the left of its four bytes, which both byte orders want."""
        short = value < 65536
        self.put("HI", entry.place + 2, _SHORT if short else _LONG, 1)
        self.put("HH" if short else "I", entry.place + 8, *((value, 0) if short else (value,)))

    def rational(self, entry: _Entry) -> int:
        """Where the two numbers of a rational stand."""
        return self.start + self.get("I", entry.place + 8)


def is_hostile(exif: bytes) -> bool:
    """Whether a block would keep libexif, which libvips asks, busy for ever.

    That is so if directories are named more than once; blocks of 16 MiB count as such.
    """
    if len(exif) > MOST_EXIF:
        return True
    pointers, seen, waiting = 0, set[int](), list[int]()
    try:
        block = _Block(exif)
        waiting.append(block.first)
    except struct.error:
        return False
    while waiting:
        directory = waiting.pop()
        if directory in seen or pointers > len(_POINTERS):
            return True
        seen.add(directory)
        try:
            for entry in block.entries(directory):
                if entry.tag in _POINTERS:
                    pointers += 1
                    waiting.append(block.start + block.get("I", entry.place + 8))
            after = block.get("I", directory + 2 + 12 * block.get("H", directory))
            waiting += [block.start + after] if after and directory == block.first else []
        except struct.error:  # the entries in front of the damage count
            continue
    return False


def upright_exif(exif: bytes) -> bytes | None:
    """Set the orientation to 1, so that turned pixels are not turned again, and leave the thumbnail out.

    Args:
        exif: EXIF block, with or without its leading "Exif" mark.

    Returns:
        The block, or None if it is damaged (then no orientation can hide in it).
    """
    try:
        block = _Block(exif)
        for entry in block.entries(block.first):
            if entry.tag == _ORIENTATION:
                block.set_number(entry, 1)
        after = block.first + 2 + 12 * block.get("H", block.first)
    except struct.error:
        return None
    try:
        second = block.get("I", after)
        block.put("I", after, 0)
        if second:
            _erase_thumbnail(block, block.start + second)
    except struct.error:
        pass  # a directory without an end, or no second one: nothing to leave out
    return bytes(block.data)


def _erase_thumbnail(block: _Block, directory: int) -> None:
    """Blank the small picture that the second directory speaks of; at the end of the block, cut it off."""
    values = {entry.tag: block.number(entry) for entry in block.entries(directory)}
    start = block.start + values.get(_THUMBNAIL, 0)
    end = start + values.get(_LENGTH, 0)
    if not directory + 2 + 12 * len(values) <= start < end <= len(block.data):
        return
    if end >= len(block.data) - 1:  # a block may be padded to an even length
        del block.data[start:]
    else:
        block.data[start:end] = bytes(end - start)


def fitting_exif(exif: bytes, width: int, height: int, dpi: tuple[float, float] | None) -> bytes:
    """State the size and resolution of the picture it is written with, where the block states any.

    Args:
        exif: A block from `upright_exif`.
        width: In pixels.
        height: In pixels.
        dpi: Dots per inch, horizontal and vertical; None leaves what is there.
    """
    try:
        block = _Block(exif)
        entries = list(block.entries(block.first))
        units = [entry for entry in entries if entry.tag == _UNIT]
        per_inch = all(block.number(entry) == _INCH for entry in units)
        for entry in entries:
            if dpi and entry.tag in (_X, _Y) and entry.kind == _RATIONAL:
                _set_resolution(block, block.rational(entry), dpi[entry.tag == _Y], per_inch)
            elif dpi and entry.tag == _UNIT:
                block.set_number(entry, _INCH)
        for entry in [*entries, *_sizes(block, entries)]:
            if entry.tag in (*_WIDTHS, *_HEIGHTS):
                block.set_number(entry, width if entry.tag in _WIDTHS else height)
    except struct.error:
        return exif
    return bytes(block.data)


def _sizes(block: _Block, entries: list[_Entry]) -> list[_Entry]:
    """The entries of the directory that states the size."""
    places = [block.start + block.number(entry) for entry in entries if entry.tag == _SIZES]
    return list(block.entries(places[0])) if places else []


def _set_resolution(block: _Block, place: int, dpi: float, per_inch: bool) -> None:
    """A rational, unless it says so already."""
    above, below = block.get("I", place), block.get("I", place + 4)
    if not per_inch or not below or abs(above / below - dpi) > 0.06:  # readers round to a tenth
        block.put("II", place, round(dpi * 1000), 1000)


def resolution_of(exif: bytes) -> tuple[float, float] | None:
    """Dots per inch that an EXIF block states, horizontal and vertical."""
    try:
        block = _Block(exif)
        entries = {entry.tag: entry for entry in block.entries(block.first)}
        unit = block.number(entries[_UNIT]) if _UNIT in entries else _INCH
        places = [block.rational(entries[tag]) for tag in (_X, _Y)]
        across, down = (block.get("I", place) / block.get("I", place + 4) for place in places)
    except (struct.error, KeyError, ZeroDivisionError):
        return None
    factor = {_INCH: 1.0, _CENTIMETRE: 2.54}.get(unit, 0.0)
    return (across * factor, down * factor) if across * down * factor > 0 else None


def without_previews(block: bytes) -> bytes:
    """A Photoshop block (with IPTC in it) without the small pictures and the resolution of the original.

    Args:
        block: What an APP13 segment of a JPEG holds. One that is not Photoshop's, or damaged, stays.
    """
    if not block.startswith(_PHOTOSHOP):
        return block
    kept, place = [_PHOTOSHOP], len(_PHOTOSHOP)
    while block[place : place + 4] == b"8BIM" and place + 12 <= len(block):
        name = block[place + 6]
        head = place + 6 + (name + 2) // 2 * 2  # the name and its length fill an even number of bytes
        size = int.from_bytes(block[head : head + 4], "big")
        end = head + 4 + (size + 1) // 2 * 2
        if int.from_bytes(block[place + 4 : place + 6], "big") not in _OUTDATED:
            kept.append(block[place:end])
        place = end
    return b"".join([*kept, block[place:]])
