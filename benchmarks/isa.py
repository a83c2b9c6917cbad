"""What each precision is worth on processors with fewer instructions: MSSN-S x2 in fp32, bf16 and int8.

    python benchmarks/isa.py
    python benchmarks/isa.py --only AVX2    # one level; what is known of the others stays

oneDNN, which OpenVINO computes with, uses no instructions beyond those that ONEDNN_MAX_CPU_ISA names; our own
kernels are told. So this processor shows which precision one with fewer instructions would gain by. Clock,
caches and memory stay its own. Each level is a process of its own, in which all ways take turns, 640x360 to
1280x720, on one core and on all. Levels whose instructions this processor lacks are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, report

from mssn.api import load_tiled
from mssn.runtime.base import Computed, RuntimeName
from mssn.runtime.native import kernels

REPEATS = 5
REST = 0.1  # seconds: threads of OpenVINO go on spinning for a while, on cores the next needs
# oneDNN's name of a level -> its last instructions, as /proc/cpuinfo calls them; what OpenVINO can compute in
# there: below AVX-512, it crashes in bf16; and the set of our kernels.
LEVELS: dict[str, tuple[str, tuple[Computed, ...], str]] = {
    "AVX2": ("avx2", ("fp32", "int8"), "avx2"),
    "AVX2_VNNI": ("avx_vnni", ("fp32", "int8"), "avxvnni"),
    "AVX512_CORE": ("avx512bw", ("fp32", "bf16", "int8"), "avx512"),
    "AVX512_CORE_VNNI": ("avx512_vnni", ("fp32", "bf16", "int8"), "avx512vnni"),
    "AVX512_CORE_BF16": ("avx512_bf16", ("fp32", "bf16", "int8"), "avx512bf16"),
}


def main() -> None:
    """Measure, and write benchmarks/results/isa.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=LEVELS)
    parser.add_argument("--one", choices=LEVELS, help="time this level in this process, and print it as JSON")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(_times(arguments.one)))
        return
    flags = Path("/proc/cpuinfo").read_text().split()
    seconds: dict[str, Any] = {}
    if arguments.only:
        seconds = json.loads((RESULTS / "isa.json").read_text())["seconds_1280x720"]
    for level in [arguments.only] if arguments.only else LEVELS:
        if LEVELS[level][0] not in flags:
            continue
        made = subprocess.run(
            [sys.executable, __file__, "--one", level],
            env={**os.environ, "ONEDNN_MAX_CPU_ISA": level},
            check=True,
            capture_output=True,
            text=True,
        )
        seconds[level] = json.loads(made.stdout)
        print(level, seconds[level], file=sys.stderr)
    report("isa", {"seconds_1280x720": seconds})


def _times(level: str) -> dict[str, dict[str, dict[str, float]]]:
    """Runtime -> precision -> cores -> median seconds."""
    _, computed, ours = LEVELS[level]
    kernels.instructions = lambda: ours
    runtimes: dict[RuntimeName, tuple[Computed, ...]] = {"openvino": computed, "native": kernels.computes()}
    ways: list[tuple[RuntimeName, Computed]] = [
        (runtime, precision) for runtime, able in runtimes.items() for precision in able
    ]
    pixels = np.random.default_rng(0).integers(0, 256, (360, 640, 3)).astype(np.uint8)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for threads in sorted({1, os.cpu_count() or 1}):
        networks = {
            way: load_tiled("mssn-s", 2, runtime=way[0], precision=way[1], threads=threads) for way in ways
        }
        taken: dict[tuple[RuntimeName, Computed], list[float]] = {way: [] for way in ways}
        for _ in range(1 + REPEATS):
            for way, network in networks.items():
                time.sleep(REST)
                started = time.perf_counter()
                network(pixels)
                taken[way].append(time.perf_counter() - started)
        for (runtime, precision), times in taken.items():
            cores = found.setdefault(runtime, {}).setdefault(precision, {})
            cores[str(threads)] = round(statistics.median(times[1:]), 4)
    return found


if __name__ == "__main__":
    main()
