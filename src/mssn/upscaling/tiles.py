"""Cut a picture into overlapping tiles whose outputs join without a seam.

Pure geometry. A tile is the part whose output is kept, and around it a halo as wide as the
network can see, so that every kept pixel is computed from the very pixels it would see in the whole
picture. At the border of the picture there is no halo: the network pads there, as it does for the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Tile:
    """One tile along both axes, in pixels of the small picture.

    Args:
        rows: (first, last + 1) of the rows to read.
        columns: The same for columns.
        keep_rows: (first, last + 1) of the rows to keep; inside `rows`.
        keep_columns: The same for columns.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    keep_rows: tuple[int, int]
    keep_columns: tuple[int, int]


def tiles(height: int, width: int, tile: int, halo: int) -> Iterator[Tile]:
    """Tiles that together keep every pixel of a picture exactly once.

    All tiles have the same size, so that a runtime prepares for one shape only, and the smallest that
    needs no more tiles than the largest would: context computed twice is time lost.

    Args:
        height: Rows of the small picture, at least 1.
        width: Columns, at least 1.
        tile: Largest side of a tile, halo included; must exceed 2 * halo.
        halo: Context on each side.

    Raises:
        ValueError: The tile leaves nothing to keep.
    """
    if tile <= 2 * halo:
        raise ValueError(f"a tile of {tile} pixels leaves nothing between two halos of {halo}")
    across = list(_spans(width, tile, halo))
    for rows, keep_rows in _spans(height, tile, halo):
        for columns, keep_columns in across:
            yield Tile(rows, columns, keep_rows, keep_columns)


def _spans(length: int, tile: int, halo: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """((read from, to), (keep from, to)) of each tile along one axis."""
    if length <= tile:
        yield (0, length), (0, length)
        return
    # The first and last tiles lack one halo each and keep that much more.
    count = 1 + _ceil(length - tile, tile - 2 * halo)
    tile = _ceil(length + 2 * halo * (count - 1), count)
    kept = 0
    for index in range(count):
        start = index * (length - tile) // (count - 1)
        end = length if index == count - 1 else start + tile - halo
        yield (start, start + tile), (kept, end)
        kept = end


def _ceil(a: int, b: int) -> int:
    return -(-a // b)
