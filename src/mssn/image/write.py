"""Picture files out: a target that is replaced only when complete, or bytes."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import pyvips

from mssn.atomic import replacing
from mssn.errors import ImageError
from mssn.image.encode import encode
from mssn.image.formats import HOW_TO_GET_THEM, WRITABLE
from mssn.image.picture import Picture
from mssn.image.plugins import can_write
from mssn.image.source import display_name
from mssn.image.vips import reason


def write(path: str | os.PathLike[str], picture: Picture, *, quality: int | None = None) -> None:
    """Encode a picture in the format its file name asks for; the target is replaced only when complete.

    TIFF keeps every depth, PNG 16 bit, AVIF 12, HEIC 10; JPEG, WebP and JPEG XL get 8 bit, rounded. JPEG
    cannot be transparent: the picture is laid on white. Inks stay inks in TIFF and JPEG and become sRGB
    elsewhere. TIFF and WebP hold several pages or frames, TIFF also pages that differ; of others the first is
    written. ICC, EXIF and XMP are written (TIFF: no EXIF; JPEG XL, and grey in WebP and AVIF: no ICC, colours
    become sRGB), IPTC to JPEG. A damaged profile is left out.

    Args:
        path: target ending in one of `mssn.image.formats.WRITABLE`; its folder must exist.
        picture: what to write.
        quality: 1..100 for JPEG (default 95), WebP (95), AVIF (85), HEIC (90) and JPEG XL (95); the lossless
            formats ignore it. Without it, what comes from a lossless WebP, AVIF or JPEG XL loses nothing in
            any of these.

    Raises:
        ImageError: unknown ending, impossible quality, a picture too large for the format, unwritable
            folder or full disk. Whatever was at `path` is then untouched.
    """
    target, name = Path(path), display_name(path)
    suffix = target.suffix.lower()
    check_format(suffix, name)
    if target.is_dir():
        raise ImageError(f"{name}: is a folder, not a file to write")
    check_quality(quality)
    try:
        with replacing(target) as file:
            encode(file, picture, suffix, quality)
    except OSError as error:
        raise ImageError(f"{name}: cannot be written: {error.strerror or error}") from error
    except pyvips.Error as error:
        raise ImageError(f"{name}: cannot be encoded: {reason(error)}") from error


def to_bytes(picture: Picture, suffix: str, *, quality: int | None = None) -> bytes:
    """Encode a picture as `write` does, into memory.

    Args:
        picture: what to write.
        suffix: one of `mssn.image.formats.WRITABLE`.
        quality: as `write`.

    Raises:
        ImageError: impossible quality, or a picture too large for the format.
    """
    check_quality(quality)
    file = BytesIO()
    try:
        encode(file, picture, suffix, quality)
        return file.getvalue()
    except pyvips.Error as error:
        raise ImageError(f"picture: cannot be encoded: {reason(error)}") from error


def check_quality(quality: int | None) -> None:
    """Refuse an impossible quality.

    Raises:
        ImageError: It is neither None nor 1 to 100.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"`quality` must be 1 to 100, not {quality}")


def check_format(suffix: str, name: str) -> None:
    """Refuse what cannot be written here.

    Args:
        suffix: Ending of the file to write.
        name: What the message calls it.

    Raises:
        ImageError: It is none of `WRITABLE`, or of a format whose encoder is not installed.
    """
    if suffix not in WRITABLE:
        raise ImageError(f"{name}: cannot write '{suffix}' files; use one of {', '.join(WRITABLE)}")
    if not can_write(suffix):
        raise ImageError(f"{name}: '{suffix}' files cannot be written here; {HOW_TO_GET_THEM}")
