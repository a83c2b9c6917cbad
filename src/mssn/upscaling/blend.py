"""The mix of what two networks make of a picture."""

from __future__ import annotations

import numpy as np

from mssn.runtime.base import Computed, Runtime
from mssn.upscaling.tiled import TiledModel


class Blend:
    """A runtime that asks two others and mixes their answers, before anything is rounded.

    Args:
        first: Runs the one network.
        second: Runs the other, of the same scale.
        share: Of the second in the mix, 0 to 1.
    """

    def __init__(self, first: Runtime, second: Runtime, share: float) -> None:
        self.first, self.second, self.share = first, second, share

    @property
    def name(self) -> str:
        """Of the second runtime, with a mark."""
        return f"{self.second.name}, mix of 2"

    @property
    def precision(self) -> Computed:
        """The second runtime's."""
        return self.second.precision

    @property
    def scale(self) -> int:
        """The factor."""
        return self.second.scale

    @property
    def halo(self) -> int:
        """What suffices for both."""
        return max(self.first.halo, self.second.halo)

    def run(self, lr: np.ndarray) -> np.ndarray:
        """N x 3 x H x W float32 in [0, 1] -> N x 3 x scale*H x scale*W float32 in [0, 1]."""
        # Mixed are two pictures: what one swings beyond white must not use up the other's restraint.
        first, second = (runtime.run(lr).clip(0, 1) for runtime in (self.first, self.second))
        # In this form every value moves one way only as the share grows, also when rounded.
        return first + np.float32(self.share) * (second - first)


def mixed(first: TiledModel, second: TiledModel, share: float) -> TiledModel:
    """Two networks of one scale as one: their mix in every depth. Cheap; neither is opened anew."""
    floats = np.dtype(np.float32)
    return TiledModel(
        Blend(first.runtime, second.runtime, share),
        border=max(first.border, second.border),
        deep=lambda: Blend(first.runtime_for(floats), second.runtime_for(floats), share),
        tile=second.tile,
    )
