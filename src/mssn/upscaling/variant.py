"""Which weights suit a picture: those made for photographs as they are stored, or for clean pictures."""

from __future__ import annotations

from typing import Literal, get_args

from mssn.errors import ImageError
from mssn.image.compression import Compression

Variant = Literal["auto", "photo", "clean"]

# From which quality on clean weights score higher, measured in paper/results/degraded.json.
CLEAN_FROM = {"JPEG": 92, "WebP": 85}


def suits_photo(compression: Compression) -> bool:
    """Whether a picture stored like this is better enlarged by weights made for photographs.

    | the file | weights |
    |---|---|
    | stored without loss (PNG, TIFF, GIF, lossless WebP) | clean |
    | JPEG of a quality of 92 or more, lossy WebP of 85 or more, as their tables tell | clean |
    | those below, or of unknown quality; AVIF, HEIC | photo |
    """
    return compression.lossy and (
        compression.quality is None or compression.quality < CLEAN_FROM[compression.kind]
    )


def check_variant(variant: str) -> None:
    """Refuse what is no variant.

    Raises:
        ImageError: It is not auto, photo or clean.
    """
    if variant not in get_args(Variant):
        raise ImageError(f"'{variant}' is none of: {', '.join(get_args(Variant))}")
