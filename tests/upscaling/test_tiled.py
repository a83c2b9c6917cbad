"""Tiled equals whole, and every kind of array comes back as it was given."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mssn.errors import WeightsError
from mssn.image.resize import imresize
from mssn.runtime.base import Computed
from mssn.runtime.bicubic import BicubicRuntime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.upscaling.tiled import TiledModel, enlarge


class Recorder:
    """A runtime that repeats pixels and notes the shapes it was given."""

    name, scale, halo = "recorder", 3, 2
    precision: Computed = "fp32"

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(self, lr: np.ndarray) -> np.ndarray:
        self.shapes.append(lr.shape)
        return lr.repeat(3, axis=2).repeat(3, axis=3)


@pytest.mark.parametrize("tile", [13, 16, 31, 64])
def test_tiled_equals_whole(exported, photo, tile) -> None:
    runtime = OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32")
    assert runtime.halo == 6
    whole = enlarge(runtime, photo, tile=1000)
    tiled = enlarge(runtime, photo, tile=max(tile, 2 * runtime.halo + 1))
    # Equal to rounding: float sums may differ in the last bit from shape to shape, never by a grey level.
    assert np.abs(whole.astype(int) - tiled).max() <= 1
    assert (whole != tiled).mean() < 1e-3


def test_a_halo_too_small_would_be_seen(exported, photo) -> None:
    runtime = OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32")
    whole = enlarge(runtime, photo, tile=1000)
    runtime.halo = 1
    assert np.abs(whole.astype(int) - enlarge(runtime, photo, tile=16)).max() > 1


def test_tiled_bicubic_equals_whole_bicubic(photo) -> None:
    for scale in (2, 3, 4):
        tiled = enlarge(BicubicRuntime(scale), photo, tile=20)
        assert np.array_equal(tiled, imresize(photo, scale=scale))


def test_tiles_have_one_shape() -> None:
    runtime = Recorder()
    enlarge(runtime, np.zeros((44, 81, 3), np.uint8), tile=20)
    assert set(runtime.shapes) == {(1, 3, 18, 20)}
    runtime = Recorder()
    enlarge(runtime, np.zeros((44, 81, 3), np.uint8), tile=20, border=4)
    assert len(set(runtime.shapes)) == 1


@pytest.mark.parametrize("tile", [16, 31, 1000])
@pytest.mark.parametrize("shape", [(33, 57), (1, 9), (3, 2), (40, 5)])
def test_a_border_is_the_mirrored_picture(exported, photo, tile, shape) -> None:
    runtime = OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32")
    picture = photo[: shape[0], : shape[1]]
    framed = enlarge(runtime, np.pad(picture, ((4, 4), (4, 4), (0, 0)), mode="symmetric"))[8:-8, 8:-8]
    found = enlarge(runtime, picture, tile=tile, border=4)
    assert found.shape == framed.shape
    assert np.abs(framed.astype(int) - found).max() <= 1
    assert (framed != found).mean() < 1e-2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_colour_of_both_depths_come_back_as_they_were(dtype, channels) -> None:
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (9, 14, channels)).astype(dtype)
    large = TiledModel(Recorder(), tile=8)(pixels)
    assert large.dtype == dtype
    assert np.array_equal(large, pixels.repeat(3, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_transparency_is_bicubic_and_stays_in_its_range(dtype) -> None:
    model, full = TiledModel(Recorder()), 255 if dtype == np.uint8 else 1
    edge = (np.indices((9, 14, 1))[1] > 6).astype(dtype) * dtype(full)
    large = model.alpha(edge)
    assert (large.dtype, large.shape) == (dtype, (27, 42, 1))
    assert np.array_equal(large, imresize(edge, scale=3).clip(0, full))
    assert np.array_equal(model.alpha(np.full((2, 3, 1), 77, np.uint8)), np.full((6, 9, 1), 77, np.uint8))


def test_weights_that_lie_about_their_scale_are_caught(photo) -> None:
    liar = Recorder()
    liar.scale = 2
    with pytest.raises(WeightsError, match="the weights say x2"):
        TiledModel(liar)(photo)


def test_bicubic_of_16_bit_keeps_16_bit() -> None:
    ramp = np.tile(np.arange(3000, 3200, dtype=np.uint16)[:, None, None], (1, 4, 3))
    large = TiledModel(BicubicRuntime(2))(ramp)
    assert np.array_equal(large, imresize(ramp, scale=2))
    assert len(np.unique(large)) > 190


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3)])
def test_pictures_of_a_pixel_or_two(exported, size) -> None:
    model = TiledModel(OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32"), border=4)
    assert model(np.zeros((*size, 3), np.uint8)).shape == (2 * size[0], 2 * size[1], 3)


def test_one_model_serves_several_threads(exported, photo) -> None:
    model = TiledModel(OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32"), tile=32)
    pictures = [np.roll(photo, 5 * i, axis=1) for i in range(8)]
    alone = [model(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(model, pictures))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
