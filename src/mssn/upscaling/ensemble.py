"""Self-ensemble: the mean of what a network makes of a picture's eight flips and turns."""

from __future__ import annotations

import itertools

import numpy as np

from mssn.runtime.base import Computed, Runtime


class Ensemble:
    """A runtime that asks another one eight times and takes the mean.

    A little better and eight times as slow. Source: R. Timofte et al., "Seven ways to improve example-based
    single image super resolution" (2016), section 3.3; called the "+" variant in many papers.

    Args:
        runtime: What runs the network.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    @property
    def name(self) -> str:
        """Of the inner runtime, with a mark."""
        return f"{self.runtime.name}, ensemble of 8"

    @property
    def precision(self) -> Computed:
        """The inner runtime's."""
        return self.runtime.precision

    @property
    def scale(self) -> int:
        """The factor."""
        return self.runtime.scale

    @property
    def halo(self) -> int:
        """The inner runtime's."""
        return self.runtime.halo

    def run(self, lr: np.ndarray) -> np.ndarray:
        """N x 3 x H x W float32 in [0, 1] -> N x 3 x scale*H x scale*W float32, not clipped."""
        n, channels, height, width = lr.shape
        total = np.zeros((n, channels, height * self.scale, width * self.scale), np.float32)
        for turned, rows, columns in itertools.product((False, True), (1, -1), (1, -1)):
            x = lr.swapaxes(2, 3) if turned else lr
            sr = self.runtime.run(np.ascontiguousarray(x[:, :, ::rows, ::columns]))
            sr = sr[:, :, ::rows, ::columns]
            total += sr.swapaxes(2, 3) if turned else sr
        return total / np.float32(8)
