"""How much memory does a huge picture take? One `mssn upscale` of a TIFF as a process of its own.

    python benchmarks/memory.py [--megapixels 100] [--model mssn-s] [--scale 2] [-- options of mssn upscale]

The picture is made up: slopes and noise, so that the TIFF neither vanishes nor swells.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import report

from mssn.image.picture import Picture
from mssn.image.source import PictureFile
from mssn.image.write import write


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megapixels", type=float, default=100)
    parser.add_argument("--model", default="mssn-s")
    parser.add_argument("--scale", default="2")
    parser.add_argument("more", nargs="*")
    options = parser.parse_args()
    side = round((options.megapixels * 1e6) ** 0.5)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a.tif", Path(folder) / "b.tif"
        # Elsewhere, because a process started from a large one counts as large.
        maker = multiprocessing.get_context("spawn").Process(target=_make, args=(source, side))
        maker.start()
        maker.join()
        command = [sys.executable, "-m", "mssn", "upscale", source, "-o", target, "-m", options.model]
        started = time.perf_counter()
        process = subprocess.Popen([*command, "-s", options.scale, *options.more])
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        if status:
            sys.exit(f"mssn upscale failed with status {status}")
        height, width = PictureFile(target).size
        size = target.stat().st_size
    report(
        f"memory-{options.model}-x{options.scale}",
        {
            "source_megapixels": round(side * side / 1e6, 1),
            "result_megapixels": round(height * width / 1e6, 1),
            "result_mebibytes": round(size / 2**20),
            "peak_mebibytes": round(used.ru_maxrss / 1024),
            "seconds": round(seconds, 1),
        },
    )


def _make(path: Path, side: int) -> None:
    rows, columns = np.mgrid[0:side, 0:side].astype(np.uint16)
    noise = np.random.default_rng(0).integers(0, 12, (side, side, 1), np.uint8)
    slopes = np.stack([rows // 41, columns // 41, (rows + columns) // 90], axis=2).astype(np.uint8)
    write(path, Picture((slopes % 240) + noise))


if __name__ == "__main__":
    main()
