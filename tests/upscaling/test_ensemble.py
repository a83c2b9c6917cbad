"""The ensemble is the mean over the picture's eight symmetries."""

from __future__ import annotations

import numpy as np

from mssn.runtime.base import Computed
from mssn.runtime.bicubic import BicubicRuntime
from mssn.upscaling.ensemble import Ensemble
from mssn.upscaling.tiled import enlarge


class Lopsided:
    """Enlarges by 2 and adds a ramp along the rows, so that every symmetry gives another answer."""

    name, scale, halo = "lopsided", 2, 1
    precision: Computed = "fp32"

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def run(self, lr: np.ndarray) -> np.ndarray:
        self.seen.append(lr)
        sr = lr.repeat(2, axis=2).repeat(2, axis=3)
        return (sr + np.arange(sr.shape[2], dtype=np.float32)[:, None]).astype(np.float32)


def test_mean_of_the_eight_symmetries() -> None:
    lr = np.random.default_rng(0).random((1, 3, 4, 6), np.float32)
    inner = Lopsided()
    sr = Ensemble(inner).run(lr)
    # Turned and flipped back, the ramps are r, H-1-r, c, W-1-c, each for two of the eight.
    ramps = (8 - 1) / 2 + (12 - 1) / 2
    np.testing.assert_allclose(sr, lr.repeat(2, axis=2).repeat(2, axis=3) + ramps / 2, atol=1e-5)
    assert len({x.tobytes() for x in inner.seen}) == 8


def test_turning_the_picture_turns_the_result() -> None:
    lr = np.random.default_rng(1).random((1, 3, 5, 7), np.float32)
    ensemble = Ensemble(Lopsided())
    turned = np.ascontiguousarray(np.rot90(lr, axes=(2, 3)))
    np.testing.assert_allclose(ensemble.run(turned), np.rot90(ensemble.run(lr), axes=(2, 3)), atol=1e-5)


def test_of_something_symmetric_it_changes_nothing(photo) -> None:
    runtime = BicubicRuntime(2)
    soft = photo // 2 + 60  # far from 0 and 255, where bicubic clips between its two axes
    plain, mean = enlarge(runtime, soft).astype(int), enlarge(Ensemble(runtime), soft).astype(int)
    assert np.abs(plain - mean).max() <= 1
