"""The pictures of docs/photos.md and README.md: JPEG files of several qualities, before and after.

    python paper/photos.py               # writes docs/photos.png and docs/photo.png

Two photographs that scikit-image brings along (both free of rights: astronaut, NASA; chelsea, CC0) are
halved, saved as JPEG files, and enlarged as a person would: by bicubic, with --variant clean
and with --variant auto.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import numpy as np
import skimage
from matplotlib import pyplot

from mssn.api import load
from mssn.image.picture import Picture
from mssn.image.read import read, read_rgb
from mssn.image.resize import shrink
from mssn.image.write import write
from mssn.score.metrics import psnr_y
from mssn.upscaling.files import upscale_file

DOCS = Path(__file__).resolve().parent.parent / "docs"
SIDE = 160  # pixels of a detail
WAYS = {  # what a person would type
    "bicubic": {"model": "bicubic"},
    "--variant clean": {"variant": "clean"},
    "--variant auto": {"variant": "auto"},
}


@dataclass(frozen=True)
class Detail:
    """A square of a photograph.

    Args:
        photo: Name of the file that scikit-image brings along.
        quality: Of the JPEG that is made of its half.
        place: Row and column of the upper left corner in the original.
    """

    photo: str
    quality: int
    place: tuple[int, int]


FIGURES = {
    "photo": [Detail("astronaut", 75, (60, 150))],
    "photos": [
        Detail("astronaut", 50, (60, 150)),
        Detail("chelsea", 60, (60, 120)),
        Detail("astronaut", 75, (10, 340)),
        Detail("chelsea", 85, (90, 250)),
        Detail("astronaut", 95, (60, 150)),
    ],
}


def main() -> int:
    """Draw both."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    for name, details in FIGURES.items():
        columns = 2 + len(WAYS)
        figure, axes = pyplot.subplots(len(details), columns, figsize=(2 * columns, 2.18 * len(details)))
        for row, detail in zip(np.atleast_2d(axes), details, strict=True):
            _row(row, detail)
        figure.tight_layout(pad=0.3)
        figure.savefig(DOCS / f"{name}.png", dpi=100, bbox_inches="tight", pad_inches=0.05)
        print(DOCS / f"{name}.png")
    return 0


def _row(row: np.ndarray, detail: Detail) -> None:
    hr = read_rgb(Path(skimage.__file__).parent / "data" / f"{detail.photo}.png")
    hr = np.ascontiguousarray(hr[: len(hr) // 2 * 2, : hr.shape[1] // 2 * 2])
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder, "small.jpg")
        write(small, Picture(shrink(hr, 2)), quality=detail.quality)
        shown = {f"JPEG, quality {detail.quality}": read_rgb(small).repeat(2, axis=0).repeat(2, axis=1)}
        for name, way in WAYS.items():
            large = Path(folder, f"{len(shown)}.png")
            upscale_file(load(**way), small, large)  # pyright: ignore[reportArgumentType]
            shown[f"{name}, {psnr_y(read(large).pixels, hr, 2):.2f} dB"] = read(large).pixels
    shown["original"] = hr
    top, left = detail.place
    for axes, (name, picture) in zip(row, shown.items(), strict=True):
        axes.imshow(picture[top : top + SIDE, left : left + SIDE], interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_xlabel(name, fontsize=8)


if __name__ == "__main__":
    sys.exit(main())
