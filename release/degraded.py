"""What weights made for photographs are worth on compressed pictures, and what they cost on clean ones.

    python release/degraded.py                     # every mssn*-photo that ships and is not told
    python release/degraded.py mssn-s-photo-x2     # only this one
    python release/degraded.py mssn-s-photo-x2 --how avif:85 none     # and only these degradations
    python release/degraded.py mssn-photo-x2 --set Set14 B100         # and only these benchmarks

Small pictures of three benchmarks are compressed as JPEG, WebP and AVIF of several qualities, then enlarged
by bicubic, by the clean weights and by those for photographs. Writes PSNR on Y to
paper/results/degraded.json; `mssn evaluate -m mssn-s-photo -d Set14 --degrade jpeg:75` gives any one of its
scores. From these results comes the rule of `mssn.upscaling.dial.wants_photo`. What is known of the
present files is not measured again. Networks that are told how strongly a picture is degraded are measured
by release/panel.py. Needs MSSN_DATA.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import record

from mssn.api import load_tiled
from mssn.errors import MssnError
from mssn.image.find import find_images
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, imresize
from mssn.models import info
from mssn.runtime.base import Runtime
from mssn.score.degrade import by_name
from mssn.score.folders import locate
from mssn.score.metrics import psnr_y
from mssn.upscaling.tiled import enlarge

SETS = ("Set14", "B100", "Urban100")
HOWS = ("none", "jpeg:95", "jpeg:90", "jpeg:85", "jpeg:75", "jpeg:50")
HOWS += ("webp:95", "webp:90", "webp:80", "avif:85", "avif:60")


def main() -> int:
    """Command line."""
    parser = record.parser(__doc__)
    parser.add_argument("networks", nargs="*", metavar="MODEL-photo-xSCALE")
    parser.add_argument("--how", nargs="+", choices=HOWS, default=HOWS, metavar="HOW", help=", ".join(HOWS))
    parser.add_argument(
        "--set", nargs="+", choices=SETS, default=SETS, metavar="SET", dest="sets", help=", ".join(SETS)
    )
    arguments = parser.parse_args()
    try:
        job = record.Job(record.revision(arguments.dirty), arguments.threads, arguments.force)
        for name in photo_names(record.named(arguments.networks)):
            print(name, measure(name, job, arguments.how, arguments.sets) or "all is known", flush=True)
    except MssnError as error:
        print(f"degraded: {error}", file=sys.stderr)
        return 2
    return 0


def photo_names(names: Sequence[str], *, told: bool = False) -> list[str]:
    """Those weights for photographs, told or not, whose numbers depend on the given networks, each once."""
    known = record.shipped()
    both = [
        name if info.PHOTO in name else f"{info.PHOTO}-x".join(name.rsplit("-x", 1))
        for name in names
        if name in known
    ]
    return [name for name in dict.fromkeys(both) if name in known and known[name].told == told]


def weights_of(name: str) -> list[Path]:
    """The two files that are compared: for photographs, and for clean pictures."""
    return [record.weights_of(name), record.weights_of(name.replace(info.PHOTO, ""))]


def measure(name: str, job: record.Job, hows: Sequence[str] = HOWS, sets: Sequence[str] = SETS) -> str | None:
    """Mean PSNR by degradation, benchmark and what enlarges ("bicubic", "clean", "photo").

    Args:
        name: MODEL-photo-xSCALE.
        job: `force` measures also what is known.
        hows: Degradations, of HOWS.
        sets: Benchmarks, of SETS.

    Returns:
        What was done, for people; None if all is known.
    """
    table = record.Table(record.RESULTS / "degraded.json")
    weights = weights_of(name)
    numbers = table.numbers(name, weights)
    missing = [(how, data) for how in hows for data in sets if job.force or data not in numbers.get(how, {})]
    if not missing:
        return None
    photo, clean = (load_tiled(path, threads=job.threads).runtime for path in weights)
    for how, data in missing:
        numbers.setdefault(how, {})[data] = _score({"clean": clean, "photo": photo}, data, how, job.threads)
        ordered = {
            how: {data: numbers[how][data] for data in SETS if data in numbers[how]}
            for how in HOWS
            if how in numbers
        }
        table.keep(name, ordered, weights, job.revision)
        print(f"{name} {how} {data}", numbers[how][data], flush=True)
    return f"measured {len(missing)} of {len(hows) * len(sets)} cells"


def _score(runtimes: dict[str, Runtime], data: str, how: str, threads: int | None) -> dict[str, float]:
    """Mean PSNR of bicubic and of every runtime on one benchmark."""
    make_small = by_name(how)
    scale = next(iter(runtimes.values())).scale

    def one(numbered: tuple[int, Path]) -> dict[str, float]:
        number, path = numbered
        hr = crop_to_multiple(read_rgb(path), scale)
        lr, _ = make_small(hr, scale, number)
        large = {"bicubic": imresize(lr, scale=scale)}
        large |= {name: enlarge(runtime, lr) for name, runtime in runtimes.items()}
        return {name: psnr_y(picture, hr, scale) for name, picture in large.items()}

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        scores = list(pool.map(one, enumerate(find_images(locate(data)), 1)))
    return {name: round(float(np.mean([score[name] for score in scores])), 4) for name in scores[0]}


if __name__ == "__main__":
    sys.exit(main())
