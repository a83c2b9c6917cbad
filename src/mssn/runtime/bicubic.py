"""MATLAB's bicubic enlargement as a runtime: the floor every network is measured against."""

from __future__ import annotations

import numpy as np

from mssn.image.resize import imresize
from mssn.runtime.base import Computed


class BicubicRuntime:
    """Enlarges 8-bit pictures exactly as MATLAB does, rounding between the two axes included.

    Args:
        scale: Whole factor.
    """

    name = "bicubic"
    precision: Computed = "fp32"
    halo = 2  # the kernel reaches two pixels to each side

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def run(self, lr: np.ndarray) -> np.ndarray:
        """See `Runtime.run`; values are rounded to 8 bits before and after."""
        levels = np.clip(np.floor(lr * 255 + 0.5), 0, 255).astype(np.uint8)
        large = [imresize(picture.transpose(1, 2, 0), scale=self.scale) for picture in levels]
        return np.stack(large).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
