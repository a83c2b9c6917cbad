"""A soup is the mean, number by number, of weights that belong together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mssn.errors import WeightsError
from mssn.lab.export.onnx import write_onnx
from mssn.lab.soup import SLOPE, soup
from mssn.lab.weights import load, load_network, save, tensors_of


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


def test_a_share_moves_from_the_second_to_the_first(exported, tmp_path) -> None:
    tensors, meta = load(exported / "net.safetensors")
    one, other = exported / "net.safetensors", tmp_path / "other.safetensors"
    save(other, {name: np.asarray(array * np.float32(3)) for name, array in tensors.items()}, meta)
    for share, factor in ((0.75, 1.5), (1.0, 1.0), (0.0, 3.0)):
        mixed, _ = soup([one, other], share)
        for name, array in tensors.items():
            np.testing.assert_allclose(mixed[name], factor * array, rtol=1e-6)
    for paths, share in (([one, other], 1.5), ([one, other], -0.1), ([one, other, one], 0.5)):
        with pytest.raises(WeightsError, match="from 0 to 1"):
            soup(paths, share)


def test_a_run_that_is_told_mixes_with_its_start_that_is_not(exported_photo) -> None:
    files = {
        True: exported_photo[True] / "net.safetensors",
        False: exported_photo[False] / "mssn-s-photo-x2.onnx",
    }
    told, untold = load_network(files[True]), load_network(files[False])
    theirs, plain = (tensors_of(net) for net, _ in (told, untold))
    for paths, share in (([True, False], 0.25), ([False, True], 0.75)):
        mixed, meta = soup([files[key] for key in paths], share)
        assert (meta.config["told"], meta.parameters) == (True, told[1].parameters)
        np.testing.assert_allclose(mixed[SLOPE], theirs[SLOPE] / 4, rtol=1e-6)
        for name, array in plain.items():
            np.testing.assert_allclose(mixed[name], theirs[name] / 4 + array * 0.75, rtol=1e-5, atol=1e-7)


def test_the_same_files_give_the_same_soup(exported, tmp_path) -> None:
    net, meta = load_network(exported / "net.safetensors")
    net.get_parameter("body.0.units.0.expand.gain").data[0] = (
        0  # an .onnx file does not keep a direction that nothing reads
    )
    path = tmp_path / "net.onnx"
    write_onnx(net, meta, path)
    one, other = (soup([path, path])[0] for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)
