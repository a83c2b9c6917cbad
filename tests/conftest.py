"""Small pictures, networks and weights that many tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


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
    from dataclasses import asdict

    from networks import scrambled

    from mssn.lab import weights
    from mssn.lab.complexity import count_parameters, halo
    from mssn.lab.export.onnx import export
    from mssn.lab.weights import tensors_of
    from mssn.models.meta import Meta

    folder = tmp_path_factory.mktemp("exported")
    net = scrambled()
    meta = Meta(
        model="mssn-s",
        scale=2,
        config=asdict(net.config),
        domain="rgb",
        halo=halo(net, 2),
        parameters=count_parameters(net),
    )
    weights.save(folder / "net.safetensors", tensors_of(net), meta)
    export(folder / "net.safetensors", folder)
    return folder
