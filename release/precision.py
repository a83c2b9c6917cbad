"""What each precision costs: every shipped network in fp32, bf16, int8, and with weights of 8, 6 and 4 bits.

    python release/precision.py                    # everything that ships
    python release/precision.py mssn-s-x2 ...      # only these

Makes the int8 files that ship, from the shipped weights and ranges measured on the validation pictures and as
many drawn ones; scores all precisions on Set5, Set14 and the validation pictures through the runtime that
users get (OpenVINO), and writes paper/results/precision.json. An int8 network that loses more than 0.1 dB
does not ship, and neither does one without a place in the budget (`budget.py`). What is known of the present
files is not measured again. Needs MSSN_DATA and the extra "draw".
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import budget
import manifest
import numpy as np
import record
import torch
from torch import nn

from mssn.errors import MssnError
from mssn.image.find import find_images
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, shrink
from mssn.lab.draw.pairs import Drawing
from mssn.lab.export.fuse import FusedMSSN
from mssn.lab.export.int8 import export_int8, quantize_weight
from mssn.lab.export.onnx import save_model, to_onnx
from mssn.lab.export.rescale import FusedUnit, round_to_half
from mssn.lab.nets.mssn import MSSN
from mssn.lab.pytorch import open_pytorch
from mssn.lab.weights import load_network
from mssn.models import info
from mssn.runtime.base import Runtime
from mssn.runtime.openvino import OpenVINORuntime, computes_bf16
from mssn.score.evaluate import evaluate
from mssn.score.folders import locate

SETS = ("Set5", "Set14", "validation")  # the last: nothing that a choice fitted to benchmarks could flatter
MAX_LOSS_TO_SHIP = 0.1  # dB; above, an int8 file is not worth it
BITS = (8, 6, 4)


def main() -> int:
    """Command line."""
    parser = record.parser(__doc__)
    parser.add_argument("networks", nargs="*", metavar="MODEL-xSCALE")
    arguments = parser.parse_args()
    try:
        job = record.Job(record.revision(arguments.dirty), arguments.threads, arguments.force)
        for name in record.named(arguments.networks):
            print(name, make_int8(name, job) or "int8 is of these weights", flush=True)
            print(name, measure(name, job) or "all is known", flush=True)
        manifest.write_manifest()
    except MssnError as error:
        print(f"precision: {error}", file=sys.stderr)
        return 2
    return 0


def make_int8(name: str, job: record.Job) -> str | None:
    """Make the int8 file of a network, score it beside fp32, and ship it if it is worth it and has a place.

    Returns:
        What was done, for people; None if the present one was made of the present weights.
    """
    table = _table()
    if "int8" in table.numbers(name, record.with_int8(name)) and not job.force:
        return None
    weights = record.weights_of(name)
    scale = load_network(weights)[1].scale
    pictures = [
        shrink(crop_to_multiple(read_rgb(path), scale), scale) for path in find_images(locate("validation"))
    ]
    drawing = Drawing(scale)
    pictures += [drawing.pair(number)[0] for number in range(len(pictures))]
    with tempfile.TemporaryDirectory() as folder:
        made = export_int8(weights, pictures, Path(folder))
        size = made.stat().st_size
        numbers = {
            "fp32": _score(OpenVINORuntime(weights, precision="fp32", threads=job.threads)),
            "int8": _score(OpenVINORuntime(made, precision="int8", threads=job.threads))
            | {"kilobytes": round(size / 1000)},
        }
        installed = info.FOLDER / f"{name}-int8.onnx"
        installed.unlink(missing_ok=True)
        loss = max(numbers["fp32"][data] - numbers["int8"][data] for data in SETS)
        if loss <= MAX_LOSS_TO_SHIP and budget.has_int8(name):
            installed.write_bytes(made.read_bytes())
    table.keep(name, numbers, record.with_int8(name), job.revision)
    return f"int8: {size:,} bytes, loses at most {loss:.4f} dB" + (
        "" if installed.exists() else "; does not ship"
    )


def measure(name: str, job: record.Job) -> str | None:
    """Score a network in bf16 and with few bits, beside what `make_int8` measured of it.

    Returns:
        What was done, for people; None if all is known.

    Raises:
        MssnError: There is no int8 file of these weights yet.
    """
    table = _table()
    numbers = table.numbers(name, record.with_int8(name))
    if "int8" not in numbers:
        raise MssnError(f"{name}: there is no int8 file of these weights yet; run the step int8 first")
    kinds = {f"weights of {bits} bits": bits for bits in BITS}
    missing = [kind for kind in ("bf16", *kinds) if kind not in numbers or job.force]
    weights = record.weights_of(name)
    for kind in missing:
        if kind == "bf16":
            found = _score(_in_bf16(weights, job.threads))
        else:
            found = _few_bits(weights, kinds[kind], job.threads)
        numbers[kind] = found
        order = ("fp32", "bf16", "int8", *kinds)
        sorted_numbers = {kind: numbers[kind] for kind in order if kind in numbers}
        table.keep(name, sorted_numbers, record.with_int8(name), job.revision)
    return f"measured: {', '.join(missing)}" if missing else None


def _in_bf16(weights: Path, threads: int | None) -> Runtime:
    """In OpenVINO; on a processor without bf16, where it silently takes fp32, in PyTorch, which pretends."""
    opened = OpenVINORuntime if computes_bf16() else open_pytorch
    return opened(weights, precision="bf16", threads=threads)


def _few_bits(weights: Path, bits: int, threads: int | None) -> dict[str, float]:
    """Score with the units' weights rounded to so many bits, all other numbers to 16, and count all of them.

    Scales of the units' channels and all other weights are half precision; arithmetic is float32.
    """
    net, meta = load_network(weights)
    if not isinstance(net, MSSN):
        raise MssnError(f"{weights}: only networks of MSSN's kind can be measured with few bits")
    fused = FusedMSSN(net)
    round_to_half(fused)
    total = sum(16 * p.numel() for p in fused.parameters())
    for unit in fused.modules():
        if not isinstance(unit, FusedUnit):
            continue
        for layer in unit.children():
            if not isinstance(layer, nn.Conv2d):
                continue
            whole, scale = quantize_weight(layer.weight.numpy(), limit=2 ** (bits - 1) - 1)
            scale = scale.astype(np.float16).astype(np.float32)
            layer.weight.data = torch.from_numpy(whole * scale.reshape(-1, 1, 1, 1))
            total += 16 * len(scale) - (16 - bits) * whole.size
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{bits}.onnx"
        save_model(to_onnx(fused), meta, path)
        runtime = OpenVINORuntime(path, precision="fp32", threads=threads)
        return _score(runtime, ("Set5",)) | {"kilobytes": round(total / 8000, 1)}  # the table shows no more


def _score(runtime: Runtime, sets: Sequence[str] = SETS) -> dict[str, float]:
    """Mean PSNR on each set."""
    return {data: round(evaluate(runtime, data).mean.psnr, 4) for data in sets}


def _table() -> record.Table:
    return record.Table(record.RESULTS / "precision.json")


if __name__ == "__main__":
    sys.exit(main())
