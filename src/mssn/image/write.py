"""Picture files out: what each format can hold, and a target that is replaced only when complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyvips

from mssn.atomic import replacing
from mssn.errors import ImageError
from mssn.image import plugins
from mssn.image.color import to_8_bit, to_integers
from mssn.image.metadata import compact, describes, reason
from mssn.image.pages import join
from mssn.image.picture import Picture
from mssn.image.plugins import HEIC, JXL, PLUGGED
from mssn.image.scratch import location
from mssn.image.source import display_name

WRITABLE = (
    *(".avif", ".heic", ".heif", ".jfif", ".jpe", ".jpeg", ".jpg", ".jxl", ".png", ".tif", ".tiff", ".webp"),
)
_JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")
_TIFF = (".tif", ".tiff")
_LIBVIPS_XMP, _MOST_XMP = 60_000, 65_502  # bytes of XMP that libvips, and that a segment of a JPEG can hold
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
_FORMATS = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
_INTERPRETATIONS = {
    (1, "uint8"): "b-w",
    (3, "uint8"): "srgb",
    (1, "uint16"): "grey16",
    (3, "uint16"): "rgb16",
    (1, "float32"): "b-w",
    (3, "float32"): "scrgb",
}
_BIG = 2**30  # bytes of pixels from which on a TIFF is a BigTIFF
_LARGE = 2**28  # bytes of pixels from which on the encoded file is not gathered in memory first


def write(path: str | os.PathLike[str], picture: Picture, *, quality: int | None = None) -> None:
    """Encode a picture in the format its file name asks for; the target is replaced only when complete.

    TIFF keeps every depth, PNG 16 bit, AVIF 12, HEIC 10; JPEG, WebP and JPEG XL get 8 bit, rounded. JPEG
    cannot be transparent: the picture is laid on white. Inks stay inks in TIFF and JPEG and become sRGB
    elsewhere. TIFF and WebP hold several pages or frames, TIFF also pages that differ; of others the first is
    written. ICC, EXIF and XMP are written (TIFF: no EXIF; JPEG XL: no ICC, colours become sRGB), IPTC to
    JPEG.

    Args:
        path: target ending in one of `WRITABLE`; its folder must exist.
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
    if suffix not in WRITABLE:
        raise ImageError(f"{name}: cannot write '{suffix}' files; use one of {', '.join(WRITABLE)}")
    if target.is_dir():
        raise ImageError(f"{name}: is a folder, not a file to write")
    check_quality(quality)
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
    check_quality(quality)
    try:
        return encode(picture, suffix, quality)
    except pyvips.Error as error:
        raise ImageError(f"{name}: cannot be encoded: {reason(error)}") from error


def check_quality(quality: int | None) -> None:
    """Refuse an impossible quality.

    Raises:
        ImageError: It is neither None nor 1 to 100.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"`quality` must be 1 to 100, not {quality}")


def encode(picture: Picture, suffix: str, quality: int | None) -> bytes:
    """Encode in memory, so that writing is Python's own and its errors are clear.

    Args:
        picture: What the format cannot hold (depth, transparency, inks) is converted.
        suffix: One of `WRITABLE`.
        quality: See `write`.

    Raises:
        pyvips.Error: It is too large for the format.
    """
    if picture.others and suffix in _TIFF:
        target = BytesIO()
        join(target, _single_pages(picture, suffix))
        return target.getvalue()
    picture = _fitted(picture, suffix)
    if suffix in PLUGGED:
        return plugins.encode(picture, suffix, quality)
    options = _options(picture, suffix, quality) | _kept(picture, suffix)
    if suffix in _JPEG and picture.xmp and _LIBVIPS_XMP < len(picture.xmp) <= _MOST_XMP:
        return _with_xmp(_image(replace(picture, xmp=None)).write_to_buffer(suffix, **options), picture.xmp)
    return _image(picture).write_to_buffer(suffix, **options)


def encode_into(descriptor: int, picture: Picture, suffix: str, quality: int | None) -> None:
    """Encode into an open file, whose content need not fit into memory; otherwise as `encode`.

    Raises:
        pyvips.Error: As `encode`; or the file cannot be written.
    """
    if picture.others or suffix in PLUGGED:
        with open(descriptor, "r+b", closefd=False) as file:
            if picture.others and suffix in _TIFF:
                join(file, _single_pages(picture, suffix))
            else:
                file.write(encode(picture, suffix, quality))
        return
    picture = _fitted(picture, suffix)
    target = pyvips.Target.new_to_descriptor(descriptor)
    options = _options(picture, suffix, quality) | _kept(picture, suffix)
    _image(picture).write_to_target(target, suffix, **options)


def _single_pages(picture: Picture, suffix: str) -> Iterator[bytes]:
    """A TIFF for each page."""
    pages = (picture, *picture.others)
    big = {"bigtiff": sum(page.nbytes for page in pages) > _BIG}
    for page in pages:
        fitted = _fitted(page, suffix)
        yield _image(fitted).write_to_buffer(
            suffix, **(_options(fitted, suffix, None) | _kept(fitted, suffix) | big)
        )


def _fitted(picture: Picture, suffix: str) -> Picture:
    """The picture as the format can hold it."""
    if picture.pages > 1 and not (suffix in _TIFF or (suffix == ".webp" and picture.delays)):
        picture = picture.split()[0]
    if suffix == JXL:
        picture = picture.each(to_integers)  # its encoder takes no profile
    if (picture.black is not None and suffix not in (*_JPEG, *_TIFF)) or (picture.icc and suffix == JXL):
        picture = _in_srgb(picture)
    if suffix not in _TIFF:
        picture = picture.each(to_integers if suffix in (".png", ".avif", *HEIC) else to_8_bit)
    if picture.alpha is not None and suffix in _JPEG:
        picture = _on_white(picture, picture.alpha)
    if picture.xmp and len(picture.xmp) > _LIBVIPS_XMP and suffix in _JPEG:
        picture = replace(picture, xmp=compact(picture.xmp))
    return picture


def _image(picture: Picture) -> pyvips.Image:
    """The picture as libvips knows it, with its metadata."""
    pixels, alpha, black = picture.pixels, picture.alpha, picture.black
    colours, kind = pixels.shape[2], str(pixels.dtype)
    image, interpretation = _plane(pixels), _INTERPRETATIONS[colours, kind]
    if black is not None:  # stored as light, written as ink
        image, interpretation = image.bandjoin(_plane(black)), "cmyk"
        image = 1 - image if kind == "float32" else image.invert()
    if alpha is not None:
        image = image.bandjoin(_plane(alpha))
    image = image.copy(interpretation=interpretation, xres=picture.dpi / 25.4, yres=picture.dpi / 25.4)
    space = "CMYK" if black is not None else "GRAY" if colours == 1 else "RGB "
    icc = picture.icc if picture.icc and describes(picture.icc, space) else None
    blocks = {
        "icc-profile-data": icc,
        "exif-data": picture.exif,
        "xmp-data": picture.xmp,
        "iptc-data": picture.iptc,
    }
    for key, value in blocks.items():
        if value:
            image.set_type(pyvips.GValue.blob_type, key, cast(Any, value))  # pyvips's hints leave bytes out
    if picture.pages > 1:
        image.set_type(pyvips.GValue.gint_type, "page-height", image.height // picture.pages)
    if picture.delays:
        image.set_type(pyvips.GValue.array_int_type, "delay", list(picture.delays))
        image.set_type(pyvips.GValue.gint_type, "loop", picture.loop)
    return image


def _with_xmp(jpeg: bytes, xmp: bytes) -> bytes:
    """A JPEG with an XMP segment behind its first ones (JFIF, EXIF)."""
    place = 2
    while jpeg[place : place + 2] in (b"\xff\xe0", b"\xff\xe1"):
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    length = (2 + len(_XMP_MARK) + len(xmp)).to_bytes(2, "big")
    return jpeg[:place] + b"\xff\xe1" + length + _XMP_MARK + xmp + jpeg[place:]


def _plane(array: np.ndarray) -> Any:
    """H x W x C as libvips knows it; what lies in a file is read from there, a strip at a time."""
    height, width, channels = array.shape
    place = location(array)
    if place is None:
        return pyvips.Image.new_from_array(np.ascontiguousarray(array))
    file, offset = place
    bytes_of_a_pixel = channels * array.dtype.itemsize
    image: Any = pyvips.Image.rawload(  # a name in bytes, because it may be no text
        cast(Any, os.fsencode(file)), width, height, bytes_of_a_pixel, offset=offset, access="sequential"
    )
    return image.copy(format=_FORMATS[str(array.dtype)], bands=channels)


def _in_srgb(picture: Picture) -> Picture:
    """Colours to sRGB, through the picture's own profile; inks without one through libvips's general one."""
    image = _image(replace(picture, alpha=None))
    if picture.black is None and not image.get_typeof("icc-profile-data"):
        return replace(picture, icc=None)  # it is one of other colours
    depth = 8 if image.format == "uchar" else 16
    array = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth).numpy()
    # The profile describes colours that the converted pixels no longer have.
    return replace(picture, pixels=array.astype(picture.pixels.dtype), black=None, icc=None)


def _on_white(picture: Picture, alpha: np.ndarray) -> Picture:
    """Lay 8-bit pixels on white paper, as a browser would show them."""
    opacity = alpha.astype(np.uint32)

    def laid(plane: np.ndarray) -> np.ndarray:
        return ((plane * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)

    black = None if picture.black is None else laid(picture.black)
    return replace(picture, pixels=laid(picture.pixels), alpha=None, black=black)


def _kept(picture: Picture, suffix: str) -> dict[str, Any]:
    """The kinds of metadata to write; no EXIF where there is none, because libvips would make one up."""
    kinds = ["xmp", "icc", "other"] + ["exif"] * bool(picture.exif) + ["iptc"] * (suffix in _JPEG)
    return {"keep": "|".join(kinds)}


def _options(picture: Picture, suffix: str, quality: int | None) -> dict[str, Any]:
    """What each encoder is asked for; efforts stand where more time buys little."""
    bilevel = picture.bits == 1 and picture.alpha is None and picture.pixels.dtype == np.uint8
    if suffix == ".png":
        # Half the size of unfiltered level 6 in the same time.
        return {"bitdepth": 1} if bilevel else {"compression": 3, "filter": "all"}
    if suffix in _TIFF:
        if bilevel:
            return {"bitdepth": 1, "compression": "ccittfax4"}
        predictor = "float" if picture.pixels.dtype == np.float32 else "horizontal"
        big = picture.pixels.nbytes > _BIG  # with alpha and overhead still below the 4 GB of a plain TIFF
        return {"compression": "deflate", "predictor": predictor, "bigtiff": big}
    lossless = quality is None and picture.stays_lossless
    if suffix == ".webp":
        return {"lossless": True} if lossless else {"Q": quality or 95, "smart_subsample": True}
    if suffix == ".avif":
        depth = {} if picture.pixels.dtype == np.uint8 else {"bitdepth": picture.bits or 12}
        kind = {"lossless": True} if lossless else {"Q": quality or 85}
        return {**kind, "effort": 2, **depth}  # effort 4: seven times as long, a tenth smaller
    return {"Q": quality or 95, "subsample_mode": "off" if (quality or 95) >= 90 else "on"}
