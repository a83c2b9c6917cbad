"""AVIF and HEIC by their boxes: which of both a file is, and whether an AVIF was stored without loss.

Source: ISO/IEC 14496-12 (boxes), 23008-12 (items), AV1 Image File Format 1.1, and the AV1 bitstream
specification, sections 5.5 (sequence header), 5.9 (frame header) and 7.12.2 (lossless).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_LARGEST_META, _MOST_BOXES = 1 << 20, 64
_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6  # kinds of AV1's units
_IDENTITY, _REVERSIBLE = 0, (0, 16, 17)  # colour matrices that lose nothing: none, YCgCo-Re, YCgCo-Ro
_BT709, _SRGB = 1, 13
_CHOOSE = 2  # each frame says for itself


def is_heif(head: bytes) -> bool:
    """Whether a file that starts like this is an AVIF, a HEIC or a film."""
    return head[4:8] == b"ftyp"


def is_heic(head: bytes) -> bool:
    """Whether a file that starts like this is a HEIC."""
    brands = head[8:12] + head[16 : int.from_bytes(head[:4], "big")]
    return is_heif(head) and any(brand in brands for brand in _HEIC)


def is_lossless_avif(file: IO[bytes]) -> bool:
    """Whether an AVIF's picture was stored without loss: finest quantiser, nothing lost to a colour matrix.

    Of a picture in tiles, the first one is looked at. What cannot be followed counts as lossy.

    Args:
        file: An open file.
    """
    try:
        file.seek(0)
        meta = next((content for kind, content in _boxes_of(file) if kind == b"meta"), b"")[4:]
        found = dict(_boxes(meta))  # of several of one kind the last; these come once
        place, length = _place(found[b"iloc"], _first_av1(found[b"iinf"][4:]))
        file.seek(place)
        return _is_lossless(file.read(min(length, 4096)))
    except (KeyError, IndexError, StopIteration, OSError, OverflowError):
        return False


def _boxes_of(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the outermost boxes of a file; of those that are too large nothing."""
    for _ in range(_MOST_BOXES):
        if len(head := file.read(8)) < 8:
            return
        length, start = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, start = int.from_bytes(file.read(8), "big"), 16
        if not start <= length <= _LARGEST_META:
            if length < start:
                return
            file.seek(length - start, 1)
            continue
        yield head[4:], file.read(length - start)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if length < 8:
            return
        yield data[place + 4 : place + 8], data[place + 8 : place + length]
        place += length


def _first_av1(infos: bytes) -> int:
    """The number of the first item that AV1 has encoded; the picture's come before its transparency's."""
    for version in (2, 4):  # bytes of how many items there are, in versions 0 and 1
        for kind, info in _boxes(infos[version:]):
            wide = 4 if info[:1] == b"\3" else 2
            if kind == b"infe" and info[6 + wide : 10 + wide] == b"av01":
                return int.from_bytes(info[4 : 4 + wide], "big")
    raise KeyError("av01")


def _place(iloc: bytes, wanted: int) -> tuple[int, int]:
    """Where an item's first bytes lie in the file, and how many they are."""
    version, sizes = iloc[0], iloc[4:6]
    offset_size, length_size = sizes[0] >> 4, sizes[0] & 15
    base_size, index_size = sizes[1] >> 4, sizes[1] & 15 if version else 0
    at = 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(iloc[at - size : at], "big")

    wide = 4 if version == 2 else 2
    for _ in range(number(wide)):
        if at >= len(iloc):
            break
        item, method = number(wide), number(2) & 15 if version else 0
        number(2)
        base, places = number(base_size), []
        for _ in range(number(2)):
            number(index_size)
            places.append((base + number(offset_size), number(length_size)))
        if item == wanted and not method and places:
            return places[0]
    raise KeyError(wanted)


class _Bits:
    """Bits, the highest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def number(self, bits: int) -> int:
        self._left -= bits
        if self._left < 0:
            raise IndexError("its head is cut short")
        return self._value >> self._left & ((1 << bits) - 1)

    def flag(self) -> bool:
        return bool(self.number(1))


class _Sequence:
    """What the head of an AV1 sequence says and the head of a frame, or losslessness, depends on."""

    def __init__(self, bits: _Bits) -> None:
        profile = bits.number(3)
        bits.flag()
        self.reduced = bits.flag()
        self.order_bits, self.tools, self.vectors = 0, _CHOOSE, _CHOOSE
        if self.reduced:
            bits.number(5)
        else:
            _refuse(bits.flag())  # timing: that is a film
            delay = bits.flag()
            for _ in range(bits.number(5) + 1):
                bits.number(12)
                if bits.number(5) > 7:
                    bits.flag()
                if delay and bits.flag():
                    bits.number(4)
        widths = bits.number(4) + 1, bits.number(4) + 1
        self.size = bits.number(widths[0]) + 1, bits.number(widths[1]) + 1
        self.size_bits = widths
        if not self.reduced:
            _refuse(bits.flag())  # numbered frames
        self.large_blocks = bits.flag()
        bits.number(2)
        if not self.reduced:
            bits.number(4)
            ordered = bits.flag()
            if ordered:
                bits.number(2)
            self.tools = _CHOOSE if bits.flag() else bits.number(1)
            if self.tools:
                self.vectors = _CHOOSE if bits.flag() else bits.number(1)
            if ordered:
                self.order_bits = bits.number(3) + 1
        self.shrinks = bits.flag()
        bits.number(2)
        self._colours(bits, profile)

    def _colours(self, bits: _Bits, profile: int) -> None:
        deep = bits.flag()
        deepest = profile == 2 and deep and bits.flag()
        self.grey = profile != 1 and bits.flag()
        described = (bits.number(8), bits.number(8), bits.number(8)) if bits.flag() else (2, 2, 2)
        self.matrix = described[2]
        if self.grey or described == (_BT709, _SRGB, _IDENTITY):
            self.whole = True
            return
        bits.flag()
        self.whole = profile == 1 or (deepest and not bits.flag())


def _refuse(condition: bool) -> None:
    if condition:
        raise KeyError("a form that no picture has")


def _is_lossless(units: bytes) -> bool:
    sequence, place = None, 0
    while place < len(units):
        kind, extended, sized = units[place] >> 3 & 15, units[place] & 4, units[place] & 2
        place += 2 if extended else 1
        length = 0
        for n in range(8 if sized else 0):
            length |= (units[place] & 127) << 7 * n
            place += 1
            if not units[place - 1] & 128:
                break
        content = units[place : place + length if sized else None]
        if kind == _SEQUENCE:
            sequence = _Sequence(_Bits(content[:64]))
            if not sequence.grey and not (sequence.whole and sequence.matrix in _REVERSIBLE):
                return False
        elif kind in (_FRAME, _FRAME_HEADER) and sequence is not None:
            return _quantiser(_Bits(content[:64]), sequence) == 0
        place += len(content)
    return False


def _quantiser(bits: _Bits, sequence: _Sequence) -> int:
    """The base quantiser of a frame that is a picture by itself; 0 is lossless."""
    resized = False
    if not sequence.reduced:
        _refuse(bits.number(4) != 0b0001)  # no frame shown again, a key frame, shown
    fixed = bits.flag()
    tools = bits.flag() if sequence.tools == _CHOOSE else bool(sequence.tools)
    if tools and sequence.vectors == _CHOOSE:
        bits.flag()
    if not sequence.reduced:
        resized = bits.flag()
    bits.number(sequence.order_bits)
    width, height = sequence.size
    if resized:
        width, height = (bits.number(number) + 1 for number in sequence.size_bits)
    if sequence.shrinks:
        _refuse(bits.flag())
    if bits.flag():
        bits.number(32)
    if tools:
        bits.flag()
    if not (sequence.reduced or fixed):
        bits.flag()
    _tiles(bits, width, height, 128 if sequence.large_blocks else 64)
    return bits.number(8)


def _tiles(bits: _Bits, width: int, height: int, block: int) -> None:
    """Pass over how the frame is cut into tiles."""
    columns, rows = -(-width // block), -(-height // block)
    widest, largest = 4096 // block, 4096 * 2304 // block**2
    _refuse(not bits.flag())  # tiles of different sizes
    most = (min(columns, 64) - 1).bit_length()
    wide = first = max(0, (-(-columns // widest) - 1).bit_length())
    while wide < most and bits.flag():
        wide += 1
    fewest = max((-(-columns * rows // largest) - 1).bit_length(), first)
    high = max(fewest - wide, 0)
    while high < (min(rows, 64) - 1).bit_length() and bits.flag():
        high += 1
    if wide or high:
        bits.number(wide + high + 2)
