"""PIL images and pictures. PIL is not imported here: whoever has an image has done that."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from mssn.errors import ImageError
from mssn.image.picture import Picture

if TYPE_CHECKING:
    from PIL.Image import Image

_MODES = ("L", "LA", "RGB", "RGBA", "I;16")


def is_pil(value: object) -> TypeGuard[Image]:
    """Whether something is a PIL image."""
    return "PIL.Image" in sys.modules and isinstance(value, _pil().Image)


def from_pil(image: Image) -> Picture:
    """The picture that a file of the image would be; palettes and YCbCr become RGB.

    Args:
        image: Of mode 1, L, LA, P, RGB, RGBA, CMYK, YCbCr or I;16.

    Raises:
        ImageError: It is of another mode.
    """
    if image.mode == "1":
        return Picture(np.asarray(image.convert("L"))[:, :, None], bits=1)
    if image.mode == "CMYK":
        light = 255 - np.asarray(image)
        return Picture(np.ascontiguousarray(light[:, :, :3]), black=np.ascontiguousarray(light[:, :, 3:]))
    plain = {"P": "RGBA" if "transparency" in image.info else "RGB", "YCbCr": "RGB"}
    usable = image.convert(plain[image.mode]) if image.mode in plain else image
    if usable.mode not in _MODES:
        raise ImageError(f"cannot enlarge a PIL image of mode {usable.mode}; convert it to RGB first")
    return Picture.from_array(np.asarray(usable))


def to_pil(picture: Picture, info: dict[Any, Any]) -> Image:
    """The image of a picture of one page and 8-bit samples, or 16-bit grey.

    Args:
        picture: Of `from_pil`, resized.
        info: What the image is to carry: profile, resolution and so on.
    """
    if picture.black is not None:
        image = _pil().fromarray(255 - np.concatenate([picture.pixels, picture.black], axis=2), "CMYK")
    else:
        array = picture.to_array(3)
        image = _pil().fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
        if picture.bits == 1:
            image = image.convert("1")
    image.info = dict(info)
    return image


def _pil() -> Any:
    return sys.modules["PIL.Image"]
