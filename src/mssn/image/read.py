"""Picture files in: depth, transparency, profile and orientation come along.

Pixels stand upright once read. What a picture is (8 or 16 bit, grey or colour, transparent or not) is what
its file says, never a guess from its values.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyvips

from mssn.errors import ImageError
from mssn.image.color import to_8_bit
from mssn.image.exif import upright_exif, without_previews
from mssn.image.extras import resolution
from mssn.image.jpeg import without_gain_map
from mssn.image.picture import Picture
from mssn.image.scratch import ScratchArrays, release
from mssn.image.source import HOW_TO_READ_IT, PictureFile
from mssn.image.strangers import EXIF_ASIDE
from mssn.image.vips import SAMPLES, field, kind_of, loader, reason
from mssn.image.xmp import upright_xmp

MAX_PIXELS = 500_000_000  # a small damaged or hostile file may claim a size that would fill the memory
Source = str | os.PathLike[str] | bytes
_STRIP = 128  # rows
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # by EXIF orientation
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a[::-1].swapaxes(0, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a[:, ::-1].swapaxes(0, 1),
}
_DTYPES = {name: np.dtype(dtype) for dtype, name in SAMPLES.items()}


def read(
    source: Source | PictureFile,
    *,
    max_pixels: int = MAX_PIXELS,
    into: str = "",
    scratch: ScratchArrays | None = None,
) -> Picture:
    """Decode a picture file, turned upright, with its depth, alpha and metadata.

    Grey stays grey (WebP always, and AVIF in practice, hold colour), palettes become RGB, 1 bit becomes
    8-bit grey, 10 and 12 bit become full-range 16 bit; CMYK stays CMYK.

    Args:
        source: PNG, JPEG, WebP, TIFF, AVIF or GIF file (HEIC where libvips has its decoder), the content
            of one, or one that is open already.
        max_pixels: refuse larger pictures, all pages together, before any pixel is decoded.
        into: ending of the file to be written: for ".tif" all pages of a TIFF are read, for ".webp" all
            frames of a GIF or WebP, if they have one size. Else, and of other formats always, the first.
        scratch: takes what is too large for memory; the picture must not be used after its block.

    Raises:
        ImageError: missing, not a picture, damaged, cut short, too large, or of an unsupported kind.
    """
    file = source if isinstance(source, PictureFile) else PictureFile(source)
    image = file.open(max_pixels, into)
    if not file.separate(into):
        return _picture(file, image, scratch)
    if scratch is not None and scratch.holds(sum(file.directories[number].nbytes for number in file.pages)):
        scratch.limit = 0  # each might fit, all of them together do not
    first = _picture(file, image, scratch)
    others = (_picture(file, file.open_page(number), scratch) for number in file.pages[1:])
    return replace(first, left_out=0, others=tuple(others))


def _picture(file: PictureFile, image: pyvips.Image, scratch: ScratchArrays | None) -> Picture:
    """Decode what was opened."""
    array = _samples(file, image, scratch=scratch)
    inks = image.interpretation == "cmyk"
    if inks:
        full = array.dtype.type(1) if array.dtype == np.float32 else np.iinfo(array.dtype).max
        array[:, :, :4] = full - array[:, :, :4]
    colours = 3 if array.shape[2] > 2 else 1
    split = (0, colours, colours + inks, array.shape[2])
    pixels, black, alpha = (_plane(array, a, b, scratch) for a, b in pairwise(split))
    if kind_of(image) == "gif" and alpha.size and alpha.min() == 255:
        alpha = alpha[:, :, :0]  # the decoder gives every moving GIF an alpha channel
    count = array.shape[0] // field(image, "page-height", array.shape[0])
    animated = count > 1 and image.get_typeof("delay") != 0
    exif = field(image, "exif-data", None) or field(image, EXIF_ASIDE, None)
    xmp = field(image, "xmp-data", None)
    upright = upright_exif(exif) if exif else None
    icc = field(image, "icc-profile-data", None)
    damaged = ["damaged EXIF left out"] if exif and upright is None else []
    damaged += ["damaged colour profile left out"] if file.extras.profile and icc is None else []
    # Of a TIFF, libvips gives 4 bytes of it.
    iptc = field(image, "iptc-data", None) if kind_of(image) == "jpeg" else None
    across, down = resolution(image, file.extras) or (None, 1.0)
    if xmp and file.gain_map:
        xmp = without_gain_map(xmp)
    return Picture(
        pixels=pixels,
        alpha=alpha if alpha.size else None,
        black=black if inks else None,
        bits=_bits_of(image),
        icc=icc,
        colours=file.extras.colours,
        exif=upright,
        xmp=upright_xmp(xmp) if xmp else None,
        iptc=without_previews(iptc) if iptc else None,
        text=file.extras.text,
        dpi=across,
        pixel_aspect=down / across if across else 1.0,
        format=kind_of(image),
        pages=count,
        delays=tuple(field(image, "delay", ())) if animated else (),
        loop=field(image, "loop", 0) if animated else 0,
        left_out=max(file.count - count, 0),
        compression=file.compression,
        notes=(*file.notes, *damaged),
    )


def read_rgb(source: Source) -> np.ndarray:
    """Read plain 8-bit colour, for scoring and training.

    Returns:
        H x W x 3, uint8; grey is repeated, 16 bit is rounded, inks become sRGB, alpha and profile go.

    Raises:
        ImageError: as `read`.
    """
    file = PictureFile(source)
    array = _samples(file, file.open(MAX_PIXELS), srgb=True)
    array = to_8_bit(array[:, :, :3] if array.shape[2] > 2 else array[:, :, :1])
    return np.ascontiguousarray(np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array)


def _plane(array: np.ndarray, first: int, end: int, scratch: ScratchArrays | None) -> np.ndarray:
    """Some channels of H x W x C, in one piece."""
    part = array[:, :, first:end]
    if part.flags.c_contiguous or scratch is None or not scratch.holds(part.nbytes):
        return np.ascontiguousarray(part)
    plane = scratch.empty(part.shape, part.dtype)
    for row in range(0, len(part), 256):
        plane[row : row + 256] = part[row : row + 256]
    release(plane)
    release(array)
    return plane


def _samples(
    file: PictureFile, image: pyvips.Image, *, srgb: bool = False, scratch: ScratchArrays | None = None
) -> np.ndarray:
    """The pixels of an opened file; its errors in one line."""
    name = file.name
    try:
        array = _decoded(image, srgb=srgb, scratch=scratch)
    except pyvips.Error as error:
        if kind_of(image) == "heic":
            raise ImageError(f"{name}: is a HEIC picture; {HOW_TO_READ_IT}") from error
        raise ImageError(f"{name}: the file is damaged or cut short ({reason(error)})") from error
    if array.dtype == np.float32 and not np.isfinite(array).all():
        raise ImageError(f"{name}: some of its samples are not numbers")
    return array


def _bits_of(image: pyvips.Image) -> int | None:
    """Bits of a sample where the array's dtype has more: 1, 10 or 12."""
    bits = field(image, "bits-per-sample", None)
    bilevel = bits == 1 and image.bands == 1 and not field(image, "palette", None)
    return bits if bilevel or (loader(image) == "heif" and bits in (10, 12)) else None


def _decoded(image: pyvips.Image, *, srgb: bool, scratch: ScratchArrays | None) -> np.ndarray:
    """Decode to an upright H x W x bands array of uint8, uint16 (full range) or float32.

    Args:
        image: From `PictureFile.open`.
        srgb: Turn inks into sRGB; else they stay C, M, Y, K.
        scratch: Takes what is too large for memory.

    Raises:
        pyvips.Error: The file is damaged.
    """
    bits = _bits_of(image) or 16
    if srgb and image.interpretation == "cmyk":  # without a profile, libvips's general CMYK profile serves
        image = image.icc_transform("srgb", embedded=True, depth=8 if image.format == "uchar" else 16)
    orientation = field(image, "orientation", 1)
    if scratch is not None and scratch.holds(_size(image)):
        array = _in_file(image, orientation, scratch)
    else:
        if orientation != 1:
            # Turning needs pixels out of order, the decoder hands them out in order.
            image = image.copy_memory().autorot()
        array = image.numpy().reshape(image.height, image.width, image.bands)
    if array.dtype == np.uint16 and bits < 16:
        # libvips shifts 10 and 12 bit up and leaves the low bits 0, so that white would be 65472 of 65535.
        levels = np.arange(65536) >> (16 - bits)
        array = np.rint(levels * (65535 / ((1 << bits) - 1))).astype(np.uint16)[array]
    return array


def _in_file(image: pyvips.Image, orientation: int, scratch: ScratchArrays) -> np.ndarray:
    """Decode strip by strip into an array that lies in a file, as `_decoded` does into memory."""
    dtype = _DTYPES[str(image.format)]
    array = scratch.empty((image.height, image.width, image.bands), dtype)
    region: Any = pyvips.Region.new(image)
    for top in range(0, image.height, _STRIP):
        rows = array[top : top + _STRIP]
        rows[:] = np.frombuffer(region.fetch(0, top, image.width, len(rows)), dtype).reshape(rows.shape)
        release(array)
    if orientation == 1:
        return array
    view = _TURNS[orientation](array)
    turned = scratch.empty(view.shape, dtype)
    for top in range(0, len(turned), _STRIP):
        turned[top : top + _STRIP] = view[top : top + _STRIP]
        release(turned)
        release(array)
    return turned


def _size(image: pyvips.Image) -> int:
    return image.width * image.height * image.bands * _DTYPES[str(image.format)].itemsize
