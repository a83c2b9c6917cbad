"""Enlarge pictures by any factor, or to any size: networks in a row, then a shrink to the exact size.

Which weights enlarge a picture is decided here, once a picture, and comes back with the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np

from mssn.errors import ImageError
from mssn.image.compression import LOSSLESS, Compression
from mssn.image.picture import Picture
from mssn.image.resize import imresize
from mssn.image.scratch import ScratchArrays
from mssn.once import Once
from mssn.runtime.base import Computed
from mssn.runtime.plan import BICUBIC
from mssn.upscaling.progress import Progress, ProgressTracker
from mssn.upscaling.size import Factor, Size
from mssn.upscaling.tiled import TiledModel

Variant = Literal["auto", "photo", "clean"]
MAX_RESULT_PIXELS = 8_000_000_000  # pixels of a result; a slip of the finger must not fill the disk
# From which quality on clean weights score higher, measured in paper/results/degraded.json.
CLEAN_FROM = {"JPEG": 92, "WebP": 85}


@dataclass(frozen=True)
class ModelFamily:
    """A model's networks, one for each factor.

    Args:
        name: The model's.
        scales: The factors there are, smallest first; none for plain bicubic.
        open: Loads the network of a factor.
    """

    name: str
    scales: tuple[int, ...]
    open: Callable[[int], TiledModel]


@dataclass(frozen=True)
class Enlarged:
    """A picture that was enlarged, and by what.

    Attributes:
        picture: The result.
        model: Of which family the first network was, "mssn-s-photo" for instance; BICUBIC if none ran.
        steps: (model, factor) of each network, in the order they ran.
        runtime: What ran the first of them: "openvino", "onnxruntime", "pytorch" or BICUBIC.
        precision: What it computed in.
    """

    picture: Picture
    model: str
    steps: tuple[tuple[str, int], ...]
    runtime: str
    precision: Computed


class Upscaler:
    """Enlarges pictures to one factor or size; may be shared by threads.

    A network enlarges by a whole factor. Others are reached by the next larger one, several networks in a row
    if need be, and an antialiased bicubic shrink from there.

    Args:
        clean: What enlarges; each network is opened once.
        target: How large pictures are to become.
        photo: What enlarges photographs instead. Behind it in a row come networks for clean pictures again,
            because what it makes is clean.
        variant: "photo" or "clean" for all pictures, or "auto": chosen for each by its compression
            (`wants_photo`); arrays count as clean.
    """

    def __init__(
        self,
        clean: ModelFamily,
        target: Size,
        *,
        photo: ModelFamily | None = None,
        variant: Variant = "auto",
    ) -> None:
        self.target, self.variant = target, variant
        self._clean, self._photo = clean, photo
        self._models = {
            (family, scale): Once(partial(family.open, scale))
            for family in (clean, photo)
            if family is not None
            for scale in family.scales
        }
        if isinstance(target, Factor) and target.factor > 1:
            for step in self._steps(self._family(LOSSLESS), target.factor):
                self._models[step]()  # what cannot be opened is an error now, not at the first picture

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
        family = self._family(picture.compression)
        pages = (picture, *picture.others)
        ways = [self._way(family, page.page_size, page.pages) for page in pages]
        if (
            sum(page.pages * math.prod(size) for page, (size, _) in zip(pages, ways, strict=True))
            > MAX_RESULT_PIXELS
        ):
            raise ImageError(
                f"the result would exceed {MAX_RESULT_PIXELS / 1e9:g} billion pixels on {len(pages)} pages"
            )
        cost = 0
        for page, (_, steps) in zip(pages, ways, strict=True):
            planes = 1 if page.black is None else 2  # black goes through the networks by itself
            cost += planes * page.pages * _cost(page.page_size, [scale for _, scale in steps])
        tracker = ProgressTracker(cost, progress, scratch)
        large = [self._resized(page, *way, tracker) for page, way in zip(pages, ways, strict=True)]
        tracker.finish()
        result, steps = replace(large[0], others=tuple(large[1:])), ways[0][1]
        if not steps:
            return Enlarged(result, BICUBIC, (), BICUBIC, "fp32")
        ran = tuple((family.name, scale) for family, scale in steps)
        first = self._models[steps[0]]().runtime_for(picture.pixels.dtype)
        return Enlarged(result, ran[0][0], ran, first.name.split()[0], first.precision)

    def _resized(
        self,
        picture: Picture,
        size: tuple[int, int],
        steps: list[tuple[ModelFamily, int]],
        tracker: ProgressTracker,
    ) -> Picture:
        """A picture of pages of one kind, enlarged step by step to the size."""
        for step in steps:
            model = self._models[step]()
            picture = picture.resized(partial(model, tracker=tracker), model.alpha)
        if picture.page_size != size:
            fit = partial(_fit, size=size)
            picture = picture.resized(fit, fit, bleeding=not steps)
        return picture

    def scaled(self, factor: float) -> Upscaler:
        """One that enlarges by this factor with the same networks."""
        other = copy(self)
        other.target = Factor(factor)
        return other

    def result_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a page of this size becomes.

        Raises:
            ImageError: It would become too large.
        """
        return self._way(self._clean, (height, width), 1)[0]

    def _family(self, compression: Compression) -> ModelFamily:
        """What enlarges a picture that was stored like this."""
        wanted = self.variant == "photo" or (self.variant == "auto" and wants_photo(compression))
        return self._photo if self._photo is not None and wanted else self._clean

    def _steps(self, family: ModelFamily, factor: float) -> list[tuple[ModelFamily, int]]:
        scales = chain(factor, family.scales, self._clean.scales)
        return [(family if n == 0 else self._clean, scale) for n, scale in enumerate(scales)]

    def _way(
        self, family: ModelFamily, page: tuple[int, int], pages: int
    ) -> tuple[tuple[int, int], list[tuple[ModelFamily, int]]]:
        """(height, width) that pages of this size become, and what enlarges them, step by step."""
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
            return size, []  # smaller along one side: no network helps
        steps = self._steps(family, factor)
        if height * width * math.prod([scale for _, scale in steps]) ** 2 > 16 * MAX_RESULT_PIXELS:
            raise ImageError(f"a way to {size[1]}x{size[0]} pixels leads through far too large a picture")
        return size, steps


def wants_photo(compression: Compression) -> bool:
    """Whether a picture stored like this is better enlarged by weights made for photographs.

    | the file | weights |
    |---|---|
    | stored without loss (PNG, TIFF, GIF, lossless WebP) | clean |
    | JPEG of a quality of 92 or more, lossy WebP of 85 or more, as their tables tell | clean |
    | those below, or of unknown quality; AVIF, HEIC | photo |
    """
    return compression.lossy and (
        compression.quality is None or compression.quality < CLEAN_FROM[compression.kind]
    )


def check_variant(variant: str) -> None:
    """Refuse what is no variant.

    Raises:
        ImageError: It is not auto, photo or clean.
    """
    if variant not in get_args(Variant):
        raise ImageError(f"'{variant}' is none of: {', '.join(get_args(Variant))}")


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
    chains: list[tuple[int, ...]] = [()]
    while max(map(math.prod, chains)) < factor * (1 - 1e-9):
        chains = [
            (*begun, scale)
            for begun in chains
            for scale in (later or scales if begun else scales)
            if len(begun) < 2 or scale >= begun[-1]
        ]
    enough = [whole for whole in chains if math.prod(whole) >= factor * (1 - 1e-9)]
    return list(min(enough, key=lambda whole: (math.prod(whole), whole)))


def _cost(size: tuple[int, int], scales: Sequence[int]) -> int:
    """Pixels that the networks of a chain enlarge in all, for a page of this height and width."""
    return sum(size[0] * size[1] * math.prod(scales[:step]) ** 2 for step in range(len(scales)))


def _fit(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize H x W x C to the exact size, antialiased."""
    if pixels.shape[:2] == size:
        return pixels
    fitted = imresize(pixels, size=size)
    # Bicubic swings over at edges; floats keep the range they had.
    return fitted if pixels.dtype != np.float32 else fitted.clip(pixels.min(), pixels.max())
