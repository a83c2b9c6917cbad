"""`mssn ablate`: train and score the arms of an experiment."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from mssn.cli.options import Force, Threads, check_text, write_text
from mssn.cli.tables import show


def ablate(
    experiment: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path("runs/ablate"),
    settings: Annotated[list[str] | None, Parameter(name="--set")] = None,
    json_file: Annotated[Path | None, Parameter(name="--json")] = None,
    force: Force = False,
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
        force: Overwrite the file of --json.
        ray: Spread the arms over a Ray cluster: its address, or local for this machine.
        threads: Processor cores for an arm; default all.
        cache: Where decoded pictures are kept; default MSSN_CACHE or the user's cache folder.
    """
    # Here, so that --help needs no PyTorch.
    from mssn.lab.experiment.plan import load_experiment
    from mssn.lab.experiment.results import summary
    from mssn.lab.experiment.run import run

    plan = load_experiment(experiment, settings)
    check_text("--json", json_file, force=force)
    console = Console(stderr=True)
    done = run(plan, output, cache=cache, threads=threads, ray=ray, say=console.print)
    found = summary(plan, output.resolve())
    _show(found)
    if not done:  # what stands in a file of results is never replaced by less
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    if json_file is not None:
        write_text(json_file, json.dumps(found, indent=1) + "\n")
    return 0


def _show(found: dict) -> None:
    arms = found["arms"]
    scored = next((list(row["psnr"]) for row in arms.values() if "psnr" in row), [])
    rows = []
    for name, row in arms.items():
        failed = f" ({len(row['failed'])} diverged)" if row["failed"] else ""
        scores = [row["validation"], *row["psnr"].values()] if "psnr" in row else [None] * (1 + len(scored))
        cells = [f"{row['parameters']:,}", f"{row['mult_adds'] / 1e9:.1f} G", *map(_score, scores)]
        rows.append([name + failed, *cells])
    show(("arm", "parameters", "Mult-Adds", "validation", *scored), rows, title=found["title"])


def _score(score: dict | None) -> str:
    if score is None:
        return "-"
    spread = f" (spread {score['spread']:.3f})" if len(score["seeds"]) > 1 else ""
    return f"{score['mean']:.3f}{spread}"
