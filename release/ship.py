"""Put trained weights into the package, with their scores, or bring the table of models up to date.

    python release/ship.py                              # only the table, shipped/manifest.json
    python release/ship.py runs/NAME/weights.safetensors

Shipping exports weights as ONNX (from which `mssn.lab.weights` makes a network that learns again), scores
that file through the runtime that users get (OpenVINO) on every benchmark under MSSN_DATA, keeps the scores
in paper/results/MODEL-xSCALE.json and in the file, and refuses weights that score lower than those that ship
already. Their int8 file goes; `python release/precision.py MODEL-xSCALE` makes the new one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from mssn.errors import MssnError
from mssn.lab import complexity, nets
from mssn.lab.export.onnx import export
from mssn.lab.weights import load, load_network, save
from mssn.models import info
from mssn.runtime.openvino import OpenVINORuntime
from mssn.score import evaluate as scoring

TRAINING = ("recipe", "updates", "data", "licence", "commit")
RESULTS = Path(__file__).parents[1] / "paper" / "results"
PRECISION = RESULTS / "precision.json"  # written by precision.py


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", nargs="*", type=Path)
    parser.add_argument("--force", action="store_true", help="ship even weights that score lower")
    arguments = parser.parse_args()
    if arguments.weights and "MSSN_DATA" not in os.environ:
        return _fail("set MSSN_DATA to the folder that holds benchmarks/Set5 and the others")
    try:
        for weights in arguments.weights:
            ship(weights, arguments.force)
        write_manifest()
    except MssnError as error:
        return _fail(str(error))
    return 0


def ship(weights: Path, force: bool) -> None:
    """Export, score and install one weights file."""
    with tempfile.TemporaryDirectory() as folder:
        safetensors, onnx = export(weights, Path(folder), half=True)
        tensors, meta = load(safetensors)
        runtime = OpenVINORuntime(onnx)
        reports = [scoring.evaluate(runtime, name) for name in info.BENCHMARKS]
        scores = {
            report.data: {"psnr": round(report.mean.psnr, 4), "ssim": round(report.mean.ssim, 5)}
            for report in reports
        }
        name = f"{meta.model}-x{meta.scale}"
        print(name, {data: score["psnr"] for data, score in scores.items()})
        if not force:
            _require_better(name, onnx, scores)
        # The same weights again, with their scores.
        meta = replace(meta, scores=scores, licence="MIT")
        save(safetensors, tensors, meta)
        _, onnx = export(safetensors, Path(folder) / "final", half=True)
        info.FOLDER.mkdir(exist_ok=True)
        shutil.copy(onnx, info.FOLDER / onnx.name)
        (info.FOLDER / f"{name}-int8.onnx").unlink(missing_ok=True)  # of other weights; precision.py makes it
    if PRECISION.exists():  # what other weights of this model lost says nothing of these
        measured = json.loads(PRECISION.read_text())
        measured["models"].pop(name, None)
        PRECISION.write_text(json.dumps(measured, indent=1) + "\n")
    result = {**scoring.to_json(reports, name), "meta": asdict(meta)}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


def write_manifest() -> None:
    """Count every model, and note what ships."""
    rows = []
    measured = json.loads(PRECISION.read_text())["models"] if PRECISION.exists() else {}
    for model, spec in nets.MODELS.items():
        for scale in spec.scales:
            net = nets.build(model, scale)
            shipped = info.FOLDER / f"{model}-x{scale}.onnx"
            meta = load_network(shipped)[1] if shipped.exists() else None
            int8 = info.FOLDER / f"{model}-x{scale}-int8.onnx"
            found = measured.get(f"{model}-x{scale}", {})
            row = info.ModelInfo(
                model=model,
                scale=scale,
                parameters=complexity.count_parameters(net),
                parameters_with_gains=complexity.count_parameters(net, gains=True),
                mult_adds=complexity.mult_adds(net, scale),
                receptive_field=2 * complexity.halo(net, scale) + 1,
                weights=shipped.name if meta else None,
                int8=int8.name if int8.exists() else None,
                loss={
                    name: round(found["fp32"]["Set5"] - found[name]["Set5"], 4)
                    for name in ("bf16", "int8")
                    if meta and found
                },
                scores=meta.scores if meta else {},
                training={key: getattr(meta, key) for key in TRAINING} if meta else {},
            )
            rows.append(asdict(row))
    info.FOLDER.mkdir(exist_ok=True)
    (info.FOLDER / "manifest.json").write_text(json.dumps(rows, indent=1) + "\n")


def _require_better(name: str, onnx: Path, scores: dict[str, dict[str, float]]) -> None:
    """Refuse to replace better weights.

    The mean PSNR decides, over all benchmarks; of weights for photographs, which are not made for these clean
    pictures, over Set14 clean and compressed.
    """
    old = info.FOLDER / f"{name}.onnx"
    if not old.exists():
        return
    if info.PHOTO in name:
        change = _on_photographs(onnx) - _on_photographs(old)
    else:
        before = load_network(old)[1].scores
        change = sum(scores[data]["psnr"] - before[data]["psnr"] for data in scores) / len(scores)
    if change <= 0:
        raise MssnError(f"{name}: {-change:.4f} dB lower than the weights that ship; kept those")


def _on_photographs(onnx: Path) -> float:
    hows = ("none", "jpeg:95", "jpeg:75", "jpeg:50")
    runtime = OpenVINORuntime(onnx)
    return sum(scoring.evaluate(runtime, "Set14", degrade=how).mean.psnr for how in hows) / len(hows)


def _fail(message: str) -> int:
    print(f"ship: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
