"""Call functions of web/src in Node.js, many at once, with arrays and numbers."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_RUNNER = Path(__file__).with_name("web") / "calls.mjs"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def call(file: str, name: str, cases: list[tuple[Any, ...]]) -> list[Any]:
    """What a function returns for each case, or its first argument as it left it if it returns nothing.

    Args:
        file: Of web/src, "pixels/resize.js" for instance.
        name: A function that it exports.
        cases: The arguments of each call; arrays of uint8 and float32 become typed arrays, which are flat.

    Returns:
        JSON values; typed arrays come back as flat arrays.
    """
    calls = [{"file": file, "name": name, "args": case} for case in cases]
    text = json.dumps(calls, default=_packed)
    done = subprocess.run(["node", _RUNNER], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout, object_hook=_unpacked)
    assert len(answers) == len(cases)
    return answers


def plane(pixels: np.ndarray) -> dict[str, Any]:
    """H x W x C bytes as the page's modules take them."""
    height, width, channels = pixels.shape
    return {"width": width, "height": height, "channels": channels, "pixels": pixels}


def array(plane: dict[str, Any]) -> np.ndarray:
    """The other way round."""
    return plane["pixels"].reshape(plane["height"], plane["width"], plane["channels"])


def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {value.dtype.name: base64.b64encode(value.tobytes()).decode()}
    return value.item()  # NumPy's numbers


def _unpacked(value: dict[str, Any]) -> Any:
    for dtype in ("uint8", "float32"):
        if value.keys() == {dtype}:
            return np.frombuffer(base64.b64decode(value[dtype]), dtype)
    return value
