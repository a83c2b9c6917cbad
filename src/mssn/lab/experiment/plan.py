"""What an experiment is, and where it is written down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from mssn.errors import RecipeError
from mssn.lab import nets
from mssn.lab.train.recipe import Recipe, read_toml, recipe_from, setting
from mssn.lab.train.step import in_bf16


@dataclass(frozen=True)
class Arm:
    """One training of an experiment.

    Args:
        name: What is tried.
        recipe: How, with its seed.
        scored: Benchmarks to score.
        folder: Where its run, weights and result go.
    """

    name: str
    recipe: Recipe
    scored: tuple[str, ...]
    folder: Path


@dataclass(frozen=True)
class Experiment:
    """What differs, and what is scored.

    Args:
        name: The stem of its file, "table-1".
        title: One line for people.
        recipes: By the arm's name; their seed is set for each run.
        seeds: One run of every arm for each.
        scored: Benchmarks to score.
    """

    name: str
    title: str
    recipes: dict[str, Recipe]
    seeds: tuple[int, ...]
    scored: tuple[str, ...]

    def arms(self, folder: Path) -> Iterator[Arm]:
        """All runs, every arm once before any a second time."""
        for seed in self.seeds:
            for name, recipe in self.recipes.items():
                place = folder / self.name / f"{name}-seed{seed}"
                yield Arm(name, replace(recipe, seed=seed), self.scored, place)


def load_experiment(path: str | Path, settings: list[str] | None = None) -> Experiment:
    """Read an experiment from a TOML file, such as those of the paper in `paper/plans`.

    The file is a recipe for all arms, with `title`, `seeds` (default 0 and 1), `score` (default Set5 and
    Set14) and, under `arms.NAME`, what each arm changes.

    Args:
        path: The file, "paper/plans/table-1.toml".
        settings: "key=value" over every arm's recipe.

    Raises:
        RecipeError: No such file, no arms, or an impossible value.
    """
    path, name = Path(path), str(path)
    if path.suffix != ".toml":
        raise RecipeError(f"{name}: an experiment is a .toml file; those of the paper lie in paper/plans")
    values = read_toml(path, "an experiment")
    title, arms = values.pop("title", path.stem), values.pop("arms", None)
    seeds, scored = values.pop("seeds", [0, 1]), values.pop("score", ["Set5", "Set14"])
    if not arms or not isinstance(arms, dict) or not all(isinstance(arm, dict) for arm in arms.values()):
        raise RecipeError(f"{name}: has no arms; write [arms.NAME] and what it changes")
    if odd := [arm for arm in arms if not re.fullmatch(r"\w[\w.+-]*", arm)]:
        raise RecipeError(f"{name}: an arm's name is of letters, digits and . + - _, not '{odd[0]}'")
    if not (isinstance(seeds, list) and seeds and all(type(seed) is int for seed in seeds)):
        raise RecipeError(f"{name}: seeds must be a list of whole numbers, not {seeds!r}")
    if len(set(seeds)) < len(seeds):
        raise RecipeError(f"{name}: a seed stands twice in {seeds!r}")
    if any("seed" in changes for changes in (values, *arms.values(), dict(map(setting, settings or [])))):
        raise RecipeError(f"{name}: an experiment has no seed; write seeds = [0, 1] into its file")
    if not (isinstance(scored, list) and all(type(item) is str for item in scored)):
        raise RecipeError(f"{name}: score must be a list of benchmarks, not {scored!r}")
    recipes = {
        arm: _settled(recipe_from({**values, **changes}, name, settings), f"{path.stem}, {arm}")
        for arm, changes in arms.items()
    }
    before: dict[str, str] = {}
    for arm, recipe in recipes.items():
        nets.build(recipe.model, recipe.scale, recipe.config)  # fails before any work
        tried = json.dumps(asdict(replace(recipe, name="")), sort_keys=True)
        if same := before.get(tried):
            raise RecipeError(
                f"{name}: nothing differs between the arms {same} and {arm}, with --set and all"
            )
        before[tried] = arm
    return Experiment(path.stem, str(title), recipes, tuple(seeds), tuple(scored))


def _settled(recipe: Recipe, name: str) -> Recipe:
    """An arm's recipe; where it leaves the precision open, this machine decides for all arms."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = "bf16" if in_bf16(recipe.precision, device) else "fp32"
    return replace(recipe, name=name, precision=precision)
