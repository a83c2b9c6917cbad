"""From an opened file to arrays: what libvips tells of a picture, and its samples."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import numpy as np
import pyvips

from mssn.errors import ImageError
from mssn.image.metadata import field, loader, reason
from mssn.image.scratch import ScratchArrays, release

# HEIC is listed because some builds of libvips decode it; the others then say so, instead of passing it over.
READABLE = (".avif", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_LOADERS = ("gif", "heif", "jpeg", "png", "tiff", "webp")
_STRANGERS = {b"BM": "a BMP picture", b"P5": "a PGM picture", b"P6": "a PPM picture"}  # by first bytes
_COLOURS = ("b-w", "grey16", "srgb", "rgb", "rgb16", "scrgb", "cmyk")
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
_DTYPES = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
_PAGED = {"tiff": (".tif", ".tiff"), "gif": (".webp",), "webp": (".webp",)}  # what can hold their pages


def _quiet() -> None:
    """Send GLib's complaints about damaged files where pyvips sends those of libvips: to Python's logging."""
    callback = getattr(pyvips, "_log_handler_cb", None)  # pyvips has no public one
    if callback is not None:
        levels = pyvips.GLogLevelFlags.LEVEL_CRITICAL | pyvips.GLogLevelFlags.LEVEL_WARNING
        number = pyvips.glib_lib.g_log_set_handler(b"GLib-GObject", levels, callback, pyvips.ffi.NULL)
        atexit.register(pyvips.glib_lib.g_log_remove_handler, b"GLib-GObject", number)


_quiet()


def display_name(source: str | os.PathLike[str] | bytes) -> str:
    """The source as it may stand in a one-line message, whatever bytes its path is made of."""
    if isinstance(source, bytes):
        return "standard input"
    return " ".join(os.fsencode(source).decode(errors="replace").split())


def open_image(
    source: str | os.PathLike[str] | bytes, max_pixels: int | None, into: str = ""
) -> pyvips.Image:
    """Read the header and refuse what cannot be decoded faithfully.

    Args:
        source: Path of a file, or a file's content.
        max_pixels: Refuse larger pictures; None for any size.
        into: Ending of the file to write. If it can hold them and they have one size, all pages or frames
            are opened, below each other; else the first.

    Raises:
        ImageError: As `mssn.image.read.read`.
    """
    name = display_name(source)
    image = _header(source, name, {})
    pages = field(image, "n-pages", 1) if into in _PAGED.get(loader(image), ()) else 1
    if max_pixels is not None and image.width * image.height * pages > max_pixels:
        size = f"{image.width} x {image.height} pixels" + (f" on {pages} pages" if pages > 1 else "")
        limit = f"the limit of {max_pixels / 1e6:g} million (--max-megapixels, max_pixels)"
        raise ImageError(f"{name}: {size} exceed {limit}")
    if pages > 1 and field(image, "orientation", 1) == 1:  # turning would mix them
        # Pages of different sizes, a thumbnail for instance, cannot be had at once: the first is the picture.
        with suppress(ImageError):
            image = _header(source, name, {"n": -1})
    if loader(image) not in _LOADERS:
        raise ImageError(f"{name}: is not one of the readable kinds ({', '.join(READABLE)})")
    if image.format not in _DTYPES:
        raise ImageError(f"{name}: {image.format} samples are not supported; save it with 8 or 16 bit")
    if image.interpretation not in _COLOURS or image.bands > 4 + (image.interpretation == "cmyk"):
        kind = f"{image.bands} channels of '{image.interpretation}'"
        raise ImageError(f"{name}: {kind} are not supported; save it as grey or RGB")
    return image


def _header(source: str | os.PathLike[str] | bytes, name: str, options: dict[str, int]) -> pyvips.Image:
    if isinstance(source, bytes):
        start = source[:16]
    elif os.path.isdir(source):
        raise ImageError(f"{name}: is a folder, not a picture")
    elif os.path.exists(source) and not os.path.isfile(source):
        raise ImageError(f"{name}: is a pipe or a device, not a file; - reads standard input")
    else:
        try:
            with open(source, "rb") as file:
                start = file.read(16)
        except OSError as error:
            raise ImageError(f"{name}: cannot be read: {error.strerror or error}") from error
    if not start:
        raise ImageError(f"{name}: the file is empty")
    try:
        # A source, not a name: libvips takes [..] in names for options, and would answer from its cache for a
        # file changed since. `fail_on` makes cut files errors, not half-grey pictures.
        stream = (
            pyvips.Source.new_from_memory(source)
            if isinstance(source, bytes)
            else pyvips.Source.new_from_file(cast(Any, os.fsencode(source)))
        )
        opened: Any = pyvips.Image.new_from_source(
            stream, "", access="sequential", fail_on="error", **options
        )
    except pyvips.Error as error:
        if "unable to load from source" in error.message:
            what = _STRANGERS.get(start[:2], "not a picture of a known kind")
            raise ImageError(f"{name}: is {what}; readable are {', '.join(READABLE)}") from error
        if "samples out of range" in error.detail:
            raise ImageError(f"{name}: its samples have too many bits; save it with 8, 16 or 32") from error
        raise ImageError(f"{name}: the file is damaged or cut short ({reason(error)})") from error
    return opened


def bits_of(image: pyvips.Image) -> int | None:
    """Bits of a sample where the array's dtype has more: 1, 10 or 12."""
    bits = field(image, "bits-per-sample", None)
    bilevel = bits == 1 and image.bands == 1 and not field(image, "palette", None)
    return bits if bilevel or (loader(image) == "heif" and bits in (10, 12)) else None


def samples(image: pyvips.Image, *, srgb: bool = False, scratch: ScratchArrays | None = None) -> np.ndarray:
    """Decode to an upright H x W x bands array of uint8, uint16 (full range) or float32.

    Args:
        image: From `open_image`.
        srgb: Turn inks into sRGB; else they stay C, M, Y, K.
        scratch: Takes what is too large for memory.

    Raises:
        pyvips.Error: The file is damaged.
    """
    bits = bits_of(image) or 16
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
    """Decode strip by strip into an array that lies in a file, as `samples` does into memory."""
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
    return image.width * image.height * image.bands * np.dtype(_DTYPES[str(image.format)]).itemsize
