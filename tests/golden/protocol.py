"""The scoring protocol a second time, written from its description alone, and the golden numbers it gives.

It shares no line with the package: resizing is exact arithmetic with whole numbers, SSIM is scikit-image's.
Each step is a field of `Protocol`; another value is a mistake that is easily made.

    python tests/golden/protocol.py     # draws the pictures and writes tests/golden/protocol/golden.json
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).with_name("protocol")
SCALES = (2, 3, 4)
BT601 = (65.481, 128.553, 24.966)
BT601_FULL_RANGE = (76.245, 149.685, 29.07)  # 255 times 0.299, 0.587, 0.114
BT709 = (46.559, 156.629, 15.812)


@dataclass(frozen=True)
class Protocol:
    """The field's way to score bicubic enlargement (docs/protocol.md); every step can be got wrong."""

    crop: str = "bottom right"
    a: Fraction = Fraction(-1, 2)  # of the cubic kernel
    antialiased: bool = True
    mirrored: bool = True  # else the border pixel is repeated
    rows_first: bool = True
    round_between: bool = True  # to whole levels after the first of the two passes, too
    rounding: str = "half up"
    clipped: bool = True
    luma: tuple[float, float, float] = BT601
    black: float = 16.0
    round_luma: bool = False
    border: int = 0  # pixels cut off each side beyond the scale
    peak: float = 255.0
    radius: int = 5  # of the window: 11 x 11
    sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03
    population: bool = True  # covariances divided by N, not N - 1
    valid: bool = True  # only where the window fits in
    grey_as_luma: bool = False  # grey pictures taken as Y, without its range of 16 to 235
    pooled: bool = False  # PSNR of the mean error of all pictures, not the mean of theirs


MISTAKES: dict[str, dict[str, Any]] = {
    "cropped at the top and left": {"crop": "top left"},
    "another cubic kernel": {"a": Fraction(-3, 4)},
    "no antialiasing": {"antialiased": False},
    "border repeated": {"mirrored": False},
    "columns first": {"rows_first": False},
    "not rounded between the passes": {"round_between": False},
    "halves rounded to even": {"rounding": "half even"},
    "rounded down": {"rounding": "down"},
    "wraps around instead of clipping": {"clipped": False},
    "full range luma": {"luma": BT601_FULL_RANGE, "black": 0.0},
    "BT.709": {"luma": BT709},
    "black is 0": {"black": 0.0},
    "luma rounded": {"round_luma": True},
    "one pixel less cut off": {"border": -1},
    "one pixel more cut off": {"border": 1},
    "peak of luma": {"peak": 235.0},
    "window 9 x 9": {"radius": 4},
    "wider window": {"sigma": 1.6},
    "K1": {"k1": 0.02},
    "K2": {"k2": 0.02},
    "sample covariance": {"population": False},
    "window beyond the picture": {"valid": False},
    "grey as luma": {"grey_as_luma": True},
    "errors pooled": {"pooled": True},
}


def pictures() -> dict[str, np.ndarray]:
    """Two small pictures, drawn with whole numbers; no side is a multiple of every scale."""
    y, x = np.mgrid[0:61, 0:71]
    rings = (x - 20) ** 2 + (y - 24) ** 2
    noise = (x * 7919 + y * 104729 + x * y * 31 + (x * x * y) % 97) % 61
    red = np.where(rings < 300, 255, np.where(rings < 500, 0, 3 * x))
    green = np.where((x // 5 + y // 3) % 2, 40 + 2 * y, 210 - noise)
    blue = np.where(x > 45, (rings // 8) % 256, 90 + noise)
    grey = np.where((3 * x + 2 * y) % 23 < 9, 255, np.where(x > 30, 4 * noise, 0))[:50, :59]
    return {
        "colours.png": np.stack([red, green, blue], axis=2).clip(0, 255).astype(np.uint8),
        "grey.png": grey.clip(0, 255).astype(np.uint8),
    }


def golden(protocol: Protocol, scales: tuple[int, ...] = SCALES) -> dict[str, Any]:
    """Of bicubic enlargement: PSNR to 4 digits, SSIM to 6, what the small and the large pictures are."""
    found: dict[str, Any] = {}
    for scale in scales:
        rows = {name: score(picture, scale, protocol) for name, picture in pictures().items()}
        means = {key: sum(row[key] for row in rows.values()) / len(rows) for key in ("psnr", "ssim")}
        if protocol.pooled:
            errors = [10 ** (-row["psnr"] / 10) for row in rows.values()]
            means["psnr"] = -10 * math.log10(sum(errors) / len(errors))
        rows["mean"] = means
        for row in rows.values():
            row["psnr"], row["ssim"] = round(row["psnr"], 4), round(row["ssim"], 6)
        found[f"x{scale}"] = rows
    return found


def score(picture: np.ndarray, scale: int, protocol: Protocol) -> dict[str, Any]:
    """One picture, H x W or H x W x 3 uint8."""
    rgb = picture if picture.ndim == 3 else np.stack([picture] * 3, axis=2)
    height, width = (side // scale * scale for side in rgb.shape[:2])
    hr = rgb[-height:, -width:] if protocol.crop == "top left" else rgb[:height, :width]
    lr = resized(hr, Fraction(1, scale), protocol)
    sr = resized(lr, Fraction(scale), protocol)
    cut = scale + protocol.border
    if picture.ndim == 2 and protocol.grey_as_luma:
        ours, truth = (image[cut:-cut, cut:-cut, 0].astype(float) for image in (sr, hr))
    else:
        ours, truth = (luma(image, protocol)[cut:-cut, cut:-cut] for image in (sr, hr))
    error = float(np.mean((ours - truth) ** 2))
    return {
        "psnr": 10 * math.log10(protocol.peak**2 / error),
        "ssim": similarity(ours, truth, protocol),
        "lr": digest(lr),
        "sr": digest(sr),
    }


def resized(image: np.ndarray, factor: Fraction, protocol: Protocol) -> np.ndarray:
    """Bicubic, without any floating point: sums are whole numbers over a common denominator."""
    values, below = image.astype(np.int64), 1
    for axis in (0, 1) if protocol.rows_first else (1, 0):
        weights, common = taps(image.shape[axis], factor, protocol)
        values = np.moveaxis(np.tensordot(weights, values, axes=(1, axis)), 0, axis)
        below *= common
        if protocol.round_between:
            values, below = rounded(values, below, protocol), 1
    if not protocol.round_between:
        values = rounded(values, below, protocol)
    return values.astype(np.uint8)


def rounded(values: np.ndarray, below: int, protocol: Protocol) -> np.ndarray:
    """values / below as levels from 0 to 255."""
    if protocol.rounding == "half up":
        levels = (2 * values + below) // (2 * below)
    elif protocol.rounding == "down":
        levels = values // below
    else:
        levels = np.array([round(Fraction(int(value), below)) for value in values.flat])
        levels = levels.reshape(values.shape)
    return np.clip(levels, 0, 255) if protocol.clipped else levels % 256


def taps(length: int, factor: Fraction, protocol: Protocol) -> tuple[np.ndarray, int]:
    """Weights of the kernel as whole numbers, output pixels x input pixels, and what they are divided by."""
    stretch = min(factor, Fraction(1)) if protocol.antialiased else Fraction(1)
    rows: list[dict[int, Fraction]] = []
    for pixel in range(int(length * factor)):
        centre = (pixel + Fraction(1, 2)) / factor - Fraction(1, 2)
        reach = 2 / stretch
        row: dict[int, Fraction] = {}
        for place in range(math.ceil(centre - reach), math.floor(centre + reach) + 1):
            inside = mirror(place, length) if protocol.mirrored else min(max(place, 0), length - 1)
            row[inside] = row.get(inside, Fraction(0)) + cubic(stretch * (centre - place), protocol.a)
        whole = sum(row.values())
        rows.append({place: weight / whole for place, weight in row.items()})
    common = math.lcm(*(weight.denominator for row in rows for weight in row.values()))
    weights = np.zeros((len(rows), length), np.int64)
    for pixel, row in enumerate(rows):
        for place, weight in row.items():
            weights[pixel, place] = int(weight * common)
    return weights, common


def mirror(place: int, length: int) -> int:
    """A place beyond the picture, seen in a mirror that stands at its edge: -1 is 0, -2 is 1."""
    place %= 2 * length
    return min(place, 2 * length - 1 - place)


def cubic(x: Fraction, a: Fraction) -> Fraction:
    """Keys' kernel."""
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else Fraction(0)


def luma(image: np.ndarray, protocol: Protocol) -> np.ndarray:
    """Y of an H x W x 3 uint8 picture."""
    y = sum(weight * image[:, :, n].astype(float) for n, weight in enumerate(protocol.luma)) / 255
    y = np.asarray(y) + protocol.black
    return np.rint(y) if protocol.round_luma else y


def similarity(x: np.ndarray, y: np.ndarray, protocol: Protocol) -> float:
    """scikit-image's SSIM: the mean of its map, where the whole window lies inside the picture."""
    from skimage.metrics import structural_similarity

    whole: Any = structural_similarity(
        x,
        y,
        gaussian_weights=True,
        sigma=protocol.sigma,
        truncate=protocol.radius / protocol.sigma,
        K1=protocol.k1,
        K2=protocol.k2,
        use_sample_covariance=not protocol.population,
        data_range=protocol.peak,
        full=True,
    )
    whole = whole[1]
    inside = slice(protocol.radius, -protocol.radius) if protocol.valid else slice(None)
    return float(whole[inside, inside].mean())


def digest(image: np.ndarray) -> str:
    """The first half of the SHA-256 of the pixels, row by row."""
    return sha256(np.ascontiguousarray(image).tobytes()).hexdigest()[:32]


def main() -> None:
    """Write the pictures and the numbers."""
    from PIL import Image

    FOLDER.mkdir(exist_ok=True)
    for name, picture in pictures().items():
        Image.fromarray(picture).save(FOLDER / name, optimize=True)
    (FOLDER / "golden.json").write_text(json.dumps(golden(Protocol()), indent=1) + "\n")


if __name__ == "__main__":
    main()
