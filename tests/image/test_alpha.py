"""Visible colours go on under transparency, and nothing that is seen changes."""

from __future__ import annotations

import numpy as np
import pytest

from mssn.image import alpha as alpha_module
from mssn.image.alpha import bleed, shrink_visible
from mssn.image.resize import shrink


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_is_seen_stays_and_what_is_hidden_takes_the_mean_around(dtype) -> None:
    pixels = np.zeros((9, 9, 3), dtype)
    pixels[4, 4], pixels[4, 5] = (10, 20, 30), (20, 40, 60)
    alpha = np.zeros((9, 9, 1), dtype)
    alpha[4, 4], alpha[4, 5] = 255, 1
    result = bleed(pixels, alpha)
    assert result.dtype == dtype
    assert result[4, 4].tolist() == [10, 20, 30] and result[4, 5].tolist() == [20, 40, 60]
    assert result[3, 3].tolist() == [10, 20, 30]  # sees one of them among its 3 x 3
    assert result[3, 4].tolist() == [15, 30, 45]  # sees both
    assert result[0, 0].tolist() == [15, 30, 45]  # sees both among its 19 x 19


def test_far_away_nothing_changes() -> None:
    pixels, alpha = np.full((1, 100, 1), 7, np.uint8), np.zeros((1, 100, 1), np.uint8)
    pixels[0, 0], alpha[0, 0] = 200, 9
    assert bleed(pixels, alpha)[0, :, 0].tolist() == [200] * 28 + [7] * 72


def test_nothing_hidden_or_all_of_it_costs_nothing() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    for level in (0, 1, 255):
        assert bleed(pixels, np.full((4, 4, 1), level, np.uint8)) is pixels


@pytest.mark.parametrize("strip", [256, 7])
def test_equal_to_looking_at_every_neighbourhood(strip, monkeypatch) -> None:
    monkeypatch.setattr(alpha_module, "_STRIP", strip)
    random = np.random.default_rng(3)
    pixels = random.integers(0, 65536, (40, 33, 2)).astype(np.uint16)
    alpha = (random.random((40, 33, 1)) < 0.01).astype(np.uint16)
    result = bleed(pixels, alpha)
    for row, column in np.ndindex(40, 33):
        for reach in (0, 1, 3, 9, 27):
            near = (
                slice(max(row - reach, 0), row + reach + 1),
                slice(max(column - reach, 0), column + reach + 1),
            )
            seen = alpha[near][:, :, 0] > 0
            if seen.any():
                wanted = np.rint(pixels[near][seen].astype(float).mean(0))
                assert np.array_equal(result[row, column], wanted)
                break


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("border", ["mirror", "repeat"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_what_is_hidden_does_not_shine_through_when_it_is_shrunk(scale, border, dtype) -> None:
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    random = np.random.default_rng(scale)
    pixels = (random.random((50, 61, 3)) * full).astype(dtype)
    alpha = np.full((50, 61, 1), full, dtype)
    alpha[20:, :30] = 0
    alpha[15:20, :35] = (random.random((5, 35, 1)) * full).astype(dtype)  # a soft edge
    visible = shrink(alpha, scale, border=border)[:, :, 0] > 0
    found = []
    for level in (0, full):
        hiding = np.where(alpha == 0, dtype(level), pixels)
        found.append(shrink_visible(hiding, alpha, scale, border=border))
        assert (found[-1].dtype, found[-1].shape) == (dtype, (50 // scale, 61 // scale, 3))
    assert np.array_equal(found[0][visible], found[1][visible])
    # Far from the edge all is as ever.
    plain = shrink(pixels, scale, border=border)
    rows, columns = 15 // scale - 3, 35 // scale + 3
    assert np.array_equal(found[0][:rows], plain[:rows])
    assert np.array_equal(found[0][:, columns:], plain[:, columns:])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_one_visible_colour_stays_that_colour_when_it_is_shrunk(dtype) -> None:
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    alpha = (np.random.default_rng(0).random((40, 40, 1)).round(1) * full).astype(dtype)
    pixels = np.where(alpha > 0, dtype(0.25 * full), dtype(full))
    seen = shrink(alpha, 2)[:, :, 0] > 0
    assert shrink_visible(pixels, alpha, 2)[seen] == pytest.approx(dtype(0.25 * full), abs=1e-5)


def test_shares_are_weights() -> None:
    """Scale 1 mixes nothing; a soft edge is the mean weighted by what is seen."""
    pixels, alpha = np.array([[[200], [100]]] * 2, np.uint8), np.array([[[255], [51]]] * 2, np.uint8)
    assert np.array_equal(shrink_visible(pixels, alpha, 1), pixels)
    # Of two columns and two rows the kernel of scale 2, mirrored, weighs all four alike.
    assert shrink_visible(pixels, alpha, 2).item() == round((200 * 255 + 100 * 51) / 306)
