"""README's numbers come from the result files, and its commands exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import tables

from mssn.cli import app
from mssn.models import info

ROOT = Path(__file__).resolve().parent.parent


def test_tables_are_what_the_result_files_say() -> None:
    for page in tables.PARTS:
        assert tables.fill(page) == (ROOT / page).read_text(), "run: python paper/tables.py"


def test_every_verb_in_readme_exists() -> None:
    verbs = set(re.findall(r"^mssn (\w+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE))
    assert {"upscale", "evaluate", "train", "info"} <= verbs
    assert verbs <= {name for name in app if not name.startswith("-")}


def test_shipped_scores_are_the_result_files() -> None:
    for row in info.list_models():
        if row.weights:
            result = json.loads((ROOT / "paper" / "results" / f"{row.model}-x{row.scale}.json").read_text())
            for name, score in row.scores.items():
                mean = result["data"][name]["mean"]
                assert abs(mean["psnr"] - score["psnr"]) < 1e-4
                assert abs(mean["ssim"] - score["ssim"]) < 1e-5
