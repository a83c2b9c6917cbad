"""The seam of the program: anything that runs a network on arrays."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import numpy as np

from mssn.checks import is_number, is_whole
from mssn.errors import MssnError

RuntimeName = Literal["auto", "native", "openvino", "onnxruntime", "pytorch"]
Computed = Literal["fp32", "bf16", "int8"]  # what a network computes in
_MOST_THREADS = 4096  # more than any processor has; runtimes would fail in words of their own
Precision = Literal["auto", "fp32", "bf16", "int8"]  # what may be asked for


class Runtime(Protocol):
    """Runs one network.

    Attributes:
        name: What runs it, for people: "openvino bf16", "bicubic". Nothing is decided by it.
        precision: What it computes in.
        scale: Enlargement factor.
        halo: Pixels of context one output pixel depends on, on each side, LR pixels.
    """

    @property
    def name(self) -> str: ...

    @property
    def precision(self) -> Computed: ...

    @property
    def scale(self) -> int: ...

    @property
    def halo(self) -> int: ...

    def run(self, lr: np.ndarray) -> np.ndarray:
        """Enlarge.

        Args:
            lr: N x 3 x H x W float32 in [0, 1].

        Returns:
            N x 3 x scale*H x scale*W float32, not clipped.

        Raises:
            MssnError: It failed half way, for example because the memory is not enough (`failure`).
            WeightsError: The network cannot be run on this machine at all.
        """
        ...


@runtime_checkable
class PixelRuntime(Runtime, Protocol):
    """One that also takes pixels as they are stored, which saves turning them into floats and back."""

    def run_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """H x W x 3 uint8, C-contiguous -> scale*H x scale*W x 3 uint8, rounded half up and clipped.

        Raises:
            MssnError: As for `run`.
            WeightsError: As for `run`.
        """
        ...


def check_threads(threads: int | None) -> None:
    """Refuse a number of processor cores that is none; None stands for all.

    Raises:
        MssnError: It is no whole number, or below 1.
    """
    if threads is None:
        return
    if not is_whole(threads):
        raise MssnError(f"`threads` must be a whole number, not {threads!r}")
    if threads < 1:
        raise MssnError(f"`threads` must be at least 1, not {threads}")
    if threads > _MOST_THREADS:
        raise MssnError(f"`threads` must be at most {_MOST_THREADS}, not {threads}")


def check_strength(strength: float) -> None:
    """Refuse a strength that is none.

    Raises:
        MssnError: It is no number, or not from 0 to 1.
    """
    if not is_number(strength) or not 0 <= strength <= 1:
        raise MssnError(f"`strength` must be a number from 0 to 1, not {strength!r}")


def failure(name: str, given: np.ndarray, error: Exception) -> MssnError:
    """The error to raise when a runtime fails half way; one line.

    Args:
        name: The runtime's.
        given: What it was to run on.
        error: What it raised.
    """
    shape = "x".join(map(str, given.shape))
    if isinstance(error, MemoryError):
        return MssnError(f"{name}: not enough memory for an input of {shape}; try a smaller one")
    return MssnError(f"{name} failed on an input of {shape}: {last_line(error)}")


def last_line(error: Exception) -> str:
    """What an error of many lines ends with, which is where the engines name the reason."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
