"""PIL images and pictures. PIL is not imported here: whoever has an image has done that."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from mssn.errors import ImageError
from mssn.image.picture import Picture
from mssn.image.profile import describes

if TYPE_CHECKING:
    from PIL.Image import Image

_GREY = ("1", "L", "LA", "La")
_STALE = ("transparency", "mp", "mpoffset")  # colour keys became alpha, and other pictures of a file are gone


def is_pil(value: object) -> TypeGuard[Image]:
    """Whether something is a PIL image."""
    return "PIL.Image" in sys.modules and isinstance(value, _pil().Image)


def from_pil(image: Image) -> Picture:
    """The picture that a file of the image would be.

    Palettes, YCbCr, HSV and LAB become RGB; colour keys and premultiplied transparency become alpha.

    Args:
        image: Of any mode. Numbers of mode I must be 0 to 65535, those of F 0 to 1.

    Raises:
        ImageError: Its mode or its numbers have no meaning as a picture.
    """
    try:
        image.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"the PIL image cannot be read: {error}") from error
    mode, clear = image.mode, image.has_transparency_data
    if mode == "CMYK":
        light = 255 - np.asarray(image)
        return Picture(np.ascontiguousarray(light[:, :, :3]), black=np.ascontiguousarray(light[:, :, 3:]))
    if mode == "1" and not clear:
        return Picture(np.asarray(image.convert("L"))[:, :, None], bits=1)
    if mode[0] in "IF":
        return _deep(image)
    wanted = ("L" if mode in _GREY else "RGB") + "A" * clear
    try:
        usable = image if mode == wanted else image.convert(wanted)
    except (ValueError, TypeError, ImportError) as error:
        raise ImageError(f"cannot enlarge a PIL image of mode {mode} ({error}); convert it to RGB") from error
    return Picture.from_array(np.asarray(usable))


def with_info(picture: Picture, image: Image) -> Picture:
    """With the profile and the resolution that an image carries, for the file it becomes.

    Args:
        picture: Of `from_pil`.
        image: Where it comes from.
    """
    profile, dpi = image.info.get("icc_profile"), image.info.get("dpi")
    if describes(profile or b"", "Lab "):  # colours that became RGB
        profile = None
    return replace(picture, icc=profile, dpi=float(dpi[0]) if dpi and dpi[0] else None)


def _deep(image: Image) -> Picture:
    """Grey of 16 bits or of floats."""
    array, most = np.asarray(image), 1 if image.mode == "F" else 65535
    name = f"a PIL image of mode {image.mode}"
    if "transparency" in image.info:  # for which PIL has no mode
        raise ImageError(
            f"cannot enlarge {name} with a transparent value; give its file, or convert it to LA"
        )
    if array.size and not (array.min() >= 0 and array.max() <= most):
        raise ImageError(f"{name} must hold numbers from 0 to {most}; scale it, or convert it to L")
    return Picture.from_array(array.astype(np.float32 if image.mode == "F" else np.uint16))


def to_pil(picture: Picture, info: dict[Any, Any]) -> Image:
    """The image of a picture of one page and 8-bit samples, or 16-bit or floating point grey.

    Args:
        picture: Of `from_pil`, resized.
        info: What the image is to carry: profile, resolution and so on; what is true of its source alone is
            left out.
    """
    if picture.black is not None:
        image = _pil().fromarray(255 - np.concatenate([picture.pixels, picture.black], axis=2), "CMYK")
    else:
        array = picture.to_array(3)
        image = _pil().fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
        if picture.bits == 1:
            image = image.convert("1")
    image.info = {key: value for key, value in info.items() if key not in _STALE}
    if describes(info.get("icc_profile") or b"", "Lab "):  # colours that became RGB
        del image.info["icc_profile"]
    return image


def _pil() -> Any:
    return sys.modules["PIL.Image"]
