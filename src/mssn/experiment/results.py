"""What the arms of an experiment have come to: one file for each, and means over seeds."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mssn import arch, complexity, provenance
from mssn.atomic import replacing
from mssn.errors import RecipeError
from mssn.experiment.plan import Arm, Experiment

RESULT, WEIGHTS = "result.json", "weights.safetensors"  # in an arm's folder


def finished(arm: Arm) -> dict[str, Any] | None:
    """The result of an arm, or None if it is still to be trained.

    Raises:
        RecipeError: The folder holds the result of another recipe.
    """
    path = arm.folder / RESULT
    if not path.exists():
        return None
    result = json.loads(path.read_text())
    if result["recipe"] != json.loads(json.dumps(asdict(arm.recipe))):
        raise another_recipe(arm)
    return result


def borrow(arm: Arm) -> dict[str, Any] | None:
    """Take result and weights from another experiment in the same folder that has trained the same recipe.

    Training is exactly repeatable, so nothing but time would be gained by doing it again.

    Returns:
        The result, which tells under "same_as" where it is from; None if there is none to take.
    """
    recipe = _without_name(arm)
    for path in sorted(arm.folder.parent.parent.glob(f"*/*/{RESULT}")):
        result = json.loads(path.read_text())
        same = result["recipe"] | recipe == result["recipe"] and result["versions"] == provenance.versions()
        if not same or "failed" in result or not set(arm.scored) <= set(result["psnr"]):
            continue
        result |= {
            "recipe": asdict(arm.recipe),
            "same_as": path.parent.relative_to(arm.folder.parent.parent).as_posix(),
        }
        result["psnr"] = {data: result["psnr"][data] for data in arm.scored}
        arm.folder.mkdir(parents=True, exist_ok=True)
        with replacing(arm.folder / WEIGHTS) as file:
            file.write((path.parent / WEIGHTS).read_bytes())
        write(arm, result)
        return result
    return None


def write(arm: Arm, result: dict[str, Any]) -> None:
    """Put the result of an arm into its folder: from now on it is finished."""
    with replacing(arm.folder / RESULT) as file:
        file.write(json.dumps(result, indent=1).encode() + b"\n")


def another_recipe(arm: Arm) -> RecipeError:
    """What is wrong with a folder that another recipe has used."""
    return RecipeError(f"{arm.folder}: was trained with another recipe; choose another -o, or remove it")


def summary(experiment: Experiment, folder: Path) -> dict[str, Any]:
    """What is finished so far: of each arm its cost and, for each benchmark, mean and spread over seeds.

    Args:
        experiment: What was run.
        folder: As for `Experiment.arms`.

    Returns:
        Plain data; "psnr" and "validation" hold mean and (largest - smallest) in dB, "seeds" every value.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in experiment.recipes}
    for arm in experiment.arms(folder):
        if result := finished(arm):
            found[arm.name].append(result)
    every = [asdict(recipe) for recipe in experiment.recipes.values()]
    shared = {key: value for key, value in every[0].items() if all(other[key] == value for other in every)}
    rows: dict[str, Any] = {}
    for name, results in found.items():
        if not results:
            continue
        recipe = experiment.recipes[name]
        net = arch.build(recipe.model, recipe.scale, recipe.config)
        row: dict[str, Any] = {
            "changes": {key: value for key, value in asdict(recipe).items() if key not in (*shared, "name")},
            "parameters": complexity.count_parameters(net),
            "mult_adds": complexity.mult_adds(net, recipe.scale),
            "failed": [result["failed"] for result in results if "failed" in result],
        }
        good = [result for result in results if "failed" not in result]
        if good:
            row["validation"] = _spread([result["validation"] for result in good])
            row["psnr"] = {
                data: _spread([result["psnr"][data] for result in good]) for data in good[0]["psnr"]
            }
            row["curve"] = good[0]["curve"]
        rows[name] = row
    return {
        "experiment": experiment.name,
        "title": experiment.title,
        "recipe": shared,
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "arms": rows,
    }


def _without_name(arm: Arm) -> dict[str, Any]:
    """What was tried, as it reads in a result; the name tells only where."""
    recipe = json.loads(json.dumps(asdict(arm.recipe)))
    del recipe["name"]
    return recipe


def _spread(values: list[float]) -> dict[str, Any]:
    return {
        "mean": round(statistics.mean(values), 4),
        "spread": round(max(values) - min(values), 4),
        "seeds": [round(value, 4) for value in values],
    }
