"""What of a picture's metadata goes into a file of each format, and what is said of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from mssn.image.exif import EXIF_MARK
from mssn.image.formats import JPEG, JXL, TIFF
from mssn.image.jpeg import MOST_SEGMENT
from mssn.image.picture import Picture
from mssn.image.profile import holds_profile, is_srgb, profile_of, profile_to_write
from mssn.image.xmp import XMP_MARK, compact, signed

_COLOURS = (".png", ".avif")
_EXTENDED = b"HasExtendedXMP"  # says that more of the packet stood elsewhere in the file


def kept(picture: Picture, suffix: str, model: str, metadata: Literal["keep", "strip"]) -> Picture:
    """The picture with what a format holds of its metadata, and notes of what it does not.

    Args:
        picture: An enlarged picture.
        suffix: Ending of the file to write.
        model: What enlarged it; the XMP will say so.
        metadata: "keep" or "strip"; the colours stay in any case.
    """
    icc = profile_to_write(picture, suffix)[0]
    faults = dict.fromkeys(profile_to_write(page, suffix)[1] for page in (picture, *picture.others))
    notes = [*picture.notes, *filter(None, faults)]
    picture = replace(picture, icc=icc)
    tagged = not (icc or suffix in _COLOURS or is_srgb(picture.colours))
    if tagged and profile_of(picture.colours, grey=False) is None:
        notes.append("colour tags left out (PNG and AVIF can hold them)")
    inks = picture.black is not None
    changes = {
        "transparency laid on white": picture.alpha is not None and suffix in JPEG,
        "16 bits rounded to 8": picture.pixels.dtype == np.uint16 and suffix in (*JPEG, JXL, ".webp"),
        "inks (CMYK) turned into sRGB": inks and not holds_profile(picture, suffix),
        "colours turned into sRGB": icc and not inks and not holds_profile(picture, suffix),
    }
    notes += [note for note, true in changes.items() if true]
    if metadata == "strip":
        return replace(picture, exif=None, xmp=None, iptc=None, text=(), notes=tuple(notes))
    xmp, fault = _signed(picture.xmp, suffix, model)
    room = MOST_SEGMENT if suffix in JPEG else float("inf")
    lost = {
        fault: bool(fault),
        "extended XMP left out": not fault and _EXTENDED in (xmp or b""),
        "EXIF left out (the format gets none)": picture.exif and suffix in TIFF,
        "EXIF left out (too long for a JPEG)": len(picture.exif or b"") + len(EXIF_MARK) > room,
        "IPTC left out (only a JPEG gets it)": picture.iptc and suffix not in JPEG,
        "IPTC left out (too long for a JPEG)": len(picture.iptc or b"") > room,
        "text left out (only a PNG gets it)": picture.text and suffix != ".png",
    }
    notes += [note for note, true in lost.items() if true]
    return replace(picture, xmp=xmp, notes=tuple(notes))


def _signed(xmp: bytes | None, suffix: str, model: str) -> tuple[bytes | None, str]:
    """The packet with our note, or a new one and why."""
    found = signed(xmp, model)
    if found is None:
        return signed(None, model), "damaged XMP left out"
    if suffix in JPEG and len(compact(found)) + len(XMP_MARK) > MOST_SEGMENT:
        return signed(None, model), "XMP left out (too long for a JPEG)"
    return found, ""
