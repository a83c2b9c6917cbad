"""Neutral stays neutral, white white and black black, in any runtime and precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mssn
from mssn.image.color import luma
from mssn.image.read import read_rgb
from mssn.image.resize import imresize
from mssn.runtime.base import Runtime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.upscaling import tiled
from mssn.upscaling.neutral import REACH, keep_neutral
from mssn.upscaling.tiled import TiledModel, enlarge

CASES = Path(__file__).parents[1] / "cases"


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def runtime(exported, request) -> Runtime:
    return OpenVINORuntime(exported / "mssn-s-x2.onnx", precision=request.param)


@pytest.fixture
def half_neutral(photo) -> np.ndarray:
    """96 x 112: grey on the left, with flat white and flat black; colours on the right."""
    picture = photo.copy()
    picture[:, :60] = picture[:, :60, 1:2]
    picture[10:30, 10:30] = 255
    picture[40:60, 10:30] = 0
    return picture


def around(places: np.ndarray) -> np.ndarray:
    """Whether all of 5 x 5 pixels are True, as the definition says, pixel by pixel."""
    height, width = places.shape
    return np.array(
        [
            [
                places[max(y - REACH, 0) : y + REACH + 1, max(x - REACH, 0) : x + REACH + 1].all()
                for x in range(width)
            ]
            for y in range(height)
        ]
    )


def enlarged(places: np.ndarray) -> np.ndarray:
    return places.repeat(2, axis=0).repeat(2, axis=1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_rule_holds_where_it_should_and_nowhere_else(runtime, half_neutral, monkeypatch, dtype) -> None:
    picture = half_neutral.astype(dtype)
    picture = picture * np.array({np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[dtype], dtype)
    large = enlarge(runtime, picture, border=4)
    monkeypatch.setattr(tiled, "keep_neutral", lambda *_: None)
    without = enlarge(runtime, picture, border=4)
    neutral = (half_neutral == half_neutral[:, :, :1]).all(axis=2)
    inside = enlarged(around(neutral))
    assert (large[inside] == large[inside][:, :1]).all()
    assert np.array_equal(large[~inside], without[~inside])
    brightest = 1 if dtype == np.float32 else np.iinfo(dtype).max
    for value, comes_out in ((255, brightest), (0, 0)):
        flat = enlarged(around((half_neutral == value).all(axis=2)))
        assert flat.sum() >= 4 * 16 * 16
        assert (large[flat] == comes_out).all()
        inside &= ~flat
    if dtype == np.uint8:  # what is scored stays what it was, to rounding
        assert np.abs(luma(large)[inside] - luma(without)[inside]).max() <= 0.5


def test_tiles_change_nothing(runtime, half_neutral) -> None:
    whole, parts = (enlarge(runtime, half_neutral, tile=tile, border=4) for tile in (1000, 24))
    neutral = enlarged(around((half_neutral == half_neutral[:, :, :1]).all(axis=2)))
    assert (parts[neutral] == parts[neutral][:, :1]).all()
    assert np.abs(whole.astype(int) - parts).max() <= 1  # as of all pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_grey_is_enlarged_as_the_same_in_colour(runtime, photo, dtype) -> None:
    grey = photo[:, :, :1].astype(dtype)
    grey = grey / np.float32(255) if dtype == np.float32 else grey
    model = TiledModel(runtime, border=4)
    assert np.array_equal(model(grey).repeat(3, axis=2), model(grey.repeat(3, axis=2)))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_it_is_where_bicubic_has_no_colour_either(photo, scale) -> None:
    photo[20:60, 30:80] = photo[20:60, 30:80, :1]
    neutral = around((photo == photo[:, :, :1]).all(axis=2)).repeat(scale, axis=0).repeat(scale, axis=1)
    large = imresize(photo, scale=scale)
    assert neutral.any()
    assert (large[neutral] == large[neutral][:, :1]).all()


def test_a_level_apart_is_a_colour() -> None:
    lr = np.full((9, 9, 3), 254, np.uint8)
    lr[4, 4, 2] = 255
    sr = np.tile(np.array([10, 20, 30], np.uint8), (18, 18, 1))
    keep_neutral(lr, sr, 2)
    coloured = (sr != sr[:, :, :1]).any(axis=2)
    assert np.array_equal(coloured, enlarged(~around((lr == lr[:, :, :1]).all(axis=2))))
    assert np.array_equal(sr[~coloured], np.full((18 * 18 - 100, 3), 18))  # the luma of 10, 20, 30: 18.16


@pytest.mark.parametrize("name", ["neutral-lines.png", "neutral-lines.jpg"])
@pytest.mark.parametrize("variant", ["clean", "photo"])
def test_neutral_files_stay_neutral(name, variant) -> None:
    pixels = read_rgb(CASES / name)
    assert (pixels == pixels[:, :, :1]).all()
    large = mssn.load("mssn-s", variant=variant)(pixels)
    assert (large == large[:, :, :1]).all()
