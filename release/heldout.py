"""Drawn pictures that no training sees: other fonts, words and another library than `mssn draw`.

    python release/heldout.py FOLDER               # the pairs, and all in one picture: contact-sheet.png
    python release/heldout.py FOLDER --scale 4

resvg draws each scene natively at the small and at the large size. A fifth of them is drawn without
antialiasing. Scene k depends only on k, the font packages and resvg, whose versions pyproject.toml and
constraints.txt fix. Needs the extra "heldout". The photographs that are laid in are those of scikit-image.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from functools import cache
from pathlib import Path

import numpy as np
from heldout_kinds import KINDS
from heldout_sheet import Sheet

from mssn.errors import MssnError
from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.lab.data.sources import LARGE, SMALL

EACH = 6  # scenes of each kind
COUNT = EACH * len(KINDS)


def sheet(k: int) -> Sheet:
    """Scene number k; kinds take turns."""
    made = Sheet(np.random.default_rng([1948, k]))
    KINDS[k % len(KINDS)](made)
    return made


def pair(k: int, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """The small and the large picture number k, uint8 RGB."""
    made = sheet(k)
    return made.draw(scale, 1), made.draw(scale, scale)


@cache
def pairs(scale: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """All of them."""
    return [pair(k, scale) for k in range(COUNT)]


def fingerprint(drawn: list[tuple[np.ndarray, np.ndarray]]) -> str:
    """A hash of all pixels: equal ones mean that scores may be compared."""
    digest = hashlib.blake2b(digest_size=8)
    for picture in (picture for both in drawn for picture in both):
        digest.update(picture.tobytes())
    return digest.hexdigest()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), default=2)
    arguments = parser.parse_args()
    try:
        drawn = pairs(arguments.scale)
        for name in (SMALL, LARGE):
            (arguments.folder / name).mkdir(parents=True, exist_ok=True)
        for k, both in enumerate(drawn):
            for name, pixels in zip((SMALL, LARGE), both, strict=True):
                write(
                    arguments.folder / name / f"{k:03}-{KINDS[k % len(KINDS)].__name__}.png", Picture(pixels)
                )
        rows = [drawn[n : n + len(KINDS)] for n in range(0, COUNT, len(KINDS))]
        write(
            arguments.folder / "contact-sheet.png",
            Picture(np.vstack([np.hstack([large for _, large in row]) for row in rows])),
        )
    except (MssnError, OSError) as error:
        print(f"heldout: {error}", file=sys.stderr)
        return 2
    print(f"{arguments.folder}  {COUNT} pairs, {fingerprint(drawn)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
