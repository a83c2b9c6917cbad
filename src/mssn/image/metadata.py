"""What a file says about its picture: header fields, and small repairs on its EXIF, XMP and ICC blocks."""

from __future__ import annotations

import os
import re
import struct
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pyvips

_ORIENTATION = 0x0112
_SHORT = 3


def upright_exif(exif: bytes) -> bytes | None:
    """Set the orientation in an EXIF block to 1, so that turned pixels are not turned again.

    Only those bytes change: maker notes and everything else a parser might not understand survive.

    Args:
        exif: EXIF block, with or without its leading "Exif" mark.

    Returns:
        The block with orientation 1, or None if it is damaged (then no orientation can hide in it).

    Source: TIFF 6.0, section 2 (header, directory, 12-byte entries).
    """
    start = 6 if exif.startswith(b"Exif\0\0") else 0
    order = {b"II": "<", b"MM": ">"}.get(exif[start : start + 2])
    if order is None:
        return None
    patched = bytearray(exif)
    try:
        directory = start + struct.unpack_from(order + "I", exif, start + 4)[0]
        for index in range(struct.unpack_from(order + "H", exif, directory)[0]):
            entry = directory + 2 + 12 * index
            if struct.unpack_from(order + "H", exif, entry)[0] == _ORIENTATION:
                # Type, count, then the value at the left of its four bytes in either byte order.
                struct.pack_into(order + "HIHH", patched, entry + 2, _SHORT, 1, 1, 0)
    except struct.error:
        return None
    return bytes(patched)


def upright_xmp(xmp: bytes) -> bytes:
    """Set the orientation in an XMP packet to 1; its length, which XMP promises to keep, stays."""
    return re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))[2-8]", rb"\g<1>1", xmp)


def png_frames(source: str | os.PathLike[str] | bytes) -> int:
    """Frames of an animated PNG, of which decoders that do not know them show the first; 1 of anything else.

    Source: PNG, third edition (2025), section 11.3.6: the chunk acTL comes before the first IDAT.
    """
    if isinstance(source, bytes):
        return _png_frames(BytesIO(source))
    try:
        with Path(source).open("rb") as file:
            return _png_frames(file)
    except OSError:  # whoever decodes it will say what is wrong
        return 1


def _png_frames(file: IO[bytes]) -> int:
    if file.read(8) != b"\x89PNG\r\n\x1a\n":
        return 1
    while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
        if head[4:] == b"acTL":
            return max(int.from_bytes(file.read(4), "big"), 1)
        file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    return 1


def describes(icc: bytes, space: str) -> bool:
    """Whether an ICC profile is one for "GRAY", "RGB " or "CMYK"; a wrong one would spoil the picture.

    Source: ICC.1, section 7.2.6: the colour space stands at bytes 16..19.
    """
    return icc[16:20] == space.encode()


def field(image: pyvips.Image, name: str, default: Any) -> Any:
    """A header field, or `default` where the file has none."""
    return image.get(name) if image.get_typeof(name) else default


def loader(image: pyvips.Image) -> str:
    """The decoder that opened the file: "png", "jpeg", "webp", "tiff", "heif", "gif", "svg" ..."""
    return str(image.get("vips-loader")).split("load")[0]


def kind_of(image: pyvips.Image) -> str:
    """The format by its usual name: the one HEIF container holds both AVIF and HEIC."""
    if loader(image) != "heif":
        return loader(image)
    return "heic" if field(image, "heif-compression", "hevc") == "hevc" else "avif"


def reason(error: pyvips.Error) -> str:
    """The last of the lines libvips gives, which names the innermost cause."""
    lines = [line.strip() for line in str(error.detail or error.message).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
