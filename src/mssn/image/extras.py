"""What a file says of its picture and libvips does not tell or must not see: colour tags, text, EXIF."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO, Any

import pyvips

from mssn.image import jpeg, webp
from mssn.image.exif import is_hostile, resolution_of
from mssn.image.heif import MOST_BLOCKS, avif_facts, is_heif
from mssn.image.png import HIDDEN, SIGNATURE, Chunk, facts_of, hide_chunk
from mssn.image.strangers import EXIF_ASIDE
from mssn.image.tiff import Directory, directories, is_tiff
from mssn.image.vips import field, lies, loader

_UNREAD = {  # by the tags of a TIFF
    0x8769: "EXIF left out (a TIFF's is not read)",
    0x83BB: "IPTC left out (a TIFF's is not read)",
}
_UNSPECIFIED = 2  # H.273


@dataclass(frozen=True)
class Extras:
    """Facts of a file besides those of libvips.

    Attributes:
        frames: Frames of an animated PNG; 1 of anything else.
        plays: How often these are shown; 0: for ever.
        colours: Colour tags as chunks of a PNG; that of an AVIF, too.
        text: Chunks of text of a PNG.
        resolution: Whether a PNG states one.
        profile: Whether a PNG has an ICC profile, good or bad.
        hidden: Places of four letters that libvips must not see, because of what it would do about them.
        notes: What could not be taken along, in short clauses.
    """

    frames: int = 1
    plays: int = 0
    colours: tuple[Chunk, ...] = ()
    text: tuple[Chunk, ...] = ()
    resolution: bool = False
    profile: bool = False
    hidden: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def extras_of(file: IO[bytes], head: bytes) -> Extras:
    """Look at what stands beside the pixels, in linear time.

    Args:
        file: An open file.
        head: Its first bytes, 16 at least if it has them.
    """
    if head.startswith(SIGNATURE):
        return _of_png(file)
    if jpeg.is_jpeg(head):
        return Extras(**_hiding(jpeg.exif_blocks(file)))
    if webp.is_webp(head):
        return Extras(**_hiding(webp.exif_blocks(file)))
    if is_heif(head):
        return _of_avif(file)
    if is_tiff(head):
        first = next(directories(file), Directory())
        return Extras(notes=tuple(note for tag, note in _UNREAD.items() if tag in first.places))
    return Extras()


def _of_avif(file: IO[bytes]) -> Extras:
    codes, exif = avif_facts(file)
    if codes is None or max(codes) > 255 or codes == (_UNSPECIFIED, _UNSPECIFIED):
        return Extras(**_hiding(exif))
    return Extras(colours=((b"cICP", bytes((*codes, 0, 1))),), **_hiding(exif))


def _of_png(file: IO[bytes]) -> Extras:
    facts = facts_of(file)
    hiding = _hiding([facts.exif] if facts.exif else [])
    hiding["hidden"] += facts.costly
    if facts.too_long:
        hiding["notes"] += ("text left out (more than 16 MiB)",)
    moves = facts.frames, facts.plays
    return Extras(*moves, facts.colours, facts.text, facts.resolution, facts.profile, **hiding)


def _hiding(blocks: Iterable[tuple[int, bytes]]) -> dict[str, Any]:
    """What hides the EXIF blocks that would keep libvips busy."""
    numbered = enumerate(blocks)
    hidden = tuple(place for n, (place, block) in numbered if n >= MOST_BLOCKS or is_hostile(block))
    return {"hidden": hidden, "notes": ("damaged EXIF left out",) if hidden else ()}


def shown(content: bytes, hidden: tuple[int, ...]) -> bytes:
    """The content of a file as libvips may see it.

    Args:
        content: A whole file.
        hidden: As in `Extras`.
    """
    if not hidden:
        return content
    changed = bytearray(content)
    for place in hidden:
        if content.startswith(SIGNATURE):
            hide_chunk(changed, place)
        else:
            changed[place : place + 4] = HIDDEN
    return bytes(changed)


def resolution(image: pyvips.Image, extras: Extras) -> tuple[float, float] | None:
    """Dots per inch across and down the upright picture, where the file names them.

    Args:
        image: The picture as libvips opened it.
        extras: Of its file.
    """
    if loader(image) in ("webp", "heif", "jxl"):  # of these, libvips does not look at their EXIF
        dpi = resolution_of(field(image, "exif-data", b"") or field(image, EXIF_ASIDE, b""))
    elif extras.resolution or image.get_typeof("resolution-unit"):
        dpi = image.xres * 25.4, image.yres * 25.4
    else:
        dpi = None
    if dpi is None or min(dpi) < 0.1:
        return None
    across, down = (round(number, 1) for number in dpi)
    return (down, across) if lies(image) else (across, down)
