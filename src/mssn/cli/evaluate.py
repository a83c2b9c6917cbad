"""`mssn evaluate`: score a model on benchmarks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mssn.api import DEFAULT_MODEL, load_tiled
from mssn.cli.options import Ensemble, Model, PrecisionOption, Runtime, Scale, Threads, write_text
from mssn.errors import DataError
from mssn.score import evaluate as scoring


def evaluate(
    *,
    data: Annotated[list[str], Parameter(name=["--data", "-d"], consume_multiple=True)],
    model: Model = DEFAULT_MODEL,
    scale: Scale = None,
    runtime: Runtime = "openvino",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
    ensemble: Ensemble = False,
    degrade: str = "none",
    json_file: Annotated[Path | None, Parameter(name="--json")] = None,
    brief: Annotated[bool, Parameter(name="--brief", negative="")] = False,
) -> int:
    """Score a model: PSNR and SSIM on luma, bicubic beside it.

    Args:
        data: Names of benchmarks under MSSN_DATA (Set5 Set14 B100 Urban100) or folders of originals.
        model: mssn-s, mssn-m, mssn, mssn-s-photo, bicubic, or the path of a weights file.
        scale: 2, 3 or 4; default 2, or what a weights file was trained for.
        runtime: What runs the network.
        precision: auto takes the fastest here that costs next to nothing: bf16, int8 or fp32.
        threads: Processor cores to use; default all.
        ensemble: Take the mean over eight flips and turns: a little better, eight times as slow.
        degrade: Degrade the small pictures first: jpeg:75, webp:60, avif:60, noise:5, blur:0.8 or mix.
        json_file: Write everything, with protocol, versions and commit, to this file.
        brief: Show the means only.
    """
    engine = load_tiled(
        model, scale, runtime=runtime, precision=precision, threads=threads, ensemble=ensemble
    ).runtime
    names = [Path(folder).resolve().name for folder in data]
    if len(set(names)) < len(names):
        raise DataError(f"two folders of one name among {', '.join(data)}; score them one by one")
    console = Console()
    reports = []
    for folder in data:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(folder)
            reports.append(
                scoring.evaluate(
                    engine,
                    folder,
                    degrade=degrade,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),  # noqa: B023
                )
            )
    for report in reports:
        console.print(_table(report, model, brief))
    failures = [line for report in reports for line in report.failed]
    for line in failures:
        print(f"mssn: {line}", file=sys.stderr)
    if failures:
        print(f"mssn: {len(failures)} pictures could not be scored and are left out", file=sys.stderr)
    if json_file is not None:
        write_text(json_file, json.dumps(scoring.to_json(reports, model), indent=1) + "\n")
    return 1 if failures else 0


def _table(report: scoring.Report, model: str, brief: bool) -> Table:
    how = "" if report.degraded == "none" else f", {report.degraded}"
    table = Table(title=f"{report.data} x{report.scale}{how}: {model} ({report.runtime})")
    for name in ("picture", "PSNR", "SSIM", "bicubic PSNR", "bicubic SSIM", "seconds"):
        table.add_column(name, justify="left" if name == "picture" else "right")
    for score in [*([] if brief else report.scores), report.mean]:
        if score.image == "mean":
            table.add_section()
        table.add_row(
            score.image,
            f"{score.psnr:.3f}",
            f"{score.ssim:.4f}",
            f"{score.bicubic_psnr:.3f}",
            f"{score.bicubic_ssim:.4f}",
            f"{score.seconds:.3f}",
        )
    return table
