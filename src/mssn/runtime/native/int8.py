"""The units of an int8 .onnx file, packed as the kernels take them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mssn.errors import WeightsError

_PART = 16  # bytes of 128 bits, within which processors pack and unpack
_LEVELS = 16  # floats of `Levels` in kernels.c


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

    def _take(self, name: str, *shape: int) -> np.ndarray:
        try:
            return self._constants[name].reshape(shape)
        except (KeyError, ValueError) as error:
            raise WeightsError(
                f"{self._source}: its network is not the one it describes ({name})"
            ) from error

    def levels(self, name: str) -> tuple[np.float32, int]:
        """Scale of the levels that a convolution takes, and the level that stands for 0."""
        return np.float32(self._take(f"{name}.scale", 1)[0]), int(self._take(f"{name}.zero", 1)[0])

    def in_levels(self, block: int, units: int) -> bool:
        """Whether the sums of a block are levels, too, not floats."""
        found = {
            f"blocks.{block}.{u}.expand.x" in self._sources.get(f"blocks.{block}.{u}", []) for u in range(units)
        }
        if len(found) != 1:
            raise WeightsError(f"{self._source}: its network is not the one it describes (blocks.{block})")
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
            raise WeightsError(f"{self._source}: its network is not the one it describes ({name})")
        widen, filters, narrow = (
            self._take(f"{name}.{part}.weight", *shape)
            for part, shape in (("expand", (e, c)), ("depthwise", (e, 3, 3)), ("project", (c, e)))
        )
        scales = [
            self._take(f"{name}.{part}.weight_scale", n)
            for part, n in (("expand", e), ("depthwise", e), ("project", c))
        ]
        own, rest, unit = first, -first * zero, np.float32(1)
        if then is not None:
            unit, next_zero = self.levels(f"{then}.expand")
            own, rest = first / unit, next_zero - zero * first / unit
        levels = np.zeros(_LEVELS, np.float32)
        levels[:4] = 1 / first, zero, own, rest
        upright = np.zeros((3, e, 4), np.int8)  # column, channel, row
        upright[:, :, :3] = filters[order].transpose(2, 0, 1)
        parts = [
            levels,
            _in_fours(widen[order].T),
            (-zero * widen.astype(np.int32).sum(1, dtype=np.int32))[order],
            (first * scales[0] / second)[order],
            upright,
            (second * scales[1] / third)[order],
            _in_fours(narrow.T),
            third * scales[2] / unit,
        ]
        return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)

    def levels_of(self, block: int) -> np.ndarray:
        """How a block's input becomes levels, `Levels` of kernels.c."""
        scale, zero = self.levels(f"blocks.{block}.0.expand")
        levels = np.zeros(_LEVELS, np.float32)
        levels[:2] = 1 / scale, zero
        return levels


def _in_fours(weights: np.ndarray) -> np.ndarray:
    """K x N int8 with four of K side by side: K/4 x N x 4."""
    k, n = weights.shape
    return weights.reshape(k // 4, 4, n).transpose(0, 2, 1)
