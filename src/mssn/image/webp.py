"""How strongly a lossy WebP was compressed, from the header of its VP8 picture.

Source: RFC 6386 (VP8), sections 7 (the boolean decoder), 9.2 to 9.6 and 19.2 (the frame header).
"""

from __future__ import annotations

import statistics

_WORST = 127  # the coarsest quantiser


def quality(frame: bytes) -> int | None:
    """The quality, 0..100, at which libwebp would have made a picture, as near as it comes.

    libwebp takes 127 * (1 - c) for the quantiser, c being the cube root of 2/3 of the quality up to 75, and
    of twice the quality less 100 above (both in per cent), and varies it between parts of the picture.

    Args:
        frame: The beginning of a VP8 chunk's content; some 100 bytes are enough.

    Returns:
        The estimate, 1..100, or None if this is no VP8 key frame.
    """
    if frame[3:6] != b"\x9d\x01\x2a" or frame[0] & 1:
        return None
    try:
        level = _quantiser(_Bits(frame[10:200]))
    except IndexError:
        return None
    share = (1 - level / _WORST) ** 3
    return max(round(100 * (1.5 * share if share < 0.5 else (share + 1) / 2)), 1)


class _Bits:
    """The boolean decoder, for bits that are 0 as often as 1."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 2
        self._value, self._range, self._count = data[0] << 8 | data[1], 255, 0

    def number(self, bits: int) -> int:
        """An unsigned number of so many bits, the highest first."""
        found = 0
        for _ in range(bits):
            split = 1 + ((self._range - 1) * 128 >> 8)
            bit = self._value >= split << 8
            if bit:
                self._range, self._value = self._range - split, self._value - (split << 8)
            else:
                self._range = split
            while self._range < 128:
                self._value, self._range = self._value << 1, self._range << 1
                self._count += 1
                if self._count == 8:
                    self._count = 0
                    self._value |= self._data[self._place]
                    self._place += 1
            found = 2 * found + bit
        return found

    def optional(self, bits: int) -> int:
        """A signed number, 0 where it is left out."""
        if not self.number(1):
            return 0
        found = self.number(bits)
        return -found if self.number(1) else found


def _quantiser(bits: _Bits) -> float:
    """The quantiser of the coefficients, the mean over the picture's segments."""
    bits.number(2)  # colour space, clamping
    levels, absolute = [0], False
    if bits.number(1):  # segments
        has_map, has_data = bits.number(1), bits.number(1)
        if has_data:
            absolute = bool(bits.number(1))
            levels = [bits.optional(7) for _ in range(4)]
            for _ in range(4):  # of the loop filter
                bits.optional(6)
        for _ in range(3 * has_map):
            if bits.number(1):
                bits.number(8)
    bits.number(1 + 6 + 3)  # the loop filter: kind, level, sharpness
    if bits.number(1) and bits.number(1):
        for _ in range(8):
            bits.optional(6)
    bits.number(2)  # partitions
    base = bits.number(7)
    return statistics.mean(levels) if absolute else base + statistics.mean(levels)
