"""Luma against MATLAB's documented constants; numbers in and out of network arrays."""

import numpy as np
import pytest

from mssn.image.color import from_network, luma, to_network


@pytest.mark.parametrize(
    ("rgb", "y"),
    [
        ((0, 0, 0), 16.0),
        ((255, 255, 255), 235.0),
        ((255, 0, 0), 81.481),
        ((0, 255, 0), 144.553),
        ((0, 0, 255), 40.966),
        ((51, 51, 51), 16 + 219 / 5),
    ],
)
def test_luma_of_known_colours(rgb: tuple[int, int, int], y: float) -> None:
    # With the wrong weights of some scorers (64.738 and its like, over 256) white is 234.0 and red 80.5.
    result = luma(np.array([[rgb]], np.uint8))
    assert result.shape == (1, 1)
    assert result.dtype == np.float64
    assert result[0, 0] == pytest.approx(y, abs=1e-9)


def test_luma_equals_the_y_of_scikit_image() -> None:
    skimage_color = pytest.importorskip("skimage.color")
    rgb = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
    np.testing.assert_allclose(luma(rgb), skimage_color.rgb2ycbcr(rgb)[..., 0], atol=1e-9)
    np.testing.assert_array_equal(luma(rgb), luma(rgb.astype(np.float64)))


def test_luma_is_not_rounded() -> None:
    grey = luma(np.full((1, 1, 3), 1, np.uint8))
    assert grey[0, 0] == pytest.approx(16 + 219 / 255, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_level_survives_the_way_through_the_network(dtype: type) -> None:
    levels = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    pixels = np.stack([levels, levels[::-1]], axis=-1).reshape(16, -1, 2)
    back = from_network(to_network(pixels), dtype)
    assert back.dtype == dtype
    assert back.flags.c_contiguous
    np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize(("dtype", "peak"), [(np.uint8, 255), (np.uint16, 65535)])
def test_network_arrays_are_planes_from_zero_to_one(dtype: type, peak: int) -> None:
    pixels = np.zeros((2, 3, 3), dtype)
    pixels[0, 1] = (peak, 0, peak // 5)
    array = to_network(pixels)
    assert array.shape == (1, 3, 2, 3)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    np.testing.assert_allclose(array[0, :, 0, 1], [1, 0, 0.2], rtol=1e-7)
    assert array.sum() == pytest.approx(1.2)


def test_from_network_rounds_half_up_and_clips() -> None:
    # Of 255: 100.4 -> 100, 100.6 -> 101; halves of 0.5 * 255 = 127.5 -> 128; beyond the ends: clipped.
    values = np.array([100.4 / 255, 100.6 / 255, 0.5, -0.2, 1.3, 1.0, 0.0], np.float32)
    result = from_network(values.reshape(1, 1, 1, 7))
    assert result.shape == (1, 7, 1)
    np.testing.assert_array_equal(result[0, :, 0], [100, 101, 128, 0, 255, 255, 0])
    assert from_network(np.full((1, 1, 1, 1), 0.5, np.float32), np.uint16)[0, 0, 0] == 32768
