"""What each precision costs: every shipped network in fp32, bf16, int8, and with weights of 8, 6 and 4 bits.

    python release/precision.py                    # everything that ships
    python release/precision.py mssn-s-x2 ...      # only these; the other results stay

Makes the int8 files that ship, from the shipped weights and ranges measured on the validation pictures;
scores all precisions on Set5, Set14 and these pictures through the runtime that users get (OpenVINO); writes
paper/results/precision.json, and notes the losses in the table of models. An int8 network that loses more
than 0.1 dB does not ship. Needs MSSN_DATA.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import ship
import torch
from torch import nn

from mssn import provenance
from mssn.image.read import find_images, read_rgb
from mssn.image.resize import crop_to_multiple, shrink
from mssn.lab.export.fuse import FusedMSSN, FusedUnit
from mssn.lab.export.int8 import export_int8, quantize_weight
from mssn.lab.export.onnx import round_to_half, save_model, to_onnx
from mssn.lab.nets.mssn import MSSN
from mssn.lab.weights import load_network
from mssn.models import info
from mssn.runtime.base import Runtime
from mssn.runtime.open import open_runtime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.runtime.plan import plan_for
from mssn.score.evaluate import evaluate
from mssn.score.folders import locate

SETS = ("Set5", "Set14", "validation")  # the last: nothing that a choice fitted to benchmarks could flatter
MAX_LOSS_TO_SHIP = 0.1  # dB; above, an int8 file is not worth it
BITS = (8, 6, 4)


def main() -> None:
    """Quantise, score and write."""
    known = json.loads(ship.PRECISION.read_text())["models"] if ship.PRECISION.exists() else {}
    rows = {f"{row.model}-x{row.scale}": row for row in info.list_models() if row.weights}
    for name in sys.argv[1:] or rows:
        known[name] = measure(rows[name])
        print(name, json.dumps(known[name]), flush=True)
    models = {name: known[name] for name in rows if name in known}
    result = {"versions": provenance.versions(), "commit": provenance.commit(), "models": models}
    ship.PRECISION.write_text(json.dumps(result, indent=1) + "\n")
    ship.write_manifest()


def measure(row: info.ModelInfo) -> dict[str, dict[str, float]]:
    """PSNR by precision and benchmark, and size in KB, of one network; installs its int8 file."""
    assert row.path is not None
    weights = row.path
    pictures = [
        shrink(crop_to_multiple(read_rgb(path), row.scale), row.scale)
        for path in find_images(locate("validation"))
    ]
    with tempfile.TemporaryDirectory() as folder:
        int8 = export_int8(weights, pictures, Path(folder))
        found = {p: score(open_runtime(plan_for(weights, precision=p))) for p in ("fp32", "bf16")}
        found["int8"] = score(open_runtime(plan_for(int8))) | {"kilobytes": round(int8.stat().st_size / 1000)}
        installed = info.FOLDER / int8.name
        installed.unlink(missing_ok=True)
        if all(found["fp32"][data] - found["int8"][data] <= MAX_LOSS_TO_SHIP for data in SETS):
            installed.write_bytes(int8.read_bytes())
        for bits in BITS:
            found[f"weights of {bits} bits"] = few_bits(weights, bits, Path(folder))
    return found


def few_bits(weights: Path, bits: int, folder: Path) -> dict[str, float]:
    """Score with the units' weights rounded to so many bits, all other numbers to 16, and count all of them.

    Scales of the units' channels and all other weights are half precision; arithmetic is float32.
    """
    net, meta = load_network(weights)
    assert isinstance(net, MSSN)
    folded = FusedMSSN(net)
    round_to_half(folded)
    total = sum(16 * p.numel() for p in folded.parameters())
    for unit in folded.modules():
        if not isinstance(unit, FusedUnit):
            continue
        for layer in unit.children():
            assert isinstance(layer, nn.Conv2d)
            whole, scale = quantize_weight(layer.weight.numpy(), limit=2 ** (bits - 1) - 1)
            scale = scale.astype(np.float16).astype(np.float32)
            layer.weight.data = torch.from_numpy(whole * scale.reshape(-1, 1, 1, 1))
            total += 16 * len(scale) - (16 - bits) * whole.size
    path = folder / f"{bits}.onnx"
    save_model(to_onnx(folded), meta, path)
    return score(OpenVINORuntime(path, precision="fp32")) | {"kilobytes": round(total / 8000, 1)}


def score(runtime: Runtime) -> dict[str, float]:
    """Mean PSNR on each set."""
    return {data: round(evaluate(runtime, data).mean.psnr, 4) for data in SETS}


if __name__ == "__main__":
    main()
