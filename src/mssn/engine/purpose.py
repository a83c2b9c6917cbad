"""Which weights suit a picture: those made for photographs as they are stored, or for clean pictures."""

from __future__ import annotations

from typing import Literal, get_args

from mssn.errors import ImageError
from mssn.image.origin import Origin

Purpose = Literal["auto", "photo", "clean"]

# From which quality on clean weights score higher, measured in paper/results/degraded.json.
CLEAN_FROM = {"JPEG": 92, "WebP": 85}


def suits_photo(origin: Origin) -> bool:
    """Whether a picture stored like this is better enlarged by weights made for photographs.

    | the file | weights |
    |---|---|
    | stored without loss (PNG, TIFF, GIF, lossless WebP) | clean |
    | JPEG of a quality of 92 or more, lossy WebP of 85 or more, as their tables tell | clean |
    | those below, or of unknown quality; AVIF, HEIC | photo |
    """
    return origin.lossy and (origin.quality is None or origin.quality < CLEAN_FROM[origin.kind])


def check_purpose(purpose: str) -> None:
    """Refuse what is no purpose.

    Raises:
        ImageError: It is not auto, photo or clean.
    """
    if purpose not in get_args(Purpose):
        raise ImageError(f"'{purpose}' is none of: {', '.join(get_args(Purpose))}")
