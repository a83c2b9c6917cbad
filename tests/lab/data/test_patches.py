"""Patches: aligned, uniform, all eight symmetries, and sample k depends only on the seed and on k."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mssn.errors import DataError
from mssn.lab.data.folder import Pixels
from mssn.lab.data.patches import Patches, _gather, _slice, random_words


def make(sizes: list[tuple[int, int]], scale: int = 2) -> Pixels:
    """Pictures whose LR pixel holds (picture, row, column), and whose HR pixels repeat it."""
    lr, hr = [], []
    for number, (height, width) in enumerate(sizes):
        rows, columns = np.mgrid[0:height, 0:width]
        picture = np.stack([np.full_like(rows, number), rows, columns], axis=2).astype(np.uint8)
        lr.append(picture.reshape(-1, 3))
        hr.append(picture.repeat(scale, 0).repeat(scale, 1).reshape(-1, 3))
    return Pixels(scale, np.concatenate(lr), np.concatenate(hr), np.array(sizes), (), "key")


def dihedral(array: np.ndarray, symmetry: int) -> np.ndarray:
    """The symmetry by NumPy's own operations: out[i, j] = in[y, x], axes swapped first, then flips."""
    out = array.swapaxes(0, 1) if symmetry & 1 else array
    if symmetry & 2:
        out = out[:, ::-1] if symmetry & 1 else out[::-1]
    if symmetry & 4:
        out = out[::-1] if symmetry & 1 else out[:, ::-1]
    return out


@pytest.mark.parametrize("scale", [2, 3])
def test_batch_is_the_crop_with_its_symmetry(scale) -> None:
    pixels = make([(9, 12), (20, 7), (5, 5)], scale)
    patches = Patches(pixels, 5, seed=1)
    k = np.arange(300)
    lr, hr = patches.batch(k)
    assert lr.shape == (300, 3, 5, 5)
    assert hr.shape == (300, 3, 5 * scale, 5 * scale)
    assert lr.is_contiguous(memory_format=torch.channels_last)
    for i, (picture, row, column, symmetry, *_) in enumerate(patches.positions(k)):
        height, width = pixels.sizes[picture]
        start = pixels.starts[picture]
        for array, out, r in ((pixels.lr, lr, 1), (pixels.hr, hr, scale)):
            area = height * width * r * r
            whole = array[start * r * r : start * r * r + area].reshape(height * r, width * r, 3)
            crop = whole[row * r : (row + 5) * r, column * r : (column + 5) * r]
            expected = dihedral(crop, symmetry).transpose(2, 0, 1).astype(np.float32) / 255
            np.testing.assert_allclose(out[i].numpy(), expected, rtol=1e-6)


def test_slices_and_the_gather_of_a_gpu_are_the_same_pixels() -> None:
    patches = Patches(make([(9, 12), (20, 7), (5, 5)]), 5, seed=3)
    picture, row, column, symmetry, *_ = patches.positions(np.arange(200)).T
    width = patches._widths[picture]
    first = patches._starts[picture] + row * width + column
    sliced = _slice(patches._lr, first, width, 5, symmetry)
    first, width, symmetry = (torch.from_numpy(a.copy()) for a in (first, width, symmetry))
    assert torch.equal(_gather(patches._lr, first, width, 5, symmetry), sliced)


def test_the_eight_symmetries_are_eight() -> None:
    patches = Patches(make([(6, 6)]), 6, seed=0)
    lr, _ = patches.batch(np.arange(400))
    assert len({picture.numpy().tobytes() for picture in lr}) == 8


def test_sample_k_depends_on_seed_and_k_alone() -> None:
    pixels = make([(30, 40), (50, 20)])
    patches, again = Patches(pixels, 8, seed=5), Patches(pixels, 8, seed=5)
    whole, _ = patches.batch(np.arange(64))
    for start in (0, 16, 48):
        part, _ = again.batch(np.arange(start, start + 16))
        assert torch.equal(part, whole[start : start + 16])
    other, _ = Patches(pixels, 8, seed=6).batch(np.arange(64))
    assert not torch.equal(other, whole)


def test_every_position_is_equally_likely() -> None:
    pixels = make([(6, 7), (9, 5), (3, 30)])  # 3*4 + 6*2 positions of a 4x4 patch; the flat one holds none
    found = Patches(pixels, 4, seed=2).positions(np.arange(24_000))
    places, counts = np.unique(found[:, :3], axis=0, return_counts=True)
    assert len(places) == 24
    assert counts.min() > 850  # mean 1000, standard deviation 31
    assert counts.max() < 1150
    symmetries = np.bincount(found[:, 3], minlength=8)
    assert symmetries.min() > 2700  # mean 3000


def test_random_words_are_splitmix64() -> None:
    """Seed 0's start word is 0, so that the words are the generator's published first outputs."""
    words = random_words(0, np.arange(3), 1)[:, 0]
    assert [hex(word) for word in words] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]
    assert np.array_equal(random_words(0, np.arange(2), 3).ravel(), random_words(0, np.arange(6), 1).ravel())


def test_no_picture_large_enough_is_said() -> None:
    with pytest.raises(DataError, match="no picture holds a patch of 96 pixels"):
        Patches(make([(20, 90), (47, 60)]), 48, seed=0)
