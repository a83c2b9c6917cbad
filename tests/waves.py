"""Pictures that several tests of runtimes share."""

from __future__ import annotations

import numpy as np


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with edges and noise, H x W x 3 uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / (5 + c)) * np.cos(y / (9 - c)) for c in range(3)], axis=2)
    return (
        (128 + 90 * waves + 40 * (x[..., None] > y[..., None]) + rng.normal(0, 9, waves.shape))
        .clip(0, 255)
        .astype(np.uint8)
    )


def floats(pixels: np.ndarray) -> np.ndarray:
    return (pixels.transpose(2, 0, 1)[None] / np.float32(255)).astype(np.float32)
