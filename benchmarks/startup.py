"""How long does a process of `mssn` take from its start to its end? One picture of 640x360, and no picture.

    python benchmarks/startup.py [--runs 15]

Kinds take turns, after one untimed round, which also leaves bytecode and compiled networks behind, as an
installed program has them. The parts are those of the PNG's process, from clocks inside it. Nothing of the
measuring process's own environment is passed on that would keep Python from using bytecode.
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

import numpy as np
from common import report

from mssn.image.picture import Picture
from mssn.image.resize import imresize
from mssn.image.write import write

# What runs inside, instead of `python -m mssn`: the same, with clocks around its parts.
CLOCKED = """
import json, os, sys, time

marks, spans = [("python", time.perf_counter())], {}

def mark(name):
    marks.append((name, time.perf_counter()))

def clock(home, name, label):
    inner = getattr(home, name)
    def timed(*arguments, **options):
        started = time.perf_counter()
        try:
            return inner(*arguments, **options)
        finally:
            spans[label] = spans.get(label, 0) + time.perf_counter() - started
    setattr(home, name, timed)

import gc
gc.disable()
import mssn.cli
sys.modules.setdefault(mssn.cli._UNUSED, None)
mark("import of the command line")
import numpy
mark("import of NumPy")
import pyvips
mark("import of libvips")
import mssn.cli.upscale
from mssn.cli import upscale
from mssn.upscaling import files
mark("import of mssn")
from mssn.runtime.native.kernels import computes
if "bf16" in computes():  # what is taken by itself
    from mssn.runtime.native.runtime import NativeRuntime as Runtime
    mark("import of the kernels")
    clock(Runtime, "_enlarge", "running the network")
else:
    from mssn.runtime.openvino import OpenVINORuntime as Runtime
    mark("import of OpenVINO")
    clock(Runtime, "_ready", "making the network ready")
    clock(Runtime, "_infer", "running the network")
clock(upscale, "load", "opening the network")
clock(files.Task, "read", "decoding")
clock(files.Task, "write", "encoding")
from mssn.__main__ import main
try:
    main()
finally:
    mark("the verb")
    print(json.dumps([marks, spans]), file=sys.stderr, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seed = np.random.default_rng(0).integers(0, 256, (36, 64, 3)).astype(np.uint8)
        for ending in ("png", "jpg"):  # soft, as photographs are; noise alone takes encoders longer
            write(folder / f"photo.{ending}", Picture(imresize(seed, size=(360, 640))))
        environment = dict(os.environ, MSSN_CACHE=str(folder / "cache"))
        for variable in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
            environment.pop(variable, None)
        mssn = [sys.executable, "-m", "mssn"]
        kinds = {f"upscale {e}": [*mssn, "upscale", folder / f"photo.{e}", "-f"] for e in ("png", "jpg")}
        kinds["upscale png, bicubic"] = [*kinds["upscale png"], "-m", "bicubic"]
        kinds |= {"--help": [*mssn, "--help"], "info": [*mssn, "info"]}
        times = {kind: [] for kind in kinds}
        parts: dict[str, list[float]] = {}
        for turn in range(runs + 1):
            for kind, command in kinds.items():
                times[kind].append(_seconds(command, environment)[0])
            for part, seconds in _parts(kinds["upscale png"][2:], environment).items() if turn else ():
                parts.setdefault(part, []).append(seconds)
    report(
        "startup",
        {
            "seconds": {
                kind: {"median": round(statistics.median(found[1:]), 3), "best": round(min(found[1:]), 3)}
                for kind, found in times.items()
            },
            "seconds_of_parts": {part: round(statistics.median(found), 3) for part, found in parts.items()},
        },
    )


def _seconds(command: list[str | Path], environment: dict[str, str]) -> tuple[float, str]:
    """Of a whole process, and the last line of its standard error."""
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, (done.stderr.splitlines() or [""])[-1]


def _parts(arguments: list[str | Path], environment: dict[str, str]) -> dict[str, float]:
    """Seconds of each part of a process; its clock and ours are one."""
    started = time.perf_counter()
    whole, told = _seconds([sys.executable, "-c", CLOCKED, *arguments[1:]], environment)
    marks, spans = json.loads(told)
    ends = dict(marks)
    found, before = {}, started
    for name, at in marks:
        found[name], before = at - before, at
    verb = found.pop("the verb")
    return {
        **found,
        **spans,
        "the rest of the verb": verb - sum(spans.values()),
        "leaving": started + whole - ends["the verb"],
    }


if __name__ == "__main__":
    main()
