"""What a machine trains, one network after the other: a TOML file with a table `[[train]]` for each.

    [[train]]
    name = "s-x2"               # of the weights file
    recipe = "best-mssn-s"      # one that ships
    set = ["batch=64"]          # changes to it
    init = "mssn-s-x2"          # a file that ships, a path, or the name of an earlier network; none: anew
    minutes = 5                 # its share of the time

The minutes are shares: whatever time there is, each network gets its part of it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mssn.errors import RecipeError
from mssn.lab.train.recipe import Recipe, load_recipe, read_toml, shipped_recipes

MOST = 5  # networks; with the log and a file that is being replaced, seven files


@dataclass(frozen=True)
class Entry:
    """A network to train.

    Args:
        name: Of its weights file.
        recipe: How it is trained.
        init: What it starts from: a file that ships, a path, or an earlier entry's name; empty for nothing.
        minutes: Its share of the time.
        command: What trains the same elsewhere.
    """

    name: str
    recipe: Recipe
    init: str
    minutes: float
    command: str = ""


def read(path: Path) -> list[Entry]:
    """The networks of a plan, in order.

    Raises:
        RecipeError: The file cannot be read, or says what cannot be.
    """
    table = read_toml(path, "a plan")
    rows = table.get("train")
    if set(table) != {"train"} or not isinstance(rows, list) or not 1 <= len(rows) <= MOST:
        raise RecipeError(f"{path}: a plan is one to {MOST} tables [[train]] and nothing else")
    entries: list[Entry] = []
    for row in rows:
        entries.append(_entry(path, row))
        if entries[-1].name in [entry.name for entry in entries[:-1]]:
            raise RecipeError(f"{path}: two networks are called '{entries[-1].name}'")
    return entries


def init_file(init: str) -> str:
    """What first weights are called in the archive."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", init) + ".safetensors"


def _entry(path: Path, row: Any) -> Entry:
    kinds = {"name": str, "recipe": str, "set": list, "init": str, "minutes": (int, float)}
    if not isinstance(row, dict) or not {"name", "recipe", "minutes"} <= row.keys() <= kinds.keys():
        raise RecipeError(f"{path}: a [[train]] has name, recipe and minutes, and may have set and init")
    for key, value in row.items():
        if not isinstance(value, kinds[key]) or isinstance(value, bool):
            raise RecipeError(f"{path}: {key} cannot be {value!r}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", row["name"]):
        raise RecipeError(f"{path}: the name '{row['name']}' must be letters, digits, '.', '_' and '-'")
    if row["recipe"] not in shipped_recipes():
        raise RecipeError(
            f"{path}: no recipe '{row['recipe']}' ships; there are {', '.join(shipped_recipes())}"
        )
    if not row["minutes"] > 0:
        raise RecipeError(f"{path}: minutes must be above 0, not {row['minutes']}")
    # Validations cost time that is short here: there is one at the end, unless the plan asks for more.
    settings = ["validate_every=0", *map(str, row.get("set", []))]
    recipe = load_recipe(row["recipe"], settings)
    if recipe.teacher:
        raise RecipeError(f"{path}: teachers are not packed; train on pairs that hold their answers")
    command = ["mssn", "train", row["recipe"], "--time-limit", f"{row['minutes']:g}"]
    command += [word for text in settings for word in ("--set", text)]
    command += ["--init", row["init"]] if row.get("init") else []
    return Entry(row["name"], recipe, row.get("init", ""), float(row["minutes"]), shlex.join(command))
