"""What weights made for photographs are worth on compressed pictures, and what they cost on clean ones.

    python release/degraded.py                     # every mssn*-photo that ships
    python release/degraded.py mssn-s-photo-x2     # only this one; the other results stay
    python release/degraded.py mssn-s-photo-x2 avif:85 none     # and only these degradations
    python release/degraded.py mssn-photo-x2 Set14 B100         # and only these benchmarks

Small pictures of three benchmarks are compressed as JPEG, WebP and AVIF of several qualities, then enlarged
by bicubic, by the clean weights and by those for photographs, as users get them. Writes PSNR on Y to
paper/results/degraded.json; `mssn evaluate -m mssn-s-photo -d Set14 --degrade jpeg:75` gives any one of its
numbers. From these results comes the rule of `mssn.upscaling.variant`. Needs MSSN_DATA.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from mssn import provenance
from mssn.api import load_tiled
from mssn.image.read import find_images, read_rgb
from mssn.image.resize import crop_to_multiple, imresize
from mssn.models import info
from mssn.runtime.base import Runtime
from mssn.score.degrade import by_name
from mssn.score.folders import locate
from mssn.score.metrics import psnr_y
from mssn.upscaling.tiled import enlarge

RESULT = Path(__file__).parents[1] / "paper" / "results" / "degraded.json"
SETS = ("Set14", "B100", "Urban100")
HOWS = ("none", "jpeg:95", "jpeg:90", "jpeg:85", "jpeg:75", "jpeg:50")
HOWS += ("webp:95", "webp:90", "webp:80", "avif:85", "avif:60")


def main() -> None:
    """Score and write."""
    known = json.loads(RESULT.read_text())["models"] if RESULT.exists() else {}
    shipped = {
        f"{row.model}-x{row.scale}": row
        for row in info.list_models()
        if row.weights and row.model.endswith(info.PHOTO)
    }
    given = sys.argv[1:]
    sets = [argument for argument in given if argument in SETS]
    hows = [argument for argument in given if argument not in shipped and argument not in SETS]
    for name in [argument for argument in given if argument in shipped] or shipped:
        before = known.get(name, {}) if hows or sets else {}
        found = measure(shipped[name], hows or HOWS, sets or SETS)
        merged = {how: before.get(how, {}) | found.get(how, {}) for how in HOWS}
        known[name] = {how: scores for how, scores in merged.items() if scores}
        models = {name: known[name] for name in shipped if name in known}
        result = {"versions": provenance.versions(), "commit": provenance.commit(), "models": models}
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


def measure(
    row: info.ModelInfo, hows: Sequence[str], sets: Sequence[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """Mean PSNR by degradation, benchmark and what enlarges ("bicubic", "clean", "photo")."""
    runtimes = {
        "clean": load_tiled(row.model.removesuffix(info.PHOTO), row.scale).runtime,
        "photo": load_tiled(row.model, row.scale).runtime,
    }
    found: dict[str, dict[str, dict[str, float]]] = {}
    for how in hows:
        found[how] = {data: score(runtimes, data, how, row.scale) for data in sets}
        print(f"{row.model} x{row.scale}", how, found[how], flush=True)
    return found


def score(runtimes: dict[str, Runtime], data: str, how: str, scale: int) -> dict[str, float]:
    """Mean PSNR of bicubic and of every runtime on one benchmark."""
    make_small = by_name(how)

    def one(numbered: tuple[int, Path]) -> dict[str, float]:
        number, path = numbered
        hr = crop_to_multiple(read_rgb(path), scale)
        lr = make_small(hr, scale, number)
        large = {"bicubic": imresize(lr, scale=scale)}
        large |= {name: enlarge(runtime, lr) for name, runtime in runtimes.items()}
        return {name: psnr_y(picture, hr, scale) for name, picture in large.items()}

    with ThreadPoolExecutor(2) as pool:
        scores = list(pool.map(one, enumerate(find_images(locate(data)), 1)))
    return {name: round(float(np.mean([score[name] for score in scores])), 4) for name in scores[0]}


if __name__ == "__main__":
    main()
