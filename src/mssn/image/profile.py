"""ICC profiles: which can be written, and colour tags of PNG and AVIF as one, for formats with nothing else.

Sources: PNG, third edition (2025), sections 4.3 (which tag wins) and 11.3.2; ITU-T H.273 (2021), tables 2
and 3; ICC.1:2022, sections 7.2 (header), 8.3 and 8.4 (tags of a matrix profile), 10.18 (curves), annex E
(adaptation).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pyvips

from mssn.image.formats import HEIC, JPEG, JXL, TIFF
from mssn.image.picture import Picture
from mssn.image.png import Chunk

_D65, _C, _THEATRE = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)
_SRGB = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # white, red, green, blue
_PRIMARIES = {  # by their numbers in H.273
    1: _SRGB,
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (*_THEATRE, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # ((aX + b)^g above d, cX below)
# Cameras' curves (1, 6, 14, 15) are shown with that of sRGB, as browsers do.
_CURVES = dict.fromkeys((1, 2, 6, 13, 14, 15), _SRGB_CURVE) | {
    4: (2.2,),
    5: (2.8,),
    7: (1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0912),
    8: (1.0,),
    17: (2.6,),
}
_UNKNOWN = 2
_VERSION, _MOST_TAGS = 5, 100  # that Little CMS reads
_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")  # of profiles that a picture may hold
_DAMAGED = "damaged colour profile left out"
_COLUMNS = (b"rXYZ", b"gXYZ", b"bXYZ")
_D50 = (0xF6D6, 0x10000, 0xD32D)  # as the header of every profile must state it
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def is_srgb(colours: Sequence[Chunk]) -> bool:
    """Whether the tags say nothing else than what is meant without any: sRGB."""
    return _meant(colours) == (_SRGB, _SRGB_CURVE)


def profile_of(colours: Sequence[Chunk], *, grey: bool) -> bytes | None:
    """The ICC profile (version 4) of a picture with these tags.

    Args:
        colours: Colour chunks of a PNG.
        grey: For grey instead of RGB.

    Returns:
        The profile, or None if none can say it: the brightness of PQ and HLG, or values that make no sense.
    """
    meant = _meant(colours)
    if meant is None:
        return None
    primaries, curve = meant
    try:
        matrix, adaptation = _matrix(primaries)
        trc = b"para" + struct.pack(">IHH", 0, 0 if len(curve) == 1 else 3, 0) + _fixed(*curve)
        white = b"XYZ \0\0\0\0" + struct.pack(">3I", *_D50)
        chad = b"sf32\0\0\0\0" + _fixed(*adaptation.flat)
        name, rights = _text("Colours of the original"), _text("No copyright, use freely")
        tags = {b"desc": name, b"cprt": rights, b"wtpt": white, b"chad": chad}
        if grey:
            return _profile(b"GRAY", tags | {b"kTRC": trc})
        columns = {tag: b"XYZ \0\0\0\0" + _fixed(*matrix[:, n]) for n, tag in enumerate(_COLUMNS)}
        return _profile(b"RGB ", tags | columns | {b"rTRC": trc, b"gTRC": trc, b"bTRC": trc})
    except (np.linalg.LinAlgError, ZeroDivisionError, struct.error, OverflowError, ValueError):
        return None


def describes(icc: bytes, space: str) -> bool:
    """Whether an ICC profile is one for "GRAY", "RGB " or "CMYK"; a wrong one would spoil the picture.

    Source: ICC.1, section 7.2.6: the colour space stands at bytes 16..19.
    """
    return icc[16:20] == space.encode()


def profile_to_write(picture: Picture, suffix: str) -> tuple[bytes | None, str]:
    """The profile of a picture as encoders and viewers take it, and why it is left out, or "".

    What stands behind its end goes. One that is cut short, of a wrong length, or for other pixels would make
    an encoder fail, or spoil the picture.

    Args:
        picture: What is to be written.
        suffix: Ending of the file.
    """
    if not picture.icc:
        return None, ""
    kind, icc = _kind(picture), _whole(picture.icc)
    if icc is None:
        return None, _DAMAGED
    if not describes(icc, kind) or icc[12:16] not in _CLASSES or icc[20:24] not in (b"XYZ ", b"Lab "):
        return None, "colour profile left out (it is for another kind of pixels)"
    if not holds_profile(picture, suffix) and not _converts(icc, kind):
        return None, _DAMAGED
    return icc, ""


def holds_profile(picture: Picture, suffix: str) -> bool:
    """Whether files of this ending hold a profile of these pixels; else they are to become sRGB."""
    kind = _kind(picture)
    if kind == "CMYK":
        return suffix in (*JPEG, *TIFF)
    return suffix != JXL and not (kind == "GRAY" and suffix in (".webp", ".avif"))


def _kind(picture: Picture) -> str:
    """The colour space that a profile of the picture must be for."""
    if picture.black is not None:
        return "CMYK"
    return "GRAY" if picture.pixels.shape[2] == 1 else "RGB "


def _converts(icc: bytes, kind: str) -> bool:
    """Whether libvips can convert colours by a profile."""
    bands, space = {"GRAY": (1, "b-w"), "RGB ": (3, "srgb"), "CMYK": (4, "cmyk")}[kind]
    black: Any = pyvips.Image.black(1, 1, bands=bands)
    pixel = black.copy(interpretation=space)
    pixel.set_type(pyvips.GValue.blob_type, "icc-profile-data", cast(Any, icc))
    try:
        pixel.icc_import(embedded=True).avg()
    except pyvips.Error:
        return False
    return True


def _whole(icc: bytes) -> bytes | None:
    """A profile of the length that it states, all of its tags inside; None if it is damaged."""
    size, count = (int.from_bytes(icc[place : place + 4], "big") for place in (0, 128))
    if not 132 <= size <= len(icc) or icc[36:40] != b"acsp" or icc[8] > _VERSION or any(icc[64:66]):
        return None
    table = icc[132 : min(132 + 12 * count, size)]
    if not 0 < count <= _MOST_TAGS or len(table) < 12 * count:
        return None
    tags = list(struct.iter_unpack(">4sII", table))
    if len({name for name, _, _ in tags}) < count or any(at + length > size for _, at, length in tags):
        return None
    if icc[8] >= 4 and size % 4:  # which PNG does not take
        return struct.pack(">I", size + -size % 4) + icc[4:size] + bytes(-size % 4)
    return icc[:size]


def with_profile(picture: Picture, suffix: str) -> Picture:
    """With a profile in the place of colour tags that the format does not know.

    Args:
        picture: Without a profile its tags count.
        suffix: Ending of the file to write, other than ".png", which holds all tags.
    """
    if suffix == ".avif" and b"cICP" in dict(picture.colours):
        return picture
    if picture.icc or picture.black is not None or is_srgb(picture.colours):
        return picture
    grey = picture.pixels.shape[2] == 1
    if grey and suffix in (".webp", ".avif", *HEIC):  # which hold no grey
        picture, grey = replace(picture, pixels=np.repeat(picture.pixels, 3, axis=2)), False
    return replace(picture, icc=profile_of(picture.colours, grey=grey))


def _meant(colours: Sequence[Chunk]) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Primaries and curve of the tag that wins; None if they cannot be stated so."""
    tags = dict(colours)
    if b"cICP" in tags:
        primaries, transfer = tags[b"cICP"][:2]
        found = _PRIMARIES.get(1 if primaries == _UNKNOWN else primaries), _CURVES.get(transfer)
        return None if found[0] is None or found[1] is None else (found[0], found[1])
    if b"sRGB" in tags or not tags.keys() & {b"gAMA", b"cHRM"}:
        return _SRGB, _SRGB_CURVE
    numbers = struct.unpack(">8I", tags[b"cHRM"]) if b"cHRM" in tags else ()
    primaries = tuple(number / 100_000 for number in numbers) or _SRGB
    srgb = all(abs(a - b) < 0.001 for a, b in zip(primaries, _SRGB, strict=True))
    gamma = int.from_bytes(tags.get(b"gAMA", b""), "big")
    if b"gAMA" not in tags or (srgb and abs(gamma - 45455) <= 100):
        return (_SRGB if srgb else primaries), _SRGB_CURVE  # 1/2.2 is how sRGB is stated in short
    return None if gamma == 0 else (primaries, (100_000 / gamma,))


def _matrix(primaries: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """RGB to XYZ under D50, and the adaptation from the own white to D50, each 3x3."""
    white, *corners = ((x / y, 1.0, (1 - x - y) / y) for x, y in np.reshape(primaries, (4, 2)).tolist())
    columns = np.array(corners).T
    to_cones = _BRADFORD @ np.array([white, np.array(_D50) / 65536]).T
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(to_cones[:, 1] / to_cones[:, 0]) @ _BRADFORD
    return adaptation @ (columns * np.linalg.solve(columns, np.array(white))), adaptation


def _fixed(*values: float) -> bytes:
    """Numbers as s15Fixed16."""
    return struct.pack(f">{len(values)}i", *(round(float(value) * 65536) for value in values))


def _text(english: str) -> bytes:
    content = english.encode("utf-16-be")
    return b"mluc" + struct.pack(">III4sII", 0, 1, 12, b"enUS", len(content), 28) + content


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Header, table and the tags' data, those that are equal once."""
    place = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for data in tags.values():
        if data not in places:
            places[data] = place
            place += len(data) + -len(data) % 4
    table = b"".join(tag + struct.pack(">II", places[data], len(data)) for tag, data in tags.items())
    date = struct.pack(">6H", 2025, 1, 1, 0, 0, 0)  # of no importance, but it must be one
    header = struct.pack(">I4xI4s4s4s", place, 0x04400000, b"mntr", space, b"XYZ ") + date + b"acsp"
    header += bytes(28) + struct.pack(">3I", *_D50) + bytes(48)
    body = b"".join(data + bytes(-len(data) % 4) for data in places)
    return header + struct.pack(">I", len(tags)) + table + body
