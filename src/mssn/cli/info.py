"""`mssn info`: what there is, and what it costs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from mssn.errors import UnknownModelError
from mssn.models.info import BENCHMARKS, ModelInfo, list_models

_LEGEND = """
params     trained weights; +gains: with those of the weight norm, which vanish in the exported file
Mult-Adds  for a 1280x720 output; field: side of the receptive field, small pixels; file: exported, KB
Set5 ...   PSNR in dB on Y of the weights that ship (SSIM: --json)"""


def info(
    model: str | None = None,
    /,
    *,
    every: Annotated[bool, Parameter(name=["--all", "-a"], negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """List the models that ship: parameters, Mult-Adds (1280x720 output), receptive field, size, scores.

    Args:
        model: Show only this one.
        every: The networks without weights, too.
        as_json: Print a JSON list instead of a table.
    """
    found = [row for row in list_models() if (row.model == model if model else every or row.weights)]
    if not found:
        names = ", ".join(dict.fromkeys(row.model for row in list_models()))
        raise UnknownModelError(f"unknown model '{model}'; known are: {names}")
    if as_json:
        print(json.dumps([asdict(row) for row in found], indent=1))
        return
    print(_line("model", "params", "+gains", "Mult-Adds", "field", "file", *BENCHMARKS))
    for row in found:
        print(_row(row))
    print(_LEGEND)
    if others := {row.model for row in list_models()} - {row.model for row in found} if not model else None:
        print(f"{len(others)} networks to train, score and compare have no weights here: mssn info --all")


def _row(row: ModelInfo) -> str:
    return _line(
        f"{row.model} x{row.scale}",
        f"{row.parameters:,}",
        f"{row.parameters_with_gains:,}",
        f"{row.mult_adds / 1e9:.2f} G",
        str(row.receptive_field),
        f"{row.path.stat().st_size / 1000:.0f}" if row.path else "-",
        *(f"{row.scores[name]['psnr']:.2f}" if name in row.scores else "-" for name in BENCHMARKS),
    )


def _line(model: str, *cells: str) -> str:
    widths = (11, 11, 11, 6, 6, 6, 6, 6, 9)
    return f"{model:<16}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
