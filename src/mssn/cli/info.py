"""`mssn info`: what there is, and what it costs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from mssn.errors import UnknownModelError
from mssn.weights.manifest import Row, rows


def info(
    model: str | None = None,
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """List the models: parameters, Mult-Adds for a 1280x720 output, receptive field, file size, scores.

    Args:
        model: Show only this one.
        as_json: Print a JSON list instead of a table.
    """
    found = [row for row in rows() if model in (None, row.model)]
    if not found:
        names = ", ".join(dict.fromkeys(row.model for row in rows()))
        raise UnknownModelError(f"unknown model '{model}'; known are: {names}")
    if as_json:
        print(json.dumps([asdict(row) for row in found], indent=1))
        return
    table = Table(caption="PSNR in dB / SSIM on Y; Mult-Adds for 1280x720; field in small pixels")
    columns = ("model", "scale", "parameters", "with gains", "Mult-Adds", "field", "file")
    benchmarks = list(dict.fromkeys(name for row in found for name in row.scores))
    for name in (*columns, *benchmarks):
        table.add_column(name, justify="left" if name == "model" else "right")
    for row in found:
        scores = [_score(row, name) for name in benchmarks]
        table.add_row(
            row.model,
            f"x{row.scale}",
            f"{row.parameters:,}",
            f"{row.parameters_with_gains:,}",
            f"{row.mult_adds / 1e9:.2f} G",
            f"{row.receptive_field}x{row.receptive_field}",
            f"{row.path.stat().st_size / 1000:.0f} KB" if row.path else "not yet",
            *scores,
        )
    Console().print(table)


def _score(row: Row, benchmark: str) -> str:
    score = row.scores.get(benchmark)
    return f"{score['psnr']:.2f} / {score['ssim']:.4f}" if score else ""
