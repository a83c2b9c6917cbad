"""Networks that are told: how strongly a picture is degraded travels from its file to its patches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import default_rng

from mssn.image.color import Y_WEIGHTS
from mssn.image.compression import LEAST, Compression, strength_of
from mssn.lab.data.degraded import degraded
from mssn.lab.data.patches import Patches
from mssn.lab.data.pixels import Pixels
from mssn.score.degrade import Degradation, degrade

NOTHING: dict[str, Any] = {"clean": 0, "resize": 0, "blur": 0, "noise": 0, "shot": 0, "compress": 0}


@pytest.fixture
def pixels() -> Pixels:
    sizes = np.array([(20, 24), (17, 33)])
    total = int(sizes.prod(axis=1).sum())
    rng = default_rng(5)
    lr, hr = (rng.integers(0, 256, (total * r * r, 3), np.uint8) for r in (1, 2))
    return Pixels(2, lr, hr, sizes, (), "key")


def test_strength_is_the_root_of_what_a_quality_lacks() -> None:
    assert strength_of(100) == LEAST
    assert strength_of(30) == strength_of(1) == 1
    assert strength_of(82.5) == pytest.approx(LEAST + (1 - LEAST) / 2)  # a quarter of the way
    assert strength_of(50, "WebP") - LEAST == pytest.approx(0.7 * (strength_of(50) - LEAST))
    falling = [strength_of(quality) for quality in range(30, 101)]
    assert falling == sorted(falling, reverse=True)


def test_a_file_tells_its_strength() -> None:
    assert Compression(lossy=False).strength == LEAST
    assert Compression(kind="JPEG", quality=75).strength == strength_of(75)
    assert LEAST < Compression(kind="HEIC").strength < 0.6  # not known; as cameras write them


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"clean": 1}, {LEAST}),
        ({"compress": 1, "quality": (75, 75), "hidden": 0, "webp": 0}, {strength_of(75)}),
        ({"compress": 1, "quality": (75, 75), "hidden": 0, "webp": 1}, {strength_of(75, "WebP")}),
        ({"compress": 1, "quality": (75, 75), "hidden": 1, "told": 0}, {LEAST}),
        ({"compress": 1, "quality": (75, 75), "hidden": 1, "told": 1, "webp": 0}, {strength_of(75)}),
        ({"noise": 30, "told": 0}, {LEAST}),
    ],
)
def test_what_a_network_is_told(how, expected, photo) -> None:
    found = {degrade(photo, 2, Degradation(**NOTHING | how), default_rng(n))[1] for n in range(12)}
    assert found == expected


def test_of_two_compressions_the_file_tells_the_last_and_who_knows_more_the_stronger(photo) -> None:
    def of(n: int, told: float) -> float:
        how = Degradation(**NOTHING | {"compress": 1, "twice": 1, "hidden": 0, "told": told})
        return degrade(photo, 2, how, default_rng(n))[1]

    last, strongest = (np.array([of(n, told) for n in range(40)]) for told in (0, 1))
    assert (strongest >= last).all()
    assert 10 <= (strongest > last).sum() <= 30  # half of them: which comes last is chance


def test_who_knows_the_noise_tells_it(photo) -> None:
    how = Degradation.of(NOTHING | {"noise": 30, "told": 1})
    found = [degrade(photo, 2, how, default_rng(n)) for n in range(40)]
    noise = [float(np.abs(small.astype(float) - found[0][0]).mean()) for small, _ in found]
    assert min(strength for _, strength in found) == LEAST  # half have none
    assert max(strength for _, strength in found) == 1
    assert len(set(noise)) > 1


def test_the_fourth_plane_is_the_strength_of_the_patchs_version(pixels, tmp_path) -> None:
    set_ = degraded(pixels, Degradation(versions=3), 7, cache=tmp_path)
    again = degraded(pixels, Degradation(versions=3), 7, cache=tmp_path)
    assert set_.strengths is not None and set_.strengths.shape == (3, 2)
    assert again.strengths is not None and np.array_equal(set_.strengths, again.strengths)
    alone = degrade(
        pixels.hr[: 20 * 24 * 4].reshape(40, 48, 3), 2, Degradation(versions=3), default_rng([7, 2, 0])
    )
    assert set_.strengths[2, 0] == np.float32(alone[1])
    patches, k = Patches(set_, 6, seed=2), np.arange(200)
    picture, *_, version, _ = patches.positions(k).T
    lr, hr = patches.batch(k)
    assert lr.shape == (200, 4, 6, 6) and hr.shape == (200, 3, 12, 12)
    assert lr.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(lr[:, 3].amin((1, 2)), set_.strengths[version, picture])
    assert np.array_equal(lr[:, 3].amax((1, 2)), set_.strengths[version, picture])
    plain, _ = Patches(replace(set_, strengths=None), 6, seed=2).batch(k)
    assert torch.equal(lr[:, :3], plain)


def test_a_share_of_the_patches_loses_its_colour(pixels) -> None:
    k = np.arange(2000)
    plain, some = (Patches(pixels, 6, seed=2, grey=grey) for grey in (0.0, 0.25))
    assert np.array_equal(some.positions(k)[:, :5], plain.positions(k)[:, :5])
    chosen = some.positions(k)[:, 5].astype(bool)
    assert chosen.mean() == pytest.approx(0.25, abs=0.03)
    assert not plain.positions(k)[:, 5].any()
    for before, after in zip(plain.batch(k), some.batch(k), strict=True):
        assert torch.equal(after[~chosen], before[~chosen])
        luma = np.tensordot(before[chosen].numpy(), Y_WEIGHTS / Y_WEIGHTS.sum(), (1, 0))
        for channel in range(3):
            np.testing.assert_allclose(after[chosen, channel].numpy(), luma, atol=1e-6)
