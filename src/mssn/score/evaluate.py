"""Score anything that enlarges: shrink known pictures, enlarge them again, compare.

Protocol (the field's): crop to a multiple of the scale, shrink with MATLAB's bicubic, enlarge, round to
8 bits, compare Y of YCbCr with `scale` pixels cut off each side; PSNR and SSIM, mean over the pictures.
The small pictures may be degraded first (`mssn.score.degrade`), which is no longer that protocol.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mssn import provenance
from mssn.errors import DataError, ImageError
from mssn.image.read import find_images, read_rgb
from mssn.image.resize import crop_to_multiple, imresize
from mssn.runtime.base import Runtime
from mssn.score.degrade import Shrinker, by_name
from mssn.score.folders import locate
from mssn.score.metrics import psnr_y, ssim_y
from mssn.upscaling.tiled import enlarge

PROTOCOL = {
    "lr": "MATLAB imresize bicubic, antialiased, mirrored border, uint8",
    "channel": "Y of YCbCr, BT.601, 16..235, from uint8 RGB",
    "border": "scale pixels on each side",
    "ssim": "11x11 Gaussian, sigma 1.5, valid region, K1 0.01, K2 0.03, population covariance",
}


@dataclass(frozen=True)
class Score:
    """One picture's scores.

    Args:
        image: File name.
        psnr: Decibels, on Y.
        ssim: 0..1, on Y.
        bicubic_psnr: The same for bicubic enlargement.
        bicubic_ssim: The same for bicubic enlargement.
        seconds: Time spent enlarging (not shrinking, scoring or reading).
    """

    image: str
    psnr: float
    ssim: float
    bicubic_psnr: float
    bicubic_ssim: float
    seconds: float


@dataclass(frozen=True)
class Report:
    """Scores of one data set.

    Args:
        data: Name of the folder.
        runtime: Name of what was scored.
        scale: Enlargement factor.
        scores: One for each picture.
        failed: Why pictures that are not among them could not be scored.
        degraded: How the small pictures were degraded, as given to `evaluate`.
    """

    data: str
    runtime: str
    scale: int
    scores: list[Score]
    failed: tuple[str, ...] = ()
    degraded: str = "none"

    @property
    def mean(self) -> Score:
        """The mean over the pictures; its `seconds` are the sum."""
        columns = {
            name: float(np.mean([getattr(score, name) for score in self.scores]))
            for name in ("psnr", "ssim", "bicubic_psnr", "bicubic_ssim")
        }
        return Score("mean", **columns, seconds=sum(score.seconds for score in self.scores))


def evaluate(
    runtime: Runtime,
    folder: str | Path,
    *,
    degrade: str = "none",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Score a runtime on a folder of original pictures.

    Args:
        runtime: What enlarges.
        folder: Folder of HR pictures, or the name of one under MSSN_DATA, such as "Set5".
        degrade: What is done to the small pictures: "jpeg:75" and others, see `mssn.score.degrade.by_name`.
        progress: Called with (pictures done, pictures in all).

    Raises:
        DataError: No such degradation, no such folder, or not one picture in it that can be scored.
    """
    make_small = by_name(degrade)
    paths = find_images(locate(folder))
    scores: list[Score] = []
    failed: list[str] = []
    for done, path in enumerate(paths, 1):
        try:
            scores.append(_score(runtime, path, make_small, done))
        except ImageError as error:
            failed.append(str(error))
        except ValueError as error:
            failed.append(f"{path}: {error}")
        progress(done, len(paths))
    if not scores:
        raise DataError(f"no picture could be scored; the first: {failed[0]}")
    name = Path(folder).resolve().name
    return Report(name, runtime.name, runtime.scale, scores, tuple(failed), degrade)


def _score(runtime: Runtime, path: Path, make_small: Shrinker, number: int) -> Score:
    scale = runtime.scale
    hr = crop_to_multiple(read_rgb(path), scale)
    lr = make_small(hr, scale, number)
    started = time.perf_counter()
    sr = enlarge(runtime, lr)
    seconds = time.perf_counter() - started
    floor = imresize(lr, scale=scale)
    return Score(
        path.name,
        psnr_y(sr, hr, scale),
        ssim_y(sr, hr, scale),
        psnr_y(floor, hr, scale),
        ssim_y(floor, hr, scale),
        seconds,
    )


def to_json(reports: list[Report], model: str) -> dict[str, Any]:
    """Reports as plain data, with everything needed to reproduce them."""
    how = reports[0].degraded
    return {
        "model": model,
        "runtime": reports[0].runtime,
        "scale": reports[0].scale,
        "protocol": PROTOCOL if how == "none" else PROTOCOL | {"degraded": how},
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "data": {
            report.data: {
                "mean": {k: v for k, v in asdict(report.mean).items() if k != "image"},
                "images": [asdict(score) for score in report.scores],
            }
            for report in reports
        },
    }
