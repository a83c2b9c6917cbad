"""The known scores of bicubic enlargement on Set5 and Set14: the whole protocol in one number per row.

Set the environment variable MSSN_DATA to a folder that holds benchmarks/Set5 and benchmarks/Set14 (PNG).

Two paths lead to numbers in print. Networks are scored the RGB way: 8-bit RGB is shrunk, enlarged and
only then turned to Y. The classic rows of bicubic come from another: Y is rounded to 8 bits first, stays
in floating point while it is shrunk and enlarged, and is rounded once at the end.
"""

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mssn.image.color import luma
from mssn.image.resize import crop_to_multiple, imresize, shrink
from mssn.runtime.bicubic import BicubicRuntime
from mssn.score.evaluate import evaluate
from mssn.score.metrics import psnr_y, ssim_y

_ROOT = os.environ.get("MSSN_DATA")

pytestmark = pytest.mark.skipif(not _ROOT, reason="MSSN_DATA does not name a folder with benchmarks")


@cache
def _pictures(name: str) -> list[np.ndarray]:
    """The pictures of a benchmark as stored: RGB, or grey as H x W."""
    io = pytest.importorskip("skimage.io")
    files = sorted(Path(str(_ROOT), "benchmarks", name).glob("*.png"))
    assert len(files) == {"Set5": 5, "Set14": 14}[name]
    return [io.imread(file) for file in files]


def _classic_psnr(picture: np.ndarray, scale: int) -> float:
    """Score of bicubic enlargement on Y alone; a grey picture is taken as Y as it is."""
    y = picture if picture.ndim == 2 else np.floor(luma(picture) + 0.5)
    hr = crop_to_multiple(y.astype(np.float64), scale)
    sr = np.clip(np.floor(imresize(shrink(hr, scale), scale=scale) + 0.5), 0, 255)
    difference = (sr - hr)[scale:-scale, scale:-scale]
    return 10 * np.log10(255**2 / np.mean(difference**2))


@pytest.mark.parametrize(
    ("name", "scale", "psnr", "ssim"),
    [
        ("Set5", 2, 33.673, 0.9303),
        ("Set5", 3, 30.403, 0.8689),
        ("Set5", 4, 28.429, 0.8111),
        ("Set14", 2, 30.325, 0.8699),
        ("Set14", 3, 27.631, 0.7759),
        ("Set14", 4, 26.088, 0.7048),
    ],
)
def test_bicubic_the_way_networks_are_scored(name: str, scale: int, psnr: float, ssim: float) -> None:
    scores = []
    for picture in _pictures(name):
        rgb = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
        hr = crop_to_multiple(rgb, scale)
        sr = imresize(shrink(hr, scale), scale=scale)
        scores.append((psnr_y(sr, hr, scale), ssim_y(sr, hr, scale)))
    mean_psnr, mean_ssim = np.mean(scores, axis=0)
    assert mean_psnr == pytest.approx(psnr, abs=0.005)
    assert mean_ssim == pytest.approx(ssim, abs=0.0005)


@pytest.mark.parametrize(
    ("name", "scale", "psnr", "tolerance"),
    [
        ("Set5", 2, 33.66, 0.005),
        ("Set5", 3, 30.39, 0.005),
        ("Set5", 4, 28.42, 0.005),
        ("Set14", 2, 30.24, 0.01),
        ("Set14", 3, 27.55, 0.01),
        ("Set14", 4, 26.00, 0.01),
    ],
)
def test_classic_rows_of_bicubic(name: str, scale: int, psnr: float, tolerance: float) -> None:
    mean = np.mean([_classic_psnr(picture, scale) for picture in _pictures(name)])
    assert mean == pytest.approx(psnr, abs=tolerance)


@pytest.mark.parametrize(
    ("scale", "set5", "set14"),
    [
        (2, (33.673, 0.9303), (30.325, 0.8699)),
        (3, (30.403, 0.8689), (27.631, 0.7759)),
        (4, (28.429, 0.8111), (26.088, 0.7048)),
    ],
)
def test_bicubic_check_values_through_the_whole_way(benchmarks, scale, set5, set14) -> None:
    """Worked out independently; here read, shrunk, enlarged in tiles and scored as any model is."""
    for name, (psnr, ssim) in (("Set5", set5), ("Set14", set14)):
        mean = evaluate(BicubicRuntime(scale), benchmarks / name).mean
        assert mean.psnr == pytest.approx(psnr, abs=0.005)
        assert mean.ssim == pytest.approx(ssim, abs=0.0005)
