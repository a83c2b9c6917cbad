"""The units of an int8 .onnx file, packed as the kernels take them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mssn.errors import WeightsError

_LIMIT = 63  # of weights: without VNNI two products are added in 16 bits
_SMALLEST, _LARGEST = 1e-12, 1e12  # of scales: no quotient of two of them is beyond float32


class Int8Units:
    """What an int8 file holds of its units.

    Args:
        constants: Its constants by name, flat.
        sources: What each operator reads, by the name of its result.
        source: File name for error messages.
        c: Channels between units.
        e: Channels inside them.
        lanes: Whole numbers in a register.

    Raises:
        WeightsError: It is not the network that its description says.
    """

    def __init__(
        self,
        constants: Mapping[str, np.ndarray],
        sources: Mapping[str, list[str]],
        source: str,
        c: int,
        e: int,
        lanes: int,
    ) -> None:
        self._constants, self._sources, self._source = constants, sources, source
        self._c, self._e = c, e
        # Registers i = 0..3 of a group hold, in part L of each, the channels 16 L + 4 i + 0..3 of the group.
        order = np.arange(e).reshape(-1, lanes // 4, 4, 4)  # group, part, register, channel
        self._order = order.transpose(0, 2, 1, 3).ravel()

    def _take(self, name: str, kind: type[np.generic], *shape: int) -> np.ndarray:
        found = self._constants.get(name)
        if found is None or found.dtype != kind or found.size != np.prod(shape):
            raise self._other(name)
        return found.reshape(shape)

    def _other(self, name: str) -> WeightsError:
        return WeightsError(f"{self._source}: its network is not the one it describes ({name})")

    def levels(self, name: str) -> tuple[np.float32, int]:
        """Scale of the levels that a convolution takes, and the level that stands for 0."""
        scale, zero = self._take(f"{name}.scale", np.float32, 1), self._take(f"{name}.zero", np.uint8, 1)
        self._check(f"{name}.scale", scale)
        return scale[0], int(zero[0])

    def _weights(self, name: str, *shape: int) -> tuple[np.ndarray, np.ndarray]:
        """Whole numbers, and what those of each output are multiplied by."""
        whole = self._take(f"{name}.weight", np.int8, *shape)
        zero = self._take(f"{name}.weight_zero", np.int8, shape[0])
        if whole.min() < -_LIMIT or whole.max() > _LIMIT or zero.any():
            raise self._other(f"{name}.weight")
        scale = self._take(f"{name}.weight_scale", np.float32, shape[0])
        self._check(f"{name}.weight_scale", scale)
        return whole, scale

    def _check(self, name: str, scales: np.ndarray) -> None:
        if not ((scales > _SMALLEST) & (scales < _LARGEST)).all():
            raise self._other(name)

    def in_levels(self, block: int, units: int) -> bool:
        """Whether the sums of a block are levels, too, not floats."""
        found = {
            f"{name}.expand.x" in self._sources.get(name, [])
            for name in (f"blocks.{block}.{u}" for u in range(units))
        }
        if len(found) != 1:
            raise self._other(f"blocks.{block}")
        return found.pop()

    def unit(self, name: str, then: str | None) -> bytes:
        """One unit, `Unit` of kernels.c.

        Args:
            name: The unit's.
            then: The unit that takes its sums as levels; None where they are kept as floats.
        """
        c, e, order = self._c, self._e, self._order
        (first, zero), (second, none), (third, nothing) = (
            self.levels(f"{name}.{part}") for part in ("expand", "depthwise", "project")
        )
        if none or nothing:  # what is never below 0 has all its levels above
            raise self._other(name)
        widen, widened = self._weights(f"{name}.expand", e, c)
        filters, filtered = self._weights(f"{name}.depthwise", e, 3, 3)
        narrow, narrowed = self._weights(f"{name}.project", c, e)
        own, rest, unit = first, -first * zero, np.float32(1)
        if then is not None:
            unit, next_zero = self.levels(f"{then}.expand")
            own, rest = first / unit, next_zero - zero * first / unit
        upright = np.zeros((3, e, 4), np.int8)  # column, channel, row
        upright[:, :, :3] = filters[order].transpose(2, 0, 1)
        parts = [
            np.array([1 / first, zero, own, rest], np.float32),
            _in_fours(widen[order].T),
            (-zero * widen.astype(np.int32).sum(1, dtype=np.int32))[order],
            (first * widened / second)[order],
            upright,
            (second * filtered / third)[order],
            _in_fours(narrow.T),
            third * narrowed / unit,
        ]
        return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)

    def levels_of(self, block: int) -> np.ndarray:
        """How a block's input becomes levels, `Levels` of kernels.c."""
        scale, zero = self.levels(f"blocks.{block}.0.expand")
        return np.array([1 / scale, zero, 0, 0], np.float32)


def _in_fours(weights: np.ndarray) -> np.ndarray:
    """K x N int8 with four of K side by side: K/4 x N x 4."""
    k, n = weights.shape
    return weights.reshape(k // 4, 4, n).transpose(0, 2, 1)
