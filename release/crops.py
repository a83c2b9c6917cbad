"""Cut the crops that taught weights learnt from, and have a teacher enlarge them.

    python release/crops.py FOLDER                                  # 2,290 PNGs of 288x288
    python release/crops.py FOLDER --teacher teacher.safetensors    # pairs: FOLDER/small, FOLDER/large

`release/crops.json` lists them: the places with the most fine detail, at most seven of each of 559
photographs and of its half. MSSN_DATA holds the photographs, in `train`. The small picture of a pair is the
crop, shrunk; the large one is what the teacher makes of it, without a mirrored border. docs/training.md
tells where a teacher comes from ("Taught pictures").
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from mssn.api import load_tiled
from mssn.errors import MssnError
from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, shrink
from mssn.image.write import write
from mssn.score.folders import locate
from mssn.upscaling.tiled import enlarge

SIDE = 288
LIST = Path(__file__).with_name("crops.json")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="is made")
    parser.add_argument("--teacher", type=Path, metavar="FILE", help="weights")
    given = parser.parse_args()
    try:
        teacher = load_tiled(given.teacher, runtime="pytorch").runtime if given.teacher else None
        for number, crop in enumerate(crops()):
            pictures = {"": crop}
            if teacher:
                small = shrink(crop, teacher.scale)
                pictures = {"small": small, "large": enlarge(teacher, small)}
            for kind, pixels in pictures.items():
                (given.folder / kind).mkdir(parents=True, exist_ok=True)
                write(given.folder / kind / f"{number:05d}.png", Picture(pixels))
    except (MssnError, OSError) as error:
        print(f"crops: {error}", file=sys.stderr)
        return 2
    return 0


def crops() -> Iterator[np.ndarray]:
    """All crops, H x W x 3 uint8, in the order of the list.

    Raises:
        MssnError: A photograph is missing, or cannot be read.
    """
    train = locate("train")
    for name, places in json.loads(LIST.read_text("utf-8")).items():
        picture = cache(lambda halved, path=train / name: _picture(path, halved))
        for halved, top, left in places:
            yield np.ascontiguousarray(picture(halved)[top : top + SIDE, left : left + SIDE])


def _picture(path: Path, halved: int) -> np.ndarray:
    pixels = read_rgb(path)
    return shrink(crop_to_multiple(pixels, 2), 2) if halved else pixels


if __name__ == "__main__":
    sys.exit(main())
