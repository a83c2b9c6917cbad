"""How well results, shrunk again, equal what was enlarged: every shipped network, on Set14.

    python release/consistency.py                  # everything that ships
    python release/consistency.py mssn-s-photo-x2  # only these

Small pictures are made with MATLAB's bicubic, enlarged through the runtime that users get, and shrunk in the
same way; PSNR on red, green and blue, mean over the pictures and the worst of them. Networks that are told
how strongly a picture is degraded are told several strengths. Writes paper/results/consistency.json. What is
known of the present files is not measured again. Needs MSSN_DATA.
"""

from __future__ import annotations

import sys

import numpy as np
import record
from panel_cases import photographs

from mssn.api import load_tiled
from mssn.image.compression import LEAST
from mssn.image.resize import shrink
from mssn.runtime.base import Runtime
from mssn.score.metrics import psnr_rgb
from mssn.upscaling.tiled import enlarge

DATA = "Set14"
STRENGTHS = (LEAST, 0.5, 1.0)


def main() -> int:
    """Command line."""
    return record.command("consistency", __doc__, measure)


def measure(name: str, job: record.Job) -> str | None:
    """Measure a network, by the strength that it is told; "any" for one that is not told.

    Returns:
        What was done, for people; None if it is known of the present file.
    """
    table, weights = record.Table(record.RESULTS / "consistency.json"), record.weights_of(name)
    if table.numbers(name, [weights]) and not job.force:
        return None
    told = record.shipped()[name].told
    strengths = {f"{at:g}": at for at in STRENGTHS} if told else {"any": LEAST}
    numbers = {
        said: score(load_tiled(weights, threads=job.threads, strength=at).runtime)
        for said, at in strengths.items()
    }
    table.keep(name, numbers, [weights], job.revision)
    return ", ".join(
        f"{at}: {found['mean']:.1f} and {found['worst']:.1f} dB" for at, found in numbers.items()
    )


def score(runtime: Runtime) -> dict[str, float]:
    """PSNR of results, shrunk again, against what was enlarged: mean and worst, dB."""
    smalls = [case.small for case in photographs(DATA, "none", runtime.scale)]
    scores = [psnr_rgb(shrink(enlarge(runtime, small), runtime.scale), small, 0) for small in smalls]
    return {"mean": round(float(np.mean(scores)), 3), "worst": round(min(scores), 3)}


if __name__ == "__main__":
    sys.exit(main())
