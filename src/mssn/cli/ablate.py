"""`mssn ablate`: train and score the arms of an experiment."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from mssn.cli.options import Threads, write_text
from mssn.errors import RecipeError
from mssn.lab.experiment.plan import load_experiment
from mssn.lab.experiment.results import summary
from mssn.lab.experiment.run import run


def ablate(
    experiment: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("runs/ablate"),
    settings: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    json_file: Annotated[Path | None, Parameter(name="--json")] = None,
    ray: str | None = None,
    threads: Threads = None,
    cache: Path | None = None,
) -> int:
    """Train and score the arms of an experiment; what is finished stays, what was stopped goes on.

    Args:
        experiment: A .toml file; those of the paper lie in paper/plans.
        output: Folder for all runs; a finished arm is never trained again.
        settings: key=value over every arm's recipe; may be repeated.
        json_file: Write means, spreads and curves to this file when all is finished.
        ray: Spread the arms over a Ray cluster: its address, or local for this machine.
        threads: Processor cores for an arm; default all.
        cache: Where decoded pictures are kept; default MSSN_CACHE or the user's cache folder.
    """
    plan = load_experiment(experiment, settings)
    if json_file is not None and json_file.is_dir():
        raise RecipeError(f"--json {json_file}: is a folder")
    console = Console(stderr=True)
    done = run(plan, output, cache=cache, threads=threads, ray=ray, say=console.print)
    found = summary(plan, output.resolve())
    Console().print(_table(found))
    if not done:  # what stands in a file of results is never replaced by less
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    if json_file is not None:
        write_text(json_file, json.dumps(found, indent=1) + "\n")
    return 0


def _table(found: dict) -> Table:
    arms = found["arms"]
    scored = next((list(row["psnr"]) for row in arms.values() if "psnr" in row), [])
    table = Table(title=found["title"])
    for name in ("arm", "parameters", "Mult-Adds", "validation", *scored):
        table.add_column(name, justify="left" if name == "arm" else "right")
    for name, row in arms.items():
        cells = [name, f"{row['parameters']:,}", f"{row['mult_adds'] / 1e9:.1f} G"]
        scores = [row["validation"], *row["psnr"].values()] if "psnr" in row else []
        cells += [_score(score) for score in scores]
        if row["failed"]:
            cells[0] += f" ({len(row['failed'])} diverged)"
        table.add_row(*cells)
    return table


def _score(score: dict) -> str:
    spread = f" (spread {score['spread']:.3f})" if len(score["seeds"]) > 1 else ""
    return f"{score['mean']:.3f}{spread}"
