"""Score an enlarged picture against the original: PSNR and SSIM on luma, as the field reports them.

They look at Y of YCbCr only (16..235, not rounded; `psnr_rgb` at all channels instead), after cutting
`border` pixels off each side, because no network can know what lies beyond the edge. Papers cut as many
pixels as the scale.
"""

from __future__ import annotations

import math

import numpy as np

from mssn.image.color import luma

_PEAK = 255.0
_WINDOW, _SIGMA, _K1, _K2 = 11, 1.5, 0.01, 0.03
# Rows of the SSIM map worked on at once: keeps the working set in the processor's cache.
_STRIP = 32


def psnr_y(sr: np.ndarray, hr: np.ndarray, border: int) -> float:
    """Peak signal-to-noise ratio of the luma, in decibels; higher is better.

    Args:
        sr: Enlarged picture, H x W x 3 uint8 RGB; grey (H x W or H x W x 1) is expanded to RGB.
        hr: Original picture, same size and kind.
        border: Pixels ignored on each side, at least 0; usually the scale.

    Returns:
        10 log10(255^2 / mean squared difference of Y); infinity for equal pictures.

    Raises:
        ValueError: The pictures differ in size, are not 8-bit grey or RGB, or nothing is left inside
            the border.

    Examples:
        >>> hr = np.full((8, 8, 3), 100, np.uint8)
        >>> round(psnr_y(hr + np.uint8(1), hr, border=2), 2)  # one level of RGB is 219/255 of Y
        49.45
    """
    return _psnr(*_luma_pair(sr, hr, border, smallest=1))


def psnr_rgb(sr: np.ndarray, hr: np.ndarray, border: int) -> float:
    """Peak signal-to-noise ratio of red, green and blue together, in decibels; higher is better.

    Args:
        sr: As for `psnr_y`.
        hr: As for `psnr_y`.
        border: As for `psnr_y`.

    Returns:
        10 log10(255^2 / mean squared difference of all channels); infinity for equal pictures.

    Raises:
        ValueError: As for `psnr_y`.
    """
    sr, hr = _inside(sr, hr, border, smallest=1)
    return _psnr(sr.astype(np.float64), hr.astype(np.float64))


def overshoot(sr: np.ndarray, hr: np.ndarray, border: int, *, reach: int, levels: int = 8) -> float:
    """Share of values that lie clearly outside what the original has nearby: ghost lines, halos, beads.

    A value is outside if it is more than `levels` above the highest or below the lowest value that its
    channel of the original has within `reach` pixels along both axes.

    Args:
        sr: As for `psnr_y`.
        hr: As for `psnr_y`.
        border: As for `psnr_y`.
        reach: Pixels, usually the scale; the window is (2 reach + 1) x (2 reach + 1).
        levels: Grey levels that are forgiven.

    Returns:
        0..1; lower is better.

    Raises:
        ValueError: As for `psnr_y`.

    Examples:
        >>> hr = np.full((4, 4, 3), 100, np.uint8)
        >>> overshoot(hr + np.eye(4, dtype=np.uint8)[:, :, None] * 9, hr, 0, reach=2)
        0.25
    """
    shown, _ = _inside(sr, hr, border, smallest=1)
    _, low = _inside(sr, _extreme(_as_rgb(hr), reach, np.minimum), border, smallest=1)
    _, high = _inside(sr, _extreme(_as_rgb(hr), reach, np.maximum), border, smallest=1)
    shown, low, high = (values.astype(np.int16) for values in (shown, low, high))
    return float(np.mean((shown > high + levels) | (shown < low - levels)))


def _extreme(picture: np.ndarray, reach: int, of: np.ufunc) -> np.ndarray:
    """The least or largest value in a window around every pixel, which ends where the picture does."""
    for axis in (0, 1):
        along = np.moveaxis(picture, axis, 0)
        result = along.copy()
        for step in range(1, min(reach, len(along) - 1) + 1):
            of(result[step:], along[:-step], out=result[step:])
            of(result[:-step], along[step:], out=result[:-step])
        picture = np.moveaxis(result, 0, axis)
    return picture


def _psnr(x: np.ndarray, y: np.ndarray) -> float:
    error = float(np.mean((x - y) ** 2))
    return 10 * math.log10(_PEAK**2 / error) if error else math.inf


def ssim_y(sr: np.ndarray, hr: np.ndarray, border: int) -> float:
    """Structural similarity of the luma, at most 1; higher is better.

    Gaussian window of 11 x 11 pixels with sigma 1.5, used only where it fits inside the picture,
    K1 = 0.01, K2 = 0.03, peak 255, population variances; the mean of the map.

    Args:
        sr: Enlarged picture, H x W x 3 uint8 RGB; grey (H x W or H x W x 1) is expanded to RGB.
        hr: Original picture, same size and kind.
        border: Pixels ignored on each side, at least 0; usually the scale.

    Returns:
        Mean SSIM; 1.0 for equal pictures.

    Raises:
        ValueError: The pictures differ in size, are not 8-bit grey or RGB, or fewer than 11 x 11 pixels
            are left inside the border.

    Source: Wang, Bovik, Sheikh, Simoncelli: "Image quality assessment: from error visibility to
        structural similarity", IEEE Transactions on Image Processing 13(4), 2004, Eq. 13.
    """
    sr_y, hr_y = _luma_pair(sr, hr, border, smallest=_WINDOW)
    total, rows = 0.0, sr_y.shape[0] - _WINDOW + 1
    for top in range(0, rows, _STRIP):
        strip = slice(top, top + _STRIP + _WINDOW - 1)
        total += float(_ssim_map(sr_y[strip], hr_y[strip]).sum())
    return total / (rows * (sr_y.shape[1] - _WINDOW + 1))


def _luma_pair(sr: np.ndarray, hr: np.ndarray, border: int, smallest: int) -> tuple[np.ndarray, np.ndarray]:
    """Y of both pictures inside the border, at least `smallest` pixels on a side."""
    sr, hr = _inside(sr, hr, border, smallest)
    return luma(sr), luma(hr)


def _inside(sr: np.ndarray, hr: np.ndarray, border: int, smallest: int) -> tuple[np.ndarray, np.ndarray]:
    """RGB of both pictures inside the border, at least `smallest` pixels on a side."""
    sr, hr = _as_rgb(sr), _as_rgb(hr)
    if sr.shape != hr.shape:
        raise ValueError(f"the pictures differ in size: {sr.shape[:2]} and {hr.shape[:2]} (height, width)")
    if border < 0:
        raise ValueError(f"border must not be negative, got {border}")
    height, width = sr.shape[:2]
    if min(height, width) - 2 * border < smallest:
        raise ValueError(
            f"a {width}x{height} picture is too small: after cutting {border} pixels off each side "
            f"at least {smallest}x{smallest} must be left"
        )
    inside = (slice(border, height - border), slice(border, width - border))
    return sr[inside], hr[inside]


def _as_rgb(picture: np.ndarray) -> np.ndarray:
    if picture.dtype != np.uint8:
        raise ValueError(f"pictures are scored as uint8, got {picture.dtype}")
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if picture.ndim != 3 or picture.shape[2] not in (1, 3):
        raise ValueError(f"expected H x W x 3, H x W x 1 or H x W pixels, got shape {picture.shape}")
    return np.broadcast_to(picture, (*picture.shape[:2], 3))


def _ssim_map(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """SSIM at every place the window fits; h x w gives (h - 10) x (w - 10)."""
    c1, c2 = (_K1 * _PEAK) ** 2, (_K2 * _PEAK) ** 2
    # Only the sum of the two variances is needed, so four pictures are filtered, not five.
    mean_x, mean_y, square, product = _gaussian(np.stack([x, y, x * x + y * y, x * y]))
    mean_square, mean_product = mean_x * mean_x + mean_y * mean_y, mean_x * mean_y
    similar = (2 * mean_product + c1) * (2 * (product - mean_product) + c2)
    return similar / ((mean_square + c1) * (square - mean_square + c2))


def _gaussian(stack: np.ndarray) -> np.ndarray:
    """Gaussian mean over the window along the last two axes, valid region only."""
    offset = np.arange(_WINDOW) - _WINDOW // 2
    weight = np.exp(-(offset**2) / (2 * _SIGMA**2))
    weight /= weight.sum()
    for axis in (1, 2):
        stack = _filter(np.moveaxis(stack, axis, 0), weight)
        stack = np.moveaxis(stack, 0, axis)
    return stack


def _filter(stack: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Valid correlation with a symmetric odd window along axis 0; partners are added first."""
    last = len(weight) - 1
    size = len(stack) - last
    total = stack[last // 2 : last // 2 + size] * weight[last // 2]
    for i in range(last // 2):
        total += (stack[i : i + size] + stack[last - i : last - i + size]) * weight[i]
    return total
