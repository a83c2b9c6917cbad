"""Small pictures, networks and weights that many tests share."""

from __future__ import annotations

import gc
import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def pytest_collection_finish() -> None:
    """What all tests share is never garbage, and takes long to look through."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch) -> Path:
    """Where this test keeps what can be made anew: not in the user's folder, and beside nobody."""
    folder = tmp_path_factory.getbasetemp() / "caches" / secrets.token_hex(8)
    monkeypatch.setenv("MSSN_CACHE", str(folder))
    return folder


@pytest.fixture
def photo() -> np.ndarray:
    """A 96x112 RGB picture with edges, a ramp and texture."""
    y, x = np.mgrid[0:96, 0:112]
    rng = np.random.default_rng(7)
    red = 255.0 * ((x // 7 + y // 11) % 2)
    green = 255.0 * x / 111
    blue = 128 + 100 * np.sin(x * y / 150)
    picture = np.stack([red, green, blue], axis=2) + rng.normal(0, 4, (96, 112, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture
def folders(tmp_path, photo) -> dict[str, tuple[str, ...]]:
    """A tiny data set, on which training takes a moment."""
    from mssn.image.picture import Picture
    from mssn.image.write import write

    rng = np.random.default_rng(0)
    for name in ("train", "validation"):
        (tmp_path / name).mkdir()
        for number in range(3):
            picture = np.roll(photo, 9 * number, axis=number % 2)
            noise = rng.integers(0, 12, picture.shape, dtype=np.uint8)
            write(tmp_path / name / f"{number}.png", Picture(np.minimum(picture, 243) + noise))
    return {"train": (str(tmp_path / "train"),), "validation": (str(tmp_path / "validation"),)}


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a small random network: net.safetensors (float32), mssn-s-x2.safetensors and .onnx."""
    return _export(tmp_path_factory.mktemp("exported"), "mssn-s")


@pytest.fixture(scope="session")
def exported_photo(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """The same of networks made for photographs, mssn-s-photo-x2: one that is told a strength, one not."""
    return {
        told: _export(tmp_path_factory.mktemp("photo"), "mssn-s-photo", expanded=8, told=told)
        for told in (True, False)
    }


@pytest.fixture(params=[True, False], ids=["told", "not told"])
def shipped_told(
    request: pytest.FixtureRequest,
    exported: Path,
    exported_photo: dict[bool, Path],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[bool]:
    """As if only small random networks shipped, mssn-s and mssn-s-photo x2; whether the latter is told."""
    from mssn import clear_cache
    from mssn.models import info

    folder, told = tmp_path_factory.mktemp("shipped"), bool(request.param)
    rows: list[info.ModelInfo] = []
    for model, home in (("mssn-s", exported), ("mssn-s-photo", exported_photo[told])):
        name = f"{model}-x2.onnx"
        shutil.copy(home / name, folder)
        rows.append(info.ModelInfo(model, 2, 1, 1, 1, 41, weights=name, told=told and model != "mssn-s"))
    (folder / "manifest.json").write_text(json.dumps([asdict(row) for row in rows]), "utf-8")
    monkeypatch.setattr(info, "FOLDER", folder)
    clear_cache()
    yield told
    clear_cache()


def _export(folder: Path, model: str, **changes: Any) -> Path:
    from networks import TINY, scrambled

    from mssn.lab import weights
    from mssn.lab.complexity import count_parameters, halo
    from mssn.lab.export.onnx import export
    from mssn.lab.weights import tensors_of
    from mssn.models.meta import Meta

    net = scrambled(replace(TINY, **changes))
    meta = Meta(
        model=model,
        scale=2,
        config=asdict(net.config),
        domain="rgb",
        halo=halo(net, 2),
        parameters=count_parameters(net),
    )
    weights.save(folder / "net.safetensors", tensors_of(net), meta)
    export(folder / "net.safetensors", folder)
    return folder
