"""What `mssn ablate` has measured, as rows for pages: cost, printed PSNR, mean and spread over seeds."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from comparison import RESULTS, ROOT

PLANS = ROOT / "paper" / "plans"
Cells = list[str]


def experiment_names() -> list[str]:
    """Those of the paper, by the stem of their file in `paper/plans`, sorted."""
    return sorted(path.stem for path in PLANS.glob("*.toml"))


def experiment(name: str) -> dict[str, Any] | None:
    """What `mssn ablate paper/plans/NAME.toml --json paper/results/ablation-NAME.json` wrote."""
    path = RESULTS / f"ablation-{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def printed(name: str) -> dict[str, Any]:
    """What the paper prints of a table: "data" and PSNR by arm; empty where it prints nothing."""
    return tomllib.loads((ROOT / "paper" / "reported-analysis.toml").read_text()).get(name, {})


def rows(name: str) -> tuple[Cells, list[Cells]]:
    """Head and rows of an experiment's table: cost, printed PSNR, measured mean and spread."""
    result, in_print = experiment(name), printed(name)
    assert result is not None
    arms = result["arms"]
    scored = next((list(row["psnr"]) for row in arms.values() if "psnr" in row), [])
    head = ["arm", "parameters", "Mult-Adds"]
    head += [f"{in_print['data']}, printed"] if in_print else []
    found: list[Cells] = []
    for arm, row in arms.items():
        cells = [arm, f"{row['parameters'] / 1e3:,.0f}K", f"{row['mult_adds'] / 1e9:,.1f}G"]
        cells += [f"{in_print[arm]:.2f}" if arm in in_print else "-"] if in_print else []
        if row["failed"]:
            cells[0] += f" ({len(row['failed'])} diverged)"
        if "psnr" in row:
            scores = [row["validation"], *(row["psnr"][data] for data in scored)]
            cells += [_score(score) for score in scores]
        else:
            cells += ["-"] * (1 + len(scored))
        found.append(cells)
    return [*head, "validation", *scored], found


def _score(score: dict[str, Any]) -> str:
    spread = f" ± {score['spread'] / 2:.3f}" if len(score["seeds"]) > 1 else ""
    return f"{score['mean']:.3f}{spread}"


def title(name: str) -> str:
    """What an experiment tries, and its budget."""
    result = experiment(name)
    assert result is not None
    recipe = result["recipe"]
    seeds = max(
        len(row["failed"]) + len(row.get("validation", {}).get("seeds", ()))
        for row in result["arms"].values()
    )
    return (
        f"{result['title']}; x{recipe['scale']}, {recipe['updates']:,} updates of {recipe['batch']} patches, "
        f"{seeds} seed{'s' * (seeds > 1)}"
    )
