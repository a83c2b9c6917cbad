"""How fast is enlarging? Array to array, beside what this processor can multiply at best.

    python benchmarks/upscale.py
    python benchmarks/upscale.py --only int8    # one part; what is known of the others stays

All ways to run a network take turns, so that their ratios hold whatever else the machine does: every network
into 1280x720, MSSN-S x2 on pictures from 320x180 to 4000x3000, and the networks x2 in the ways that compute
in 8 or 16 bits. Needs the extra kernels, for its compiler, and a processor with AVX-512.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, report

import mssn
from mssn.api import load_tiled
from mssn.models.info import PHOTO, ModelInfo
from mssn.models.meta import read_meta
from mssn.runtime.base import Precision, RuntimeName

Way = tuple[RuntimeName, Precision]
WAYS: list[Way] = [
    ("native", "bf16"),
    ("native", "fp32"),
    ("openvino", "bf16"),
    ("openvino", "fp32"),
    ("openvino", "int8"),
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
]
BOTH = WAYS[:4]  # in floats, by our kernels and by OpenVINO
FEW_BITS: list[Way] = [("native", "int8"), ("openvino", "int8"), ("native", "bf16")]
SIZES = ((180, 320), (360, 640), (720, 1280), (3000, 4000))
LANES = {"fp32": 16, "bf16": 32, "int8": 64}  # multiply-adds an instruction
ROUNDS, FEW = 7, 3
REST = (
    0.2  # seconds: threads of ONNX Runtime and OpenVINO go on spinning for a while, on cores the next needs
)


def main() -> None:
    """Measure everything or one part, and write benchmarks/results/upscale.json."""
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "networks": _networks,
        "sizes": _sizes,
        "int8": _int8,
        "peak": lambda: {"peak_gmacs": peak()},
    }
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=parts)
    only = parser.parse_args().only
    numbers: dict[str, Any] = json.loads((RESULTS / "upscale.json").read_text()) if only else {}
    for name, part in parts.items():
        if only in (None, name):
            numbers |= part()
    report("upscale", numbers | {"gmacs": {f"{row.model} x{row.scale}": _gmacs(row) for row in _shipped()}})


def _shipped() -> list[ModelInfo]:
    """Weights for photographs are of the same networks and take as long."""
    return [row for row in mssn.list_models() if row.weights and not row.model.endswith(PHOTO)]


def _networks() -> dict[str, Any]:
    times: dict[str, dict[str, float]] = {}
    for row in _shipped():
        jobs = {f"{row.model} x{row.scale} {way}": job for way, job in _ways(row, WAYS, 1280 // row.scale)}
        times |= in_turns(jobs, ROUNDS)
    bicubic = mssn.load("bicubic", 2)
    pixels = _pixels(360, 640)
    times |= in_turns({"bicubic x2": lambda: bicubic(pixels)}, ROUNDS)
    return {"seconds_1280x720": times}


def _sizes() -> dict[str, Any]:
    small = next(row for row in _shipped() if (row.model, row.scale) == ("mssn-s", 2))
    sizes: dict[str, dict[str, dict[str, float]]] = {}
    for height, width in SIZES:
        jobs = dict(_ways(small, BOTH, width, height))
        sizes[f"{width}x{height}"] = in_turns(jobs, ROUNDS if width < 4000 else FEW)
    return {"mssn-s x2": sizes}


def _int8() -> dict[str, Any]:
    rows = [row for row in _shipped() if row.scale == 2]
    return {
        "int8_640x360": {f"{row.model} x2": in_turns(dict(_ways(row, FEW_BITS, 640)), ROUNDS) for row in rows}
    }


def in_turns(jobs: dict[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    """The median seconds of each job, and its share of the first one's time in the same round."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds + 1):  # the first round only warms up
        for name, job in jobs.items():
            time.sleep(REST)
            started = time.perf_counter()
            job()
            taken[name].append(time.perf_counter() - started)
    first = next(iter(taken.values()))
    found = {
        name: {
            "median": round(statistics.median(own[1:]), 5),
            "best": round(min(own[1:]), 5),
            "share": round(statistics.median(b / a for a, b in zip(first[1:], own[1:], strict=True)), 3),
        }
        for name, own in taken.items()
    }
    print(found, file=sys.stderr)
    return found


def _ways(
    row: ModelInfo, ways: list[Way], width: int, height: int | None = None
) -> list[tuple[str, Callable[[], object]]]:
    """A job for each way to run a network that ships."""
    pixels = _pixels(width * 9 // 16 if height is None else height, width)
    made: list[tuple[str, Callable[[], object]]] = []
    for runtime, precision in ways:
        if precision != "int8" or row.int8 is not None:
            network = load_tiled(row.model, row.scale, runtime=runtime, precision=precision)
            made.append((network.runtime.name, lambda network=network: network(pixels)))
    return made


def _pixels(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def _gmacs(row: ModelInfo) -> dict[str, float]:
    """Multiply-adds for 1280x720, in billions: all, and those of depthwise filters, which are in float32."""
    assert row.path is not None
    config = read_meta(row.path).config
    filters = 9 * config["expanded"] * config["units"] * config["blocks"]
    return {"all": row.mult_adds / 1e9, "depthwise": filters * 1280 * 720 / row.scale**2 / 1e9}


def peak() -> dict[str, float]:
    """Multiply-adds a second, in billions, that all cores together can do in each precision."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "peak.so"
        command = [sys.executable, "-m", "ziglang", "cc", "-O2", "-shared", "-fPIC", "-o", library]
        subprocess.run([*command, Path(__file__).with_name("peak.c")], check=True)
        loops, cores, rounds = ctypes.CDLL(str(library)), os.cpu_count() or 1, 20_000_000
        found = {}
        with ThreadPoolExecutor(cores) as pool:
            for name, lanes in LANES.items():
                seconds = []
                for _ in range(3):
                    started = time.perf_counter()
                    list(pool.map(getattr(loops, name), [ctypes.c_int64(rounds)] * cores))
                    seconds.append(time.perf_counter() - started)
                found[name] = round(16 * lanes * rounds * cores / min(seconds) / 1e9, 1)
    return found


if __name__ == "__main__":
    main()
