"""A tiny data set and recipe on which training takes a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mssn.lab.train.loop import Trainer
from mssn.lab.train.recipe import Recipe
from mssn.lab.train.session import prepare
from mssn.models.meta import Meta


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
