"""The second picture of docs/photos.md: what people enlarge, before and after.

    python release/everyday.py           # writes docs/everyday.png

A scanned page, a screenshot and a drawing in ink (of release/heldout.py: no training has seen them) and a
photograph as a phone stores it (coffee, free of rights, which scikit-image brings along), enlarged as a
person would: by bicubic, with --variant clean and by default.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import heldout
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
from mssn.score.defects import blurred, noisy
from mssn.score.metrics import psnr_rgb
from mssn.upscaling.files import upscale_file

PATH = Path(__file__).resolve().parent.parent / "docs" / "everyday.png"
SIDE, ZOOM = 96, 2  # pixels of a detail, and of the page for each of them
GAP, CAPTION = 6, 20  # pixels of the page
WAYS = {  # what a person would type
    "bicubic": {"model": "bicubic"},
    "--variant clean": {"variant": "clean"},
    "default": {},
}


@dataclass(frozen=True)
class Row:
    """A picture to enlarge.

    Args:
        name: Of its file.
        make: Makes (small, large), H x W x 3 uint8.
        place: Row and column of the detail in the large one.
        quality: Of the JPEG it is stored in; None for a PNG.
    """

    name: str
    make: Callable[[], tuple[np.ndarray, np.ndarray]]
    place: tuple[int, int]
    quality: int | None = None


def scan() -> tuple[np.ndarray, np.ndarray]:
    """A printed page, a little soft and noisy."""
    _, large = heldout.pair(39, 2)
    return noisy(shrink(blurred(large, 1.4), 2), 4, 0, np.random.default_rng(0)), large


def phone() -> tuple[np.ndarray, np.ndarray]:
    """A photograph with a sensor's noise."""
    large = read_rgb(Path(skimage.__file__).parent / "data" / "coffee.png")
    return noisy(shrink(large, 2), 2, 5, np.random.default_rng(0)), large


ROWS = (
    Row("a scan, JPEG 85", scan, (60, 0), 85),
    Row("a screenshot, PNG", lambda: heldout.pair(68, 2), (60, 110)),
    Row("line art, PNG", lambda: heldout.pair(6, 2), (100, 100)),
    Row("a phone's JPEG 85", phone, (120, 330), 85),
)


def main() -> int:
    """Draw it."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    side = SIDE * ZOOM
    width, height = (2 + len(WAYS)) * (side + GAP) - GAP, len(ROWS) * (side + CAPTION)
    figure = pyplot.figure(figsize=(width / 100, height / 100), dpi=100)
    for row, made in enumerate(map(_details, ROWS)):
        for column, (caption, detail) in enumerate(made.items()):
            left, top = column * (side + GAP), row * (side + CAPTION)
            page = detail.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
            figure.figimage(page, left, height - top - side, origin="upper")
            figure.text(left / width, 1 - (top + side + 14) / height, caption, fontsize=8)
    figure.savefig(PATH)
    print(PATH)
    return 0


def _details(row: Row) -> dict[str, np.ndarray]:
    """Caption -> SIDE x SIDE x 3, as the file has it, enlarged in each way, and as it should be."""
    small, large = row.make()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "small.jpg" if row.quality else "small.png")
        write(file, Picture(small), quality=row.quality)
        whole = {row.name: read_rgb(file).repeat(2, axis=0).repeat(2, axis=1)}
        for name, way in WAYS.items():
            made = Path(folder, f"{len(whole)}.png")
            upscale_file(load(**way), file, made)  # pyright: ignore[reportArgumentType]
            pixels = read(made).pixels
            whole[f"{name}, {psnr_rgb(pixels, large, 2):.2f} dB"] = pixels
    whole["as it should be"] = large
    top, left = row.place
    return {name: pixels[top : top + SIDE, left : left + SIDE] for name, pixels in whole.items()}


if __name__ == "__main__":
    sys.exit(main())
