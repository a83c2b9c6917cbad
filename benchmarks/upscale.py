"""How fast is enlarging? Array to array into 1280x720, beside what this processor can multiply at best, and a
whole `mssn upscale` process.

python benchmarks/upscale.py
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from common import report, seconds

import mssn
from mssn.api import load_tiled
from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.models.info import PHOTO
from mssn.runtime.base import Precision, RuntimeName

WAYS: list[tuple[RuntimeName, Precision]] = [
    ("openvino", "bf16"),
    ("openvino", "fp32"),
    ("openvino", "int8"),
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
]
PEAK_SIDE = 2048  # of the matrices whose product is taken for the peak


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    pixels = np.random.default_rng(0).integers(0, 256, (360, 640, 3)).astype(np.uint8)
    # Weights for photographs are of the same networks and take as long.
    shipped = [row for row in mssn.list_models() if row.weights and not row.model.endswith(PHOTO)]
    arrays = {}
    for row in shipped:
        model, scale = row.model, row.scale
        lr = pixels[: 720 // scale, : 1280 // scale]
        for runtime, precision in WAYS:
            if precision == "int8" and row.int8 is None:
                continue
            network = load_tiled(model, scale, runtime=runtime, precision=precision)
            name = f"{model} x{scale} {network.runtime.name}"
            arrays[name] = seconds(lambda: network(lr), 9)  # noqa: B023
            print(name, arrays[name], file=sys.stderr)
    bicubic = mssn.load("bicubic", 2)
    arrays["bicubic x2"] = seconds(lambda: bicubic(pixels), 15)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.png"
        write(photo, Picture(pixels))
        command = [sys.executable, "-m", "mssn", "upscale", str(photo), "--force"]
        process = seconds(lambda: subprocess.run(command, check=True, capture_output=True), 5)
    numbers = {"seconds_1280x720": arrays, "seconds_whole_process": process, "peak_gmacs": peak()}
    report("upscale", numbers | {"gmacs": {f"{r.model} x{r.scale}": r.mult_adds / 1e9 for r in shipped}})


def peak() -> dict[str, float]:
    """Multiply-adds a second, in billions, of a large matrix product in each precision."""
    a = torch.randn(PEAK_SIDE, PEAK_SIDE)
    half = a.bfloat16()
    whole = torch.randint(-64, 64, (PEAK_SIDE, PEAK_SIDE), dtype=torch.int8)
    jobs = {
        "fp32": lambda: a @ a,
        "bf16": lambda: half @ half,
        "int8": lambda: torch._int_mm(whole, whole),
    }
    return {name: round(PEAK_SIDE**3 / seconds(job, 9)["best"] / 1e9, 1) for name, job in jobs.items()}


if __name__ == "__main__":
    main()
