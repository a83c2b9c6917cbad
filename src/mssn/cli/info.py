"""`mssn info`: what there is, and what it costs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.cli.tables import console, show
from mssn.errors import UnknownModelError
from mssn.models.info import BENCHMARKS, ModelInfo, list_models
from mssn.models.meta import Meta, read_meta
from mssn.runtime.plan import names_file

_LEGEND = """params: trained weights; +gains: with those of the weight norm, which vanish in the exported file
Mult-Adds: for a 1280x720 output; field: side of the receptive field, small pixels; KB: the exported file
Set5 ...: PSNR in dB on Y of the weights that ship (SSIM: --json)"""


def info(
    model: str | None = None,
    /,
    *,
    every: Annotated[bool, Parameter(name=["--all", "-a"])] = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """List the models that ship: parameters, Mult-Adds (1280x720 output), receptive field, size, scores.

    Args:
        model: Show only this one (mssn-s, or mssn-s-x2 at one scale), or what a weights file says of itself.
        every: The networks without weights, too.
        as_json: Print a JSON list instead of a table.
    """
    if model is not None and names_file(model):
        _describe(Path(model), as_json)
        return
    known = list_models()
    found = [row for row in known if (model in _names(row) if model else every or row.weights)]
    if not found:
        names = ", ".join(dict.fromkeys(row.model for row in known))
        raise UnknownModelError(f"unknown model '{model}'; known are: {names}")
    if as_json:
        print(json.dumps([asdict(row) for row in found], indent=1))
        return
    show(("model", "params", "+gains", "Mult-Adds", "field", "KB", *BENCHMARKS), map(_row, found))
    out = console()
    out.print(_LEGEND)
    if others := {row.model for row in known} - {row.model for row in found} if not model else None:
        out.print(f"{len(others)} networks to train, score and compare have no weights here: mssn info --all")


def _names(row: ModelInfo) -> tuple[str, str]:
    return row.model, f"{row.model}-x{row.scale}"


def _row(row: ModelInfo) -> list[str]:
    return [
        f"{row.model} x{row.scale}",
        f"{row.parameters:,}",
        f"{row.parameters_with_gains:,}",
        f"{row.mult_adds / 1e9:.2f} G",
        str(row.receptive_field),
        f"{row.path.stat().st_size / 1000:.0f}" if row.path else "-",
        *(f"{row.scores[name]['psnr']:.2f}" if name in row.scores else "-" for name in BENCHMARKS),
    ]


def _describe(path: Path, as_json: bool) -> None:
    """What a weights file says of itself."""
    meta = read_meta(path)
    size = path.stat().st_size
    if as_json:
        print(json.dumps([{"file": str(path), "bytes": size, **asdict(meta)}], indent=1))
        return
    lines = {
        "file": f"{path}, {size / 1000:.0f} KB, format {meta.format}",
        "network": f"{meta.model} x{meta.scale}, {meta.parameters:,} parameters{_shape(meta)}",
        "field": f"{2 * meta.halo + 1} small pixels a side",
        "precision": meta.precision,
        "strength": "0 to 1: it is told how strongly a picture is degraded" if meta.told else "",
        "training": f"{meta.recipe or 'recipe unknown'}, {meta.updates:,} updates",
        "data": meta.data,
        "PSNR": ", ".join(f"{name} {score['psnr']:.2f}" for name, score in meta.scores.items()),
        "licence": meta.licence,
        "commit": meta.commit,
    }
    out = console()
    for name, text in lines.items():
        if text:
            out.print(f"{name + ':':<11}{text}")
    for command in meta.commands:
        out.print(f"made by:   {command}", markup=False, soft_wrap=True)


def _shape(meta: Meta) -> str:
    """The network's config, as far as it has one."""
    return "".join(f", {key} {value}" for key, value in meta.config.items() if key != "told")
