"""Which precision a processor and a file allow."""

from __future__ import annotations

import math
import platform
from pathlib import Path

from mssn.errors import WeightsError
from mssn.models.info import ModelInfo
from mssn.runtime.base import Precision

MAX_LOSS_OF_AUTO = 0.02  # dB on Set5 that may be given away for speed


def fastest(row: ModelInfo, *, bf16: bool) -> Precision:
    """The fastest precision that costs a shipped model next to nothing.

    Args:
        row: The model, with what each precision loses; what was not measured is not taken.
        bf16: Whether the processor computes in bfloat16.

    Returns:
        "bf16", "int8" or "fp32".
    """
    if bf16 and row.loss.get("bf16", math.inf) <= MAX_LOSS_OF_AUTO:
        return "bf16"
    bytes_are_fast = platform.machine().lower() in ("x86_64", "amd64")  # elsewhere nobody has measured
    if bytes_are_fast and row.int8 is not None and row.loss.get("int8", math.inf) <= MAX_LOSS_OF_AUTO:
        return "int8"
    return "fp32"


def settle_int8(path: Path, precision: Precision) -> bool:
    """Whether an .onnx file is run in int8: it is if its units hold bytes, and never else.

    Args:
        path: The file.
        precision: What is asked for.

    Raises:
        WeightsError: The file cannot be read, or has no such form.
    """
    try:
        found = b"DequantizeLinear" in path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    if found and precision not in ("auto", "int8"):
        raise WeightsError(
            f"{path}: computes in int8; for {precision} take the float32 file it was made from"
        )
    if not found and precision == "int8":
        raise WeightsError(f"{path}: holds no int8 units; mssn export --int8 makes a file that does")
    return found
