"""Geometry of tiles: every pixel kept once, with its whole context."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mssn.upscaling.tiles import tiles


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    halo=st.integers(0, 9),
    extra=st.integers(1, 30),
)
def test_every_pixel_is_kept_once_with_its_context(height, width, halo, extra) -> None:
    tile = 2 * halo + extra
    kept = np.zeros((height, width), int)
    shapes = set()
    for part in tiles(height, width, tile, halo):
        shapes.add((part.rows[1] - part.rows[0], part.columns[1] - part.columns[0]))
        kept[slice(*part.keep_rows), slice(*part.keep_columns)] += 1
        for (first, last), (start, end), length in (
            (part.rows, part.keep_rows, height),
            (part.columns, part.keep_columns, width),
        ):
            assert 0 <= first <= start < end <= last <= length
            assert first == 0 or start - first >= halo
            assert last == length or last - end >= halo
    assert (kept == 1).all()
    (shape,) = shapes  # one shape: compiled once
    assert max(shape) <= tile


def test_tiles_are_no_larger_than_their_number_needs() -> None:
    """640 pixels in three tiles with halo 18: 640 + 4 * 18 pixels are read, a third of it each."""
    found = list(tiles(360, 640, 256, 18))
    assert len(found) == 6
    assert {w.columns[1] - w.columns[0] for w in found} == {238}
    assert {w.rows[1] - w.rows[0] for w in found} == {198}


def test_a_tile_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a tile of 8 pixels leaves nothing between two halos of 4"):
        list(tiles(100, 100, 8, 4))
