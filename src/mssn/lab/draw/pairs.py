"""Pairs of drawn pictures: the same scene at a small and at a large size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import skia

from mssn.errors import DataError
from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import shrink
from mssn.image.write import write
from mssn.lab.data.sources import LARGE, SMALL
from mssn.lab.draw import scene
from mssn.lab.draw.fonts import Fonts
from mssn.lab.draw.pen import Pen
from mssn.lab.draw.photos import Photos
from mssn.score.defects import blurred

_SHRUNK = 0.2  # share of pairs whose small picture is the shrunk large one, as of a photograph
_SIDES = (32, 2048)  # small pixels
_SCALES = (2, 8)
_BLURS = (0, 4)  # small pixels


class Drawing:
    """Pairs without end. Pair k depends only on the arguments and k, not on what was drawn before.

    A small picture shows the same area as the large one: pixel (y, x) covers the scale x scale pixels from
    (scale y, scale x) on, as in MATLAB's resize.

    Args:
        scale: Large pixels in a small one.
        side: Of the small picture, pixels.
        seed: Start of the random numbers.
        fonts: Folder of fonts; default those that the extra "draw" installs.
        photos: Folder of photographs to lay in; default none.
        blur: Largest standard deviation of a Gaussian blur of small pictures, pixels, as a scanner's lens
            makes it; half of the pairs have none.

    Raises:
        DataError: Nothing can be drawn like that, or fonts or photographs cannot be used.
    """

    def __init__(
        self,
        scale: int = 2,
        side: int = 160,
        seed: int = 0,
        *,
        fonts: Path | None = None,
        photos: Path | None = None,
        blur: float = 0.0,
    ) -> None:
        bounds = (("scale", scale, _SCALES), ("side", side, _SIDES), ("blur", blur, _BLURS))
        for name, value, (low, high) in bounds:
            if not low <= value <= high:
                raise DataError(f"`{name}` must be from {low} to {high}, not {value}")
        self.scale, self.side, self.seed, self.blur = scale, side, seed, blur
        self.fonts = Fonts.of(fonts)
        self.photos = Photos(photos, scale) if photos else None

    def pair(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The small and the large picture number k, uint8 RGB.

        Raises:
            DataError: No photograph can be laid in: none can be read.
        """
        large = self._drawn(k, self.scale)
        rng = np.random.default_rng([self.seed % 2**64, k, 1])
        small = shrink(large, self.scale) if rng.random() < _SHRUNK else self._drawn(k, 1)
        return blurred(small, self.blur * max(rng.uniform(-1, 1), 0.0)), large

    def _drawn(self, k: int, scale: int) -> np.ndarray:
        surface = skia.Surface(self.side * scale, self.side * scale)
        canvas = surface.getCanvas()
        canvas.scale(scale, scale)
        rng = np.random.default_rng([self.seed % 2**64, k, 0])
        scene.draw(Pen(canvas, rng, scale, self.fonts, self.photos), self.side)
        return np.ascontiguousarray(surface.toarray(colorType=skia.kRGBA_8888_ColorType)[:, :, :3])


def write_pairs(
    drawing: Drawing,
    folder: Path,
    count: int,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Draw pairs into a folder, as small/K.png and large/K.png.

    Args:
        drawing: What draws them.
        folder: Made if missing.
        count: How many.
        force: Write into a folder that is not empty.
        progress: Called with (pairs done, pairs in all).

    Raises:
        DataError: The folder is not empty, holds pairs of another scale that would stay, or cannot be made.
        ImageError: A picture cannot be written.
    """
    if count < 1:
        raise DataError(f"`count` must be at least 1, not {count}")
    try:
        if not force and folder.exists() and any(folder.iterdir()):
            raise DataError(f"{folder}: exists and is not empty; name a new folder or use `force=True`")
        for name in (SMALL, LARGE):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror})") from error
    _refuse_others(folder, count, drawing.scale)
    for k in range(count):
        paths = [folder / name / _file(k) for name in (SMALL, LARGE)]
        try:
            for path, made in zip(paths, drawing.pair(k), strict=True):
                write(path, Picture(made))
        except BaseException:  # half a pair would be refused by who trains on it
            for path in paths:
                path.unlink(missing_ok=True)
            raise
        progress(k + 1, count)


def _file(k: int) -> str:
    """The name of both pictures of a pair, which depends on nothing else."""
    return f"{k:05}.png"


def _refuse_others(folder: Path, count: int, scale: int) -> None:
    """Refuse to add pairs to some of another scale that would stay: nothing could be trained on both."""
    for small in (folder / SMALL).glob("*.png"):
        large, k = folder / LARGE / small.name, int(small.stem) if small.stem.isdecimal() else count
        stays = k >= count or small.name != _file(k)
        if stays and large.exists():
            if read_rgb(large).shape[1] != read_rgb(small).shape[1] * scale:
                raise DataError(f"{folder}: holds pairs of another scale ({small.name}); name a new folder")
            return
