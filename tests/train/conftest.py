"""A tiny data set and recipe on which training takes a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mssn.image.io import write
from mssn.image.picture import Picture
from mssn.train.loop import Trainer
from mssn.train.recipe import Recipe
from mssn.train.session import prepare
from mssn.weights.meta import Meta


@pytest.fixture
def folders(tmp_path, photo) -> dict[str, tuple[str, ...]]:
    rng = np.random.default_rng(0)
    for name in ("train", "validation"):
        (tmp_path / name).mkdir()
        for number in range(3):
            picture = np.roll(photo, 9 * number, axis=number % 2)
            noise = rng.integers(0, 12, picture.shape, dtype=np.uint8)
            write(tmp_path / name / f"{number}.png", Picture(np.minimum(picture, 243) + noise))
    return {"train": (str(tmp_path / "train"),), "validation": (str(tmp_path / "validation"),)}


@pytest.fixture
def make(tmp_path, folders) -> Callable[..., tuple[Trainer, Meta]]:
    def make(folder: str = "run", init: Path | None = None, **changes: Any) -> tuple[Trainer, Meta]:
        values: dict[str, Any] = {
            **folders,
            "config": {"channels": 8, "expanded": 12, "blocks": 2, "units": 2},
            "updates": 20,
            "batch": 4,
            "patch": 12,
            "learning_rate": 5e-3,
            "schedule": "cosine",
            "warmup": 3,
            "clip": 1.0,
            "ema": 0.9,
            "precision": "bf16",
            "validate_every": 0,
            **changes,
        }
        return prepare(Recipe(**values), tmp_path / folder, init=init, cache=tmp_path / "cache", device="cpu")

    return make
