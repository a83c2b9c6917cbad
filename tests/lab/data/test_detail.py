"""Detail is where neighbouring pixels differ, and patches may be drawn to it."""

from __future__ import annotations

import numpy as np
import pytest

from mssn.lab.data.detail import DetailMap
from mssn.lab.data.folder import Pixels
from mssn.lab.data.patches import Patches


@pytest.fixture
def pixels() -> Pixels:
    """Two small pictures, 40x50 and 64x64: flat, but the right half of the second is noise."""
    rng = np.random.default_rng(0)
    first, second = np.full((40, 50, 3), 90, np.uint8), np.full((64, 64, 3), 30, np.uint8)
    second[:, 32:] = rng.integers(0, 255, (64, 32, 3))
    lr = np.concatenate([first.reshape(-1, 3), second.reshape(-1, 3)])
    sizes = np.array([[40, 50], [64, 64]])
    return Pixels(1, lr, lr.copy(), sizes, (), "key")


def test_flat_is_none_and_noise_is_much(pixels) -> None:
    places = np.array([[[0, 0, 0], [0, 24, 34]], [[1, 0, 0], [1, 30, 40]]])
    detail = DetailMap(pixels).at(places, 16)
    assert detail[0].tolist() == [0, 0]
    assert detail[1, 0] == 0
    # Mean |difference| of two uniform values of 0..254 is 85; twice (right and below), four blocks.
    assert detail[1, 1] == pytest.approx(4 * 2 * 85, rel=0.1)


def test_patches_go_where_detail_is(pixels) -> None:
    plain, drawn = Patches(pixels, 16, 3), Patches(pixels, 16, 3, detail=4)
    k = np.arange(4000)

    def share(patches: Patches) -> float:
        picture, _, column, *_ = patches.positions(k).T
        return float(((picture == 1) & (column >= 24)).mean())

    chance = share(plain)
    assert share(drawn) == pytest.approx(1 - (1 - chance) ** 4, abs=0.06)


def test_one_place_is_any_place_and_sizes_change_on_the_way(pixels) -> None:
    plain = Patches(pixels, 16, 3)
    k = np.arange(50)
    other = plain.sized(24, 3)
    assert other.batch(k[:2])[0].shape == (2, 3, 24, 24)
    assert plain.sized(16, 1) is plain
    assert np.array_equal(other.sized(16, 1).positions(k), plain.positions(k))
    assert np.array_equal(other.positions(k[7:9]), other.positions(k)[7:9])
