"""What libvips cannot write into JPEG, WebP and TIFF files: blocks as they are, and no resolution.

libvips writes EXIF anew, which loses unknown entries and breaks maker notes, and it always states a
resolution. So the blocks are put in here, around the pixels that it encoded.

Sources: JFIF 1.02; Exif 2.32, section 4.5; XMP specification, part 3 (2020), section 1.1.3 (JPEG); RFC 9649
(WebP), section 2.7; TIFF 6.0 and BigTIFF (2004).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from mssn.image.exif import MOST
from mssn.image.picture import Picture
from mssn.image.xmp import compact

MOST_SEGMENT = 65_533  # bytes in a segment of a JPEG
EXIF_MARK, XMP_MARK = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_UNIT, _NO_UNIT = 296, 1


def with_segments(start: bytes | bytearray, segments: list[tuple[int, bytes]]) -> bytes | None:
    """The start of a JPEG with segments in front of all others.

    Args:
        start: The first bytes of a file of libvips without JFIF, EXIF and XMP.
        segments: Markers (0xE1 for APP1) and contents.

    Returns:
        None if the start is too short to tell.
    """
    if len(start) < 2:
        return None
    parts = (bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    return b"".join([start[:2], *parts, start[2:]])


def jpeg_segments(picture: Picture, exif: bytes) -> list[tuple[int, bytes]]:
    """Marker and content of the first segments of a JPEG; what is too long for one is left out.

    Args:
        picture: Whose metadata they hold.
        exif: Its block, from its "II" or "MM" on.
    """
    wanted = [(0xE1, EXIF_MARK + exif)] if exif else []
    if picture.xmp:
        whole = XMP_MARK + picture.xmp
        wanted.append((0xE1, whole if len(whole) <= MOST_SEGMENT else XMP_MARK + compact(picture.xmp)))
    if picture.iptc:
        wanted.append((0xED, picture.iptc))
    if picture.black is None or picture.dpi:  # JFIF knows no inks, but where else is the resolution to go
        wanted.insert(0, (0xE0, _jfif(picture.resolution)))
    return [segment for segment in wanted if len(segment[1]) <= MOST_SEGMENT]


def _jfif(dpi: tuple[float, float] | None) -> bytes:
    """The content of the first segment, with or without a resolution."""
    unit, across, down = (1, *dpi) if dpi else (0, 1, 1)
    densities = (min(max(round(number), 1), 65535) for number in (across, down))
    return struct.pack(">5sHBHHBB", b"JFIF", 0x0102, unit, *densities, 0, 0)


def webp_with_exif(webp: bytes, exif: bytes, width: int, height: int, *, alpha: bool) -> bytes:
    """A WebP without EXIF, with it.

    Args:
        webp: The file.
        exif: The block, from its "II" or "MM" on.
        width: In pixels.
        height: In pixels, of one frame.
        alpha: Whether anything is transparent.
    """
    chunks = webp[12:]
    if chunks[:4] != b"VP8X":
        size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        chunks = _riff(b"VP8X", bytes((0x10 * alpha, 0, 0, 0)) + size) + chunks
    place = 0  # behind everything but the XMP
    while place < len(chunks) and chunks[place : place + 4] != b"XMP ":
        length = struct.unpack_from("<I", chunks, place + 4)[0]
        place += 8 + length + length % 2
    chunks = chunks[:place] + _riff(b"EXIF", exif) + chunks[place:]
    return _riff(b"RIFF", b"WEBP" + chunks[:8] + bytes((chunks[8] | 0x08,)) + chunks[9:])


def _riff(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def exif_of_jpeg(jpeg: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The EXIF blocks in front of the pixels, and where the letters "Exif" stand.

    Args:
        jpeg: An open file.
    """
    place = 2
    jpeg.seek(place)
    while len(head := jpeg.read(4)) == 4 and head[0] == 0xFF and head[1] != 0xDA:
        if head[1] == 0xFF:  # filling
            place += 1
        else:
            length = int.from_bytes(head[2:], "big")
            if head[1] == 0xE1 and jpeg.read(len(EXIF_MARK)) == EXIF_MARK:
                yield place + 4, jpeg.read(max(length - 2 - len(EXIF_MARK), 0))
            place += 2 + max(length, 2)
        jpeg.seek(place)


def exif_of_webp(webp: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The EXIF blocks, and where the names of their chunks stand.

    Args:
        webp: An open file.
    """
    place = 12
    webp.seek(place)
    while len(head := webp.read(8)) == 8:
        length = int.from_bytes(head[4:], "little")
        if head[:4] == b"EXIF":
            yield place, webp.read(min(length, MOST + 1))
        place += 8 + length + length % 2
        webp.seek(place)
