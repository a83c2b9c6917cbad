"""Tiled equals whole, and every kind of array comes back as it was given."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mssn.errors import ImageError, WeightsError
from mssn.image.alpha import bleed
from mssn.image.picture import Picture
from mssn.image.resize import imresize
from mssn.runtime.bicubic import BicubicRuntime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.upscaling.tiled import TiledModel, enlarge


class Recorder:
    """A runtime that repeats pixels and notes the shapes it was given."""

    name, scale, halo = "recorder", 3, 2

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


def test_windows_have_one_shape() -> None:
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
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_every_kind_of_array_comes_back_as_it_was(dtype, channels) -> None:
    shape = (9, 14) if channels is None else (9, 14, channels)
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    large = TiledModel(Recorder(), tile=8)(pixels)
    assert large.dtype == dtype
    assert large.shape == (27, 42, *shape[2:])
    expected = pixels.repeat(3, axis=0).repeat(3, axis=1)
    if channels in (2, 4):  # alpha is enlarged apart, and what it hides is not seen
        alpha = np.ascontiguousarray(pixels[:, :, -1:])
        colour = bleed(pixels[:, :, :-1], alpha).repeat(3, axis=0).repeat(3, axis=1)
        expected = np.concatenate([colour, imresize(alpha, scale=3)], axis=2)
    assert np.array_equal(large, expected)


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


def test_picture_keeps_what_it_carries(photo) -> None:
    alpha = np.full((*photo.shape[:2], 1), 77, np.uint8)
    picture = Picture(photo, alpha=alpha, icc=None, exif=b"exif", xmp=b"xmp", dpi=300, format="webp")
    large = TiledModel(Recorder()).picture(picture)
    assert large.pixels.shape == (288, 336, 3)
    assert large.alpha is not None
    assert np.array_equal(large.alpha, np.full((288, 336, 1), 77, np.uint8))
    assert (large.exif, large.xmp, large.dpi, large.format) == (b"exif", b"xmp", 300, "webp")


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3)])
def test_pictures_of_a_pixel_or_two(exported, size) -> None:
    enlarger = TiledModel(OpenVINORuntime(exported / "mssn-s-x2.onnx"))
    assert enlarger(np.zeros((*size, 3), np.uint8)).shape == (2 * size[0], 2 * size[1], 3)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
    ],
    ids=["float", "five channels", "empty", "one axis"],
)
def test_other_arrays_are_refused(pixels) -> None:
    with pytest.raises(
        ImageError, match=r"expected an array of H x W, H x W x 1\.\.4 or N x H x W x 1\.\.4 pixels"
    ):
        TiledModel(Recorder())(pixels)


def test_one_enlarger_serves_several_threads(exported, photo) -> None:
    enlarger = TiledModel(OpenVINORuntime(exported / "mssn-s-x2.onnx", precision="fp32"), tile=32)
    pictures = [np.roll(photo, 5 * i, axis=1) for i in range(8)]
    alone = [enlarger(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(enlarger, pictures))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
