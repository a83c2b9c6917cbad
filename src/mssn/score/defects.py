"""What goes wrong with a picture, one thing each: blur, noise, a lossy file."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Literal

import numpy as np

Compression = Literal["jpeg", "webp", "avif"]


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur, as of a lens a little out of focus.

    Args:
        image: H x W x 3 uint8.
        sigma: Standard deviation in pixels; below 0.1 nothing happens.
    """
    if sigma < 0.1:
        return image
    try:
        import pyvips
    except ImportError:
        return _blurred_by_numpy(image, sigma)
    return (
        pyvips.Image.new_from_array(image)
        .gaussblur(sigma, min_ampl=0.01, precision="float")
        .rint()
        .cast("uchar")
        .numpy()
    )  # pyright: ignore


def _blurred_by_numpy(image: np.ndarray, sigma: float) -> np.ndarray:
    """The same where there is no libvips, cutting the kernel at a hundredth, as it does."""
    reach = int(sigma * (2 * np.log(100)) ** 0.5)
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2)).astype(np.float32)
    taps /= taps.sum()
    result = image.astype(np.float32)
    for axis in (0, 1):
        border = [(reach, reach) if each == axis else (0, 0) for each in range(3)]
        framed, length = np.pad(result, border, mode="edge"), image.shape[axis]
        result = np.zeros_like(result)
        for first, tap in enumerate(taps):
            result += framed.take(range(first, first + length), axis) * tap
    return np.rint(result).astype(np.uint8)


def noisy(image: np.ndarray, dark: float, white: float, rng: np.random.Generator) -> np.ndarray:
    """Poisson-Gaussian noise, its Poisson part as a Gaussian whose variance follows the light.

    Args:
        image: H x W x 3 uint8.
        dark: Standard deviation without light, grey levels.
        white: Standard deviation that full light adds, grey levels.
        rng: Draws the noise.

    Source: A. Foi et al., "Practical Poissonian-Gaussian noise modeling ...", 2008, Eq. 3 and 5.
    """
    if not dark and not white:
        return image
    light = image.astype(np.float32)
    deviation = np.sqrt(dark**2 + white**2 / 255 * light)
    light += deviation * rng.standard_normal(image.shape, np.float32)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def compressed(
    image: np.ndarray,
    quality: int,
    *,
    kind: Compression = "jpeg",
    halved: bool = True,
    phase: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """What is left after a JPEG, WebP or AVIF file.

    Args:
        image: H x W x 3 uint8.
        quality: 1..100.
        kind: The file's; the colours of WebP and, below 90, of AVIF are always at half size.
        halved: JPEG's colours at half size (4:2:0), or all of them (4:4:4).
        phase: Rows and columns by which its blocks begin before the picture, as after a crop.
    """
    down, right = phase
    framed = np.pad(image, ((down, 0), (right, 0), (0, 0)), mode="symmetric")
    again = _through_file(np.ascontiguousarray(framed), quality, kind, halved)
    return np.ascontiguousarray(again[down:, right:])


def _through_file(image: np.ndarray, quality: int, kind: Compression, halved: bool) -> np.ndarray:
    try:
        import pyvips
    except ImportError:
        if kind == "avif":  # nothing is trained on; Pillow's encoder is another
            raise
        return _through_pillow(image, quality, kind, halved)
    whole: Any = pyvips.Image.new_from_array(image)
    if kind == "webp":
        file = whole.webpsave_buffer(Q=quality, effort=2)
    elif kind == "avif":
        file = whole.heifsave_buffer(Q=quality, effort=2, compression="av1")
    else:
        file = whole.jpegsave_buffer(Q=quality, subsample_mode="on" if halved else "off")
    back: Any = pyvips.Image.new_from_buffer(file, "")
    return back.numpy()


def _through_pillow(image: np.ndarray, quality: int, kind: Compression, halved: bool) -> np.ndarray:
    """The same where there is no libvips, by the same encoders."""
    from PIL import Image

    options: dict[str, Any] = {"method": 2}  # as above
    if kind == "jpeg":
        options = {"subsampling": "4:2:0" if halved else "4:4:4"}
    file = BytesIO()
    Image.fromarray(image).save(file, kind, quality=quality, **options)
    with Image.open(file) as back:
        return np.asarray(back.convert("RGB"))
