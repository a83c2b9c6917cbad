"""The seam of the program: anything that runs a network on arrays."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import numpy as np

RuntimeName = Literal["openvino", "onnxruntime", "pytorch"]
Precision = Literal["auto", "fp32", "bf16", "int8"]


class Runtime(Protocol):
    """Runs one network.

    Attributes:
        name: What runs it, for people: "openvino bf16", "bicubic".
        scale: Enlargement factor.
        halo: Pixels of context one output pixel depends on, on each side, LR pixels.
    """

    @property
    def name(self) -> str: ...

    @property
    def scale(self) -> int: ...

    @property
    def halo(self) -> int: ...

    def run(self, lr: np.ndarray) -> np.ndarray:
        """N x 3 x H x W float32 in [0, 1] -> N x 3 x scale*H x scale*W float32, not clipped."""
        ...


@runtime_checkable
class PixelRuntime(Runtime, Protocol):
    """One that also takes pixels as they are stored, which saves turning them into floats and back."""

    def run_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """H x W x 3 uint8, C-contiguous -> scale*H x scale*W x 3 uint8, rounded half up and clipped."""
        ...
