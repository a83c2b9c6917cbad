"""`mssn evaluate`: score a model on benchmarks."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from mssn.api import DEFAULT_MODEL
from mssn.cli.dial import Strength
from mssn.cli.options import (
    Ensemble,
    Force,
    Model,
    PrecisionOption,
    Runtime,
    Scale,
    Threads,
    check_text,
    write_text,
)
from mssn.cli.tables import show
from mssn.errors import DataError
from mssn.score import evaluate as scoring
from mssn.score.degrade import by_name
from mssn.score.folders import locate
from mssn.upscaling.load import of_variant

_COLUMNS = {  # of the table: the score's field, and how it is printed
    "PSNR": ("psnr", ".3f"),
    "SSIM": ("ssim", ".4f"),
    "RGB PSNR": ("psnr_rgb", ".3f"),
    "bicubic PSNR": ("bicubic_psnr", ".3f"),
    "bicubic SSIM": ("bicubic_ssim", ".4f"),
    "bicubic RGB PSNR": ("bicubic_psnr_rgb", ".3f"),
    "seconds": ("seconds", ".3f"),
}


def evaluate(
    *,
    data: Annotated[list[str], Parameter(name=["--data", "-d"], consume_multiple=True)],
    model: Model = DEFAULT_MODEL,
    variant: Annotated[Literal["clean", "photo"] | None, Parameter(name="--variant")] = None,
    scale: Scale = None,
    runtime: Runtime = "auto",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
    ensemble: Ensemble = False,
    degrade: str = "none",
    strength: Strength = None,
    json_file: Annotated[Path | None, Parameter(name="--json")] = None,
    csv_file: Annotated[Path | None, Parameter(name="--csv")] = None,
    save: Path | None = None,
    force: Force = False,
    brief: Annotated[bool, Parameter(name="--brief")] = False,
) -> int:
    """Score a model: PSNR and SSIM on luma, PSNR on RGB, bicubic beside it.

    Args:
        data: Names of benchmarks under MSSN_DATA (Set5 Set14 B100 Urban100) or folders of originals.
        model: mssn-s, mssn-m, mssn, bicubic, or the path of a weights file; mssn-s-photo is mssn-s --variant
            photo.
        variant: photo takes weights made for photographs as they are stored (soft, noisy, compressed), clean
            those for clean pictures; default clean, for every picture alike.
        scale: 2, 3 or 4; default 2, or what a weights file was trained for.
        runtime: What runs the network.
        precision: auto takes the fastest here that costs next to nothing: bf16, int8 or fp32.
        threads: Processor cores to use; default all.
        ensemble: Take the mean over eight flips and turns: a little better, eight times as slow.
        degrade: Degrade the small pictures first: jpeg:75, webp:60, avif:60, double:75, hidden:75, noise:5,
            blur:0.8, scan or mix.
        strength: How strongly the network is told that they are degraded, 0 to 1 (below 0.1 that), if it is
            told at all; default what the file of such a picture tells.
        json_file: Write everything, with protocol, versions and commit, to this file.
        csv_file: Write a row for each picture, in full precision, to this file.
        force: Overwrite the files of --json and --csv.
        save: Keep the enlarged pictures as PNG in this folder, which must be new or empty.
        brief: Show the means only.
    """
    for option, file in (("--json", json_file), ("--csv", csv_file)):
        check_text(option, file, force=force)
    if save is not None and save.exists() and (not save.is_dir() or any(save.iterdir())):
        raise DataError(f"--save {save}: exists and is not empty; name a new folder")
    if save is not None:
        try:
            save.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"--save {save}: cannot be made ({error.strerror})") from error
    for folder in data:
        locate(folder)
    by_name(degrade)
    if variant is not None:
        model = of_variant(model, variant)
    names = [Path(folder).resolve().name for folder in data]
    if len(set(names)) < len(names):
        raise DataError(f"two folders of one name among {', '.join(data)}; score them one by one")
    engine = scoring.engine_for(
        model, scale, runtime=runtime, precision=precision, threads=threads, ensemble=ensemble
    )
    console = Console(stderr=True)
    reports = []
    for folder, name in zip(data, names, strict=True):
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(folder)
            reports.append(
                scoring.evaluate(
                    engine,
                    folder,
                    degrade=degrade,
                    strength=strength,
                    save=None if save is None else save / name,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),  # noqa: B023
                )
            )
    for report in reports:
        _show(report, model, brief)
    failures = [line for report in reports for line in report.failed]
    for line in failures:
        print(f"mssn: {' '.join(line.split())}", file=sys.stderr)  # names may hold anything
    if failures:
        left_out = "1 picture" if len(failures) == 1 else f"{len(failures)} pictures"
        print(f"mssn: {left_out} could not be scored and left out", file=sys.stderr)
    if json_file is not None:
        text = json.dumps(scoring.to_json(reports, model), indent=1, allow_nan=False)
        write_text(json_file, text + "\n")
    if csv_file is not None:
        write_text(csv_file, _csv(reports))
    return 1 if failures else 0


def _show(report: scoring.Report, model: str, brief: bool) -> None:
    how = "" if report.degraded == "none" else f", {report.degraded}"
    told = "" if report.mean.strength is None else f", strength {report.mean.strength:.2f}"
    show(
        ("picture", *_COLUMNS),
        [] if brief else map(_row, report.scores),
        title=f"{report.data} x{report.scale}{how}: {model} ({report.runtime}{told})",
        total=_row(report.mean),
    )


def _row(score: scoring.Score) -> list[str]:
    return [score.image, *(format(getattr(score, field), digits) for field, digits in _COLUMNS.values())]


def _csv(reports: list[scoring.Report]) -> str:
    """A row for each picture; numbers as Python writes them, from which they can be read back exactly."""
    text = io.StringIO()
    scores = [(report.data, asdict(score)) for report in reports for score in report.scores]
    # Only a network that is told a strength has one.
    rows = [{"data": data, **{k: v for k, v in row.items() if v is not None}} for data, row in scores]
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()
