"""Whether AV1, the codec of AVIF, stored a picture without loss.

Source: the AV1 bitstream specification, sections 5.5 (sequence header), 5.9 (frame header) and 7.12.2
(lossless).
"""

from __future__ import annotations

_SEQUENCE, _FRAME_HEADER, _FRAME = 1, 3, 6  # kinds of AV1's units
_IDENTITY, _REVERSIBLE = 0, (0, 16, 17)  # colour matrices that lose nothing: none, YCgCo-Re, YCgCo-Ro
_BT709, _SRGB = 1, 13
_CHOOSE = 2  # each frame says for itself


def is_lossless(units: bytes) -> bool:
    """Whether neither the quantiser nor the colour matrix loses anything; what cannot be followed does.

    Args:
        units: The beginning of the data; 4 KiB are enough.
    """
    try:
        return _is_lossless(units)
    except (IndexError, ValueError):
        return False


class _Bits:
    """Bits, the highest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def number(self, bits: int) -> int:
        self._left -= bits
        if self._left < 0:
            raise ValueError("its head is cut short")
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
        raise ValueError("a form that no picture has")


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
