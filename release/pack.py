"""Pack training for a bare machine: one file that holds the code, pictures and first weights.

    python release/pack.py plan.toml -o train.sh       # here, with the pictures under MSSN_DATA
    sh train.sh 9 plan.toml results                    # there: nine minutes

`release/remote/plan.py` says what a plan is. The machine needs Python, PyTorch and NumPy, no libvips and no
network. Of the pictures those crops are packed that have the most detail: the best of each picture, then the
second best of each, and so on, until the file has its size. Folders keep their shares of the area.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from remote import packed, plan

from mssn import provenance
from mssn.atomic import replacing
from mssn.errors import DataError, MssnError, TrainingError
from mssn.image.resize import shrink
from mssn.lab.data.detail import DetailMap
from mssn.lab.data.pixels import Pixels
from mssn.lab.train.recipe import Recipe
from mssn.lab.train.session import clean_pixels, validation_pairs
from mssn.lab.weights import load_network, save, tensors_of
from mssn.models import info

HERE, SOURCE = Path(__file__).resolve().parent, Path(__file__).resolve().parent.parent / "src" / "mssn"
WHEELS = ("pillow", "safetensors")
MEGABYTE = 1_000_000
_WHOLE = 12  # sides are multiples of it, so that a crop can be shrunk by 2, 3 and 4
_HEAD = 512 + 256  # bytes that a file takes beside its own, in an archive and in the index
_CELL = 32  # small pixels: two by two blocks of a `DetailMap`


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("plan", type=Path, help="what is to be trained")
    parser.add_argument("-o", "--output", type=Path, default=Path("train.sh"), help="the file to make")
    parser.add_argument("--size", type=float, default=30, help="its largest size, MB")
    parser.add_argument("--side", type=int, default=384, help="of a crop, pixels; a multiple of 12")
    parser.add_argument("--python", default="3.12", help="the machine's Python")
    parser.add_argument("--wheels", type=Path, help="folder with wheels, instead of pip's")
    arguments = parser.parse_args()
    try:
        if arguments.side < _WHOLE or arguments.side % _WHOLE:
            raise DataError(f"--side must be a multiple of {_WHOLE}, not {arguments.side}")
        with tempfile.TemporaryDirectory() as name:
            pack(arguments, Path(name))
    except (MssnError, OSError) as error:
        print(f"pack: {error}", file=sys.stderr)
        return 2
    return 0


def pack(arguments: argparse.Namespace, room: Path) -> None:
    """Put everything into a folder, and the folder into the file.

    Raises:
        MssnError: Plan, pictures, weights or wheels are not usable, or there is no room for pictures.
    """
    entries = plan.read(arguments.plan)
    shutil.copy(arguments.plan, room / "plan.toml")
    unneeded = shutil.ignore_patterns("__pycache__", "*.onnx", "cli")
    shutil.copytree(HERE / "remote", room / "remote", ignore=unneeded)
    shutil.copytree(SOURCE, room / "src" / "mssn", ignore=unneeded)
    _wheels(arguments, room / "wheels")
    _first_weights(entries, room / "init")
    (room / "data").mkdir()
    index: dict[str, Any] = {"commit": provenance.commit()}
    tests = _sets(entries, lambda entry: entry.recipe.validation, _validation)
    index["validation"] = [
        _pack(one, f"v{n}-", room, arguments.side, best=True) for n, one in enumerate(tests)
    ]
    left = arguments.size * MEGABYTE - len(_archive(room)) - len(_start()) - 2 * tarfile.RECORDSIZE
    sets = _sets(entries, lambda entry: entry.recipe.train, lambda recipe: clean_pixels(recipe, None))
    shares = [left * one.minutes / sum(each.minutes for each in sets) for one in sets]
    index["train"] = [
        _pack(one, f"t{n}-", room, arguments.side, room_for=share)
        for n, (one, share) in enumerate(zip(sets, shares, strict=True))
    ]
    (room / "data" / packed.INDEX).write_text(json.dumps(index))
    with replacing(arguments.output) as file:
        file.write(_start() + _archive(room))
    size = arguments.output.stat().st_size
    print(f"{arguments.output}  {size / MEGABYTE:.1f} MB, {len(entries)} networks")
    if size > arguments.size * MEGABYTE:
        raise TrainingError(f"{arguments.output}: larger than {arguments.size:g} MB; choose a smaller --size")


def _wheels(arguments: argparse.Namespace, room: Path) -> None:
    """The wheels that a machine with PyTorch alone lacks."""
    room.mkdir()
    if arguments.wheels:
        for wheel in sorted(arguments.wheels.glob("*.whl")):
            shutil.copy(wheel, room)
    else:
        platforms = [f"--platform=manylinux_{n}_x86_64" for n in ("2_28", "2_27", "2_17")]
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        command += [*platforms, "--platform=manylinux2014_x86_64", f"--python-version={arguments.python}"]
        try:
            subprocess.run([*command, "--dest", str(room), *WHEELS], check=True)
        except subprocess.CalledProcessError as error:
            raise TrainingError("pip finds no wheels; name a folder that holds them: --wheels") from error
    missing = [name for name in WHEELS if not list(room.glob(f"{name}-*.whl"))]
    if missing:
        raise TrainingError(f"no wheel of {' and '.join(missing)}; a machine without them cannot train")
    print("wheels: " + ", ".join("-".join(wheel.name.split("-")[:2]) for wheel in sorted(room.iterdir())))


def _first_weights(entries: list[plan.Entry], room: Path) -> None:
    """What networks start from, as files that need no ONNX to be read."""
    room.mkdir()
    for number, entry in enumerate(entries):
        if not entry.init or entry.init in [earlier.name for earlier in entries[:number]]:
            continue
        path = Path(entry.init)
        net, meta = load_network(path if path.suffix else info.shipped_file(entry.init))
        save(room / plan.init_file(entry.init), tensors_of(net), meta)
        print(f"init: {entry.init} ({meta.model} x{meta.scale}, {meta.updates} updates)")


@dataclass
class Set:
    """Pictures that networks of a plan share.

    Args:
        names: Of the folders, as recipes name them.
        scale: Of the small pictures, if any is more than the large one shrunk; else 0, and any scale will do.
        pixels: The pictures.
        minutes: For how long networks look at them.
    """

    names: tuple[str, ...]
    scale: int
    pixels: Pixels
    minutes: float


def _sets(
    entries: list[plan.Entry],
    names: Callable[[plan.Entry], tuple[str, ...]],
    load: Callable[[Recipe], Pixels],
) -> list[Set]:
    sets: list[Set] = []
    for entry in entries:
        for one in sets:
            if one.names == names(entry) and one.scale in (0, entry.recipe.scale):
                one.minutes += entry.minutes
                break
        else:
            pixels = load(replace(entry.recipe, degrade={}))
            given = any(_given(pixels, number) for number in range(len(pixels.sizes)))
            scale = entry.recipe.scale if given else 0
            sets.append(Set(names(entry), scale, pixels, entry.minutes))
    return sets


def _validation(recipe: Recipe) -> Pixels:
    pairs = validation_pairs(recipe, print, lambda done, total: None)
    return packed.joined(pairs, recipe.scale, "", [f"validation {n}" for n in range(len(pairs))])


def _pair(pixels: Pixels, number: int, box: tuple[int, int, int, int] | None = None) -> packed.Pair:
    """A small and a large picture, or a part of them: top, left, height, width in small pixels."""
    r, start, (rows, columns) = pixels.scale, pixels.starts[number], pixels.sizes[number]
    small = pixels.lr[start : start + rows * columns].reshape(rows, columns, 3)
    large = pixels.hr[start * r * r : (start + rows * columns) * r * r].reshape(rows * r, columns * r, 3)
    top, left, height, width = box or (0, 0, rows, columns)
    bottom, right = top + height, left + width
    return packed.Pair(small[top:bottom, left:right], large[r * top : r * bottom, r * left : r * right])


def _given(pixels: Pixels, number: int) -> bool:
    """Whether a small picture is another than the large one shrunk; its middle tells."""
    rows, columns = (int(n) for n in pixels.sizes[number])
    height, width = min(rows, 48), min(columns, 48)
    small, large, _ = _pair(pixels, number, ((rows - height) // 2, (columns - width) // 2, height, width))
    inside = slice(4, -4)  # what lies beyond a crop reaches two pixels into it
    return not np.array_equal(shrink(large, pixels.scale)[inside, inside], small[inside, inside])


def _ranked(pixels: Pixels, side: int) -> list[tuple[int, tuple[int, int, int, int]]]:
    """(picture, box) of all crops: the best of each picture, then the second best of each, and so on.

    However many of the first are taken, each folder has the share of them that it has of all.
    """
    detail = DetailMap(pixels)
    found = []
    for number, sizes in enumerate(pixels.sizes):
        # In small pixels: whole blocks of 12 large ones, so that other scales can shrink them, too.
        height, width = (min(int(n) * pixels.scale, side) // _WHOLE * _WHOLE // pixels.scale for n in sizes)
        if not height or not width:
            continue
        mine = []
        for top in range(0, int(sizes[0]) - height + 1, height):
            for left in range(0, int(sizes[1]) - width + 1, width):
                bottom, right = top + height - _CELL + 1, left + width - _CELL + 1
                cells = np.mgrid[top:bottom:_CELL, left:right:_CELL]
                places = np.stack([np.full_like(cells[0], number), *cells], axis=-1)
                worth = float(detail.at(places, _CELL).mean()) if places.size else 0.0
                mine.append((worth, number, (top, left, height, width)))
        found += [(rank, -crop[0], *crop[1:]) for rank, crop in enumerate(sorted(mine, reverse=True))]
    crops: dict[Path, list[tuple[int, tuple[int, int, int, int]]]] = {}
    for _, _, number, box in sorted(found):
        crops.setdefault(_folder(pixels.names[number]), []).append((number, box))
    placed = []  # by the part of its folder that is taken before it
    for order, mine in enumerate(crops.values()):
        areas = np.cumsum([0, *(box[2] * box[3] for _, box in mine)])
        placed += [(areas[k] / areas[-1], order, k, *crop) for k, crop in enumerate(mine)]
    return [(number, box) for _, _, _, number, box in sorted(placed)]


def _folder(name: str) -> Path:
    """Where a picture lies; parts of a folder (`train/part-1`) count as folders, which changes no share."""
    return Path(name).parent


def _pack(
    one: Set, prefix: str, room: Path, side: int, *, best: bool = False, room_for: float = math.inf
) -> dict[str, Any]:
    """Write crops of a set, as many as there is room for, and say what they are.

    Args:
        one: The set.
        prefix: Of the files' names.
        room: The folder that becomes the archive.
        side: Of a crop, pixels.
        best: The best crop of each picture, without loss, whatever it takes.
        room_for: Bytes.
    """
    pixels = one.pixels
    first: dict[str, int] = {}  # a folder named twice lends its pictures twice; they are packed once
    times = Counter(pixels.names)
    for number, name in enumerate(pixels.names):
        first.setdefault(name, number)
    numbers = set(first.values())
    ranked = [(number, box) for number, box in _ranked(pixels, side) if number in numbers]
    if best:
        ranked = list({number: (number, box) for number, box in reversed(ranked)}.values())[::-1]

    def encoded(crop: tuple[int, tuple[int, int, int, int]]) -> tuple[bytes, bytes]:
        small, large, _ = _pair(pixels, *crop)
        given = packed.to_lossless(small) if one.scale and (best or _given(pixels, crop[0])) else b""
        drawn = packed.to_small if given else packed.to_avif  # of photographs it would be the latter anyway
        return given, (packed.to_lossless if best else drawn)(large)

    crops: list[dict[str, Any]] = []
    size = area = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(ranked), 16):
            some = ranked[start : start + 16]
            for (number, box), files in zip(some, pool.map(encoded, some), strict=True):
                cost = sum(_HEAD + -(-len(file) // 512) * 512 for file in files if file)
                if size + cost > room_for:
                    break
                crop: dict[str, Any] = {"name": Path(pixels.names[number]).name}
                crop["times"] = times[pixels.names[number]]
                for kind, file in zip(("small", "large"), files, strict=True):
                    crop[kind] = f"{prefix}{len(crops)}-{kind}" if file else ""
                    if file:
                        (room / "data" / crop[kind]).write_bytes(file)
                crops.append(crop)
                size, area = size + cost, area + box[2] * box[3] * pixels.scale**2
            else:
                continue
            break
    if not crops:
        raise DataError(f"no room for a crop of {', '.join(one.names)}; choose a larger --size")
    print(
        f"{', '.join(one.names)}{f' for x{one.scale}' * bool(one.scale)}: {len(crops)} of "
        f"{len(ranked)} crops, {area / 1e6:.1f} megapixels, {size / MEGABYTE:.1f} MB"
    )
    return {"names": list(one.names), "scale": one.scale, "crops": crops}


def _start() -> bytes:
    return (HERE / "remote" / "train.sh").read_bytes()


def _archive(room: Path) -> bytes:
    """The folder as a tar archive; the pictures are compressed already, the rest hardly counts."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(room, ".")
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
