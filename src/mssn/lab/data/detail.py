"""Where pictures have detail, coarsely: one number for each block of 16x16 LR pixels."""

from __future__ import annotations

import numpy as np

from mssn.lab.data.pixels import Pixels

_BLOCK = 16


class DetailMap:
    """Mean difference of neighbouring pixels (green, grey levels) of every block of every small picture.

    Args:
        pixels: The decoded pictures; read once, about a second for 100 megapixels.
    """

    def __init__(self, pixels: Pixels) -> None:
        across = -(-pixels.sizes // _BLOCK)
        areas = across.prod(axis=1)
        self._starts, self._across = np.cumsum(areas) - areas, across[:, 1]
        self._values = np.concatenate(
            [
                _blocks(pixels.lr[start : start + h * w, 1].reshape(h, w)).ravel()
                for start, (h, w) in zip(pixels.starts, pixels.sizes, strict=True)
            ]
        )

    def at(self, places: np.ndarray, patch: int) -> np.ndarray:
        """Detail of patches: of the block at the centre of each quarter, summed.

        Args:
            places: ... x 3 of picture, row and column of the patch's corner, LR pixels.
            patch: Side, LR pixels.

        Returns:
            ..., float32; larger is more.
        """
        picture, row, column = np.moveaxis(places, -1, 0)
        total = np.zeros(picture.shape, np.float32)
        for y in (patch // 4, 3 * patch // 4):
            for x in (patch // 4, 3 * patch // 4):
                block = (row + y) // _BLOCK * self._across[picture] + (column + x) // _BLOCK
                total += self._values[self._starts[picture] + block]
        return total


def _blocks(green: np.ndarray) -> np.ndarray:
    """H x W uint8 -> mean absolute difference to the right and lower neighbour, by block, float32."""
    levels = green.astype(np.int16)
    change = np.zeros(levels.shape, np.float32)
    change[:, :-1] += np.abs(np.diff(levels, axis=1))
    change[:-1] += np.abs(np.diff(levels, axis=0))
    rows, columns = np.arange(0, green.shape[0], _BLOCK), np.arange(0, green.shape[1], _BLOCK)
    sums = np.add.reduceat(np.add.reduceat(change, rows, axis=0), columns, axis=1)
    heights, widths = np.diff(np.append(rows, green.shape[0])), np.diff(np.append(columns, green.shape[1]))
    areas = heights.astype(np.float32)[:, None] * widths.astype(np.float32)
    return sums / areas
