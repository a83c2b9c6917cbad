"""PSNR and SSIM against hand arithmetic, the formula written out, and scikit-image."""

import math
import warnings

import numpy as np
import pytest

from mssn.image.color import luma
from mssn.score.metrics import overshoot, psnr_y, ssim_y


def _pair(height: int = 45, width: int = 61, noise: float = 12) -> tuple[np.ndarray, np.ndarray]:
    """A picture with smooth and busy parts, and a damaged copy of it."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    smooth = 128 + 90 * np.sin(x / 7)[..., None] * np.cos(y[..., None] / np.array([5, 9, 13]))
    hr = np.clip(smooth + rng.normal(0, 20, smooth.shape) * (x > width / 2)[..., None], 0, 255)
    sr = np.clip(hr + rng.normal(0, noise, hr.shape), 0, 255)
    return sr.astype(np.uint8), hr.astype(np.uint8)


def test_psnr_by_hand() -> None:
    # One grey level is 219/255 of Y, whatever the colours: 10 log10(255^4 / 219^2) = 49.4526 dB.
    hr = np.full((20, 20, 3), 100, np.uint8)
    assert psnr_y(hr + 1, hr, 2) == pytest.approx(20 * math.log10(255**2 / 219), abs=1e-9)
    # One level of red in a quarter of the pixels: a mean square of (65.481 / 255)^2 / 4.
    sr = hr.copy()
    sr[:10, :10, 0] += 1
    expected = 20 * math.log10(255 / (65.481 / 255 / 2))
    assert psnr_y(sr, hr, 0) == pytest.approx(expected, abs=1e-9)


def test_equal_pictures() -> None:
    hr = _pair()[1]
    assert psnr_y(hr.copy(), hr, 3) == math.inf
    assert ssim_y(hr.copy(), hr, 3) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("border", [0, 1, 3])
def test_the_border_is_ignored_and_nothing_else(border: int) -> None:
    hr = np.random.default_rng(1).integers(50, 200, (30, 40, 3), dtype=np.uint8)
    inside = (slice(border, 30 - border), slice(border, 40 - border))
    frame = hr + 50
    frame[inside] = hr[inside]
    assert psnr_y(frame, hr, border) == math.inf
    assert ssim_y(frame, hr, border) == pytest.approx(1, abs=1e-12)
    for row, column in [(border, border), (-border - 1, border), (border, -border - 1)]:
        touched = frame.copy()
        touched[row, column] += 50
        assert psnr_y(touched, hr, border) < math.inf
        assert ssim_y(touched, hr, border) < 1 - 1e-11


@pytest.mark.parametrize(("height", "width", "border"), [(45, 61, 0), (45, 61, 4), (11, 30, 0), (90, 19, 4)])
def test_equals_scikit_image(height: int, width: int, border: int) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    sr, hr = _pair(height, width)
    inside = (slice(border, height - border), slice(border, width - border))
    x, y = luma(sr)[inside], luma(hr)[inside]
    _, ssim_map = metrics.structural_similarity(
        x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )
    assert ssim_y(sr, hr, border) == pytest.approx(ssim_map[5:-5, 5:-5].mean(), abs=1e-12)
    expected = metrics.peak_signal_noise_ratio(y, x, data_range=255)
    assert psnr_y(sr, hr, border) == pytest.approx(expected, abs=1e-10)


def test_one_window_equals_the_formula_written_out() -> None:
    # Wang et al. 2004, Eq. 13, in the only place an 11 x 11 window has in an 11 x 11 picture.
    sr, hr = _pair(11, 11)
    x, y = luma(sr), luma(hr)
    weight = np.array(
        [[math.exp(-((i - 5) ** 2 + (j - 5) ** 2) / 4.5) for i in range(11)] for j in range(11)]
    )
    weight /= weight.sum()
    mean_x, mean_y = (weight * x).sum(), (weight * y).sum()
    variance_x, variance_y = (weight * (x - mean_x) ** 2).sum(), (weight * (y - mean_y) ** 2).sum()
    covariance = (weight * (x - mean_x) * (y - mean_y)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    expected /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    assert ssim_y(sr, hr, 0) == pytest.approx(expected, abs=1e-12)


def test_flat_pictures_have_the_ssim_of_their_means() -> None:
    # No variance: only the first factor is left. Grey 0 and 255 are Y 16 and 235.
    black, white = np.zeros((15, 15, 3), np.uint8), np.full((15, 15, 3), 255, np.uint8)
    expected = (2 * 16 * 235 + 2.55**2) / (16**2 + 235**2 + 2.55**2)
    assert ssim_y(black, white, 0) == pytest.approx(expected, abs=1e-9)


def test_both_scores_are_symmetric_and_fall_with_noise() -> None:
    sr, hr = _pair()
    assert psnr_y(sr, hr, 2) == psnr_y(hr, sr, 2)
    assert ssim_y(sr, hr, 2) == ssim_y(hr, sr, 2)
    noisier = _pair(noise=30)[0]
    assert psnr_y(noisier, hr, 2) < psnr_y(sr, hr, 2) - 5
    assert ssim_y(noisier, hr, 2) < ssim_y(sr, hr, 2) - 0.05


def test_grey_is_expanded() -> None:
    sr, hr = (picture[..., 0] for picture in _pair())
    sr_rgb, hr_rgb = (np.repeat(picture[..., None], 3, axis=2) for picture in (sr, hr))
    for score in (psnr_y, ssim_y):
        assert score(sr, hr, 2) == score(sr_rgb, hr_rgb, 2)
        assert score(sr[..., None], hr_rgb, 2) == score(sr_rgb, hr_rgb, 2)


def test_scores_are_plain_numbers_without_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert type(psnr_y(*_pair(), 2)) is float
        assert type(ssim_y(*_pair(), 2)) is float


@pytest.mark.parametrize("score", [psnr_y, ssim_y])
def test_refusals(score) -> None:
    sr, hr = _pair()
    with pytest.raises(ValueError, match="differ in size"):
        score(sr[1:], hr, 2)
    with pytest.raises(ValueError, match="must not be negative"):
        score(sr, hr, -1)
    with pytest.raises(ValueError, match="uint8, got float64"):
        score(sr / 255, hr, 2)
    with pytest.raises(ValueError, match="expected H x W x 3"):
        score(sr[..., :2], hr[..., :2], 2)
    with pytest.raises(ValueError, match="expected H x W x 3"):
        score(sr[None], hr[None], 2)
    with pytest.raises(ValueError, match="too small"):
        score(sr, hr, 23)


def test_smallest_pictures() -> None:
    sr, hr = _pair(18, 30)
    assert 0 < ssim_y(sr[:17], hr[:17], 3) < 1
    with pytest.raises(ValueError, match="at least 11x11 must be left"):
        ssim_y(sr[:16], hr[:16], 3)
    assert psnr_y(sr[:7, :7], hr[:7, :7], 3) > 10
    with pytest.raises(ValueError, match="at least 1x1 must be left"):
        psnr_y(sr[:6, :7], hr[:6, :7], 3)


def test_overshoot_by_hand() -> None:
    # An edge between columns 5 and 6; only columns within two of it see both levels.
    hr = np.full((12, 12, 3), 100, np.uint8)
    hr[:, 6:] = 200
    sr = hr.copy()
    sr[:, 3, 0] = 150  # three columns from the edge: nearby is only 100
    sr[:, 4, 1] = 150  # two from it: between what is nearby
    sr[:, 8, 2] = 91  # three from it: nearby is only 200
    sr[:, 7, 2] = 91  # two from it: nine below 100
    sr[:, 7, 1] = 92  # eight below is forgiven
    sr[:, 5, 0] = 209  # nine above 200
    sr[:, 5, 1] = 208
    assert overshoot(sr, hr, 0, reach=2) == pytest.approx(4 * 12 / (12 * 12 * 3))
    assert overshoot(sr, hr, 0, reach=3) == pytest.approx(3 * 12 / (12 * 12 * 3))
    assert overshoot(sr, hr, 0, reach=2, levels=7) == pytest.approx(6 * 12 / (12 * 12 * 3))
    assert overshoot(sr, hr, 4, reach=2) == pytest.approx(2 * 4 / (4 * 4 * 3)), (
        "the border sees beyond itself"
    )
    assert overshoot(hr, hr, 0, reach=2) == 0


def test_overshoot_looks_at_a_square_window_of_each_channel() -> None:
    rng = np.random.default_rng(0)
    hr, sr = (rng.integers(60, 200, (17, 14, 3), np.uint8) for _ in range(2))
    sr[::3] //= 2
    outside = 0
    for y, x, c in np.ndindex(hr.shape):
        window = hr[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4, c].astype(int)
        outside += int(sr[y, x, c]) > window.max() + 8 or int(sr[y, x, c]) < window.min() - 8
    assert 0 < outside < hr.size
    assert overshoot(sr, hr, 0, reach=3) == pytest.approx(outside / hr.size)
    assert overshoot(sr[:2, :3], hr[:2, :3], 0, reach=9) >= 0, "smaller than the window"


def test_overshoot_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        overshoot(np.zeros((9, 9, 3), np.uint8), np.zeros((9, 8, 3), np.uint8), 2, reach=2)
