"""How a picture was stored: without loss, or compressed, and how strongly.

Read from the file's own tables, never guessed from its pixels.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from mssn.image.heif import is_heic, is_heif, is_lossless_avif
from mssn.image.jpeg import quality_of, quality_of_table
from mssn.image.jxl import head_of, is_jxl
from mssn.image.tiff import MARKS, Directory, directories

HEAD = 1 << 20  # bytes read of a file: tables come before the picture, thumbnails and profiles before them
_TIFF_JPEG, _TIFF_WEBP = (6, 7), 50001  # JPEG of TIFF 6.0 itself, and of its Technical Note 2
_WORST = 127  # the coarsest quantiser of VP8


@dataclass(frozen=True)
class Compression:
    """What its file tells of a picture's compression.

    Args:
        lossy: Whether something was thrown away.
        kind: "JPEG", "WebP", "JPEG XL", "AVIF" or "HEIC" of a lossy picture, also of one inside a TIFF.
        quality: 1..100 on the scale of libjpeg or libwebp, estimated; None where it is not known.
    """

    lossy: bool = True
    kind: str = ""
    quality: int | None = None


LOSSLESS = Compression(lossy=False)  # stored without loss, or from no file


def compression_of(file: IO[bytes], head: bytes) -> Compression:
    """How the picture in an open file was compressed.

    The quality of a JPEG is estimated from its quantisation table, also where the JPEG lies in a TIFF, that
    of a WebP from its first picture's header. JPEG XL is lossy if its colours were transformed, AVIF if its
    quantiser or its colour matrix loses anything. HEIC counts as lossy (its lossless form is rare);
    everything else is lossless.

    Args:
        file: The whole file; of a TIFF more than the head is looked at.
        head: Its first `HEAD` bytes, fewer if it is shorter.

    Source: RFC 9649 (WebP).
    """
    if head[:4] in MARKS:
        return _of_tiff(file)
    if head[:2] == b"\xff\xd8":
        return Compression(kind="JPEG", quality=quality_of(head))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _of_webp(head)
    if is_jxl(head):
        return _of_jxl(head)
    if is_heic(head):
        return Compression(kind="HEIC")
    return Compression(kind="AVIF") if is_heif(head) and not is_lossless_avif(file) else LOSSLESS


def _of_jxl(head: bytes) -> Compression:
    """Without the XYB transform it is stored as it was: without loss, or a JPEG as a JPEG."""
    try:
        found = head_of(BytesIO(head))
    except ValueError:  # whoever decodes it will say what is wrong
        return Compression(kind="JPEG XL")
    if found.jpeg:
        return Compression(kind="JPEG")
    return Compression(kind="JPEG XL") if found.xyb else LOSSLESS


def _of_tiff(file: IO[bytes]) -> Compression:
    """Of the first page."""
    page = next(directories(file), Directory())
    if page.compression == _TIFF_WEBP:
        return _of_webp(_read_at(file, page.first_strip, 1 << 16))
    if page.compression not in _TIFF_JPEG:
        return LOSSLESS
    if page.old_table and page.jpeg_tables is None:
        table = _read_at(file, page.old_table, 64)
        return Compression(kind="JPEG", quality=quality_of_table(table) if len(table) == 64 else None)
    # Without tables of its own, the page's strips are whole JPEG streams.
    place, length = page.jpeg_tables or (page.first_strip, 1 << 16)
    return Compression(kind="JPEG", quality=quality_of(_read_at(file, place, min(length, HEAD))))


def _read_at(file: IO[bytes], place: int, length: int) -> bytes:
    with suppress(OSError, OverflowError):  # no file is that long
        file.seek(place)
        return file.read(length)
    return b""


def _of_webp(head: bytes) -> Compression:
    frames = [content for name, content in _webp_chunks(head, 12) if name == b"VP8 "]
    return Compression(kind="WebP", quality=webp_quality(frames[0])) if frames else LOSSLESS


def _webp_chunks(data: bytes, place: int) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of all chunks, those of the frames of an animation included."""
    while place + 8 <= len(data):
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        yield name, data[place + 8 : place + 8 + length]
        # A frame's own chunks follow 16 bytes of its header.
        place += 8 + (16 if name == b"ANMF" else length + length % 2)


def webp_quality(frame: bytes) -> int | None:
    """The quality, 0..100, at which libwebp would have made a picture, as near as it comes.

    libwebp takes 127 * (1 - c) for the quantiser, c being the cube root of 2/3 of the quality up to 75, and
    of twice the quality less 100 above (both in per cent), and varies it between parts of the picture.

    Args:
        frame: The beginning of a VP8 chunk's content; some 100 bytes are enough.

    Returns:
        The estimate, 1..100, or None if this is no VP8 key frame.

    Source: RFC 6386 (VP8), sections 7 (the boolean decoder), 9.2 to 9.6 and 19.2 (the frame header).
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
