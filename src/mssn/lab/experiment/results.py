"""What the arms of an experiment have come to: one file for each, and means over seeds."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mssn import provenance
from mssn.atomic import replacing
from mssn.errors import RecipeError
from mssn.lab import complexity, nets
from mssn.lab.experiment.plan import Arm, Experiment

RESULT, WEIGHTS = "result.json", "weights.safetensors"  # in an arm's folder


def finished(arm: Arm) -> dict[str, Any] | None:
    """The result of an arm, or None if it is still to be trained or scored.

    Raises:
        RecipeError: As `trained`.
    """
    result = trained(arm)
    return result if result and not unscored(arm, result) else None


def trained(arm: Arm) -> dict[str, Any] | None:
    """The result of an arm, which may lack scores, or None if it is still to be trained.

    Raises:
        RecipeError: The folder holds the result of another recipe, or a damaged one.
    """
    path = arm.folder / RESULT
    if not path.exists():
        return None
    result = _read(path)
    if result is None:
        raise RecipeError(f"{path}: damaged; remove {arm.folder} to train the arm again")
    if result["recipe"] != _plain(arm):
        raise another_recipe(arm)
    return result


def unscored(arm: Arm, result: dict[str, Any]) -> list[str]:
    """The benchmarks that are still to be scored; none where there is nothing to score."""
    return [] if "failed" in result else [data for data in arm.scored if data not in result["psnr"]]


def borrow(arm: Arm) -> dict[str, Any] | None:
    """Take result and weights from another experiment in the same folder that has trained the same recipe.

    Training is exactly repeatable, so nothing but time would be gained by doing it again.

    Returns:
        The result, which tells under "same_as" where it is from; None if there is none to take.
    """
    wanted, root = _plain(arm), arm.folder.parent.parent
    for path in sorted(root.glob(f"*/*/{RESULT}")):
        result, weights = _read(path), path.parent / WEIGHTS
        if result is None or result["versions"] != provenance.versions():
            continue
        if {**result["recipe"], "name": ""} != {**wanted, "name": ""}:
            continue
        if "failed" not in result:
            if not weights.exists():
                continue
            arm.folder.mkdir(parents=True, exist_ok=True)
            with replacing(arm.folder / WEIGHTS) as file:
                file.write(weights.read_bytes())
        return result | {"recipe": wanted, "same_as": path.parent.relative_to(root).as_posix()}
    return None


def write(arm: Arm, result: dict[str, Any]) -> None:
    """Put the result of an arm into its folder: from now on it is finished."""
    arm.folder.mkdir(parents=True, exist_ok=True)
    with replacing(arm.folder / RESULT, durable=True) as file:
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
        Plain data; "psnr" and "validation" hold mean and (largest - smallest) in dB, "seeds" every value;
        "curve" is (update, mean validation PSNR). "commit" is of the summary, "commits" are of the trainings.
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
        net = nets.build(recipe.model, recipe.scale, recipe.config)
        row: dict[str, Any] = {
            "changes": {key: value for key, value in asdict(recipe).items() if key not in (*shared, "name")},
            "parameters": complexity.count_parameters(net),
            "mult_adds": complexity.mult_adds(net, recipe.scale),
            "failed": [result["failed"] for result in results if "failed" in result],
            "commits": sorted({result["commit"] for result in results}),
        }
        good = [result for result in results if "failed" not in result]
        if good:
            row["validation"] = _spread([result["validation"] for result in good])
            row["psnr"] = {
                data: _spread([result["psnr"][data] for result in good]) for data in experiment.scored
            }
            curves = [dict(map(tuple, result["curve"])) for result in good]
            steps = sorted(set(curves[0]).intersection(*curves))
            row["curve"] = [
                (step, round(statistics.mean(curve[step] for curve in curves), 4)) for step in steps
            ]
        rows[name] = row
    return {
        "experiment": experiment.name,
        "title": experiment.title,
        "recipe": shared,
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "arms": rows,
    }


def _plain(arm: Arm) -> dict[str, Any]:
    """An arm's recipe as it reads in a result."""
    return json.loads(json.dumps(asdict(arm.recipe)))


def _read(path: Path) -> dict[str, Any] | None:
    """A result, or None if the file is none."""
    try:
        result = json.loads(path.read_text("utf-8"))
        whole = isinstance(result["recipe"], dict) and (
            "failed" in result or isinstance(result["psnr"], dict)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return result if whole and "versions" in result else None


def _spread(values: list[float]) -> dict[str, Any]:
    return {
        "mean": round(statistics.mean(values), 4),
        "spread": round(max(values) - min(values), 4),
        "seeds": [round(value, 4) for value in values],
    }
