"""Picture files out: a written file replaces its target only when complete."""

from __future__ import annotations

import os
from pathlib import Path

import pyvips

from mssn.atomic import replacing
from mssn.errors import ImageError
from mssn.image.decode import display_name
from mssn.image.encode import WRITABLE, encode, encode_into
from mssn.image.metadata import reason
from mssn.image.picture import Picture

_LARGE = 2**28  # bytes of pixels from which on the encoded file is not gathered in memory first


def write(path: str | os.PathLike[str], picture: Picture, *, quality: int | None = None) -> None:
    """Encode a picture in the format its file name asks for; the target is replaced only when complete.

    TIFF keeps every depth, PNG 16 bit, AVIF 12; JPEG and WebP get 8 bit, rounded. JPEG cannot be
    transparent: the picture is laid on white. Inks stay inks in TIFF and JPEG and become sRGB elsewhere. TIFF
    and WebP hold several pages or frames; of others the first is written. ICC, EXIF and XMP are written
    (TIFF: no EXIF), IPTC to JPEG.

    Args:
        path: target ending in one of `WRITABLE`; its folder must exist.
        picture: what to write.
        quality: 1..100 for JPEG (default 95), WebP (95) and AVIF (85); the lossless formats ignore it.

    Raises:
        ImageError: unknown ending, impossible quality, a picture too large for the format, unwritable
            folder or full disk. Whatever was at `path` is then untouched.
    """
    target, name = Path(path), display_name(path)
    suffix = target.suffix.lower()
    if suffix not in WRITABLE:
        raise ImageError(f"{name}: cannot write '{suffix}' files; use one of {', '.join(WRITABLE)}")
    if target.is_dir():
        raise ImageError(f"{name}: is a folder, not a file to write")
    _check_quality(quality, name)
    try:
        with replacing(target) as file:
            if picture.nbytes > _LARGE:
                encode_into(file.fileno(), picture, suffix, quality)
            else:
                file.write(encode(picture, suffix, quality))
    except OSError as error:
        raise ImageError(f"{name}: cannot be written: {error.strerror or error}") from error
    except pyvips.Error as error:
        raise ImageError(f"{name}: cannot be encoded: {reason(error)}") from error


def to_bytes(picture: Picture, suffix: str, *, quality: int | None = None, name: str = "picture") -> bytes:
    """Encode a picture as `write` does, into memory.

    Args:
        picture: what to write.
        suffix: one of `WRITABLE`.
        quality: as `write`.
        name: what an error calls the picture.

    Raises:
        ImageError: impossible quality, or a picture too large for the format.
    """
    _check_quality(quality, name)
    try:
        return encode(picture, suffix, quality)
    except pyvips.Error as error:
        raise ImageError(f"{name}: cannot be encoded: {reason(error)}") from error


def _check_quality(quality: int | None, name: str) -> None:
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"{name}: quality must be 1 to 100, not {quality}")
