"""Training pictures as people see them: nothing that is hidden under transparency is learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mssn.errors import ImageError
from mssn.image.color import to_8_bit
from mssn.image.read import read, read_rgb

_SMALLEST, _MOST = 8, 128  # pixels of a block's side, as small ones, and blocks along a picture's longer side


class TransparentError(ImageError):
    """Nothing of a picture is opaque."""


def read_opaque(path: Path, scale: int) -> tuple[np.ndarray, bool]:
    """Read a picture to train on; where it is transparent, the largest opaque part of it.

    Args:
        path: A picture.
        scale: Factor by which it will be shrunk.

    Returns:
        H x W x 3 uint8, and whether it is a part.

    Raises:
        ImageError: As `mssn.image.read.read`.
        TransparentError: Nothing of it is opaque.
    """
    picture = read(path)
    pixels = read_rgb(path) if picture.black is not None else to_8_bit(picture.pixels)
    if pixels.shape[2] == 1:
        pixels = pixels.repeat(3, axis=2)
    if picture.alpha is None:
        return np.ascontiguousarray(pixels), False
    full = 1 if picture.alpha.dtype.kind == "f" else np.iinfo(picture.alpha.dtype).max
    opaque = np.asarray(picture.alpha[:, :, 0] >= full)
    if opaque.all():
        return np.ascontiguousarray(pixels), False
    side = block_side(opaque.shape, scale)
    rows, columns = opaque_part(opaque, side)
    if rows.start == rows.stop:
        raise TransparentError(f"{path}: has no opaque part of {side}x{side} pixels to train on")
    return np.ascontiguousarray(pixels[rows, columns]), True


def block_side(shape: tuple[int, ...], scale: int) -> int:
    """Pixels of a block's side: few enough blocks to look at, and whole small pixels."""
    return scale * max(_SMALLEST, -(-max(shape) // (scale * _MOST)))


def opaque_part(opaque: np.ndarray, side: int) -> tuple[slice, slice]:
    """The largest rectangle of blocks in which everything is opaque, and among equals the first.

    Args:
        opaque: H x W, bool.
        side: Of a block, pixels.

    Returns:
        Its rows and columns; of length 0 if there is none.
    """
    height, width = (length // side for length in opaque.shape)
    blocks = opaque[: height * side, : width * side].reshape(height, side, width, side)
    whole = np.asarray(blocks.all(axis=(1, 3)))
    best, most = (0, 0, 0, 0), 0
    for top in range(height):
        run = np.ones(width, bool)
        for bottom in range(top + 1, height + 1):
            run &= whole[bottom - 1]
            ends = np.flatnonzero(np.diff(np.concatenate([[False], run, [False]])))
            if not len(ends):
                break
            lengths = ends[1::2] - ends[::2]
            longest = int(lengths.argmax())
            if (bottom - top) * lengths[longest] > most:
                most = int((bottom - top) * lengths[longest])
                best = (top, bottom, int(ends[2 * longest]), int(ends[2 * longest + 1]))
    top, bottom, left, right = (side * edge for edge in best)
    return slice(top, bottom), slice(left, right)
