"""Which weights suit a picture: those made for photographs as they are stored, or for clean pictures."""

from __future__ import annotations

from typing import Literal, get_args

from mssn.errors import ImageError
from mssn.image.origin import Origin

Purpose = Literal["auto", "photo", "clean"]

# From which JPEG quality on clean weights score higher, measured in paper/results/degraded.json.
CLEAN_FROM = 92


def suits_photo(origin: Origin) -> bool:
    """Whether a picture stored like this is better enlarged by weights made for photographs.

    | the file | weights |
    |---|---|
    | stored without loss (PNG, TIFF, lossless WebP...) | clean |
    | JPEG of a quality of 92 or more, as its quantisation table tells | clean |
    | JPEG below that, or of unknown quality | photo |
    | lossy WebP, AVIF, HEIC | photo |
    """
    return origin.lossy and (origin.quality is None or origin.quality < CLEAN_FROM)


def check_purpose(purpose: str) -> None:
    """Refuse what is no purpose.

    Raises:
        ImageError: It is not auto, photo or clean.
    """
    if purpose not in get_args(Purpose):
        raise ImageError(f"'{purpose}' is none of: {', '.join(get_args(Purpose))}")
