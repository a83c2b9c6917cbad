"""Figures 7 and 8: details of benchmark pictures, enlarged by bicubic and by networks, with their PSNR.

The pictures belong to their data sets: what is drawn here stays on the machine that drew it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import numpy as np
from matplotlib import patches, pyplot

from mssn.api import load_tiled
from mssn.image.find import find_images
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, imresize, shrink
from mssn.runtime.base import Runtime
from mssn.score.folders import locate
from mssn.score.metrics import psnr_y
from mssn.upscaling.tiled import enlarge


@dataclass(frozen=True)
class Detail:
    """A part of a benchmark picture.

    Args:
        data: Name of the benchmark.
        picture: Name of the file without its ending.
        place: Row and column of the upper left corner, as shares of the picture.
        scale: Enlargement factor.
    """

    data: str
    picture: str
    place: tuple[float, float]
    scale: int


FIGURES = {
    "figure-7": [
        Detail("B100", "253027", (0.35, 0.45), 2),
        Detail("B100", "148026", (0.72, 0.35), 2),
        Detail("Urban100", "img_012", (0.35, 0.35), 2),
        Detail("Urban100", "img_092", (0.30, 0.40), 2),
    ],
    "figure-8": [
        Detail("B100", "253027", (0.35, 0.45), 4),
        Detail("B100", "78004", (0.45, 0.35), 4),
        Detail("Urban100", "img_004", (0.40, 0.45), 4),
        Detail("Urban100", "img_076", (0.35, 0.35), 4),
    ],
}
_SHARE = 0.18  # of the picture's shorter side


def draw(name: str, folder: Path, others: dict[int, dict[str, Runtime]]) -> list[Path]:
    """One figure: a row for each detail; the picture, the original, bicubic and the networks.

    Args:
        name: A key of FIGURES.
        folder: Where NAME.png and NAME.svg go.
        others: Runtimes of other networks to show, by scale and name.
    """
    details = FIGURES[name]
    columns = 2 + 1 + len(others[details[0].scale]) + 2
    figure, axes = pyplot.subplots(len(details), columns, figsize=(1.9 * columns, 2.15 * len(details)))
    for row, detail in zip(axes, details, strict=True):
        _row(row, detail, others[detail.scale])
    figure.tight_layout(pad=0.4)
    paths = [folder / f"{name}{ending}" for ending in (".png", ".svg")]
    for path in paths:
        figure.savefig(path, dpi=160)
    pyplot.close(figure)
    return paths


def _row(row: np.ndarray, detail: Detail, others: dict[str, Runtime]) -> None:
    (path,) = [path for path in find_images(locate(detail.data)) if path.stem == detail.picture]
    scale = detail.scale
    hr = crop_to_multiple(read_rgb(path), scale)
    lr = shrink(hr, scale)
    side = int(min(hr.shape[:2]) * _SHARE)
    top, left = (int(share * (length - side)) for share, length in zip(detail.place, hr.shape, strict=False))
    shown = {"original": hr, "bicubic": imresize(lr, scale=scale)}
    shown |= {name: enlarge(runtime, lr) for name, runtime in others.items()}
    for model in ("mssn-s", "mssn-m"):
        shown[model.upper()] = enlarge(load_tiled(model, scale, precision="fp32").runtime, lr)
    row[0].imshow(hr)
    row[0].add_patch(patches.Rectangle((left, top), side, side, fill=False, edgecolor="white", linewidth=2.5))
    row[0].add_patch(patches.Rectangle((left, top), side, side, fill=False, edgecolor="black", linewidth=1.0))
    row[0].set_xlabel(f"{detail.data} {detail.picture}, x{scale}", fontsize=8)
    for axes, (name, picture) in zip(row[1:], shown.items(), strict=True):
        axes.imshow(picture[top : top + side, left : left + side], interpolation="nearest")
        quality = "" if name == "original" else f", {psnr_y(picture, hr, scale):.2f} dB"
        axes.set_xlabel(name + quality, fontsize=8)
    for axes in row:
        axes.set(xticks=[], yticks=[])
