"""How fast is enlarging? Array to array, 640x360 -> 1280x720, and a whole `mssn upscale` process.

python benchmarks/upscale.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import report, seconds

import mssn
from mssn.api import load_enlarger
from mssn.image.io import write
from mssn.image.picture import Picture
from mssn.runtime.base import Precision, RuntimeName

WAYS: list[tuple[RuntimeName, Precision]] = [
    ("openvino", "bf16"),
    ("openvino", "fp32"),
    ("onnxruntime", "fp32"),
]


def main() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (360, 640, 3)).astype(np.uint8)
    shipped = [(row.model, row.scale) for row in mssn.models() if row.weights]
    arrays = {}
    for model, scale in shipped:
        lr = pixels[: 720 // scale, : 1280 // scale]
        for runtime, precision in WAYS:
            network = load_enlarger(model, scale, runtime=runtime, precision=precision)
            name = f"{model} x{scale} {network.runtime.name}"
            arrays[name] = seconds(lambda: network(lr), 15)  # noqa: B023
            print(name, arrays[name], file=sys.stderr)
    bicubic = mssn.load("bicubic", 2)
    arrays["bicubic x2"] = seconds(lambda: bicubic(pixels), 15)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.png"
        write(photo, Picture(pixels))
        command = [sys.executable, "-m", "mssn", "upscale", str(photo), "--force"]
        process = seconds(lambda: subprocess.run(command, check=True, capture_output=True), 5)
    report("upscale", {"seconds_1280x720": arrays, "seconds_whole_process": process})


if __name__ == "__main__":
    main()
