"""Bring the table of models, shipped/manifest.json, up to date: count every model, and note what ships.

python release/manifest.py
"""

from __future__ import annotations

import argparse
from dataclasses import asdict

import record

from mssn.lab import complexity, nets
from mssn.lab.weights import load_network
from mssn.models import info
from mssn.runtime.native.network import suits

TRAINING = ("recipe", "updates", "data", "licence", "commit")


def main() -> None:
    """Command line."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    write_manifest()


def write_manifest() -> None:
    """Count every model, and note what ships.

    What a precision costs is noted only if it was measured of the file that ships.
    """
    table = record.Table(record.RESULTS / "precision.json")
    rows = []
    for model, spec in nets.MODELS.items():
        for scale in spec.scales:
            name = f"{model}-x{scale}"
            shipped = record.weights_of(name)
            # What ships may have been made before its model's config changed.
            net, meta = load_network(shipped) if shipped.exists() else (nets.build(model, scale), None)
            int8 = info.FOLDER / f"{name}-int8.onnx"
            measured = table.numbers(name, record.with_int8(name)) if meta else {}
            row = info.ModelInfo(
                model=model,
                scale=scale,
                parameters=complexity.count_parameters(net),
                parameters_with_gains=complexity.count_parameters(net, gains=True),
                mult_adds=complexity.mult_adds(net, scale),
                receptive_field=2 * complexity.halo(net, scale) + 1,
                weights=shipped.name if meta else None,
                int8=int8.name if int8.exists() else None,
                told=meta is not None and meta.told,
                native=meta is not None and suits(meta),
                loss={
                    precision: round(measured["fp32"]["Set5"] - measured[precision]["Set5"], 4)
                    for precision in ("bf16", "int8")
                    if precision in measured and (precision == "bf16" or int8.exists())
                },
                scores=meta.scores if meta else {},
                training={key: getattr(meta, key) for key in TRAINING} if meta else {},
            )
            rows.append(asdict(row))
    record.write_json(info.FOLDER / "manifest.json", rows)


if __name__ == "__main__":
    main()
