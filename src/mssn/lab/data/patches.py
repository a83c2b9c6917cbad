"""Random, aligned training patches: sample k depends only on the seed and on k.

There is no generator to save and no order to lose: a run that is killed and resumed, or spread over
several devices, sees the same patches as one that is not. Pixels may live on any device, and batches are cut
there, flips and quarter turns included.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided
from torch import Tensor

from mssn.errors import DataError
from mssn.image.color import Y_WEIGHTS
from mssn.lab.data.detail import DetailMap
from mssn.lab.data.pixels import Pixels

_PAGE = 4096  # bytes
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def random_words(seed: int, k: np.ndarray, count: int) -> np.ndarray:
    """`count` random 64-bit words for each sample number k (SplitMix64 of seed, k and the word's place).

    Args:
        seed: Any whole number.
        k: Sample numbers, n.
        count: Words a sample.

    Returns:
        n x count uint64.
    """
    start = _mix(np.array([seed % 2**64], np.uint64))
    place = k.astype(np.uint64)[:, None] * np.uint64(count) + np.arange(count, dtype=np.uint64)
    return _mix(start + (place + np.uint64(1)) * _GOLDEN)


def _mix(z: np.ndarray) -> np.ndarray:
    """The output function of SplitMix64 (Steele, Lea and Flood 2014)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


class Patches:
    """Draws batches of (small, large) patches, every position in every picture equally likely.

    Args:
        pixels: The decoded pictures.
        patch: Side of the small patch, LR pixels (48 in the paper).
        seed: Start of the random numbers.
        device: Where the pixels are kept and the batches made.
        detail: Places drawn for each patch; of these the one with the most detail is taken.
        grey: Share of the patches whose colour is taken away.

    Attributes:
        key: Equal keys mean equal pictures.

    Raises:
        DataError: No picture is as large as one patch.
    """

    def __init__(
        self,
        pixels: Pixels,
        patch: int,
        seed: int,
        device: torch.device | str = "cpu",
        detail: int = 1,
        grey: float = 0.0,
    ) -> None:
        self.scale, self.seed, self._pixels, self._grey = pixels.scale, seed, pixels, grey
        self.key = pixels.key
        self._starts, self._widths = pixels.starts, pixels.sizes[:, 1]
        self._total = int(pixels.sizes.prod(axis=1).sum())  # pixels of one version
        self._detail: DetailMap | None = None
        self._resize(patch, detail)
        for array in (pixels.lr, pixels.hr):
            # Read a byte of every page, in order: left to the first visit of each patch, page faults cost
            # ten times what copying does.
            array.reshape(-1)[::_PAGE].max()
        self._lr, self._hr = (torch.from_numpy(array).to(device) for array in (pixels.lr, pixels.hr))

    def sized(self, patch: int, detail: int = 1) -> Patches:
        """The same pictures cut into patches of another side, or chosen otherwise; shares the pixels.

        Raises:
            DataError: No picture is as large as one patch.
        """
        if (patch, detail) == (self.patch, self.detail):
            return self
        other = copy.copy(self)
        other._resize(patch, detail)
        return other

    def _resize(self, patch: int, detail: int) -> None:
        rows, columns = (np.maximum(self._pixels.sizes - patch + 1, 0)).T
        if not (rows * columns).any():
            raise DataError(
                f"no picture holds a patch of {patch * self.scale} pixels; "
                "use larger pictures or a smaller patch"
            )
        self.patch, self.detail = patch, detail
        self._ends, self._columns = np.cumsum(rows * columns), columns
        if detail > 1 and self._detail is None:
            self._detail = DetailMap(self._pixels)

    def positions(self, k: np.ndarray) -> np.ndarray:
        """N x 6: picture, row, column (LR pixels), symmetry (0..7), version, grey (0, 1) of samples k."""
        words = random_words(self.seed, k, self.detail + 1)
        # The highest bits of the last word choose the symmetry, those below the grey ones, the lowest the
        # version.
        symmetry = (words[:, -1] >> np.uint64(61)).astype(np.int64)
        version = (words[:, -1] % np.uint64(self._pixels.versions)).astype(np.int64)
        places = np.stack([self._place(w) for w in words[:, :-1].T], axis=1)  # n x detail x 3
        chosen = places[:, 0]
        if self._detail is not None and self.detail > 1:
            chosen = places[np.arange(len(k)), self._detail.at(places, self.patch).argmax(axis=1)]
        grey = (words[:, -1] << np.uint64(3)).astype(np.float64) * 2.0**-64 < self._grey
        return np.column_stack([chosen, symmetry, version, grey])

    def _place(self, words: np.ndarray) -> np.ndarray:
        """Random words -> n x 3 of picture, row and column, every position equally likely."""
        place = (words.astype(np.float64) * 2.0**-64 * self._ends[-1]).astype(np.int64)
        place = np.minimum(place, self._ends[-1] - 1)  # rounding up to 1.0 must not leave the last picture
        picture = np.searchsorted(self._ends, place, side="right")
        inside = place - np.where(picture > 0, self._ends[picture - 1], 0)
        columns = self._columns[picture]
        return np.stack([picture, inside // columns, inside % columns], axis=1)

    def batch(self, k: np.ndarray) -> tuple[Tensor, Tensor]:
        """The samples with numbers k.

        Returns:
            LR n x 3 x patch x patch and HR n x 3 x scale*patch x scale*patch, float32 in [0, 1],
            channels last, on the device of the pixels. Where pictures have strengths, LR has a fourth plane
            with that of the patch.
        """
        picture, row, column, symmetry, version, grey = self.positions(k).T
        start, width, r = self._starts[picture], self._widths[picture], self.scale
        first = start * r * r + (row * r) * (width * r) + column * r
        place = version * self._total + start + row * width + column
        # Same pixels both ways: on a processor slices are several times faster, on a GPU one gather is.
        if self._lr.device.type == "cpu":
            lr = _slice(self._lr, place, width, self.patch, symmetry)
            hr = _slice(self._hr, first, width * r, self.patch * r, symmetry)
        else:
            table = np.stack([place, first, width, symmetry])  # one copy, not many small ones
            place_, first_, width_, symmetry_ = _sent(table, self._lr.device)
            lr = _gather(self._lr, place_, width_, self.patch, symmetry_)
            hr = _gather(self._hr, first_, width_ * r, self.patch * r, symmetry_)
        small, large = _to_float(lr), _to_float(hr)
        if self._grey:
            places = _sent(grey.astype(bool), small.device).view(-1, 1, 1, 1)
            small, large = (torch.where(places, _grey_of(x), x) for x in (small, large))
        if self._pixels.strengths is not None:
            told = _sent(self._pixels.strengths[version, picture], small.device)
            plane = told.view(-1, 1, 1, 1).expand(-1, 1, self.patch, self.patch)
            small = torch.cat([small, plane], dim=1).contiguous(memory_format=torch.channels_last)
        return small, large


def _sent(array: np.ndarray, device: torch.device) -> Tensor:
    """Some numbers for each patch, on the device, without waiting for the updates that it still works on."""
    return torch.from_numpy(array).to(device, non_blocking=True)


def _grey_of(x: Tensor) -> Tensor:
    """N x 3 x H x W -> N x 1 x H x W, the luma, as a neutral picture has it in all three channels."""
    weights = torch.as_tensor(Y_WEIGHTS / Y_WEIGHTS.sum(), dtype=x.dtype, device=x.device)
    return (x * weights.view(1, 3, 1, 1)).sum(1, keepdim=True)


def _to_float(pixels: Tensor) -> Tensor:
    """N x side x side x 3 bytes -> n x 3 x side x side float32 in [0, 1], channels last."""
    return pixels.permute(0, 3, 1, 2).float().div_(255)


# Bits of a symmetry: 1 swaps the axes, 2 flips rows, 4 flips columns; together all eight.


def _slice(pixels: Tensor, first: np.ndarray, width: np.ndarray, side: int, symmetry: np.ndarray) -> Tensor:
    """Patches one by one, as strided views: n x side x side x 3, uint8."""
    array = pixels.numpy()
    out = np.empty((len(first), side, side, 3), np.uint8)
    for patch, start, across, bits in zip(out, first, width, symmetry, strict=True):
        crop = as_strided(array[start:], (side, side, 3), (3 * across, 3, 1))
        crop = crop[:: -1 if bits & 2 else 1, :: -1 if bits & 4 else 1]
        patch[:] = crop.swapaxes(0, 1) if bits & 1 else crop
    return torch.from_numpy(out)


def _gather(pixels: Tensor, first: Tensor, width: Tensor, side: int, symmetry: Tensor) -> Tensor:
    """The same for all patches at once, where the pixels are: n x side x side x 3, uint8."""
    first, width, symmetry = (t.view(-1, 1, 1) for t in (first, width, symmetry))
    line = torch.arange(side, device=pixels.device)
    down, right = line.view(1, -1, 1), line.view(1, 1, -1)
    y = torch.where(symmetry & 1 == 1, right, down)
    x = torch.where(symmetry & 1 == 1, down, right)
    y = torch.where(symmetry & 2 == 2, side - 1 - y, y)
    x = torch.where(symmetry & 4 == 4, side - 1 - x, x)
    index = first + y * width + x
    return pixels.index_select(0, index.reshape(-1)).view(*index.shape, 3)
