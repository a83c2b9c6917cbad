"""Enlarge pictures by any factor, or to any size: networks in a row, then a shrink to the exact size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from mssn.errors import ImageError
from mssn.image.alpha import bleed
from mssn.image.compression import LOSSLESS, Compression
from mssn.image.picture import Picture
from mssn.image.resize import imresize
from mssn.image.scratch import ScratchArrays
from mssn.upscaling.progress import Progress, ProgressTracker
from mssn.upscaling.size import Factor, Size
from mssn.upscaling.tiled import TiledModel, check
from mssn.upscaling.variant import Variant, suits_photo

BICUBIC = "bicubic"
MAX_PIXELS = 8_000_000_000  # pixels of a result; a slip of the finger must not fill the disk


@dataclass(frozen=True)
class ModelFamily:
    """A model's networks, one for each factor.

    Args:
        name: The model's.
        scales: The factors there are, smallest first; none for plain bicubic.
        open: Makes the enlarger of a factor.
    """

    name: str
    scales: tuple[int, ...]
    open: Callable[[int], TiledModel]


class Upscaler:
    """Enlarges pictures to one factor or size; may be shared by threads.

    A network enlarges by a whole factor. Others are reached by the next larger one, several networks in a row
    if need be, and an antialiased bicubic shrink from there.

    Args:
        networks: What enlarges; each is opened once.
        target: How large pictures are to become.
        photo: What enlarges photographs instead. Behind it in a row come networks for clean pictures again,
            because what it makes is clean.
        variant: "photo" or "clean" for all pictures, or "auto": what suits each file; of an array nothing is
            known, so that it is clean.
    """

    def __init__(
        self,
        networks: ModelFamily,
        target: Size,
        *,
        photo: ModelFamily | None = None,
        variant: Variant = "auto",
    ) -> None:
        self.target, self.variant = target, variant
        self._clean, self._photo = networks, photo
        self._enlarger = cache(lambda networks, scale: networks.open(scale))
        if isinstance(target, Factor) and target.factor > 1:
            first = self._networks()
            self._steps(first, chain(target.factor, first.scales, networks.scales))  # what fails is told now

    @property
    def scale(self) -> float | None:
        """The factor; None where each picture has its own, because a size was asked for."""
        return self.target.factor if isinstance(self.target, Factor) else None

    def __repr__(self) -> str:
        return f"<Upscaler {self.target}>"

    def __call__(self, pixels: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """Enlarge an array of pixels, or several of one size.

        Args:
            pixels: H x W (grey), H x W x C or N x H x W x C, C being 1, 2, 3 or 4 (grey, grey and alpha, RGB,
                RGB and alpha); uint8 (0..255), uint16 (0..65535) or float32 (0..1; values beyond keep their
                range).
            progress: Called with the share that is done, 0 to 1, after each window of at most 640 x 640
                pixels; cancels what is left by returning False.

        Returns:
            The same, larger.

        Raises:
            ImageError: The array is nothing of the above, or would become too large.
            CancelledError: `progress` returned False.
        """
        if not isinstance(pixels, np.ndarray):
            raise ImageError(f"expected a NumPy array, not a {type(pixels).__name__}")
        several = pixels if pixels.ndim == 4 and len(pixels) else pixels[None]
        check(several[0])
        size, steps = self._way(self._networks(), *several.shape[1:3], count=len(several))
        work = ProgressTracker(len(several) * _cost(several.shape[1:3], steps), progress)
        large = [self._array(one, size, steps, work) for one in several]
        work.finish()
        return np.stack(large) if several is pixels else large[0]

    def _array(
        self, pixels: np.ndarray, size: tuple[int, int], steps: Sequence[TiledModel], work: ProgressTracker
    ) -> np.ndarray:
        if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
            large = self._picture(Picture(pixels[:, :, :-1], alpha=pixels[:, :, -1:]), size, steps, work)
            assert large.alpha is not None
            return np.concatenate([large.pixels, large.alpha], axis=2)
        for enlarger in steps:
            pixels = enlarger(pixels, work)
        return _fit(pixels, size)

    def picture(
        self, picture: Picture, scratch: ScratchArrays | None = None, progress: Progress | None = None
    ) -> Picture:
        """Enlarge a decoded file, each page by itself; depth, alpha, inks and metadata come along.

        Args:
            picture: What to enlarge.
            scratch: Takes what is too large for memory; the result must not be used after its block.
            progress: As above.

        Raises:
            ImageError: It would become too large.
            CancelledError: `progress` returned False.
        """
        height, width, _ = picture.pixels.shape
        size, steps = self._way(self._networks(picture.compression), height // picture.pages, width)
        planes = 1 if picture.black is None else 2  # black goes through the networks by itself
        work = ProgressTracker(planes * _cost((height, width), steps), progress, scratch)
        large = self._picture(picture, size, steps, work)
        work.finish()
        return large

    def model_for(self, picture: Picture) -> str:
        """What enlarges a decoded file: a model's name, such as "mssn-s-photo", or BICUBIC alone."""
        height, width, _ = picture.pixels.shape
        networks = self._networks(picture.compression)
        _, steps = self._way(networks, height // picture.pages, width)
        return networks.name if steps else BICUBIC

    def _picture(
        self, picture: Picture, size: tuple[int, int], steps: Sequence[TiledModel], work: ProgressTracker
    ) -> Picture:
        for enlarger in steps:
            picture = enlarger.picture(picture, work)
        if picture.pixels.shape[:2] == (size[0] * picture.pages, size[1]):
            return picture
        if picture.alpha is not None and not steps:
            picture = replace(picture, pixels=bleed(picture.pixels, picture.alpha))
        pages = [page.each(lambda plane: _fit(plane, size)) for page in picture.split()]
        joined = picture.joined(pages)
        if picture.bits == 1:
            joined = replace(joined, pixels=np.where(joined.pixels < 128, 0, 255).astype(np.uint8))
        return joined

    def _networks(self, compression: Compression = LOSSLESS) -> ModelFamily:
        """What enlarges a picture that was stored like this."""
        wanted = self.variant == "photo" or (self.variant == "auto" and suits_photo(compression))
        return self._photo if self._photo is not None and wanted else self._clean

    def _steps(self, first: ModelFamily, scales: Sequence[int]) -> list[TiledModel]:
        return [self._enlarger(first if n == 0 else self._clean, scale) for n, scale in enumerate(scales)]

    def _way(
        self, networks: ModelFamily, height: int, width: int, count: int = 1
    ) -> tuple[tuple[int, int], list[TiledModel]]:
        """(height, width) that pictures of this size become, and what enlarges them, step by step."""
        size = self.target.of(height, width)
        if size[0] * size[1] * count > MAX_PIXELS:
            raise ImageError(
                f"the result would have {size[1]}x{size[0]} pixels, beyond the limit of 8 billion"
            )
        # Of a factor, not what rounding makes of it: 3 pixels become 5, but the factor is still 1.5.
        factor = self.scale or max(size[0] / height, size[1] / width)
        if min(size[0] - height, size[1] - width) < 0:
            return size, []  # smaller along one side: no network helps
        scales = chain(factor, networks.scales, self._clean.scales)
        if height * width * _product(tuple(scales)) ** 2 > 16 * MAX_PIXELS:
            raise ImageError(f"a way to {size[1]}x{size[0]} pixels leads through far too large a picture")
        return size, self._steps(networks, scales)


def chain(factor: float, scales: Sequence[int], later: Sequence[int] = ()) -> list[int]:
    """Whole factors whose product is at least `factor`: as few as possible, then as small as possible.

    The smallest comes first, because the later ones work on larger pictures.

    Args:
        factor: Above 0; up to 1 needs none.
        scales: Factors there are for the first step, each above 1; without any, none are needed.
        later: Those for the steps behind it, where they differ.

    Examples:
        >>> chain(2.5, [2, 3, 4])
        [3]
        >>> chain(5, [2, 3, 4])
        [2, 3]
        >>> chain(5, [4], later=[2, 3, 4])
        [4, 2]
    """
    if not scales:
        return []
    rows: list[tuple[int, ...]] = [()]
    while max(map(_product, rows)) < factor * (1 - 1e-9):
        rows = [
            (*row, scale)
            for row in rows
            for scale in (later or scales if row else scales)
            if len(row) < 2 or scale >= row[-1]
        ]
    enough = [row for row in rows if _product(row) >= factor * (1 - 1e-9)]
    return list(min(enough, key=lambda row: (_product(row), row)))


def _cost(size: tuple[int, ...], steps: Sequence[TiledModel]) -> int:
    """Pixels that the networks of a chain enlarge in all, for a picture of this height and width."""
    scales = [enlarger.scale for enlarger in steps]
    return sum(size[0] * size[1] * _product(tuple(scales[:step])) ** 2 for step in range(len(scales)))


def _product(row: tuple[int, ...]) -> int:
    return int(np.prod(row, dtype=np.int64)) if row else 1


def _fit(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize H x W (x C) to the exact size, antialiased."""
    if pixels.shape[:2] == size:
        return pixels
    fitted = imresize(pixels, size=size)
    # Bicubic swings over at edges; floats keep the range they had.
    return fitted if pixels.dtype != np.float32 else fitted.clip(pixels.min(), pixels.max())
