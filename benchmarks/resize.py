"""How fast is MATLAB's bicubic? A 2040x1356 picture shrunk, on one core.

python benchmarks/resize.py
"""

from __future__ import annotations

import argparse

import numpy as np
from common import report, seconds

from mssn.image.resize import imresize


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    large = np.random.default_rng(0).integers(0, 256, (1356, 2040, 3)).astype(np.uint8)
    small = large[:339, :510]
    times = {f"2040x1356 by 1/{r}": seconds(lambda: imresize(large, scale=1 / r), 7) for r in (2, 3, 4)}  # noqa: B023
    times |= {f"510x339 by {r}": seconds(lambda: imresize(small, scale=r), 7) for r in (2, 3, 4)}  # noqa: B023
    report("resize", {"seconds": times})


if __name__ == "__main__":
    main()
