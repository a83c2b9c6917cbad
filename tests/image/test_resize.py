"""`imresize` against a slow, literal transcription of MATLAB's, hand-worked vectors and properties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mssn.image.resize import Border, Kernel, crop_to_multiple, imresize, shrink

# --- MATLAB's imresize, one number at a time, counting from 1 as MATLAB does ---------------------------


def _matlab_cubic(x: float) -> float:
    absx = abs(x)
    absx2, absx3 = absx**2, absx**3
    if absx <= 1:
        return 1.5 * absx3 - 2.5 * absx2 + 1
    if absx <= 2:
        return -0.5 * absx3 + 2.5 * absx2 - 4 * absx + 2
    return 0.0


def _matlab_contributions(
    in_length: int, out_length: int, scale: float, border: str
) -> list[list[tuple[int, float]]]:
    kernel_width = 4.0 if scale >= 1 else 4.0 / scale
    aux = [*range(1, in_length + 1), *range(in_length, 0, -1)]
    pixels = []
    for x in range(1, out_length + 1):
        u = x / scale + 0.5 * (1 - 1 / scale)
        left = math.floor(u - kernel_width / 2)
        indices = [left + p for p in range(math.ceil(kernel_width) + 2)]
        shrink_by = min(scale, 1.0)  # MATLAB: h = scale * kernel(scale * x) when shrinking
        weights = [shrink_by * _matlab_cubic(shrink_by * (u - i)) for i in indices]
        total = 0.0  # sum() would compensate the rounding
        for weight in weights:
            total += weight
        weights = [weight / total for weight in weights]
        if border == "mirror":
            indices = [aux[(i - 1) % len(aux)] for i in indices]
        else:
            indices = [min(max(i, 1), in_length) for i in indices]
        pixels.append(list(zip(indices, weights, strict=True)))
    return pixels


def _matlab_resize_line(line: list[float], taps: list[list[tuple[int, float]]], peak: int) -> list[float]:
    result = []
    for pixel in taps:
        total = 0.0
        for index, weight in pixel:
            total += line[index - 1] * weight
        result.append(min(max(math.floor(total + 0.5), 0), peak) if peak else total)
    return result


def _matlab_imresize(
    plane: np.ndarray, factors: tuple[float, float], out: tuple[int, int], border: str
) -> np.ndarray:
    """One H x W plane; integers are rounded and clipped after each axis."""
    dtype = plane.dtype
    peak = int(np.iinfo(dtype).max) if dtype.kind == "u" else 0
    for axis in sorted((0, 1), key=lambda axis: factors[axis]):  # a stable sort: rows first on a tie
        taps = _matlab_contributions(plane.shape[axis], out[axis], factors[axis], border)
        lines = plane.T.tolist() if axis == 0 else plane.tolist()
        plane = np.array([_matlab_resize_line(line, taps, peak) for line in lines])
        plane = plane.T if axis == 0 else plane
    return plane.astype(dtype)


def _noise(*shape: int, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


_FACTORS = [1, 2, 3, 4, 1 / 2, 1 / 3, 1 / 4, 0.37, 1.7]
_SHAPES = [(24, 36), (37, 23), (1, 12), (12, 1), (1, 1), (2, 3)]


@pytest.mark.parametrize("border", ["mirror", "repeat"])
@pytest.mark.parametrize("factor", _FACTORS)
@pytest.mark.parametrize("shape", _SHAPES)
def test_equals_matlab_to_the_last_level(shape: tuple[int, int], factor: float, border: Border) -> None:
    image = _noise(*shape)
    out = (math.ceil(shape[0] * factor), math.ceil(shape[1] * factor))
    expected = _matlab_imresize(image, (factor, factor), out, border)
    result = imresize(image, scale=factor, border=border)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("size", [(9, 31), (31, 9), (20, 26), (53, 40), (1, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_size_equals_matlab_and_smaller_factor_goes_first(size: tuple[int, int], dtype: type) -> None:
    image = _noise(20, 26, dtype=dtype)
    expected = _matlab_imresize(image, (size[0] / 20, size[1] / 26), size, "mirror")
    np.testing.assert_array_equal(imresize(image, size=size), expected)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-13)])
@pytest.mark.parametrize("factor", [2, 1 / 3, 0.37])
def test_floats_equal_matlab_and_are_never_rounded_or_clipped(
    dtype: type, tolerance: float, factor: float
) -> None:
    image = np.random.default_rng(1).normal(0, 1, (21, 30)).astype(dtype)
    out = (math.ceil(21 * factor), math.ceil(30 * factor))
    result = imresize(image, scale=factor)
    assert result.dtype == dtype
    expected = _matlab_imresize(image.astype(np.float64), (factor, factor), out, "mirror")
    np.testing.assert_allclose(result, expected, atol=tolerance, rtol=0)


# --- Worked by hand ------------------------------------------------------------------------------------


def test_halving_weights_by_hand() -> None:
    # The kernel widened by 2 at distances 0.5, 1.5, 2.5, 3.5 weighs 111, 29, -9, -3 in 256.
    line = np.zeros((1, 16))
    line[0, 7] = 256
    np.testing.assert_array_equal(imresize(line, size=(1, 8)), [[0, 0, -9, 111, 29, -3, 0, 0]])
    np.testing.assert_array_equal(imresize(line.T, size=(8, 1))[:, 0], [0, 0, -9, 111, 29, -3, 0, 0])


def test_doubling_weights_by_hand() -> None:
    # Output pixels lie at distances 0.25, 0.75, 1.25, 1.75: 111, 29, -9, -3 in 128.
    line = np.zeros((1, 9))
    line[0, 4] = 128
    expected = [0] * 5 + [-3, -9, 29, 111, 111, 29, -9, -3] + [0] * 5
    np.testing.assert_array_equal(imresize(line, size=(1, 18)), [expected])


@pytest.mark.parametrize(
    ("kernel", "weights"),
    [("box", [0, 128, 128, 0]), ("triangle", [32, 96, 96, 32]), ("cubic", [29, 111, 111, 29])],
)
def test_halving_with_other_kernels_by_hand(kernel: Kernel, weights: list[int]) -> None:
    for place in range(4):
        line = np.zeros((1, 16))
        line[0, 5 + place] = 256  # output pixel 3 lies between the input pixels 6 and 7
        assert imresize(line, size=(1, 8), kernel=kernel)[0, 3] == weights[place]


def test_lanczos3_is_its_formula() -> None:
    line = np.random.default_rng(0).random((1, 30))
    distance = np.arange(9, 21) - 14.5  # output pixel 7 of 15 lies between the input pixels 14 and 15
    weights = [np.sinc(x / 2) * np.sinc(x / 6) for x in distance]
    expected = line[0, 9:21] @ weights / np.sum(weights)
    assert imresize(line, size=(1, 15), kernel="lanczos3")[0, 7] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kernel", ["box", "triangle", "lanczos3"])
def test_other_kernels_keep_flat_pictures_flat(kernel: Kernel) -> None:
    flat = np.full((13, 17, 3), 77, np.uint8)
    for scale in (1 / 3, 0.4, 2, 3.7):
        assert (imresize(flat, scale=scale, kernel=kernel) == 77).all()


def test_border_pixel_by_hand() -> None:
    # Doubled, the first output pixel takes -3, 29, 111, -9 (in 128) of the pixels -2, -1, 0, 1.
    line = np.array([[128.0, 0, 0, 0, 0, 0]])
    assert imresize(line, size=(1, 12), border="mirror")[0, 0] == 29 + 111  # pixel -2 is pixel 1: 0
    assert imresize(line, size=(1, 12), border="repeat")[0, 0] == -3 + 29 + 111  # pixel -2 is pixel 0


def test_overshoot_is_clipped_and_halves_go_up() -> None:
    step = np.repeat(np.array([[0, 255]], np.uint8), 8, axis=1)
    assert np.ptp(imresize(step, size=(1, 32))) == 255
    # 128 * (-9, 111, 29, -3) / 256 = -4.5, 55.5, 14.5, -1.5.
    line = np.zeros((1, 16), np.uint8)
    line[0, 7] = 128
    np.testing.assert_array_equal(imresize(line, size=(1, 8)), [[0, 0, 0, 56, 15, 0, 0, 0]])


# --- Traps ---------------------------------------------------------------------------------------------


def test_rounding_between_the_axes_matters() -> None:
    image = _noise(96, 96) // 2 + 64  # far from black and white: nothing is clipped
    rounded_once = np.floor(imresize(image.astype(np.float64), scale=0.5) + 0.5)
    difference = np.abs(imresize(image, scale=0.5) - rounded_once)
    assert difference.max() == 1
    assert 0.05 < difference.mean() < 0.3


def test_rows_go_first_on_a_tie() -> None:
    image = _noise(48, 48)
    columns_first = imresize(image.T, scale=0.5).T
    assert (imresize(image, scale=0.5) != columns_first).mean() > 0.05


@pytest.mark.parametrize("factor", [2, 4, 1 / 2, 1 / 4])
def test_borders_differ_only_at_the_edge(factor: float) -> None:
    image = _noise(64, 64)
    mirror, repeat = (imresize(image, scale=factor, border=border) for border in ("mirror", "repeat"))
    edge = math.ceil(2 * max(factor, 1))
    inside = (slice(edge, -edge), slice(edge, -edge))
    np.testing.assert_array_equal(mirror[inside], repeat[inside])
    assert (mirror != repeat).any()


@pytest.mark.parametrize("scale", [3, 49, 75])
def test_an_inexact_factor_does_not_add_a_pixel(scale: int) -> None:
    # In floating point 7 * 75 * (1 / 75) is a little more than 7.
    for length in range(1, 31):
        assert shrink(np.zeros((length * scale, scale), np.uint8), scale).shape == (length, 1)


# --- Properties ----------------------------------------------------------------------------------------

_side = st.integers(1, 40)
_scale = st.sampled_from(_FACTORS) | st.floats(0.1, 4.5)
_quick = settings(max_examples=40, deadline=None, derandomize=True, database=None)


@_quick
@given(_side, _side, _scale, st.integers(0, 255), st.sampled_from(["mirror", "repeat"]))
def test_flat_pictures_stay_flat(height: int, width: int, scale: float, level: int, border: Border) -> None:
    result = imresize(np.full((height, width, 3), level, np.uint8), scale=scale, border=border)
    np.testing.assert_array_equal(result, np.uint8(level))


@_quick
@given(_side, _side, _scale)
def test_weights_add_up_to_one(height: int, width: int, scale: float) -> None:
    np.testing.assert_allclose(imresize(np.ones((height, width)), scale=scale), 1, rtol=1e-12)


@pytest.mark.parametrize("factor", [2, 4, 1 / 2, 1 / 4])
def test_flipping_commutes(factor: float) -> None:
    # The weights of these factors are exact in binary, so even the halves fall alike.
    image = _noise(32, 48, 3)
    flipped = imresize(image[::-1, ::-1], scale=factor)
    np.testing.assert_array_equal(flipped, imresize(image, scale=factor)[::-1, ::-1])


@pytest.mark.parametrize("factor", [3, 1 / 3, 0.5, 1.7])
def test_floats_are_linear_and_axes_commute(factor: float) -> None:
    a, b = np.random.default_rng(2).random((2, 27, 33))
    expected = 2 * imresize(a, scale=factor) - 3 * imresize(b, scale=factor)
    np.testing.assert_allclose(imresize(2 * a - 3 * b, scale=factor), expected, atol=1e-12)
    np.testing.assert_allclose(imresize((2 * a - 3 * b).T, scale=factor).T, expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_factor_one_returns_equal_pixels(dtype: type) -> None:
    image = _noise(17, 19, 3).astype(dtype)
    np.testing.assert_array_equal(imresize(image, scale=1), image)


# --- Blocks, memory layout, channels -------------------------------------------------------------------


@pytest.mark.parametrize("size", [(27, 520), (120, 1300)])
def test_wide_pictures_equal_their_parts(size: tuple[int, int]) -> None:
    # 1040 x 3 numbers in a line: more than one block, whichever axis is resized.
    image = _noise(60, 1040, 3)
    rows = imresize(image, size=(size[0], 1040))
    for left in range(0, 1040, 130):
        part = imresize(image[:, left : left + 130], size=(size[0], 130))
        np.testing.assert_array_equal(rows[:, left : left + 130], part)
    columns = imresize(image.swapaxes(0, 1), size=(1040, size[0])).swapaxes(0, 1)
    np.testing.assert_array_equal(columns, rows)


def test_channels_are_independent_and_grey_needs_none() -> None:
    image = _noise(22, 31, 5)
    together = imresize(image, scale=1.7)
    for channel in range(5):
        np.testing.assert_array_equal(imresize(image[..., channel], scale=1.7), together[..., channel])
    assert imresize(image[..., :1], scale=2).shape == (44, 62, 1)


def test_memory_layout_of_the_input_does_not_matter() -> None:
    image = _noise(40, 60, 3)
    expected = imresize(image[::2, ::-1].copy(), scale=3)
    for view in (image[::2, ::-1], np.asfortranarray(image[::2, ::-1])):
        result = imresize(view, scale=3)
        assert result.flags.c_contiguous
        np.testing.assert_array_equal(result, expected)


# --- shrink, crop, refusals ----------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_shrink_crops_then_shrinks(scale: int) -> None:
    image, size = _noise(26, 35, 3), (26 // scale, 35 // scale)
    cropped = image[: size[0] * scale, : size[1] * scale]
    np.testing.assert_array_equal(crop_to_multiple(image, scale), cropped)
    np.testing.assert_array_equal(shrink(image, scale), imresize(cropped, size=size))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "either scale or size"),
        ({"scale": 2, "size": (4, 4)}, "either scale or size"),
        ({"scale": 0}, "scale must be positive"),
        ({"scale": -1}, "scale must be positive"),
        ({"scale": math.nan}, "scale must be positive"),
        ({"scale": math.inf}, "scale must be positive"),
        ({"size": (0, 4)}, "size must be at least 1 x 1"),
        ({"scale": 2, "border": "wrap"}, "border must be"),
        ({"scale": 2, "kernel": "sharp"}, "kernel must be one of cubic, box, triangle, lanczos3"),
    ],
)
def test_refuses_senseless_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        imresize(np.zeros((4, 4), np.uint8), **arguments)


def test_refuses_what_is_not_a_picture() -> None:
    for shape in [(4,), (0, 4), (4, 4, 0), (1, 4, 4, 3)]:
        with pytest.raises(ValueError, match="expected a non-empty"):
            imresize(np.zeros(shape, np.uint8), scale=2)
    for dtype in [bool, np.int16, np.int64, complex]:
        with pytest.raises(ValueError, match="expected uint8, uint16 or floating point"):
            imresize(np.zeros((4, 4), dtype), scale=2)


def test_refuses_pictures_smaller_than_the_scale() -> None:
    with pytest.raises(ValueError, match="a 3x9 picture is too small for scale 4"):
        shrink(np.zeros((9, 3, 3), np.uint8), 4)
    with pytest.raises(ValueError, match="whole number of at least 1"):
        crop_to_multiple(np.zeros((9, 3), np.uint8), 0)
