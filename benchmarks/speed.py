"""Ours beside what else a person could use to double a picture: quality, time, memory, size, in one run.

    make peers                                       # OpenCV, in an environment of its own
    MSSN_DATA=... MSSN_CHECKPOINTS=... python benchmarks/speed.py           # all, about 10 minutes
    MSSN_DATA=... MSSN_CHECKPOINTS=... python benchmarks/speed.py CARN-M    # these again; others stay

Every contestant is a process of its own (benchmarks/contestant.py): array to array from 640x360 to 1280x720;
from the start of the process to the written file, of one PNG of that size; peak memory; what has to be
installed. PSNR on Set5 by our protocol, from the pictures each of them wrote. MSSN_CHECKPOINTS holds
FSRCNN_x2.pb (of OpenCV's samples) and carn_m.pth (of CARN's authors); without them, or without the peers'
environment, those contestants are left out. Writes benchmarks/results/speed.json and speed.svg.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, report
from plot import draw

from mssn.image.find import find_images
from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, imresize, shrink
from mssn.image.write import write
from mssn.lab.export.onnx import export
from mssn.lab.foreign import read_foreign
from mssn.lab.weights import save, tensors_of
from mssn.models.info import list_models
from mssn.runtime.openvino import computes_bf16
from mssn.score.folders import locate
from mssn.score.metrics import psnr_y

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
REPEATS, STARTS = 11, 5


def main() -> None:
    """Measure all, one after another."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", nargs="*", help="measure those again whose label holds one of these words")
    again = parser.parse_args().labels
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        originals = prepare(folder)
        kept = RESULTS / "speed.json"
        old = json.loads(kept.read_text())["contestants"] if kept.exists() and again else {}
        results = {}
        for label, python, way in contestants(folder):
            if label in old and not any(word in label for word in again):
                results[label] = old[label]
                continue
            results[label] = measure(python, way, folder, originals)
            print(label, json.dumps(results[label]), file=sys.stderr)
            report("speed", {"contestants": results})  # after each, because the slow ones are very slow
    report("speed", {"contestants": results})
    draw(json.loads(kept.read_text()))


def contestants(folder: Path) -> list[tuple[str, Path, str]]:
    """(what to call it, the Python that runs it, the way for contestant.py)."""
    here = Path(sys.executable)
    precisions = ("bf16", "int8", "fp32") if computes_bf16() else ("int8", "fp32")
    found = []
    for row in (row for row in list_models() if row.weights and row.scale == 2):
        ways = [
            (f"OpenVINO {p}", f"mssn={row.model},openvino,{p}") for p in precisions if p != "int8" or row.int8
        ]
        ways.append(("ONNX Runtime", f"onnxruntime={row.model},onnxruntime,fp32"))
        ways.append(("PyTorch", f"pytorch={row.model},pytorch,fp32"))
        found += [(f"{row.model}, {label}", here, way) for label, way in ways]
    weights = Path(os.environ.get("MSSN_CHECKPOINTS", ""))
    if (weights / "carn_m.pth").is_file():
        net, meta = read_foreign(weights / "carn_m.pth", "carn-m", 2)
        save(folder / "carn-m.safetensors", tensors_of(net), meta)
        onnx = export(folder / "carn-m.safetensors", folder)[1]
        floats = [p for p in precisions if p != "int8"]
        found += [(f"CARN-M, OpenVINO {p}", here, f"mssn={onnx},openvino,{p}") for p in floats]
    if PEERS.exists() and (weights / "FSRCNN_x2.pb").is_file():
        found.append(("FSRCNN, OpenCV", PEERS, f"fsrcnn={weights / 'FSRCNN_x2.pb'}"))
    if PEERS.exists():
        found.append(("Lanczos, OpenCV", PEERS, "lanczos"))
    return [*found, ("bicubic, as MATLAB's", here, "bicubic")]


def prepare(folder: Path) -> list[np.ndarray]:
    """Write the small pictures of Set5, and one of 640x360; the originals, in order."""
    originals = []
    (folder / "small").mkdir()
    for path in find_images(locate("Set5")):
        originals.append(crop_to_multiple(read_rgb(path), 2))
        write(folder / "small" / f"{path.stem}.png", Picture(shrink(originals[-1], 2)))
    write(folder / "photo.png", Picture(imresize(originals[0], size=(360, 640))))
    return originals


def measure(python: Path, way: str, folder: Path, originals: list[np.ndarray]) -> dict[str, Any]:
    """All numbers of one contestant."""
    command = [str(python), str(HERE / "contestant.py")]
    with tempfile.TemporaryDirectory() as name:
        repeat = [*command, "repeat", way, str(folder / "small"), name, str(REPEATS)]
        found = json.loads(
            subprocess.run(repeat, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
        )
        large = [read_rgb(path) for path in sorted(Path(name).iterdir())]
        starts = []
        for _ in range(STARTS):
            started = time.perf_counter()
            once = [*command, "once", way, str(folder / "photo.png"), str(Path(name) / "large.png")]
            subprocess.run(once, check=True, capture_output=True)
            starts.append(time.perf_counter() - started)
    return {
        "psnr_set5": round(
            float(np.mean([psnr_y(a, b, 2) for a, b in zip(large, originals, strict=True)])), 3
        ),
        "seconds": round(statistics.median(found["seconds"]), 4),
        "seconds_best": round(min(found["seconds"]), 4),
        "seconds_whole_process": round(statistics.median(starts), 3),
        "peak_mb": found["peak_mb"],
        "install_mb": found["install_mb"],
    }


if __name__ == "__main__":
    main()
