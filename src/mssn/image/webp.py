"""WebP: how strongly it was compressed, and EXIF, which libvips would write anew.

Sources: RFC 9649 (WebP), section 2.7; RFC 6386 (VP8).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from io import BytesIO
from typing import IO, BinaryIO

from mssn.image.exif import MOST_EXIF

_WORST = 127  # the coarsest quantiser of VP8


def is_webp(head: bytes) -> bool:
    """Whether a file that starts like this is a WebP."""
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _chunks(webp: IO[bytes], *, of_frames: bool = False) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and length of the content of all chunks, or those of the frames of an animation, too."""
    place = 12
    webp.seek(place)
    while len(head := webp.read(8)) == 8:
        name, length = head[:4], int.from_bytes(head[4:], "little")
        yield name, place + 8, length
        # A frame's own chunks follow 16 bytes of its header.
        place += 8 + (16 if of_frames and name == b"ANMF" else length + length % 2)
        webp.seek(place)


def exif_blocks(webp: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The EXIF blocks, and where the names of their chunks stand.

    Args:
        webp: An open file.
    """
    for name, place, length in _chunks(webp):
        if name == b"EXIF":
            yield place - 8, webp.read(min(length, MOST_EXIF + 1))


def with_exif(webp: bytes, exif: bytes, width: int, height: int, *, alpha: bool) -> bytes:
    """A WebP without EXIF, with it.

    Args:
        webp: The file.
        exif: The block, from its "II" or "MM" on.
        width: In pixels.
        height: In pixels, of one frame.
        alpha: Whether anything is transparent.
    """
    # Behind everything but the XMP.
    end = next((place - 8 for name, place, _ in _chunks(BytesIO(webp)) if name == b"XMP "), len(webp))
    if webp[12:16] == b"VP8X":
        flags, rest = webp[20:30], webp[30:end]
    else:
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        flags, rest = bytes((0x10 * alpha, 0, 0, 0)) + size, webp[12:end]
    flags = bytes((flags[0] | 0x08,)) + flags[1:]
    return _riff(b"RIFF", b"WEBP" + _riff(b"VP8X", flags) + rest + _riff(b"EXIF", exif) + webp[end:])


def _riff(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def first_lossy(webp: bytes) -> bytes | None:
    """The beginning of the first picture that VP8 compressed; None if all were stored without loss.

    Args:
        webp: The file, or its beginning.
    """
    for name, place, length in _chunks(BytesIO(webp), of_frames=True):
        if name == b"VP8 ":
            return webp[place : place + min(length, 200)]
    return None


def quality_of(frame: bytes) -> int | None:
    """The quality, 0..100, at which libwebp would have made a picture, as near as it comes.

    libwebp takes 127 * (1 - c) for the quantiser, c being the cube root of 2/3 of the quality up to 75, and
    of twice the quality less 100 above (both in per cent), and varies it between parts of the picture.

    Args:
        frame: The beginning of a VP8 chunk's content; some 100 bytes are enough.

    Returns:
        The estimate, 1..100, or None if this is no VP8 key frame.

    Source: RFC 6386, sections 7 (the boolean decoder), 9.2 to 9.6 and 19.2 (the frame header).
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


def set_end(webp: BinaryIO, end: int) -> None:
    """Let the last frame of an animation stay until its end.

    Args:
        webp: Open for reading and writing.
        end: Milliseconds of the whole animation.
    """
    places = [place + 12 for name, place, _ in _chunks(webp) if name == b"ANMF"]
    for place in places[:-1]:
        webp.seek(place)
        end -= int.from_bytes(webp.read(3), "little")
    if places:
        webp.seek(places[-1])
        webp.write(min(max(end, 0), 2**24 - 1).to_bytes(3, "little"))
