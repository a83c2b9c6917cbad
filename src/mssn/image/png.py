"""PNG chunks that libvips neither reads nor writes: colour tags and text. They travel as they stand.

Source: PNG, third edition (W3C, 2025), sections 5 (chunks), 11.3.2 (colour), 11.3.3 (text), 11.3.6 (frames).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from mssn.image.exif import MOST_EXIF

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Chunk = tuple[bytes, bytes]
"""Name and content."""
_COLOURS = {b"cICP": 4, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"mDCV": 24, b"cLLI": 8}  # and their lengths
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp\0"  # a text that is no text, and read and written by libvips
_MOST_TEXT = MOST_EXIF  # bytes
_REPEATED = (b"IDAT", b"fdAT", b"fcTL", b"sPLT")  # every other chunk may stand in a file once
_MOST_PACKED, _MOST_SPARE = 2**16, 100
HIDDEN = b"noNe"  # ancillary, private


@dataclass(frozen=True)
class PngFacts:
    """What the chunks of a PNG say, from its beginning to its end.

    Attributes:
        frames: Frames of an animated PNG, of which decoders that do not know them show the first.
        plays: How often these are shown; 0: for ever.
        colours: The first of each kind of colour tag.
        text: Texts that are not XMP.
        too_long: Whether there is more text than 16 MiB; then `text` is empty.
        resolution: Whether it states how many pixels a metre has.
        profile: Whether there is an ICC profile.
        exif: The first EXIF block and the place of its chunk's name.
        costly: Places of the names of chunks that libvips need not see, where there are many or long ones:
            texts, which it would inflate a thousandfold, and what may stand in a file only once.
    """

    frames: int
    plays: int
    colours: tuple[Chunk, ...]
    text: tuple[Chunk, ...]
    too_long: bool
    resolution: bool
    profile: bool
    exif: tuple[int, bytes] | None
    costly: tuple[int, ...]


def facts_of(file: IO[bytes]) -> PngFacts:
    """Look at all chunks but the pixels.

    Args:
        file: An open file.
    """
    frames, plays, too_long, resolution, pixels = 1, 0, False, False, False
    colours: dict[bytes, bytes] = {}
    text: list[Chunk] = []
    room, packed = _MOST_TEXT, 0
    exif: tuple[int, bytes] | None = None
    once: set[bytes] = set()
    spare: list[int] = []
    place = file.seek(len(SIGNATURE)) + 4  # of a chunk's name
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        tag = not pixels and length <= 64
        block = name == b"eXIf" and exif is None
        content = b""
        if tag or block or (name in _TEXT and length <= room):
            content = file.read(min(length, MOST_EXIF + 1))
        key = _XMP if content.startswith(_XMP) else name
        if key in _TEXT or (key in once and name not in _REPEATED):
            spare.append(place)
            packed += length * (name in _TEXT[1:])
        once.add(key)
        if key in _TEXT:
            too_long = too_long or length > room
            if len(content) == length:
                text.append((name, content))
                room -= length
        elif name == b"acTL" and tag:
            frames, plays = max(int.from_bytes(content[:4], "big"), 1), int.from_bytes(content[4:8], "big")
        elif block:
            exif = place, content
        elif name == b"pHYs":
            resolution = content[8:9] == b"\1"
        elif _COLOURS.get(name) == len(content):
            colours.setdefault(name, content)
        pixels = pixels or name == b"IDAT"
        place += 12 + length
        file.seek(place - 4)
    kept = () if too_long else tuple(text)
    costly = tuple(spare) if packed > _MOST_PACKED or len(spare) > _MOST_SPARE else ()
    profile = b"iCCP" in once
    return PngFacts(frames, plays, tuple(colours.items()), kept, too_long, resolution, profile, exif, costly)


def hide_chunk(png: bytearray, place: int) -> None:
    """Turn a chunk into one that every decoder passes over.

    Args:
        png: A file.
        place: Where the chunk's name stands.
    """
    png[place : place + 4] = HIDDEN
    end = place + 4 + int.from_bytes(png[place - 4 : place], "big")
    png[end : end + 4] = zlib.crc32(memoryview(png)[place:end]).to_bytes(4, "big")


def chunk(name: bytes, content: bytes) -> bytes:
    """A chunk as it stands in a file."""
    return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")


def with_chunks(start: bytes | bytearray, added: list[Chunk], *, resolution: bool) -> bytes | None:
    """The start of a PNG with more chunks behind its header.

    Args:
        start: The first bytes of a file.
        added: What belongs in front of palette and pixels.
        resolution: False to leave the resolution out.

    Returns:
        The same with the chunks, or None if the pixels do not begin in it yet.
    """
    places = list(_places(start))
    if not places or places[-1][0] != b"IDAT":
        return None
    (_, _, behind), *others, (_, pixels, _) = places
    kept = [start[a:b] for name, a, b in others if name != b"pHYs" or resolution]
    new = [chunk(*each) for each in added]
    return b"".join([start[:behind], *new, *kept, start[pixels:]])


def _places(start: bytes | bytearray) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of the chunks up to the first of the pixels; of some the end is still to come.

    It is asked again and again while the start grows, so nothing of it is copied.
    """
    place, name = len(SIGNATURE), b""
    while place + 8 <= len(start) and name != b"IDAT":
        end = place + 12 + int.from_bytes(start[place : place + 4], "big")
        name = start[place + 4 : place + 8]
        yield bytes(name), place, end
        place = end
