"""What a film shows again is not computed again: whole frames, and all places but those that changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mssn.image.alpha import bleed
from mssn.image.compression import LOSSLESS, Compression
from mssn.image.picture import Picture
from mssn.runtime.native.runtime import NativeRuntime
from mssn.upscaling.neutral import REACH
from mssn.upscaling.tiled import enlarge
from mssn.upscaling.upscaler import Upscaler

_BLOCK = 16  # rows and columns of pixels that are compared as one
_MOST = 0.9  # share of a frame from which on it is computed whole: pieces take a little longer


@dataclass(frozen=True)
class Box:
    """A rectangle of a plane: (first, last + 1) of its rows and columns."""

    rows: tuple[int, int]
    columns: tuple[int, int]

    def grown(self, by: int, height: int, width: int) -> Box:
        """With so many lines around it, as far as a plane of this size has any."""
        (top, bottom), (left, right) = self.rows, self.columns
        rows = max(top - by, 0), min(bottom + by, height)
        return Box(rows, (max(left - by, 0), min(right + by, width)))

    def moved(self, down: int, right: int) -> Box:
        """So many lines farther down and to the right."""
        (top, bottom), (left, right_end) = self.rows, self.columns
        return Box((top + down, bottom + down), (left + right, right_end + right))

    def times(self, factor: int) -> Box:
        """The same place of a plane that is so many times as large."""
        (top, bottom), (left, right) = self.rows, self.columns
        return Box((top * factor, bottom * factor), (left * factor, right * factor))

    def of(self, plane: np.ndarray) -> np.ndarray:
        """The part of a plane, H x W x C, that it covers."""
        return plane[slice(*self.rows), slice(*self.columns)]

    @property
    def area(self) -> int:
        """Rows times columns."""
        return (self.rows[1] - self.rows[0]) * (self.columns[1] - self.columns[0])


@dataclass(frozen=True, eq=False)
class _Done:
    """A frame, and what it became."""

    compression: Compression
    pixels: np.ndarray
    alpha: np.ndarray | None
    large: np.ndarray
    large_alpha: np.ndarray | None


class FrameEnlarger:
    """Enlarges frame after frame of a film; not for several threads at once.

    A frame that equals the one before is not computed again. Where one network enlarges by its whole factor,
    in kernels of our own, whose pixels do not depend on what is computed beside them, only those are computed
    that see a place that changed: bit for bit what they are in the whole frame.

    Args:
        upscaler: What enlarges.
    """

    def __init__(self, upscaler: Upscaler) -> None:
        self._upscaler = upscaler
        self._before: _Done | None = None
        self._given = self._worked = 0  # pixels of small frames

    @property
    def computed(self) -> float:
        """How much of all frames was computed, 0 to 1; what is seen around changed places counts, too."""
        return self._worked / self._given if self._given else 0.0

    def __call__(
        self, pixels: np.ndarray, alpha: np.ndarray | None = None, compression: Compression = LOSSLESS
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Enlarge the next frame.

        Args:
            pixels: H x W x 1 or 3, uint8 or uint16; kept, and not to be changed, until the next call.
            alpha: H x W x 1 of the same dtype, or None; likewise.
            compression: How strongly it was compressed.

        Returns:
            The same, larger; read-only, because it may be returned again.

        Raises:
            ImageError: The result would become too large.
        """
        self._given += pixels[:, :, 0].size
        before, done = self._before, None
        if before is not None and self._alike(before, pixels, compression):
            done = self._from(before, pixels, alpha)
        if done is None:
            self._worked += pixels[:, :, 0].size
            picture = Picture(pixels, alpha=alpha, compression=compression)
            large = self._upscaler.enlarge(picture).picture
            done = _Done(compression, pixels, alpha, large.pixels, large.alpha)
        self._before = done
        for plane in (done.large, done.large_alpha):
            if plane is not None:
                plane.setflags(write=False)
        return done.large, done.large_alpha

    def _alike(self, before: _Done, pixels: np.ndarray, compression: Compression) -> bool:
        """Whether the same networks enlarge a frame as the one before."""
        size = pixels.shape[:2]
        ways = (self._upscaler.chosen(one, *size) for one in (before.compression, compression))
        return compression == before.compression or next(ways) == next(ways)

    def _from(self, before: _Done, pixels: np.ndarray, alpha: np.ndarray | None) -> _Done | None:
        """What the frame before became, renewed where it changed; None: better computed whole."""
        if _kind(pixels, alpha) != _kind(before.pixels, before.alpha):
            return None
        same_alpha = alpha is None or before.alpha is None or np.array_equal(alpha, before.alpha)
        if same_alpha and np.array_equal(pixels, before.pixels):
            return before
        size = height, width = pixels.shape[:2]
        model = self._upscaler.network(before.compression, *size)
        if model is None or not isinstance(runtime := model.runtime_for(pixels.dtype), NativeRuntime):
            return None
        halo, border = max(runtime.halo, REACH), model.border

        def reached(place: Box) -> Box:
            return place.times(_BLOCK).grown(halo, *size)

        def seen(place: Box) -> Box:
            """What the pixels that blocks reach see, of the picture with its border."""
            framed = height + 2 * border, width + 2 * border
            return reached(place).moved(border, border).grown(halo, *framed)

        visible = _visible(pixels, alpha)
        places = boxes(
            changed(_visible(before.pixels, before.alpha), visible), lambda place: seen(place).area
        )
        work = sum(seen(place).area for place in places)
        if work > _MOST * height * width:
            return None
        self._worked += work
        large = before.large.copy()
        framed = np.pad(visible, ((border, border), (border, border), (0, 0)), mode="symmetric")
        for place in places:
            inner, outer = reached(place), seen(place)
            piece = enlarge(runtime, outer.of(framed), tile=model.tile)
            kept = inner.moved(border - outer.rows[0], border - outer.columns[0])
            inner.times(runtime.scale).of(large)[...] = kept.times(runtime.scale).of(piece)
        large_alpha = before.large_alpha if same_alpha or alpha is None else model.alpha(alpha)
        return _Done(before.compression, pixels, alpha, large, large_alpha)


def _kind(pixels: np.ndarray, alpha: np.ndarray | None) -> tuple[object, ...]:
    return pixels.shape, pixels.dtype, alpha is None


def _visible(pixels: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    return pixels if alpha is None else bleed(pixels, alpha)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Which blocks of 16 x 16 pixels differ anywhere.

    Args:
        before: H x W x C, whole numbers.
        after: The same.

    Returns:
        ceil(H / 16) x ceil(W / 16) bool.
    """
    height, width, channels = after.shape
    rows = np.bitwise_or.reduceat(before ^ after, np.arange(0, height, _BLOCK), axis=0)
    rows = rows.reshape(len(rows), width * channels)
    return np.bitwise_or.reduceat(rows, np.arange(0, width * channels, _BLOCK * channels), axis=1) != 0


def boxes(places: np.ndarray, cost: Callable[[Box], int]) -> list[Box]:
    """Boxes that hold all places: one, or more where they cost less together.

    A box is cut in its widest gap, and its halves again.

    Args:
        places: Rows x columns, bool.
        cost: Of a box.
    """
    lines = [np.flatnonzero(places.any(axis=axis)) for axis in (1, 0)]
    if not len(lines[0]):
        return []
    whole = Box(*((int(line[0]), int(line[-1]) + 1) for line in lines))  # type: ignore[arg-type]
    gap, axis = max((int(np.diff(line).max(initial=1)), axis) for axis, line in enumerate(lines))
    if gap == 1:
        return [whole]
    cut = int(lines[axis][np.diff(lines[axis]).argmax()]) + 1
    before = np.expand_dims(np.arange(places.shape[axis]) < cut, 1 - axis)
    halves = boxes(places & before, cost) + boxes(places & ~before, cost)
    return halves if sum(map(cost, halves)) < cost(whole) else [whole]
