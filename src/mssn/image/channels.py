"""Channels as pictures hold them: further ones go, and L*a*b* becomes RGB."""

from __future__ import annotations

from typing import Any

import pyvips

from mssn.image.tiff import Directory

LAB_NOTE = "L*a*b* colours converted to sRGB"
_LAB = ("lab", "labs")
CHANNELS = {"b-w": 1, "grey16": 1, "srgb": 3, "rgb": 3, "rgb16": 3, "scrgb": 3, "cmyk": 4}
"""Those that libvips's kinds of colours have."""
_TRANSPARENCY = (1, 2)  # kinds of extra channels in a TIFF; libvips divides it out where it was multiplied


def plain(image: pyvips.Image, page: Directory | None) -> tuple[pyvips.Image, tuple[str, ...]]:
    """The picture with grey, RGB or inks and at most a transparency.

    Args:
        image: As libvips opened it.
        page: Its directory, if it comes from a TIFF.

    Returns:
        The picture, and notes of what was changed or left out. What is no colour that we know stays as it is.
    """
    picture: Any = image
    if image.interpretation in _LAB and image.bands == 3:  # that of ICC and TIFF is meant for D50, as here
        converted = picture.icc_export(output_profile="srgb", depth=16).copy()
        converted.remove("icc-profile-data")
        return converted, (LAB_NOTE,)
    colours = CHANNELS.get(str(image.interpretation), 0)
    extra = page.extra[: image.bands - colours] if page is not None and colours else ()
    if not extra:  # nothing is said of them: a fourth channel is transparency, as everywhere
        return image, ()
    found = [n for n, kind in enumerate(extra) if kind in _TRANSPARENCY][:1]
    left_out = image.bands - colours - len(found)
    if left_out:
        kept = picture.extract_band(0, n=colours)
        picture = kept.bandjoin(picture.extract_band(colours + found[0])) if found else kept
    channels = "a further channel" if left_out == 1 else f"{left_out} further channels"
    return picture, (f"{channels} left out",) if left_out else ()
