"""Read and write weights as safetensors: tensors and their description in one safe file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from mssn.atomic import replacing
from mssn.errors import WeightsError
from mssn.weights.meta import Meta

_KEY = "mssn"


def save(path: Path, tensors: dict[str, np.ndarray], meta: Meta) -> None:
    """Write a weights file; it appears under its name only when whole.

    Args:
        path: Target, normally ending in .safetensors.
        tensors: Name -> array, as in the network's state dict.
        meta: What they are.

    Raises:
        WeightsError: It cannot be written there.
    """
    try:
        with replacing(path) as file:
            file.write(to_bytes(tensors, metadata={_KEY: meta.to_json()}))
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be written ({error})") from error


def load(path: Path) -> tuple[dict[str, np.ndarray], Meta]:
    """Read a weights file.

    Returns:
        Name -> array (as stored, float32 or float16), and the description.

    Raises:
        WeightsError: No such file, not a safetensors file, or one without our description.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file")
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError, TypeError) as error:  # TypeError: a number type NumPy lacks
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from error
    if text is None:
        raise WeightsError(f"{path}: carries no mssn description; only files written by mssn load")
    return tensors, Meta.from_json(text, str(path))
