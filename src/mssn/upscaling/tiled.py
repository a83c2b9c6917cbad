"""Enlarge planes of pixels by the factor of one network, tile by tile, with any runtime."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mssn.errors import WeightsError
from mssn.image.color import from_network, to_network
from mssn.image.resize import imresize
from mssn.image.scratch import release
from mssn.once import Once
from mssn.runtime.base import PixelRuntime, Runtime
from mssn.runtime.bicubic import BicubicRuntime
from mssn.runtime.plan import TILE
from mssn.upscaling.neutral import REACH, keep_neutral
from mssn.upscaling.progress import ProgressTracker
from mssn.upscaling.tiles import Tile, tiles


class TiledModel:
    """Enlarges pictures by the whole factor of one network; may be shared by threads.

    Args:
        runtime: What runs the network.
        border: Mirrored LR pixels that the network is shown around a picture (`Plan.border`).
        deep: Opens the runtime for 16-bit and float pictures when the first one comes; None: the same.
        tile: Largest side of the tiles a picture is cut into, LR pixels; never changes the result.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        border: int = 0,
        deep: Callable[[], Runtime] | None = None,
        tile: int = TILE,
    ) -> None:
        self.runtime, self.border, self.tile = runtime, border, tile
        self._deep_runtime = Once(deep or (lambda: runtime))

    @property
    def scale(self) -> int:
        """The factor."""
        return self.runtime.scale

    def __repr__(self) -> str:
        return f"<TiledModel x{self.scale}, {self.runtime.name}>"

    def runtime_for(self, dtype: np.dtype) -> Runtime:
        """What runs pixels of a dtype."""
        same = dtype == np.uint8 or isinstance(self.runtime, BicubicRuntime)
        return self.runtime if same else self._deep_runtime()

    def __call__(self, pixels: np.ndarray, tracker: ProgressTracker | None = None) -> np.ndarray:
        """Enlarge a plane of colours.

        Args:
            pixels: H x W x 1 (grey) or 3 (RGB); uint8 (0..255), uint16 (0..65535) or float32 (0..1; values
                beyond keep their range).
            tracker: Advanced tile by tile; allocates what is large.

        Returns:
            scale*H x scale*W, same channels and dtype.

        Raises:
            CancelledError: Whoever follows the progress wants no more.
        """
        if isinstance(self.runtime, BicubicRuntime):  # exact for every depth, and needs no tiles
            return imresize(pixels, scale=self.scale)
        if pixels.dtype != np.float32:
            return enlarge(
                self.runtime_for(pixels.dtype), pixels, tile=self.tile, border=self.border, tracker=tracker
            )
        # Floats may be brighter than white or darker than black; a network knows 0 to 1 only, and what
        # lies beyond is added again, enlarged without it. Never below 0, so that no highlight has a dark rim.
        inside = pixels.clip(0, 1)
        large = enlarge(self._deep_runtime(), inside, tile=self.tile, border=self.border, tracker=tracker)
        for beyond, sign in ((pixels - inside, 1), (inside - pixels, -1)):
            if (beyond > 0).any():
                large += sign * imresize(beyond.clip(0), scale=self.scale).clip(0)
        return large

    def alpha(self, alpha: np.ndarray) -> np.ndarray:
        """Enlarge transparency, H x W x 1 of any dtype; it is no photograph: bicubic."""
        if (alpha == alpha.flat[0]).all():
            height, width, _ = alpha.shape
            return np.full((height * self.scale, width * self.scale, 1), alpha.flat[0], alpha.dtype)
        large = imresize(alpha, scale=self.scale)
        return large if alpha.dtype != np.float32 else np.clip(large, 0, 1)


def enlarge(
    runtime: Runtime,
    pixels: np.ndarray,
    *,
    tile: int = TILE,
    border: int = 0,
    tracker: ProgressTracker | None = None,
) -> np.ndarray:
    """Enlarge a picture tile by tile; equal to enlarging it whole.

    Args:
        runtime: What runs the network.
        pixels: H x W x 1 or 3, uint8, uint16 or float32 in [0, 1]; grey is run as RGB and comes back grey.
        tile: Largest side of a tile in LR pixels, border aside; raised where the network's halo needs more.
        border: Mirrored LR pixels that the network sees around the picture.
        tracker: Advanced tile by tile; allocates the result.

    Returns:
        scale*H x scale*W x the same channels, same dtype.

    Raises:
        WeightsError: The network does not enlarge by what its description says.
        CancelledError: Whoever follows the progress wants no more.
    """
    tracker = tracker or ProgressTracker()
    height, width, channels = pixels.shape
    scale, halo = runtime.scale, max(runtime.halo, REACH)
    out = tracker.new((height * scale, width * scale, channels), pixels.dtype)
    # Tiles count pixels from where the border begins.
    for part in tiles(height + 2 * border, width + 2 * border, max(tile, 4 * halo) + 2 * border, halo):
        first, last = (min(max(row - border, 0), height) for row in part.keep_rows)
        start, end = (min(max(column - border, 0), width) for column in part.keep_columns)
        top, left = part.rows[0] - border, part.columns[0] - border
        keep = (
            slice((first - top) * scale, (last - top) * scale),
            slice((start - left) * scale, (end - left) * scale),
        )
        sr = _run(runtime, _mirrored(pixels, part, border), keep)
        out[first * scale : last * scale, start * scale : end * scale] = sr
        tracker.advance((last - first) * (end - start))
        if end == width:  # a row of tiles is done; what lies in files may leave the memory
            release(out)
            release(pixels)
    return out


def _mirrored(pixels: np.ndarray, tile: Tile, border: int) -> np.ndarray:
    """A tile of the picture with its mirrored border, H x W x 1 or 3."""
    inside: list[slice] = []
    lacking: list[tuple[int, int]] = []
    for (begin, end), length in zip((tile.rows, tile.columns), pixels.shape[:2], strict=True):
        inside.append(slice(max(begin - border, 0), min(end - border, length)))
        lacking.append((max(border - begin, 0), max(end - border - length, 0)))
    part = pixels[*inside]
    return np.pad(part, (*lacking, (0, 0)), mode="symmetric") if any(map(any, lacking)) else part


def _run(runtime: Runtime, tile: np.ndarray, keep: tuple[slice, slice]) -> np.ndarray:
    """Enlarge a tile, H x W x 1 or 3, and return the part of the result to keep, same dtype."""
    rgb = np.ascontiguousarray(np.broadcast_to(tile, (*tile.shape[:2], 3)))
    if tile.dtype == np.uint8 and isinstance(runtime, PixelRuntime):
        sr = runtime.run_pixels(rgb)
    else:
        sr = runtime.run(to_network(rgb))[0].transpose(1, 2, 0).clip(0, 1)  # as stored pixels are
    _check_size(runtime, tile.shape[:2], sr.shape[:2])
    keep_neutral(rgb, sr, runtime.scale)
    sr = sr[keep][:, :, : tile.shape[2]]  # of a grey picture all three channels are the same now
    return sr if sr.dtype == np.uint8 else from_network(sr.transpose(2, 0, 1)[None], tile.dtype)


def _check_size(runtime: Runtime, small: tuple[int, ...], large: tuple[int, ...]) -> None:
    if large != tuple(runtime.scale * side for side in small):
        raise WeightsError(
            f"{runtime.name}: the weights say x{runtime.scale}, the network does something else"
        )
