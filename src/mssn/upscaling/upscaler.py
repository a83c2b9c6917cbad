"""Enlarge pictures by any factor, or to any size: networks in a row, then a shrink to the exact size.

Which weights enlarge a picture is decided in `way.py`, once a picture, and comes back with the result.
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mssn.errors import ImageError
from mssn.image.compression import LEAST, LOSSLESS, Compression
from mssn.image.picture import Picture
from mssn.image.resize import imresize
from mssn.image.scratch import ScratchArrays
from mssn.once import OnceEach
from mssn.runtime.base import Computed
from mssn.runtime.plan import BICUBIC
from mssn.upscaling.blend import mixed
from mssn.upscaling.dial import Dial, Variant
from mssn.upscaling.progress import Progress, ProgressTracker
from mssn.upscaling.size import Box, Factor, Size
from mssn.upscaling.tiled import TiledModel
from mssn.upscaling.way import ModelFamily, Step, cost, steps_for

MAX_RESULT_PIXELS = 8_000_000_000  # pixels of a result; a slip of the finger must not fill the disk
# Networks kept ready, which hold the memory of a tile each (0.2 GB of MSSN-S, 0.5 of MSSN). No picture needs
# more at once: one for photographs, and the clean ones of three factors.
KEPT = 4


@dataclass(frozen=True)
class Enlarged:
    """A picture that was enlarged, and by what.

    Attributes:
        picture: The result.
        model: Of which family the first network was, "mssn-s-photo" for instance; "mssn-s + mssn-s-photo" if
            two were mixed; BICUBIC if none ran.
        steps: (model, factor) of each network, in the order they ran; a mix of two is one.
        runtime: What ran the first of them: "native", "openvino", "onnxruntime", "pytorch" or BICUBIC.
        precision: What it computed in.
        strength: Where the dial stood, 0 (the clean weights alone) to 1; None where there is none.
    """

    picture: Picture
    model: str
    steps: tuple[tuple[str, int], ...]
    runtime: str
    precision: Computed
    strength: float | None = None


@dataclass(frozen=True)
class Way:
    """How a page becomes larger: (height, width) of the result, by which steps, the dial standing where."""

    size: tuple[int, int]
    steps: tuple[Step, ...] = ()
    strength: float | None = None

    @property
    def model(self) -> str:
        """Of the first step."""
        return self.steps[0].name if self.steps else BICUBIC


class Upscaler:
    """Enlarges pictures to one factor or size; may be shared by threads.

    A network enlarges by a whole factor. Others are reached by the next larger one, several networks in a row
    if need be, and an antialiased bicubic shrink from there.

    Args:
        clean: What enlarges.
        target: How large pictures are to become.
        photo: What enlarges photographs instead, by some of the factors that `clean` has. Behind it in a row
            come networks for clean pictures again, because what it makes is clean.
        variant: "photo" or "clean" for all pictures, or "auto": see `Dial`; arrays count as stored without
            loss.
        strength: 0 to 1 for all pictures; None: what suits each. See `Dial`.

    Raises:
        MssnError: The variant or the strength makes no sense.
    """

    def __init__(
        self,
        clean: ModelFamily,
        target: Size,
        *,
        photo: ModelFamily | None = None,
        variant: Variant = "auto",
        strength: float | None = None,
    ) -> None:
        self.target = target
        self._clean, self._photo, self._dial = clean, photo, Dial(variant, strength)
        self._models = OnceEach[TiledModel](KEPT)
        if isinstance(target, Factor) and target.factor > 1:
            for step in self._steps(LOSSLESS, target.factor)[0]:
                self._model(step)  # what cannot be opened is an error now, not at the first picture

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
                RGB and alpha); uint8 (0..255), uint16 (0..65535) or floats (0..1; values beyond keep their
                range), which are computed in float32.
            progress: Called with the share that is done, 0 to 1, after each tile of at most 640 x 640
                pixels; cancels by returning False.

        Returns:
            The same, larger; always an array of its own.

        Raises:
            ImageError: The array is nothing of the above, or would become too large.
            CancelledError: `progress` returned False.
        """
        large = self.enlarge(Picture.from_array(pixels), progress=progress).picture.to_array(pixels.ndim)
        return large.astype(pixels.dtype, copy=np.may_share_memory(large, pixels))

    def enlarge(
        self, picture: Picture, scratch: ScratchArrays | None = None, progress: Progress | None = None
    ) -> Enlarged:
        """Enlarge a decoded file, each page by itself; depth, alpha, inks and metadata come along.

        Args:
            picture: What to enlarge.
            scratch: Takes what is too large for memory; the result must not be used after its block.
            progress: As above.

        Raises:
            ImageError: It would become too large.
            CancelledError: `progress` returned False.
        """
        pages = (picture, *picture.others)
        ways = [self._way(picture.compression, page.page_size, page.pages) for page in pages]
        if (
            sum(page.pages * math.prod(way.size) for page, way in zip(pages, ways, strict=True))
            > MAX_RESULT_PIXELS
        ):
            raise ImageError(
                f"the result would exceed {MAX_RESULT_PIXELS / 1e9:g} billion pixels on {len(pages)} pages"
            )
        total = 0
        for page, way in zip(pages, ways, strict=True):
            planes = 1 if page.black is None else 2  # black goes through the networks by itself
            total += planes * page.pages * cost(page.page_size, way.steps)
        tracker = ProgressTracker(total, progress, scratch)
        large = [self._resized(page, way, tracker) for page, way in zip(pages, ways, strict=True)]
        tracker.finish()
        result, first = replace(large[0], others=tuple(large[1:])), ways[0]
        if not first.steps:
            return Enlarged(result, BICUBIC, (), BICUBIC, "fp32")
        ran = tuple((step.name, step.scale) for step in first.steps)
        runtime = self._model(first.steps[0]).runtime_for(picture.pixels.dtype)
        return Enlarged(result, first.model, ran, runtime.name.split()[0], runtime.precision, first.strength)

    def _resized(self, picture: Picture, way: Way, tracker: ProgressTracker) -> Picture:
        """A picture of pages of one kind, enlarged step by step to the size."""
        for step in way.steps:
            model, tracker.passes = self._model(step), step.passes
            picture = picture.resized(partial(model, tracker=tracker), model.alpha)
        if picture.page_size != way.size:
            fit = partial(_fit, size=way.size)
            picture = picture.resized(fit, fit, bleeding=not way.steps)
        return picture

    def scaled(self, factor: float) -> Upscaler:
        """One that enlarges by this factor with the same networks."""
        return self.towards(Factor(factor))

    def sized(self, height: int, width: int) -> Upscaler:
        """One that makes exactly this size with the same networks."""
        return self.towards(Box(width, height, exact=True))

    def towards(self, target: Size) -> Upscaler:
        """One that makes pictures as large as this with the same networks."""
        other = copy(self)
        other.target = target
        return other

    def result_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a page of this size becomes.

        Raises:
            ImageError: It would become too large.
        """
        return self._way(LOSSLESS, (height, width), 1).size

    def chosen(self, compression: Compression, height: int, width: int) -> tuple[str, float | None]:
        """What enlarges a page of this size, and where the dial stands, as in `Enlarged`.

        Args:
            compression: How the picture was stored.
            height: Of the page.
            width: Of the page.
        """
        way = self._way(compression, (height, width), 1)
        return way.model, way.strength

    def network(self, compression: Compression, height: int, width: int) -> TiledModel | None:
        """What alone enlarges a page of this size, to its whole size; None where more is done to it.

        Args:
            compression: How the picture was stored.
            height: Of the page.
            width: Of the page.
        """
        way = self._way(compression, (height, width), 1)
        if len(way.steps) != 1 or way.steps[0].passes > 1:
            return None
        scale = way.steps[0].scale
        return self._model(way.steps[0]) if way.size == (height * scale, width * scale) else None

    def _steps(self, compression: Compression, factor: float) -> tuple[tuple[Step, ...], float | None]:
        return steps_for(self._clean, self._photo, self._dial, compression, factor)

    def _model(self, step: Step) -> TiledModel:
        model = self._opened(step.family, step.scale, step.strength)
        if step.mixed_with is None:
            return model
        return mixed(self._opened(step.mixed_with, step.scale, LEAST), model, step.share)

    def _opened(self, family: ModelFamily, scale: int, strength: float) -> TiledModel:
        return self._models((family, scale, strength), partial(family.open, scale, strength))

    def _way(self, compression: Compression, page: tuple[int, int], pages: int) -> Way:
        """How so many pages of this size become as large as they are to be."""
        (height, width), size = page, self.target.of(*page)
        if size[0] * size[1] * pages > MAX_RESULT_PIXELS:
            raise ImageError(
                f"the result would have {size[1]}x{size[0]} pixels"
                + (f" on {pages} pages" if pages > 1 else "")
                + f", beyond the limit of {MAX_RESULT_PIXELS / 1e9:g} billion"
            )
        # Of a factor, not what rounding makes of it: 3 pixels become 5, but the factor is still 1.5.
        factor = self.scale or max(size[0] / height, size[1] / width)
        if min(size[0] - height, size[1] - width) < 0:
            return Way(size)  # smaller along one side: no network helps
        steps, strength = self._steps(compression, factor)
        if height * width * math.prod([step.scale for step in steps]) ** 2 > 16 * MAX_RESULT_PIXELS:
            raise ImageError(f"a way to {size[1]}x{size[0]} pixels leads through far too large a picture")
        return Way(size, steps, strength)


def _fit(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize H x W x C to the exact size, antialiased."""
    if pixels.shape[:2] == size:
        return pixels
    fitted = imresize(pixels, size=size)
    # Bicubic swings over at edges; floats keep the range they had.
    return fitted if pixels.dtype != np.float32 else fitted.clip(pixels.min(), pixels.max())
