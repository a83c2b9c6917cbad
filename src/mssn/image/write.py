"""Picture files out: what each format can hold, and a target that is replaced only when complete."""

from __future__ import annotations

import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pyvips

from mssn.atomic import replacing
from mssn.errors import ImageError
from mssn.image.boxes import with_items
from mssn.image.color import to_8_bit, to_integers
from mssn.image.containers import EXIF_MARK, jpeg_segments, webp_with_exif, with_segments, without_unit
from mssn.image.exif import fitting_exif
from mssn.image.metadata import describes, reason
from mssn.image.picture import Picture
from mssn.image.png import with_chunks
from mssn.image.profile import with_profile
from mssn.image.scratch import location
from mssn.image.sink import encode_to
from mssn.image.source import display_name

WRITABLE = (".avif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_JPEG = (".jpg", ".jpeg")
_TIFF = (".tif", ".tiff")
_FORMATS = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
_INTERPRETATIONS = {
    (1, "uint8"): "b-w",
    (3, "uint8"): "srgb",
    (1, "uint16"): "grey16",
    (3, "uint16"): "rgb16",
    (1, "float32"): "b-w",
    (3, "float32"): "scrgb",
}


def write(path: str | os.PathLike[str], picture: Picture, *, quality: int | None = None) -> None:
    """Encode a picture in the format its file name asks for; the target is replaced only when complete.

    TIFF keeps every depth, PNG 16 bit, AVIF 12; JPEG and WebP get 8 bit, rounded. JPEG cannot be
    transparent: the picture is laid on white. Inks stay inks in TIFF and JPEG and become sRGB elsewhere. TIFF
    and WebP hold several pages or frames; of others the first is written. ICC, EXIF and XMP are written
    (TIFF: no EXIF), IPTC to JPEG, texts to PNG. Colour tags go into PNG and AVIF; elsewhere a profile says
    the same, if one can. What is lost of them is said by `mssn.image.kept`.

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
    check_quality(quality)
    try:
        with replacing(target) as file:
            encode(file, picture, suffix, quality)
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
    file = BytesIO()
    try:
        encode(file, picture, suffix, quality)
        return file.getvalue()
    except pyvips.Error as error:
        raise ImageError(f"{name}: cannot be encoded: {reason(error)}") from error


def check_quality(quality: int | None) -> None:
    """Refuse an impossible quality.

    Raises:
        ImageError: It is neither None nor 1 to 100.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"`quality` must be 1 to 100, not {quality}")


def encode(file: BinaryIO, picture: Picture, suffix: str, quality: int | None) -> None:
    """Encode into a file or into memory: the same bytes. WebP and AVIF must fit into memory.

    Args:
        file: Open for reading and writing, at its beginning.
        picture: What the format cannot hold (depth, transparency, inks, metadata) is converted or left out.
        suffix: One of `WRITABLE`.
        quality: See `write`.

    Raises:
        pyvips.Error: It is too large for the format.
        OSError: The file cannot be written.
    """
    picture = _fitted(picture, suffix)
    image, options = _image(picture, suffix), _options(picture, suffix, quality)
    # EXIF is never libvips's, which writes it anew; nor the blocks of a JPEG, of which it limits the length.
    options["keep"] = "icc" if suffix in _JPEG else "xmp|icc|other"
    exif = (picture.exif or b"").removeprefix(EXIF_MARK)
    if suffix in _JPEG:
        segments = jpeg_segments(picture, exif)
        encode_to(image, file, suffix, options, lambda start: with_segments(start, segments))
    elif suffix == ".png":
        chunks = [*picture.colours, *[(b"eXIf", exif)] * bool(exif), *picture.text]
        stated = picture.dpi is not None
        encode_to(image, file, suffix, options, lambda start: with_chunks(start, chunks, resolution=stated))
    elif suffix == ".webp":
        encoded = image.write_to_buffer(suffix, **options)
        height, width = picture.page_size
        alpha = picture.alpha is not None
        file.write(webp_with_exif(encoded, exif, width, height, alpha=alpha) if exif else encoded)
    elif suffix == ".avif":
        codes = dict(picture.colours).get(b"cICP")
        encoded = image.write_to_buffer(suffix, **options)
        file.write(with_items(encoded, exif, (codes[0], codes[1]) if codes else None))
    else:
        encode_to(image, file, suffix, options)
        if picture.dpi is None:
            without_unit(file)


def _fitted(picture: Picture, suffix: str) -> Picture:
    """The picture as the format can hold it."""
    if picture.pages > 1 and not (suffix in _TIFF or (suffix == ".webp" and picture.delays)):
        picture = picture.split()[0]
    if picture.black is not None and suffix not in (*_JPEG, *_TIFF):
        picture = _without_inks(picture)
    if suffix not in _TIFF:
        picture = picture.each(to_integers if suffix in (".png", ".avif") else to_8_bit)
    if picture.alpha is not None and suffix in _JPEG:
        picture = _on_white(picture, picture.alpha)
    if picture.exif:
        height, width = picture.page_size
        picture = replace(picture, exif=fitting_exif(picture.exif, width, height, picture.resolution))
    if suffix != ".png":
        return with_profile(picture, suffix)
    # In a PNG these tags win over a profile, in other formats a profile wins over them.
    return replace(picture, colours=()) if picture.icc and picture.format != "png" else picture


def _image(picture: Picture, suffix: str = "") -> pyvips.Image:
    """The picture as libvips knows it, with its metadata."""
    pixels, alpha, black = picture.pixels, picture.alpha, picture.black
    colours, kind = pixels.shape[2], str(pixels.dtype)
    image, interpretation = _plane(pixels), _INTERPRETATIONS[colours, kind]
    if black is not None:  # stored as light, written as ink
        image, interpretation = image.bandjoin(_plane(black)), "cmyk"
        image = 1 - image if kind == "float32" else image.invert()
    if alpha is not None:
        image = image.bandjoin(_plane(alpha))
    xres, yres = (dots / 25.4 for dots in picture.resolution or (25.4, 25.4))
    image = image.copy(interpretation=interpretation, xres=xres, yres=yres)
    icc = picture.icc if picture.icc and describes(picture.icc, space_of(picture)) else None
    for key, value in (("icc-profile-data", icc), ("xmp-data", picture.xmp if suffix not in _JPEG else None)):
        if value:
            image.set_type(pyvips.GValue.blob_type, key, cast(Any, value))  # pyvips's hints leave bytes out
    if picture.pages > 1:
        image.set_type(pyvips.GValue.gint_type, "page-height", image.height // picture.pages)
    if picture.delays:
        image.set_type(pyvips.GValue.array_int_type, "delay", list(picture.delays))
        image.set_type(pyvips.GValue.gint_type, "loop", picture.loop)
    return image


def space_of(picture: Picture) -> str:
    """The colour space that a profile of the picture must be for."""
    if picture.black is not None:
        return "CMYK"
    return "GRAY" if picture.pixels.shape[2] == 1 else "RGB "


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


def _without_inks(picture: Picture) -> Picture:
    """Inks to sRGB, through the picture's own profile, or libvips's general one."""
    image = _image(replace(picture, alpha=None))
    depth = 8 if image.format == "uchar" else 16
    array = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth).numpy()
    # The profile describes inks that the converted pixels no longer have.
    return replace(picture, pixels=array.astype(picture.pixels.dtype), black=None, icc=None)


def _on_white(picture: Picture, alpha: np.ndarray) -> Picture:
    """Lay 8-bit pixels on white paper, as a browser would show them."""
    opacity = alpha.astype(np.uint32)

    def laid(plane: np.ndarray) -> np.ndarray:
        return ((plane * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)

    black = None if picture.black is None else laid(picture.black)
    return replace(picture, pixels=laid(picture.pixels), alpha=None, black=black)


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
        big = picture.pixels.nbytes > 2**30  # with alpha and overhead still below the 4 GB of a plain TIFF
        return {"compression": "deflate", "predictor": predictor, "bigtiff": big}
    if suffix == ".webp":
        return {"Q": quality or 95, "smart_subsample": True}
    if suffix == ".avif":
        depth = {} if picture.pixels.dtype == np.uint8 else {"bitdepth": picture.bits or 12}
        return {"Q": quality or 85, "effort": 2, **depth}  # effort 4: seven times as long, a tenth smaller
    return {"Q": quality or 95, "subsample_mode": "off" if (quality or 95) >= 90 else "on"}
