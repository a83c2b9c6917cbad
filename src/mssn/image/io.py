"""Picture files in, picture files out: depth, transparency, profile and orientation come along.

Pixels stand upright once read; a written file replaces its target only when complete. What a picture is
(8 or 16 bit, grey or colour, transparent or not) is what its file says, never a guess from its values.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyvips

from mssn.atomic import replacing
from mssn.errors import DataError, ImageError
from mssn.image.metadata import describes, field, kind_of, loader, reason, upright_exif, upright_xmp

# HEIC is listed because some builds of libvips decode it; the others then say so, instead of passing it over.
READABLE = (".avif", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
WRITABLE = (".avif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
MAX_PIXELS = 500_000_000  # a small damaged or hostile file may claim a size that would fill the memory

_LOADERS = ("gif", "heif", "jpeg", "png", "tiff", "webp")
_STRANGERS = {b"BM": "a BMP picture", b"P5": "a PGM picture", b"P6": "a PPM picture"}  # by first bytes
_COLOURS = ("b-w", "grey16", "srgb", "rgb", "rgb16", "cmyk")
_DEEP = (".png", ".tif", ".tiff")  # keep 16 bit
_OPAQUE = (".jpg", ".jpeg")  # cannot hold alpha
_NO_DPI = 72.0


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture file, upright, with everything needed to write it again.

    Attributes:
        pixels: H x W x 1 (grey) or H x W x 3 (RGB), uint8 (0..255) or uint16 (0..65535).
        alpha: H x W x 1 of the same dtype, 0 = transparent, not multiplied into `pixels`; None if opaque.
        icc: ICC colour profile of the pixels, or None (then sRGB is meant).
        exif: EXIF block with its orientation set to 1, because the pixels are already turned; or None.
        xmp: XMP packet, likewise, or None.
        dpi: dots per inch, 72 where the file names none.
        format: "png", "jpeg", "webp", "tiff", "avif", "heic" or "gif": what the picture was read from.

    Raises:
        ImageError: shapes or dtypes are not the above.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: float = _NO_DPI
    format: str = "png"

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape or dtype not in (np.uint8, np.uint16):
            raise ImageError(f"pixels must be H x W x 1 or 3 of uint8 or uint16, not {shape} of {dtype}")
        if self.alpha is not None and (self.alpha.shape, self.alpha.dtype) != ((*shape[:2], 1), dtype):
            wanted, given = f"{(*shape[:2], 1)} of {dtype}", f"{self.alpha.shape} of {self.alpha.dtype}"
            raise ImageError(f"alpha must be {wanted} like its pixels, not {given}")


def read(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a picture file, turned upright, with its depth, alpha and metadata.

    Grey stays grey (WebP always, and AVIF in practice, hold colour), palettes become RGB, 1 bit becomes
    8-bit grey, 10 and 12 bit become full-range 16 bit, CMYK becomes sRGB through its own profile. Of an
    animation or a document the first frame or page is read.

    Args:
        path: PNG, JPEG, WebP, TIFF, AVIF or GIF file (HEIC where libvips has its decoder).
        max_pixels: refuse larger pictures before any pixel is decoded.

    Raises:
        ImageError: missing, not a picture, damaged, cut short, too large, or of an unsupported kind.
    """
    image = _open(path, max_pixels)
    kind = kind_of(image)
    try:
        array = _decode(image)
    except pyvips.Error as error:
        if kind == "heic":
            raise ImageError(f"{_name(path)}: this libvips cannot decode HEIC; use AVIF or PNG") from error
        raise ImageError(f"{_name(path)}: the file is damaged or cut short ({reason(error)})") from error
    colours = 3 if array.shape[2] > 2 else 1
    exif, xmp = field(image, "exif-data", None), field(image, "xmp-data", None)
    return Picture(
        pixels=np.ascontiguousarray(array[:, :, :colours]),
        alpha=np.ascontiguousarray(array[:, :, colours:]) if array.shape[2] > colours else None,
        # The profile of a CMYK file describes inks that the converted pixels no longer have.
        icc=None if image.interpretation == "cmyk" else field(image, "icc-profile-data", None),
        exif=upright_exif(exif) if exif else None,
        xmp=upright_xmp(xmp) if xmp else None,
        dpi=_NO_DPI if image.xres == 1 else round(image.xres * 25.4, 1),  # 1 is libvips's word for unknown
        format=kind,
    )


def read_rgb(path: str | os.PathLike[str]) -> np.ndarray:
    """Read plain 8-bit colour, for scoring and training.

    Returns:
        H x W x 3, uint8; grey is repeated, 16 bit is rounded, alpha and profile are dropped.

    Raises:
        ImageError: as `read`.
    """
    pixels = _to_8_bit(read(path).pixels)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def read_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Height and width in pixels of the upright picture, from the header alone.

    Raises:
        ImageError: as `read`, except that damage behind the header goes unnoticed.
    """
    image = _open(path, None)
    lying = field(image, "orientation", 1) in (5, 6, 7, 8)
    return (image.width, image.height) if lying else (image.height, image.width)


def write(path: str | os.PathLike[str], picture: Picture, *, quality: int | None = None) -> None:
    """Encode a picture in the format its file name asks for; the target is replaced only when complete.

    PNG and TIFF are lossless and keep 16 bit; JPEG, WebP and AVIF get 8 bit, rounded. JPEG cannot be
    transparent: the picture is laid on white. ICC, EXIF and XMP are written (TIFF: no EXIF).

    Args:
        path: target ending in one of `WRITABLE`; its folder must exist.
        picture: what to write.
        quality: 1..100 for JPEG (default 95), WebP (95) and AVIF (85); the lossless formats ignore it.

    Raises:
        ImageError: unknown ending, impossible quality, a picture too large for the format, unwritable
            folder or full disk. Whatever was at `path` is then untouched.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in WRITABLE:
        raise ImageError(f"{_name(path)}: cannot write '{suffix}' files; use one of {', '.join(WRITABLE)}")
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"{_name(path)}: quality must be 1 to 100, not {quality}")
    if target.is_dir():
        raise ImageError(f"{_name(path)}: is a folder, not a file to write")
    try:
        with replacing(target) as file:
            file.write(_encode(picture, suffix, quality))
    except OSError as error:
        raise ImageError(f"{_name(path)}: cannot be written: {error.strerror or error}") from error
    except pyvips.Error as error:
        raise ImageError(f"{_name(path)}: cannot be encoded: {reason(error)}") from error


def find_images(folder: str | os.PathLike[str]) -> list[Path]:
    """All readable pictures in a folder and its sub-folders, in the order a person would count them.

    Known by their endings (`READABLE`, any case); hidden files and folders are passed over; `2.png` comes
    before `10.png`, on every file system.

    Raises:
        DataError: the folder is missing, unreadable or holds no picture.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{_name(error.filename)}: cannot be listed: {error.strerror}") from error

    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{_name(root)}: {'is a file, not a folder' if root.exists() else 'no such folder'}")
    found: list[Path] = []
    for parent, folders, files in os.walk(root, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in files if not name.startswith(".")]
    found = [path for path in found if path.suffix.lower() in READABLE]
    if not found:
        raise DataError(f"{_name(root)}: holds no pictures (looked for {', '.join(READABLE)})")
    return sorted(found, key=lambda path: ([_natural(part) for part in path.parts], str(path)))


def _open(path: str | os.PathLike[str], max_pixels: int | None) -> pyvips.Image:
    """Read the header and refuse what cannot be decoded faithfully."""
    name = _name(path)
    if os.path.isdir(path):
        raise ImageError(f"{name}: is a folder, not a picture")
    try:
        with open(path, "rb") as file:
            start = file.read(16)
    except OSError as error:
        raise ImageError(f"{name}: cannot be read: {error.strerror or error}") from error
    if not start:
        raise ImageError(f"{name}: the file is empty")
    try:
        # A source, not a name: libvips takes [..] in names for options, and would answer from its cache for a
        # file changed since. `fail_on` makes cut files errors, not half-grey pictures.
        source = pyvips.Source.new_from_file(cast(Any, os.fsencode(path)))
        image: pyvips.Image = pyvips.Image.new_from_source(source, "", access="sequential", fail_on="error")
    except pyvips.Error as error:
        if "unable to load from source" in error.message:
            what = _STRANGERS.get(start[:2], "not a picture of a known kind")
            raise ImageError(f"{name}: is {what}; readable are {', '.join(READABLE)}") from error
        raise ImageError(f"{name}: the file is damaged or cut short ({reason(error)})") from error
    if loader(image) not in _LOADERS:
        raise ImageError(f"{name}: is not one of the readable kinds ({', '.join(READABLE)})")
    if image.format not in ("uchar", "ushort"):
        raise ImageError(f"{name}: {image.format} samples are not supported yet; save it with 8 or 16 bit")
    if image.interpretation not in _COLOURS or image.bands > 4 + (image.interpretation == "cmyk"):
        kind = f"{image.bands} channels of '{image.interpretation}'"
        raise ImageError(f"{name}: {kind} are not supported; save it as grey or RGB")
    if max_pixels is not None and image.width * image.height > max_pixels:
        limit = f"the limit of {max_pixels / 1e6:g} million"
        raise ImageError(f"{name}: {image.width} x {image.height} pixels exceed {limit}")
    return image


def _decode(image: pyvips.Image) -> np.ndarray:
    """Decode to an upright H x W x bands array of uint8 or uint16, full range."""
    bits = field(image, "bits-per-sample", 16) if loader(image) == "heif" else 16
    turned = field(image, "orientation", 1) != 1
    if image.interpretation == "cmyk":  # without a profile of its own, libvips's general CMYK profile serves
        image = image.icc_transform("srgb", embedded=True, depth=8 if image.format == "uchar" else 16)
    if turned:  # turning needs pixels out of order, the decoder hands them out in order
        image = image.copy_memory().autorot()
    array = image.numpy().reshape(image.height, image.width, image.bands)
    if array.dtype == np.uint16 and bits < 16:
        # libvips shifts 10 and 12 bit up and leaves the low bits 0, so that white would be 65472 of 65535.
        levels = np.arange(65536) >> (16 - bits)
        array = np.rint(levels * (65535 / ((1 << bits) - 1))).astype(np.uint16)[array]
    return array


def _encode(picture: Picture, suffix: str, quality: int | None) -> bytes:
    """Encode in memory, so that writing is Python's own and its errors are clear."""
    pixels, alpha = picture.pixels, picture.alpha
    if suffix not in _DEEP:
        pixels, alpha = _to_8_bit(pixels), None if alpha is None else _to_8_bit(alpha)
    if alpha is not None and suffix in _OPAQUE:
        pixels, alpha = _on_white(pixels, alpha), None
    colours = pixels.shape[2]
    array = pixels if alpha is None else np.concatenate([pixels, alpha], axis=2)
    kinds = {(1, 1): "b-w", (3, 1): "srgb", (1, 2): "grey16", (3, 2): "rgb16"}
    image = pyvips.Image.new_from_array(
        np.ascontiguousarray(array), interpretation=kinds[colours, pixels.dtype.itemsize]
    ).copy(xres=picture.dpi / 25.4, yres=picture.dpi / 25.4)
    icc = picture.icc if picture.icc and describes(picture.icc, colours) else None
    for key, value in (("icc-profile-data", icc), ("exif-data", picture.exif), ("xmp-data", picture.xmp)):
        if value:
            image.set_type(pyvips.GValue.blob_type, key, cast(Any, value))  # pyvips's hints leave bytes out
    return image.write_to_buffer(suffix, **_options(suffix, quality, array.nbytes))


def _options(suffix: str, quality: int | None, size: int) -> dict[str, Any]:
    """What each encoder is asked for; efforts stand where more time buys little. `size`: raw bytes."""
    if suffix == ".png":
        return {"compression": 3, "filter": "all"}  # half the size of unfiltered level 6 in the same time
    if suffix in (".tif", ".tiff"):
        return {"compression": "deflate", "predictor": "horizontal", "bigtiff": size > 2**31}
    if suffix == ".webp":
        return {"Q": quality or 95, "smart_subsample": True}
    if suffix == ".avif":
        return {"Q": quality or 85, "effort": 2}  # effort 4 takes seven times as long for a tenth of the size
    return {"Q": quality or 95, "subsample_mode": "off" if (quality or 95) >= 90 else "on"}


def _to_8_bit(array: np.ndarray) -> np.ndarray:
    """Nearest of 256 levels: 65535 = 255 * 257, so that both ends stay ends."""
    return array if array.dtype == np.uint8 else ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _on_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay 8-bit pixels on white paper, as a browser would show them."""
    opacity = alpha.astype(np.uint32)
    return ((pixels * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)


def _name(path: str | os.PathLike[str]) -> str:
    """The path as it may stand in a one-line message, whatever bytes it is made of."""
    return " ".join(os.fsencode(path).decode(errors="replace").split())


def _natural(text: str) -> list[tuple[int, str]]:
    """Sort key that counts: digits compare as numbers, letters without case."""
    pieces = re.split(r"(\d+)", text)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece.casefold()) for piece in pieces]
