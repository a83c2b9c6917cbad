"""PNG chunks that libvips neither reads nor writes: colour tags and text. They travel as they stand.

Source: PNG, third edition (W3C, 2025), sections 5 (chunks), 11.3.2 (colour), 11.3.3 (text), 11.3.6 (frames).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Chunk = tuple[bytes, bytes]
"""Name and content."""
_COLOURS = {b"cICP": 4, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"mDCV": 24, b"cLLI": 8}  # and their lengths
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp\0"  # a text that is no text, and read and written by libvips
_MOST_TEXT = 2**24  # bytes


@dataclass(frozen=True)
class PngFacts:
    """What the chunks of a PNG say, from its beginning to its end.

    Attributes:
        frames: Frames of an animated PNG, of which decoders that do not know them show the first.
        colours: The first of each kind of colour tag.
        text: Texts that are not XMP.
        too_long: Whether there is more text than 16 MiB; then `text` is empty.
        resolution: Whether it states how many pixels a metre has.
    """

    frames: int
    colours: tuple[Chunk, ...]
    text: tuple[Chunk, ...]
    too_long: bool
    resolution: bool


def facts_of(file: IO[bytes]) -> PngFacts:
    """Look at all chunks but the pixels.

    Args:
        file: An open file, behind its signature.
    """
    frames, too_long, resolution, pixels = 1, False, False, False
    colours: dict[bytes, bytes] = {}
    text: list[Chunk] = []
    room = _MOST_TEXT
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        tag = not pixels and length <= 64
        content = file.read(length) if tag or (name in _TEXT and length <= room) else b""
        file.seek(length - len(content) + 4, 1)
        if name in _TEXT:
            too_long = too_long or length > room
            if len(content) == length and not content.startswith(_XMP):
                text.append((name, content))
                room -= length
        elif name == b"acTL" and tag:
            frames = max(int.from_bytes(content[:4], "big"), 1)
        elif name == b"pHYs":
            resolution = content[8:9] == b"\1"
        elif _COLOURS.get(name) == len(content):
            colours.setdefault(name, content)
        pixels = pixels or name == b"IDAT"
    return PngFacts(frames, tuple(colours.items()), () if too_long else tuple(text), too_long, resolution)


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
    """Name, begin and end of the chunks up to the first of the pixels; of some the end is still to come."""
    place, name = len(SIGNATURE), b""
    while place + 8 <= len(start) and name != b"IDAT":
        end = place + 12 + int.from_bytes(start[place : place + 4], "big")
        name = start[place + 4 : place + 8]
        yield bytes(name), place, end
        place = end
