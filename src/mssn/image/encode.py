"""What each format can hold of a picture, and its encoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO, cast

import numpy as np
import pyvips

from mssn.image import plugins, vips, webp
from mssn.image.color import to_8_bit, to_integers
from mssn.image.exif import EXIF_MARK, fitting_exif
from mssn.image.formats import HEIC, JPEG, JXL, PLUGGED, TIFF
from mssn.image.heif import with_items
from mssn.image.jpeg import APP0, APP1, APP13, MOST_SEGMENT, jfif, with_segments
from mssn.image.picture import Picture
from mssn.image.png import with_chunks
from mssn.image.profile import holds_profile, profile_to_write, with_profile
from mssn.image.sink import encode_to
from mssn.image.tiff import join, without_unit
from mssn.image.xmp import XMP_MARK, compact

_BIG = 2**30  # bytes of pixels from which on a TIFF is a BigTIFF


def encode(file: BinaryIO, picture: Picture, suffix: str, quality: int | None) -> None:
    """Encode into a file or into memory: the same bytes. Of WebP, AVIF, HEIC and JPEG XL it must fit there.

    Args:
        file: Open for reading and writing, at its beginning.
        picture: What the format cannot hold (depth, transparency, inks, metadata) is converted or left out.
        suffix: One of `mssn.image.formats.WRITABLE`.
        quality: See `write`.

    Raises:
        pyvips.Error: It is too large for the format.
        ImageError: Its encoder is not installed.
        OSError: The file cannot be written.
    """
    if picture.others and suffix in TIFF:
        join(file, _single_pages(picture, suffix))
        return
    picture = _fitted(picture, suffix)
    if suffix in PLUGGED:
        file.write(plugins.encode(picture, suffix, quality))
    else:
        _encode(file, picture, suffix, _options(picture, suffix, quality))


def _encode(file: BinaryIO, picture: Picture, suffix: str, options: dict[str, Any]) -> None:
    """With libvips, and what it cannot do."""
    image = _image(picture, suffix)
    pixels = [plane for plane in (picture.pixels, picture.black, picture.alpha) if plane is not None]
    # EXIF is never libvips's, which writes it anew; nor the blocks of a JPEG, of which it limits the length.
    options = {**options, "keep": "icc" if suffix in JPEG else "xmp|icc|other"}
    exif = (picture.exif or b"").removeprefix(EXIF_MARK)
    if suffix in JPEG:
        segments = _segments(picture, exif)
        encode_to(image, file, suffix, options, pixels, lambda start: with_segments(start, segments))
    elif suffix == ".png":
        chunks = [*picture.colours, *[(b"eXIf", exif)] * bool(exif), *picture.text]
        change = partial(with_chunks, added=chunks, resolution=picture.dpi is not None)
        encode_to(image, file, suffix, options, pixels, change)
    elif suffix == ".webp":
        encoded = image.write_to_buffer(suffix, **options)
        height, width = picture.page_size
        alpha = picture.alpha is not None
        file.write(webp.with_exif(encoded, exif, width, height, alpha=alpha) if exif else encoded)
    elif suffix == ".avif":
        codes = dict(picture.colours).get(b"cICP")
        encoded = image.write_to_buffer(suffix, **options)
        file.write(with_items(encoded, exif, (codes[0], codes[1]) if codes else None))
    else:
        encode_to(image, file, suffix, options, pixels)
        if picture.dpi is None:
            without_unit(file)


def _segments(picture: Picture, exif: bytes) -> list[tuple[int, bytes]]:
    """Marker and content of the first segments of a JPEG; what is too long for one is left out.

    Args:
        picture: Whose metadata they hold.
        exif: Its block, from its "II" or "MM" on.
    """
    wanted = [(APP1, EXIF_MARK + exif)] if exif else []
    if picture.xmp:
        whole = XMP_MARK + picture.xmp
        wanted.append((APP1, whole if len(whole) <= MOST_SEGMENT else XMP_MARK + compact(picture.xmp)))
    if picture.iptc:
        wanted.append((APP13, picture.iptc))
    if picture.black is None or picture.dpi:  # JFIF knows no inks, but where else is the resolution to go
        wanted.insert(0, (APP0, jfif(picture.resolution)))
    return [segment for segment in wanted if len(segment[1]) <= MOST_SEGMENT]


def _single_pages(picture: Picture, suffix: str) -> Iterator[bytes]:
    """A TIFF for each page."""
    pages = (picture, *picture.others)
    big = {"bigtiff": sum(page.nbytes for page in pages) > _BIG}
    for page in pages:
        fitted, file = _fitted(page, suffix), BytesIO()
        _encode(file, fitted, suffix, _options(fitted, suffix, None) | big)
        yield file.getvalue()


def _fitted(picture: Picture, suffix: str) -> Picture:
    """The picture as the format can hold it."""
    if picture.pages > 1 and not (suffix in TIFF or (suffix == ".webp" and picture.delays)):
        picture = picture.split()[0]
    picture = replace(picture, icc=profile_to_write(picture, suffix)[0])
    if suffix == JXL:  # its encoder takes no profile
        picture = with_profile(picture.each(to_integers), suffix)
    if (picture.icc or picture.black is not None) and not holds_profile(picture, suffix):
        picture = _in_srgb(picture.each(to_integers))
    if suffix not in TIFF:
        picture = picture.each(to_integers if suffix in (".png", ".avif", *HEIC) else to_8_bit)
    if picture.alpha is not None and suffix in JPEG:
        picture = _on_white(picture, picture.alpha)
    if picture.exif:
        height, width = picture.page_size
        picture = replace(picture, exif=fitting_exif(picture.exif, width, height, picture.resolution))
    if suffix == JXL:
        return picture
    if suffix != ".png":
        return with_profile(picture, suffix)
    # In a PNG these tags win over a profile, in other formats a profile wins over them.
    return replace(picture, colours=()) if picture.icc and picture.format != "png" else picture


def _image(picture: Picture, suffix: str = "") -> pyvips.Image:
    """The picture as libvips knows it, with its metadata."""
    pixels, alpha, black = picture.pixels, picture.alpha, picture.black
    colours, kind = pixels.shape[2], str(pixels.dtype)
    image, interpretation = _plane(pixels), vips.COLOURS[colours, kind]
    if black is not None:  # stored as light, written as ink
        image, interpretation = image.bandjoin(_plane(black)), "cmyk"
        image = 1 - image if kind == "float32" else image.invert()
    if alpha is not None:
        image = image.bandjoin(_plane(alpha))
    xres, yres = (dots / 25.4 for dots in picture.resolution or (25.4, 25.4))
    image = image.copy(interpretation=interpretation, xres=xres, yres=yres)
    xmp = picture.xmp if suffix not in JPEG else None
    for key, value in (("icc-profile-data", picture.icc), ("xmp-data", xmp)):
        if value:
            image.set_type(pyvips.GValue.blob_type, key, cast(Any, value))  # pyvips's hints leave bytes out
    if picture.pages > 1:
        image.set_type(pyvips.GValue.gint_type, "page-height", image.height // picture.pages)
    if picture.delays:
        image.set_type(pyvips.GValue.array_int_type, "delay", list(picture.delays))
        image.set_type(pyvips.GValue.gint_type, "loop", picture.loop)
    return image


def _plane(array: np.ndarray) -> pyvips.Image:
    """H x W x C as libvips knows it, without a copy; from a file it comes as it is needed."""
    array = np.ascontiguousarray(array)
    height, width, channels = array.shape
    memory = cast(Any, array)
    return pyvips.Image.new_from_memory(memory, width, height, channels, vips.SAMPLES[str(array.dtype)])


def _in_srgb(picture: Picture) -> Picture:
    """Colours to sRGB, through the picture's own profile; inks without one through libvips's general one.

    Args:
        picture: Of integers. What is grey stays so.
    """
    image = _image(replace(picture, alpha=None))
    depth = 8 if image.format == "uchar" else 16
    array = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth).numpy()
    if picture.pixels.shape[2] == 1:
        array = array[:, :, :1]
    # The profile describes colours that the converted pixels no longer have.
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
        # Two thirds of the size of unfiltered level 6 in less time. Trying all filters takes a third longer
        # and makes files smaller by a two-thousandth.
        return {"bitdepth": 1} if bilevel else {"compression": 3, "filter": "paeth"}
    if suffix in TIFF:
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
