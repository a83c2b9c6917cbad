"""A soup is the mean, number by number, of weights that belong together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mssn.errors import WeightsError
from mssn.lab.soup import soup
from mssn.lab.weights import load, save


def test_mean_of_three(exported, tmp_path) -> None:
    tensors, meta = load(exported / "net.safetensors")
    paths = []
    for number, factor in enumerate((1.0, 2.0, 6.0)):
        paths.append(tmp_path / f"{number}.safetensors")
        scaled = {name: np.asarray(array * np.float32(factor)) for name, array in tensors.items()}
        save(
            paths[-1],
            scaled,
            replace(meta, recipe="base", updates=10 + number, scores={"Set5": {"psnr": 30.0}}),
        )
    mean, described = soup(paths)
    for name, array in tensors.items():
        np.testing.assert_allclose(mean[name], 3 * array, rtol=1e-6)
    assert (described.updates, described.recipe, described.scores) == (12, "soup of 3: base", {})


def test_halves_are_averaged_in_full_precision(exported, tmp_path) -> None:
    tensors, meta = load(exported / "net.safetensors")
    for number in (0, 1):
        halves = {name: np.asarray(array + number * 1e-3, np.float16) for name, array in tensors.items()}
        save(tmp_path / f"{number}.safetensors", halves, meta)
    one, other = tmp_path / "0.safetensors", tmp_path / "1.safetensors"
    mean, _ = soup([one, other])
    for (name, a), b in zip(load(one)[0].items(), load(other)[0].values(), strict=True):
        np.testing.assert_allclose(mean[name], (a.astype(np.float64) + b) / 2, rtol=1e-7)


def test_what_does_not_belong_together_is_refused(exported, tmp_path) -> None:
    tensors, meta = load(exported / "net.safetensors")
    one, other = exported / "net.safetensors", tmp_path / "other.safetensors"
    with pytest.raises(WeightsError, match="at least two"):
        soup([one])
    save(other, tensors, replace(meta, scale=3))
    with pytest.raises(WeightsError, match=r"other\.safetensors: .* x3 cannot be averaged with"):
        soup([one, other])
    with pytest.raises(WeightsError, match="no such weights file"):
        soup([one, tmp_path / "missing.safetensors"])
