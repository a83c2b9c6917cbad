"""Colours under transparency: nobody sees them, but whatever enlarges a picture mixes neighbours."""

from __future__ import annotations

import numpy as np

from mssn.image.resize import Border, shrink

_REACHES = (1, 3, 9, 27)  # the widest sees farther than any network here looks
_LEAST = 1e-6  # share of a colour that counts as seen; a level of 16 bits is 15 times that
_STRIP = 256  # rows worked on at once: the sums below take some 170 bytes a pixel


def bleed(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Continue the visible colours under the wholly transparent pixels around them.

    What an editor leaves there, black mostly, would shine through at the edges as a dark fringe. Each such
    pixel gets the mean of the visible colours in the smallest neighbourhood (3, 7, 19 or 55 pixels a side)
    that has any; farther away nothing changes.

    Args:
        pixels: H x W x C of any dtype.
        alpha: H x W x 1, 0 = transparent.

    Returns:
        H x W x C of the same dtype; the pixels themselves where nothing is hidden.
    """
    hidden = alpha[:, :, 0] == 0
    if not hidden.any() or hidden.all():
        return pixels
    result = pixels.copy()
    for top in range(0, len(pixels), _STRIP):
        above = min(top, _REACHES[-1])
        rows = slice(top - above, top + _STRIP + _REACHES[-1])
        if hidden[top : top + _STRIP].any():
            strip = _bleed(pixels[rows], hidden[rows])
            result[top : top + _STRIP] = strip[above : above + _STRIP]
    return result


def shrink_visible(
    pixels: np.ndarray, alpha: np.ndarray, scale: int, *, border: Border = "mirror"
) -> np.ndarray:
    """Shrink colours as `mssn.image.resize.shrink` does, each weighted by how much of it is seen.

    What is hidden under transparency does not shine through, and where all that is mixed is opaque, the
    pixels are those of `shrink`, bit for bit.

    Args:
        pixels: H x W x C, uint8, uint16 or float.
        alpha: H x W x 1 of the same dtype, 0 = transparent.
        scale: Whole factor, at least 1.
        border: As for `shrink`.

    Returns:
        floor(H / scale) x floor(W / scale) x C, same dtype.

    Raises:
        ValueError: As for `shrink`.
    """
    whole = pixels.dtype.kind != "f"
    full = np.iinfo(pixels.dtype).max if whole else 1
    plain = shrink(bleed(pixels, alpha), scale, border=border)
    shares = alpha / np.float64(full)
    mixed, share = shrink(pixels * shares, scale, border=border), shrink(shares, scale, border=border)
    seen = share > _LEAST
    colours = np.divide(mixed, share, out=np.zeros_like(mixed), where=seen)
    shown = pixels[alpha[:, :, 0] > 0]
    lowest, highest = (0, full) if whole or not shown.size else (shown.min(), shown.max())
    colours = (np.floor(colours + 0.5) if whole else colours).clip(lowest, highest).astype(pixels.dtype)
    # The kernel reaches 2 * scale pixels from the middle of the scale x scale pixels that become one.
    reach, middle = 2 * scale + 1, slice(scale // 2, None, scale)
    rows, columns = (length * scale for length in plain.shape[:2])
    hidden = (shares[:rows, :columns] < 1).astype(np.int64)
    near = _box(_box(hidden, reach, 0), reach, 1)[middle, middle] > 0
    return np.where(near & seen, colours, plain)


def _bleed(pixels: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    exact = np.float64 if pixels.dtype.kind == "f" else np.int64
    seen = (~hidden)[:, :, None].astype(exact)
    sums = np.concatenate([pixels * seen, seen], axis=2)  # the colours, and how many
    result, left = pixels.copy(), hidden
    for reach in _REACHES:
        around = _box(_box(sums, reach, 0), reach, 1)
        found = left & (around[:, :, -1] > 0)
        mean = around[found][:, :-1] / around[found][:, -1:]
        result[found] = mean if pixels.dtype.kind == "f" else np.rint(mean)
        left = left & ~found
        if not left.any():
            break
    return result


def _box(sums: np.ndarray, reach: int, axis: int) -> np.ndarray:
    """Sums over 2 * reach + 1 neighbours along an axis; beyond the border there is nothing."""
    length = sums.shape[axis]
    total = np.cumsum(sums, axis=axis)
    total = np.concatenate([np.zeros_like(total.take([0], axis)), total], axis=axis)
    first = np.maximum(np.arange(length) - reach, 0)
    end = np.minimum(np.arange(length) + reach + 1, length)
    return total.take(end, axis) - total.take(first, axis)
