"""What the panel measured bears out the default, and the weights are worth having."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from mssn.models import info

NETWORKS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "paper" / "results" / "panel.json").read_text()
)["models"]
S_X2 = NETWORKS["mssn-s-photo-x2"]
TOLD_BY_FILES = (
    *(f"jpeg:{quality}" for quality in (95, 92, 90, 85, 75, 50, 30)),
    "double:75",
    "webp:80",
)


def test_every_told_network_is_measured() -> None:
    told = {f"{row.model}-x{row.scale}" for row in info.list_models() if row.weights and row.told}
    assert NETWORKS.keys() == told


@pytest.mark.parametrize("how", TOLD_BY_FILES)
def test_what_a_file_tells_is_the_best_setting_of_the_dial(how) -> None:
    """Within 0.05 dB, at every quality that a file tells of."""
    turned = S_X2["dial"][f"photographs {how}"]
    best = max(setting["psnr"] for setting in turned["settings"].values())
    assert turned["at_default"]["psnr"] >= best - 0.05


@pytest.mark.parametrize(
    ("how", "gain"), [("jpeg:95", 2.4), ("jpeg:90", 2.0), ("jpeg:75", 1.45), ("jpeg:50", 1.15)]
)
def test_gains_over_bicubic(how, gain) -> None:
    """Mean of three benchmarks, dB."""
    assert mean(sets["default"] - sets["bicubic"] for sets in S_X2["photographs"][how].values()) >= gain


def test_what_the_default_costs_on_clean_photographs() -> None:
    sets = S_X2["photographs"]["none"].values()
    assert 0 < mean(cell["clean"] - cell["default"] for cell in sets) <= 0.35


def test_drawn_pictures_lose_their_ghosts() -> None:
    drawn = S_X2["dial"]["drawn none"]
    at_default, clean, lanczos = drawn["at_default"], drawn["settings"]["0"], drawn["floor"]
    assert at_default["psnr"] >= max(lanczos["psnr"] + 3.9, clean["psnr"] + 2.5)
    assert at_default["overshoot"] <= 0.0065 < clean["overshoot"] / 8
