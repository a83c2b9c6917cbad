"""Score anything that enlarges: shrink known pictures, enlarge them again, compare.

Protocol (the field's): crop to a multiple of the scale, shrink with MATLAB's bicubic, enlarge, round to
8 bits, compare Y of YCbCr with `scale` pixels cut off each side; PSNR and SSIM, mean over the pictures.
The small pictures may be degraded first (`mssn.score.degrade`), which is no longer that protocol.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mssn import provenance
from mssn.errors import DataError, ImageError, MssnError
from mssn.image.compression import LEAST, LOSSLESS
from mssn.image.find import find_images
from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, imresize
from mssn.image.write import write
from mssn.models.info import ModelInfo
from mssn.once import OnceEach
from mssn.runtime.base import Runtime, check_strength
from mssn.runtime.plan import WeightsFile, describe
from mssn.score.degrade import by_name
from mssn.score.folders import locate
from mssn.score.metrics import psnr_rgb, psnr_y, ssim_y
from mssn.upscaling.dial import Dial, in_steps
from mssn.upscaling.load import load_tiled
from mssn.upscaling.tiled import enlarge

# What enlarges; or what opens it, if it is told how strongly pictures are degraded, at a strength.
Engine = Runtime | Callable[[float], Runtime]
PROTOCOL = {
    "lr": "MATLAB imresize bicubic, antialiased, mirrored border, uint8",
    "channel": "Y of YCbCr, BT.601, 16..235, from uint8 RGB",
    "border": "scale pixels on each side",
    "ssim": "11x11 Gaussian, sigma 1.5, valid region, K1 0.01, K2 0.03, population covariance",
    "psnr_rgb": "all channels of uint8 RGB, inside the same border",
}


@dataclass(frozen=True)
class Score:
    """One picture's scores.

    Args:
        image: File name.
        psnr: Decibels, on Y.
        ssim: 0..1, on Y.
        psnr_rgb: Decibels, on red, green and blue; not the field's, which is `psnr`.
        bicubic_psnr: The same for bicubic enlargement.
        bicubic_ssim: The same for bicubic enlargement.
        bicubic_psnr_rgb: The same for bicubic enlargement.
        seconds: Time spent enlarging (not shrinking, scoring or reading).
        strength: What the network was told of the picture, 0..1; None for what is told nothing.
    """

    image: str
    psnr: float
    ssim: float
    psnr_rgb: float
    bicubic_psnr: float
    bicubic_ssim: float
    bicubic_psnr_rgb: float
    seconds: float
    strength: float | None = None


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
        """The mean over the pictures."""
        numbers = [name for name, value in asdict(self.scores[0]).items() if isinstance(value, float)]
        means = {name: float(np.mean([getattr(score, name) for score in self.scores])) for name in numbers}
        return Score("mean", **means)


def evaluate(
    runtime: Engine,
    folder: str | Path,
    *,
    degrade: str = "none",
    strength: float | None = None,
    save: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Score a runtime on a folder of original pictures.

    Args:
        runtime: What enlarges, or what opens it at a strength.
        folder: Folder of HR pictures, or the name of one under MSSN_DATA, such as "Set5".
        degrade: What is done to the small pictures: "jpeg:75" and others, see `mssn.score.degrade.by_name`.
        strength: What it is told of every picture, 0..1 (below `LEAST` that); default what the picture's file
            would tell.
        save: A folder to keep the enlarged pictures in, as PNG; made if missing.
        progress: Called with (pictures done, pictures in all).

    Raises:
        DataError: No such degradation, no such folder, or not one picture in it that can be scored; or
            `save` cannot be made.
        ImageError: An enlarged picture cannot be written.
        MssnError: The strength makes no sense, or the network is not told any.
    """
    make_small = by_name(degrade)
    if strength is not None:
        check_strength(strength)
    if strength is not None and not callable(runtime):
        raise MssnError(
            "`strength` is for networks that are told how strongly pictures are degraded; this one is not; "
            "leave it out, or take mssn-s with `variant` photo"
        )

    def told(known: float) -> float:  # as when files are enlarged
        return in_steps(known) if strength is None else Dial("photo", strength).at(LOSSLESS, told=True)

    kept = OnceEach[Runtime](4)

    def opened(known: float) -> Runtime:
        at = told(known)
        return kept(at, partial(runtime, at)) if callable(runtime) else runtime

    first = opened(LEAST)
    home = locate(folder)
    paths = find_images(home)
    targets = dict.fromkeys(paths) if save is None else _targets(paths, home, save)
    scores: list[Score] = []
    failed: list[str] = []
    for done, path in enumerate(paths, 1):
        try:
            hr = crop_to_multiple(read_rgb(path), first.scale)
            lr, known = make_small(hr, first.scale, done)
            score, sr = _score(opened(known), path.name, lr, hr)
        except ImageError as error:
            failed.append(str(error))
        except ValueError as error:
            failed.append(f"{path}: {error}")
        else:
            scores.append(replace(score, strength=told(known)) if callable(runtime) else score)
            if (target := targets[path]) is not None:
                _save(sr, target)
        progress(done, len(paths))
    if not scores:
        raise DataError(f"no picture could be scored; the first: {failed[0]}")
    name = Path(folder).resolve().name
    return Report(name, first.name, first.scale, scores, tuple(failed), degrade)


def engine_for(model: str | os.PathLike[str], scale: int | None = None, **options: Any) -> Engine:
    """What `evaluate` is to be given of a model.

    Args:
        model: As for `mssn.load_tiled`.
        scale: As for `mssn.load_tiled`.
        options: Others of its arguments, but not the strength.

    Returns:
        Its runtime; of a network that is told how strongly pictures are degraded, what opens it at a
        strength.

    Raises:
        MssnError: As `mssn.load_tiled` does.
    """
    found = describe(os.fspath(model), scale)
    told = found.meta.told if isinstance(found, WeightsFile) else isinstance(found, ModelInfo) and found.told

    def open_at(strength: float) -> Runtime:
        return load_tiled(model, scale, strength=strength, **options).runtime

    return open_at if told else open_at(LEAST)


def _targets(paths: list[Path], home: Path, save: Path) -> dict[Path, Path | None]:
    """Where enlarged pictures go: names and folders are kept; what would share one keeps its ending, too."""
    names = {path: save / path.relative_to(home).with_suffix(".png") for path in paths}
    shared = {name for name, count in Counter(names.values()).items() if count > 1}
    return {
        path: name.with_name(f"{path.name}.png") if name in shared else name for path, name in names.items()
    }


def _save(pixels: np.ndarray, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{target.parent}: cannot be made ({error.strerror})") from error
    write(target, Picture(pixels))


def _score(runtime: Runtime, name: str, lr: np.ndarray, hr: np.ndarray) -> tuple[Score, np.ndarray]:
    """A picture's scores, and the enlarged picture."""
    scale = runtime.scale
    started = time.perf_counter()
    sr = enlarge(runtime, lr)
    seconds = time.perf_counter() - started
    floor = imresize(lr, scale=scale)
    score = Score(
        name,
        psnr_y(sr, hr, scale),
        ssim_y(sr, hr, scale),
        psnr_rgb(sr, hr, scale),
        psnr_y(floor, hr, scale),
        ssim_y(floor, hr, scale),
        psnr_rgb(floor, hr, scale),
        seconds,
    )
    return score, sr


def to_json(reports: list[Report], model: str) -> dict[str, Any]:
    """Reports as plain data, with everything needed to reproduce them.

    The PSNR of equal pictures is infinite, which JSON cannot say: it becomes None, like a mean with it. Only
    of networks that are told it, scores have a strength.
    """
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
                "mean": {k: v for k, v in _plain(report.mean).items() if k != "image"},
                "images": [_plain(score) for score in report.scores],
            }
            for report in reports
        },
    }


def _plain(score: Score) -> dict[str, str | float | None]:
    said = {k: v for k, v in asdict(score).items() if v is not None}
    return {k: None if v == math.inf else v for k, v in said.items()}
