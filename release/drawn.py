"""What weights are worth on drawn pictures that no training saw: text, lines, charts.

    python release/drawn.py                        # every network that ships
    python release/drawn.py mssn-s-x2 mssn-s-photo-x2        # only these
    python release/drawn.py --weights runs/a/weights.safetensors   # any others; prints, writes nothing

Each picture of release/heldout.py was drawn natively at the small and at the large size. The small one is
enlarged and compared with the large one: PSNR on red, green and blue (dB, the mean over the pictures), and
overshoot (`mssn.score.metrics.overshoot` within as many pixels as the scale). Lanczos and bicubic stand
beside the networks. Writes paper/results/drawn.json; numbers of other pictures are measured again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import heldout
import numpy as np
import record

from mssn.api import load_tiled
from mssn.errors import MssnError
from mssn.image.resize import Kernel, imresize
from mssn.runtime.base import Runtime
from mssn.score.metrics import overshoot, psnr_rgb
from mssn.upscaling.tiled import enlarge

PATH = record.RESULTS / "drawn.json"
KERNELS: dict[str, Kernel] = {"lanczos": "lanczos3", "bicubic": "cubic"}
Pairs = list[tuple[np.ndarray, np.ndarray]]


def main() -> int:
    """Command line."""
    parser = record.parser(__doc__)
    parser.add_argument("networks", nargs="*", metavar="MODEL-xSCALE")
    parser.add_argument("--weights", nargs="+", type=Path, default=[], metavar="FILE")
    arguments = parser.parse_args()
    try:
        if arguments.weights:
            for path in arguments.weights:
                kind = "openvino" if path.suffix == ".onnx" else "pytorch"
                runtime = load_tiled(path, runtime=kind, threads=arguments.threads).runtime
                print(path, score(runtime, heldout.pairs(runtime.scale)), flush=True)
            return 0
        job = record.Job(record.revision(arguments.dirty), arguments.threads, arguments.force)
        for name in record.named(arguments.networks):
            print(name, measure(name, job) or "all is known", flush=True)
    except MssnError as error:
        print(f"drawn: {error}", file=sys.stderr)
        return 2
    return 0


def measure(name: str, job: record.Job) -> str | None:
    """Score a network and, of its scale, Lanczos and bicubic.

    Args:
        name: MODEL-xSCALE, of what ships.
        job: `force` measures also what is known.

    Returns:
        What was done, for people; None if all is known.
    """
    table, weights = record.Table(PATH), [record.weights_of(name)]
    scale = record.shipped()[name].scale
    drawn = heldout.pairs(scale)
    pictures = heldout.fingerprint(drawn)
    if not job.force and table.numbers(name, weights).get("pictures") == pictures:
        return None
    runtime = load_tiled(weights[0], threads=job.threads).runtime
    numbers: dict[str, Any] = {"pictures": pictures, "network": score(runtime, drawn)}
    numbers |= {kernel: score_kernel(kernel, scale, drawn) for kernel in KERNELS}
    table.keep(name, numbers, weights, job.revision)
    return str(numbers["network"])


def score(runtime: Runtime, drawn: Pairs) -> dict[str, float]:
    """Mean PSNR and overshoot of what a runtime makes of the small pictures."""
    return _mean([(enlarge(runtime, small), large) for small, large in drawn], runtime.scale)


def score_kernel(kernel: str, scale: int, drawn: Pairs) -> dict[str, float]:
    """The same for one of KERNELS."""
    made = [(imresize(small, scale=scale, kernel=KERNELS[kernel]), large) for small, large in drawn]
    return _mean(made, scale)


def _mean(made: Pairs, scale: int) -> dict[str, float]:
    """Of (enlarged, original)."""
    return {
        "psnr_rgb": round(float(np.mean([psnr_rgb(*both, scale) for both in made])), 3),
        "overshoot": round(float(np.mean([overshoot(*both, scale, reach=scale) for both in made])), 5),
    }


if __name__ == "__main__":
    sys.exit(main())
