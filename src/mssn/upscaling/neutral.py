"""Neutral stays neutral: where a picture has no colour, what a network makes of it has none either.

A network computes red, green and blue apart: black lines on white get coloured rims, and pure white becomes
254 here and there. So wherever all pixels around a small pixel have R = G = B, all that it becomes gets its
own luma in all three channels. Where they are all white, or all black, it stays white or black.

"Around" is the square of 5 x 5 pixels that bicubic sees at most (`REACH` on each side), so the result has no
colour where bicubic's has none. The rule looks at pixels alone: it is the same for every network, runtime,
precision and tile. It is not part of the exported graphs, because there it costs 12 to 18 % of the time of
MSSN-S x2 (paper/LOG.md), here 1 %.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from mssn.image.color import Y_WEIGHTS

REACH = 2  # pixels on each side
# The luma that scores are taken of, so that a neutral picture's stay the same; weights that add up to 1.
_LUMA = Y_WEIGHTS.astype(np.float32) / np.float32(Y_WEIGHTS.sum())


def keep_neutral(lr: np.ndarray, sr: np.ndarray, scale: int) -> None:
    """Take the colour out of an enlarged picture where the small one has none.

    Args:
        lr: The small picture, H x W x 3, uint8, uint16 or float32 in [0, 1].
        sr: The enlarged one, scale*H x scale*W x 3, uint8, or float32 in [0, 1]; changed.
        scale: Factor between them.
    """
    pixels = _neutral(lr)
    if not pixels.any():
        return
    neutral = _all_around(pixels)
    if not neutral.any():
        return
    _paint(sr, neutral, scale, _grey)
    first = lr[:, :, 0]
    brightest = 1 if lr.dtype == np.float32 else np.iinfo(lr.dtype).max
    for value, whole in ((0, 0), (brightest, 255 if sr.dtype == np.uint8 else 1)):
        flat = neutral & (first == value)
        if flat.any():
            _paint(sr, _all_around(pixels & (first == value)), scale, lambda part, whole=whole: whole)


def _neutral(lr: np.ndarray) -> np.ndarray:
    """H x W, whether R = G = B."""
    return (lr[:, :, 0] == lr[:, :, 1]) & (lr[:, :, 1] == lr[:, :, 2])


def _all_around(pixels: np.ndarray) -> np.ndarray:
    """H x W, whether all pixels around, and the pixel itself, are True; beyond the border there are none."""
    for _ in range(2):  # along the rows, then along the columns, by way of the transposed picture
        framed = np.pad(pixels, [(REACH, REACH), (0, 0)], constant_values=True)
        shifted = (framed[start : start + len(pixels)] for start in range(2 * REACH + 1))
        pixels = functools.reduce(np.logical_and, shifted).T
    return pixels


def _paint(
    sr: np.ndarray, places: np.ndarray, scale: int, paint: Callable[[np.ndarray], np.ndarray | int]
) -> None:
    """Paint over all that some small pixels become; `paint` is given a part of the large picture."""
    rows, columns = (np.flatnonzero(places.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return
    inside = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    large = tuple(slice(part.start * scale, part.stop * scale) for part in inside)
    part, places = sr[large], places[inside]
    if not places.all():
        where = places.repeat(scale, axis=0).repeat(scale, axis=1)[..., None]
        np.copyto(part, paint(part), where=where)
    else:
        part[...] = paint(part)


def _grey(rgb: np.ndarray) -> np.ndarray:
    """... x 3 -> ... x 1, the luma of each pixel, rounded half up where pixels are whole numbers."""
    grey = (rgb.astype(np.float32, copy=False) @ _LUMA)[..., None]
    return grey if rgb.dtype == np.float32 else (grey + np.float32(0.5)).astype(rgb.dtype)
