"""Shrink and enlarge pictures exactly as MATLAB's `imresize` does, with its bicubic or another kernel.

Super-resolution is trained and scored on pictures that MATLAB made small, so an ordinary resize is
not good enough: one grey level of difference everywhere already moves the scores. The recipe, checked
pixel by pixel against files written by MATLAB:

* separable cubic kernel with a = -0.5 (Keys), widened by the shrink factor (antialiasing);
* weights are normalised per output pixel; source indices beyond the picture are mirrored (newer
  MATLAB) or repeat the border pixel (older MATLAB; differs in the outermost pixels only);
* the axis with the smaller factor first, rows on a tie; integer pictures are rounded and clipped
  after *each* axis, because MATLAB keeps the class of the input between the two passes.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np

from mssn.once import OnceEach

Border = Literal["mirror", "repeat"]
Kernel = Literal["cubic", "box", "triangle", "lanczos3"]

# Pixels of a block along the resized axis and numbers along the other: about 128 KB, stays in the cache.
_BLOCK_ROWS, _BLOCK_COLUMNS = 16, 1024


def imresize(
    image: np.ndarray,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    border: Border = "mirror",
    kernel: Kernel = "cubic",
) -> np.ndarray:
    """Resize a picture the way MATLAB does.

    Args:
        image: H x W or H x W x C; uint8, uint16 or floating point. Integers stay integers (rounded half
            up and clipped after each axis), floats stay floats (never rounded or clipped).
        scale: Factor for both axes; the output has ceil(scale * size) pixels. Give `scale` or `size`.
        size: (height, width) of the output; the factors follow from it.
        border: What lies beyond the picture: "mirror" (newer MATLAB) or "repeat" (older MATLAB).
        kernel: MATLAB's name of the interpolation kernel; "cubic" is its default, "box" takes the mean of an
            area, "triangle" is bilinear.

    Returns:
        The resized picture, same dtype and number of axes, C-contiguous.

    Raises:
        ValueError: The factor, the size, the border, the kernel or the picture makes no sense.

    Source: MATLAB `imresize`, antialiasing on.

    Examples:
        >>> imresize(np.arange(0, 160, 10, dtype=np.uint8).reshape(1, 16), size=(1, 4))
        array([[ 14,  55,  95, 136]], dtype=uint8)
    """
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"expected a non-empty H x W or H x W x C picture, got shape {image.shape}")
    if image.dtype.kind != "f" and image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected uint8, uint16 or floating point pixels, got {image.dtype}")
    if border not in ("mirror", "repeat"):
        raise ValueError(f"border must be 'mirror' or 'repeat', got {border!r}")
    if kernel not in _KERNELS:
        raise ValueError(f"kernel must be one of {', '.join(_KERNELS)}, got {kernel!r}")
    height, width = image.shape[:2]
    if size is None and scale is not None:
        if not 0 < scale < np.inf:
            raise ValueError(f"scale must be positive and finite, got {scale}")
        out, factors = (_ceil(height * scale), _ceil(width * scale)), (scale, scale)
    elif size is not None and scale is None:
        if min(size) < 1:
            raise ValueError(f"size must be at least 1 x 1, got {size}")
        out, factors = size, (size[0] / height, size[1] / width)
    else:
        raise ValueError("give either scale or size")
    # MATLAB resizes the axis with the smaller factor first; equal factors: rows, then columns.
    order = (0, 1) if factors[0] <= factors[1] else (1, 0)
    result = image.reshape(height, width, -1)
    for axis in order:
        result = _resize_axis(
            result, axis, _contributions(result.shape[axis], out[axis], factors[axis], border, kernel)
        )
    return result.reshape(*out, *image.shape[2:])


def shrink(
    image: np.ndarray, scale: int, *, border: Border = "mirror", kernel: Kernel = "cubic"
) -> np.ndarray:
    """Make the low-resolution partner of a picture: crop to a multiple of `scale`, shrink by 1/`scale`.

    Args:
        image: H x W or H x W x C, uint8, uint16 or float.
        scale: Whole factor, at least 1.
        border: See `imresize`.
        kernel: See `imresize`.

    Returns:
        floor(H / scale) x floor(W / scale) (x C), same dtype.

    Raises:
        ValueError: `scale` is below 1, or the picture is smaller than `scale` pixels on a side.
    """
    return imresize(crop_to_multiple(image, scale), scale=1 / scale, border=border, kernel=kernel)


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Cut rows and columns off the bottom and right so that both sides are multiples of `scale`."""
    if scale < 1:
        raise ValueError(f"scale must be a whole number of at least 1, got {scale}")
    height, width = image.shape[0] // scale * scale, image.shape[1] // scale * scale
    if not height or not width:
        raise ValueError(f"a {image.shape[1]}x{image.shape[0]} picture is too small for scale {scale}")
    return image[:height, :width]


def _ceil(length: float) -> int:
    # 525 * (1 / 75) is 7, not 8: forgive the last bits of the product.
    return max(1, int(np.ceil(round(length, 9))))


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel, a = -0.5."""
    x = np.abs(x)
    x2, x3 = x**2, x**3
    near = 1.5 * x3 - 2.5 * x2 + 1
    far = -0.5 * x3 + 2.5 * x2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _box(x: np.ndarray) -> np.ndarray:
    return ((x >= -0.5) & (x < 0.5)).astype(np.float64)


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0.0)


def _lanczos3(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


_KERNELS = {  # and the width of each
    "cubic": (_cubic, 4.0),
    "box": (_box, 1.0),
    "triangle": (_triangle, 2.0),
    "lanczos3": (_lanczos3, 6.0),
}


_KEPT = OnceEach[tuple[np.ndarray, np.ndarray]](64)


def _contributions(
    length: int, out_length: int, factor: float, border: Border, kernel: Kernel
) -> tuple[np.ndarray, np.ndarray]:
    """As `_weigh`, but kept for the next picture or page of one size."""
    key = (length, out_length, factor, border, kernel)
    return _KEPT(key, partial(_weigh, *key))


def _weigh(
    length: int, out_length: int, factor: float, border: Border, kernel: Kernel
) -> tuple[np.ndarray, np.ndarray]:
    """Source indices and weights of every output pixel, both taps x out_length.

    Follows MATLAB's function of the same name operation by operation (it counts pixels from 1): the last
    bit of a weight decides to which side a sum of exactly one half is rounded.
    """
    stretch = min(factor, 1.0)
    function, width = _KERNELS[kernel]
    width /= stretch
    centre = np.arange(1, out_length + 1) / factor + 0.5 * (1 - 1 / factor)
    index = np.floor(centre - width / 2) + np.arange(np.ceil(width) + 2)[:, None]
    weight = stretch * function(stretch * (centre - index))
    weight /= weight.sum(axis=0)
    index = index.astype(np.intp) - 1
    if border == "mirror":
        index %= 2 * length
        index = np.minimum(index, 2 * length - 1 - index)
    else:
        index = index.clip(0, length - 1)
    used = weight.any(axis=1)
    return index[used], weight[used]


def _resize_axis(image: np.ndarray, axis: int, contributions: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Resize axis 0 or 1 of an H x W x C picture, block by block."""
    index, weight = contributions
    out_length = index.shape[1]
    # Integers are summed in double precision, floats in their own.
    work = image.dtype if image.dtype.kind == "f" else np.dtype(np.float64)
    weight = weight.astype(work, copy=False)[:, :, None, None]
    shape = list(image.shape)
    shape[axis] = out_length
    result = np.empty(shape, image.dtype)
    # Views with the resized axis first: one tap of a block is then a choice of whole rows.
    source, target = image.swapaxes(0, axis), result.swapaxes(0, axis)
    step = max(1, _BLOCK_COLUMNS // image.shape[2])
    for top in range(0, out_length, _BLOCK_ROWS):
        rows = slice(top, top + _BLOCK_ROWS)
        low, high = index[:, rows].min(), index[:, rows].max() + 1
        for left in range(0, source.shape[1], step):
            columns = slice(left, left + step)
            block = source[low:high, columns].astype(work, order="C")
            total = _weighted_sum(block, index[:, rows] - low, weight[:, rows])
            if image.dtype.kind != "f":
                total += 0.5  # round half up
                np.floor(total, out=total).clip(0, np.iinfo(image.dtype).max, out=total)
            target[rows, columns] = total
    return result


def _weighted_sum(block: np.ndarray, index: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sum over taps of weight * row, tap after tap: another order could change the last bit."""
    total = block.take(index[0], axis=0)
    total *= weight[0]
    term = np.empty_like(total)
    for tap in range(1, len(index)):
        block.take(index[tap], axis=0, out=term, mode="clip")  # all indices are valid; "raise" is slower
        term *= weight[tap]
        total += term
    return total
