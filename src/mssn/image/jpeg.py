"""JPEGs: what their segments say (compression, other pictures, EXIF), and segments put in front of them.

Sources: ITU-T T.81 (JPEG); JFIF 1.02; Exif 2.32, section 4.5; CIPA DC-007 (the multi-picture format).
"""

from __future__ import annotations

import re
import statistics
import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import IO

from mssn.image.exif import EXIF_MARK
from mssn.image.tiff import directories

# The luminance table of the JPEG standard (ITU-T T.81, table K.1) in zigzag order, as files store it.
_STANDARD = (
    *(16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40),
    *(26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51),
    *(56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87),
    *(95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99),
)
_TABLES, _SCAN, APP0, APP1, _APP2, APP13 = 0xDB, 0xDA, 0xE0, 0xE1, 0xE2, 0xED
_COMMENT = 0xFE
MOST_SEGMENT = 65_533  # bytes in a segment
_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"  # marks a JPEG that has one (ISO 21496-1); Google's mark is XMP:
_GAIN_MAP_XMP = re.compile(rb'hdrgm:Version\s*=\s*["\'][^"\'<>]*["\']')
_PICTURES = 0xB002  # the tag that lists the pictures of a file, 16 bytes each
_PREVIEW = 1  # the class of pictures that are smaller copies of the first


def is_jpeg(head: bytes) -> bool:
    """Whether a file that starts like this is a JPEG."""
    return head[:2] == b"\xff\xd8"


def quality_of(data: bytes) -> int | None:
    """The quality at which libjpeg would have made the first table of a JPEG stream, 1..100, or None."""
    for marker, _, content in _segments(BytesIO(data)):
        if marker != _TABLES:
            continue
        while content:
            wide, number = content[0] >> 4, content[0] & 15
            size = 128 if wide else 64
            values, content = content[1 : 1 + size], content[1 + size :]
            if number or len(values) < size:
                continue
            return quality_of_table(struct.unpack(">64H", values) if wide else values)
    return None


def quality_of_table(table: Sequence[int]) -> int:
    """The quality at which libjpeg would have made a luminance table, as near as it comes, 1..100.

    libjpeg multiplies the standard table by 50/quality below 50 and by 2 - quality/50 above, in per cent.

    Args:
        table: 64 numbers in zigzag order.
    """
    # Entries that were clipped or rounded to 1 tell little; the median is of the others.
    ratios = [
        100 * entry / standard for entry, standard in zip(table, _STANDARD, strict=True) if 1 < entry < 255
    ]
    if not ratios:
        return 100 if max(table) <= 1 else 1
    percent = statistics.median(ratios)
    quality = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return min(max(round(quality), 1), 100)


def _segments(jpeg: IO[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """(marker, place of the content, content) of each segment before the picture."""
    place = 2
    jpeg.seek(place)
    while len(head := jpeg.read(4)) == 4 and head[0] == 0xFF and head[1] != _SCAN:
        if head[1] == 0xFF:  # filling, of any length
            block = head + jpeg.read(4096)
            place += len(block) - len(block.lstrip(b"\xff")) - 1
        else:
            length = max(int.from_bytes(head[2:], "big"), 2)
            yield head[1], place + 4, jpeg.read(length - 2)
            place += 2 + length
        jpeg.seek(place)


def pictures_in(data: bytes) -> int:
    """Pictures in a JPEG file: more than 1 in multi-picture files of stereo and burst cameras.

    Previews do not count; a gain map does, because the list does not tell what it is.

    Args:
        data: The beginning of the file, up to the picture at least.
    """
    for marker, _, content in _segments(BytesIO(data)):
        if marker == _APP2 and content[:4] == b"MPF\0":
            for directory in directories(BytesIO(content), 4):
                place, length = directory.places.get(_PICTURES, (0, 0))
                order = "<" if content[4:6] == b"II" else ">"
                listed = content[place : place + length]
                kinds = [
                    struct.unpack_from(order + "I", listed, at)[0] >> 16 & 255
                    for at in range(0, len(listed) - 15, 16)
                ]
                return 1 + sum(kind != _PREVIEW for kind in kinds[1:])
    return 1


def has_gain_map(data: bytes) -> bool:
    """Whether a JPEG says that a gain map follows it, from which viewers make a brighter picture (Ultra HDR).

    Args:
        data: The beginning of the file, up to the picture at least.
    """
    return any(
        (marker == _APP2 and content.startswith(_GAIN_MAP))
        or (marker == APP1 and _GAIN_MAP_XMP.search(content) is not None)
        for marker, _, content in _segments(BytesIO(data))
    )


def has_comment(data: bytes) -> bool:
    """Whether there is one among the first segments, which libvips does not tell."""
    return any(marker == _COMMENT for marker, _, _ in _segments(BytesIO(data)))


def without_gain_map(xmp: bytes) -> bytes:
    """The XMP packet without the mark that promises a gain map."""
    return _GAIN_MAP_XMP.sub(b"", xmp)


def exif_blocks(jpeg: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The EXIF blocks in front of the picture, and where the letters "Exif" stand.

    Args:
        jpeg: An open file.
    """
    for marker, place, content in _segments(jpeg):
        if marker == APP1 and content.startswith(EXIF_MARK):
            yield place, content.removeprefix(EXIF_MARK)


def with_segments(start: bytes | bytearray, segments: list[tuple[int, bytes]]) -> bytes | None:
    """The start of a JPEG with segments in front of all others.

    Args:
        start: The first bytes of a file of libvips without JFIF, EXIF and XMP.
        segments: Markers (`APP1`) and contents.

    Returns:
        None if the start is too short to tell.
    """
    if len(start) < 2:
        return None
    parts = (bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    return b"".join([start[:2], *parts, start[2:]])


def jfif(dpi: tuple[float, float] | None) -> bytes:
    """The content of the JFIF segment, with or without a resolution."""
    unit, across, down = (1, *dpi) if dpi else (0, 1, 1)
    densities = (min(max(round(number), 1), 65535) for number in (across, down))
    return struct.pack(">5sHBHHBB", b"JFIF", 0x0102, unit, *densities, 0, 0)
