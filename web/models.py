"""Write what the page's engine needs of the models: their files, a table of them, and a known answer.

python web/models.py FOLDER
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mssn.models.info import PHOTO, ModelInfo, list_models
from mssn.models.meta import STRENGTH, read_told
from mssn.runtime.onnxruntime import ONNXRuntime
from mssn.runtime.plan import BORDER
from mssn.upscaling.tiled import enlarge
from mssn.version import __version__

# The network that a browser must compute rightly before it is used: the one that most pictures need.
TRIED = ("mssn-s-photo", 2)
ANSWER = "answer.bin"
HEIGHT, WIDTH = 40, 48


def write(folder: Path) -> None:
    """Write the .onnx files, models.json and the known answer.

    Args:
        folder: Made if it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for row in list_models() if row.path is not None]
    for row in rows:
        shutil.copyfile(path_of(row), folder / path_of(row).name)
    models = [
        {"name": name, "clean": family(name, rows), "photo": family(name + PHOTO, rows)}
        for name in dict.fromkeys(row.model for row in rows)
        if not name.endswith(PHOTO)
    ]
    table = {"version": __version__, "border": BORDER, "models": models, "known": known_answer(rows, folder)}
    (folder / "models.json").write_text(json.dumps(table, indent=1), "utf-8")


def path_of(row: ModelInfo) -> Path:
    """The file of weights that ship."""
    assert row.path is not None
    return row.path


def family(name: str, rows: list[ModelInfo]) -> dict[str, Any] | None:
    """A model's networks by their factors; None without any."""
    scales = {row.scale: network(row) for row in rows if row.model == name}
    return {"name": name, "scales": scales} if scales else None


def network(row: ModelInfo) -> dict[str, Any]:
    """A network's file, its halo, and at which of its bytes the strength stands that it is told."""
    path = path_of(row)
    told = place_of_strength(path) if row.told else None
    return {"file": path.name, "bytes": path.stat().st_size, "halo": row.halo, "told": told}


def place_of_strength(path: Path) -> int:
    """Where in a file the constant lies that says how strongly a picture is degraded: four bytes, a float."""
    one, other = (np.frombuffer(read_told(path, value), np.uint8) for value in (-1.0, 2.0))
    differs = np.flatnonzero(one != other)  # BF800000 and 40000000, little-endian: the last two bytes
    if len(differs) != 2:
        raise ValueError(f"{path}: the constant {STRENGTH} was not found")
    return int(differs[-1]) - 3


def known_answer(rows: list[ModelInfo], folder: Path) -> dict[str, Any]:
    """Write a picture and what a network makes of it, both as bytes of RGB; what they are."""
    row = next(row for row in rows if (row.model, row.scale) == TRIED)
    picture = known_picture()
    answer = enlarge(ONNXRuntime(path_of(row), precision="fp32"), picture)
    (folder / ANSWER).write_bytes(picture.tobytes() + answer.tobytes())
    known = {"file": path_of(row).name, "halo": row.halo, "scale": row.scale, "answer": ANSWER}
    return {**known, "width": WIDTH, "height": HEIGHT}


def known_picture() -> np.ndarray:
    """HEIGHT x WIDTH x 3 of slopes, edges, lines, colours, black, white and grey."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.stack([5 * x, 6 * y, 255 - 2 * x - 3 * y], axis=2).clip(0, 255).astype(np.uint8)
    picture[(x - 14) ** 2 + (y - 13) ** 2 < 70] = (250, 40, 60)
    picture[(x // 2 + y // 2) % 2 * (x > 30) * (y > 22) > 0] = (10, 200, 90)
    picture[24:, :14], picture[:12, 34:], picture[30:36, 3:11] = 255, 0, 128
    return picture


if __name__ == "__main__":
    write(Path(sys.argv[1]))
