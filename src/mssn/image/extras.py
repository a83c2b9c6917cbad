"""What a file says of its picture and libvips does not tell: frames, colour tags, text, resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from mssn.image.boxes import colour_codes
from mssn.image.containers import directories
from mssn.image.png import SIGNATURE, Chunk, facts_of

_EXIF = 0x8769  # the tag of a TIFF


@dataclass(frozen=True)
class Extras:
    """Facts of a file besides those of libvips.

    Attributes:
        frames: Frames of an animated PNG; 1 of anything else.
        colours: Colour tags as chunks of a PNG; that of an AVIF, too.
        text: Chunks of text of a PNG.
        resolution: Whether a PNG states one.
        notes: What could not be taken along, in short clauses.
    """

    frames: int = 1
    colours: tuple[Chunk, ...] = ()
    text: tuple[Chunk, ...] = ()
    resolution: bool = False
    notes: tuple[str, ...] = ()


def extras_of(file: IO[bytes], head: bytes) -> Extras:
    """Look at what stands beside the pixels, in linear time.

    Args:
        file: An open file.
        head: Its first bytes, 16 at least if it has them.
    """
    if head.startswith(SIGNATURE):
        file.seek(len(SIGNATURE))
        facts = facts_of(file)
        notes = ("text left out (more than 16 MiB)",) if facts.too_long else ()
        return Extras(facts.frames, facts.colours, facts.text, facts.resolution, notes)
    if head[4:8] == b"ftyp":
        file.seek(0)
        codes = colour_codes(file)
        usable = codes is not None and max(codes) < 256
        return Extras(colours=((b"cICP", bytes((*codes, 0, 1))),) if codes and usable else ())
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        first = next(directories(file), {})
        return Extras(notes=("EXIF left out (libvips reads none of a TIFF)",) if _EXIF in first else ())
    return Extras()
