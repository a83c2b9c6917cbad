"""Picture files in: depth, transparency, profile and orientation come along.

Pixels stand upright once read. What a picture is (8 or 16 bit, grey or colour, transparent or not) is what
its file says, never a guess from its values.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyvips

from mssn.errors import DataError, ImageError
from mssn.image.compression import compression
from mssn.image.decode import READABLE, bits_of, display_name, open_image, samples
from mssn.image.encode import to_8_bit
from mssn.image.metadata import field, kind_of, png_frames, reason, upright_exif, upright_xmp
from mssn.image.picture import NO_DPI, Picture
from mssn.image.scratch import ScratchArrays, release

MAX_PIXELS = 500_000_000  # a small damaged or hostile file may claim a size that would fill the memory
Source = str | os.PathLike[str] | bytes


def read(
    source: Source, *, max_pixels: int = MAX_PIXELS, into: str = "", scratch: ScratchArrays | None = None
) -> Picture:
    """Decode a picture file, turned upright, with its depth, alpha and metadata.

    Grey stays grey (WebP always, and AVIF in practice, hold colour), palettes become RGB, 1 bit becomes
    8-bit grey, 10 and 12 bit become full-range 16 bit; CMYK stays CMYK.

    Args:
        source: PNG, JPEG, WebP, TIFF, AVIF or GIF file (HEIC where libvips has its decoder), or the content
            of one.
        max_pixels: refuse larger pictures, all pages together, before any pixel is decoded.
        into: ending of the file to be written: for ".tif" all pages of a TIFF are read, for ".webp" all
            frames of a GIF or WebP, if they have one size. Else, and of other formats always, the first.
        scratch: takes what is too large for memory; the picture must not be used after its block.

    Raises:
        ImageError: missing, not a picture, damaged, cut short, too large, or of an unsupported kind.
    """
    image = open_image(source, max_pixels, into)
    array = _samples(source, image, scratch=scratch)
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
    exif, xmp = field(image, "exif-data", None), field(image, "xmp-data", None)
    return Picture(
        pixels=pixels,
        alpha=alpha if alpha.size else None,
        black=black if inks else None,
        bits=bits_of(image),
        icc=field(image, "icc-profile-data", None),
        exif=upright_exif(exif) if exif else None,
        xmp=upright_xmp(xmp) if xmp else None,
        iptc=field(image, "iptc-data", None)
        if kind_of(image) == "jpeg"
        else None,  # of a TIFF: 4 bytes of it
        dpi=NO_DPI if image.xres == 1 else round(image.xres * 25.4, 1),  # 1 is libvips's word for unknown
        format=kind_of(image),
        pages=count,
        delays=tuple(field(image, "delay", ())) if animated else (),
        loop=field(image, "loop", 0) if animated else 0,
        left_out=max(field(image, "n-pages", 1) - count, 0) or png_frames(source) - 1,
        compression=compression(source),
    )


def read_rgb(source: Source) -> np.ndarray:
    """Read plain 8-bit colour, for scoring and training.

    Returns:
        H x W x 3, uint8; grey is repeated, 16 bit is rounded, inks become sRGB, alpha and profile go.

    Raises:
        ImageError: as `read`.
    """
    array = _samples(source, open_image(source, MAX_PIXELS), srgb=True)
    array = to_8_bit(array[:, :, :3] if array.shape[2] > 2 else array[:, :, :1])
    return np.ascontiguousarray(np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array)


def read_size(source: Source) -> tuple[int, int]:
    """Height and width in pixels of the upright picture, from the header alone.

    Raises:
        ImageError: as `read`, except that damage behind the header goes unnoticed.
    """
    image = open_image(source, None)
    lying = field(image, "orientation", 1) in (5, 6, 7, 8)
    return (image.width, image.height) if lying else (image.height, image.width)


def read_format(source: Source) -> str:
    """What a file is, from its header: "png", "jpeg" ... as `Picture.format`.

    Raises:
        ImageError: as `read_size`.
    """
    return kind_of(open_image(source, None))


def is_animated(source: Source) -> bool:
    """Whether a file holds several frames of a GIF or WebP animation, from the header alone.

    Raises:
        ImageError: as `read_size`.
    """
    image = open_image(source, None)
    return kind_of(image) in ("gif", "webp") and field(image, "n-pages", 1) > 1


def find_images(folder: str | os.PathLike[str], unreadable: list[str] | None = None) -> list[Path]:
    """All readable pictures in a folder and its sub-folders, in the order a person would count them.

    Known by their endings (`READABLE`, any case); hidden files and folders are passed over; `2.png` comes
    before `10.png`, on every file system.

    Args:
        folder: where to look.
        unreadable: takes a line for each sub-folder that cannot be listed; without it, that is an error.

    Raises:
        DataError: the folder is missing, unreadable or holds no picture.
    """

    def refuse(error: OSError) -> None:
        line = f"{display_name(error.filename)}: cannot be listed: {error.strerror}"
        if unreadable is None or Path(error.filename) == root:
            raise DataError(line) from error
        unreadable.append(line)

    root = Path(folder)
    if not root.is_dir():
        raise DataError(
            f"{display_name(root)}: {'is a file, not a folder' if root.exists() else 'no such folder'}"
        )
    found: list[Path] = []
    for parent, folders, files in os.walk(root, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in files if not name.startswith(".")]
    found = [path for path in found if path.suffix.lower() in READABLE]
    if not found:
        raise DataError(f"{display_name(root)}: holds no pictures (looked for {', '.join(READABLE)})")
    return sorted(found, key=counting_order)


def counting_order(path: Path) -> tuple[list[list[tuple[int, str]]], str]:
    """Sorts paths as a person would count them: `2.png` before `10.png`."""
    return [_natural(part) for part in path.parts], str(path)


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
    source: Source, image: pyvips.Image, *, srgb: bool = False, scratch: ScratchArrays | None = None
) -> np.ndarray:
    """The pixels of an opened file; its errors in one line."""
    name = display_name(source)
    try:
        array = samples(image, srgb=srgb, scratch=scratch)
    except pyvips.Error as error:
        if kind_of(image) == "heic":
            raise ImageError(f"{name}: this libvips cannot decode HEIC; use AVIF or PNG") from error
        raise ImageError(f"{name}: the file is damaged or cut short ({reason(error)})") from error
    if array.dtype == np.float32 and not np.isfinite(array).all():
        raise ImageError(f"{name}: some of its samples are not numbers")
    return array


def _natural(text: str) -> list[tuple[int, str]]:
    """Sort key that counts: digits compare as numbers, letters without case."""
    pieces = re.split(r"(\d+)", text)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece.casefold()) for piece in pieces]
