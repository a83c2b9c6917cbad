"""What each precision is worth on processors with fewer instructions: MSSN-S x2 in fp32, bf16 and int8.

    python benchmarks/isa.py

oneDNN, which OpenVINO computes with, uses no instructions beyond those that ONEDNN_MAX_CPU_ISA names. So this
processor shows which precision one with fewer instructions would gain by. Clock, caches and memory stay its
own. Each level is a process of its own, in which the precisions take turns, 640x360 to 1280x720, on one core
and on all. Levels whose instructions this processor lacks are left out.
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

import numpy as np
from common import report

from mssn.api import load_tiled
from mssn.runtime.base import Computed

REPEATS = 5
# oneDNN's name of a level -> its last instructions, as /proc/cpuinfo calls them, and what can be computed in:
# below AVX-512, OpenVINO crashes in bf16.
LEVELS: dict[str, tuple[str, tuple[Computed, ...]]] = {
    "AVX2": ("avx2", ("fp32", "int8")),
    "AVX2_VNNI": ("avx_vnni", ("fp32", "int8")),
    "AVX512_CORE": ("avx512bw", ("fp32", "bf16", "int8")),
    "AVX512_CORE_VNNI": ("avx512_vnni", ("fp32", "bf16", "int8")),
    "AVX512_CORE_BF16": ("avx512_bf16", ("fp32", "bf16", "int8")),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--one", choices=LEVELS, help="time this level in this process, and print it as JSON")
    level = parser.parse_args().one
    if level:
        print(json.dumps(_times(LEVELS[level][1])))
        return
    flags = Path("/proc/cpuinfo").read_text().split()
    seconds = {}
    for level in LEVELS:
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


def _times(precisions: tuple[Computed, ...]) -> dict[str, dict[str, float]]:
    """Precision -> cores -> median seconds."""
    pixels = np.random.default_rng(0).integers(0, 256, (360, 640, 3)).astype(np.uint8)
    found: dict[str, dict[str, float]] = {name: {} for name in precisions}
    for threads in sorted({1, os.cpu_count() or 1}):
        networks = {
            name: load_tiled("mssn-s", 2, runtime="openvino", precision=name, threads=threads)
            for name in precisions
        }
        taken: dict[str, list[float]] = {name: [] for name in precisions}
        for _ in range(1 + REPEATS):
            for name, network in networks.items():
                started = time.perf_counter()
                network(pixels)
                taken[name].append(time.perf_counter() - started)
        for name, times in taken.items():
            found[name][str(threads)] = round(statistics.median(times[1:]), 4)
    return found


if __name__ == "__main__":
    main()
