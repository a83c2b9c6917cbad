"""Ours beside what else a person could use to enlarge a picture on a processor: quality, time, size, memory.

    make peers                                    # the others, in an environment of their own
    python benchmarks/beside.py                   # all, about 30 minutes
    python benchmarks/beside.py --part time CARN  # these again; others stay

MSSN_DATA holds benchmarks/Set5 and Set14, MSSN_CHECKPOINTS what authors published: carn_m.pth,
smfanet_plus_df2k_x2.pth and _x4.pth, FSRCNN_x2.pb. Who is not there is listed with the reason. Every
contestant is a process of its own (benchmarks/contestant.py, contestant.mjs). The parts:

    quality  PSNR on Set5 and Set14 by our protocol, of the pictures it makes
    time     array to array, to a result of 1280x720, on one core and on all
    start    from the start of the process to the written file, of one PNG
    sizes    array to array, pictures of 0.1 to 100 megapixels
    tiles    ours, cut into tiles of several sizes

Times are taken in turns, and always beside the same baseline, whose time is kept with each: ratios are of one
run. Runs during which other processes computed do not count. Writes beside.json, .svg and .png into
benchmarks/results.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from common import RESULTS
from contestants import BASELINE, Contestant, others, ours, python
from kept import Report
from plot import draw
from turns import Server, StoppedError, in_turns

from mssn.image.find import find_images
from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, shrink
from mssn.image.write import write
from mssn.score.folders import locate
from mssn.score.metrics import psnr_y

PARTS = ("quality", "time", "start", "sizes", "tiles")
ROUNDS, STARTS = 9, 3
WIDTH, HEIGHT = 1280, 720  # of a result
MEGAPIXELS = (0.1, 0.25, 1.0, 4.0, 12.0, 25.0, 100.0)
LONGEST = 50.0  # seconds: a size that would take longer is left out, and said to be
TILES = (96, 160, 320, 640, 1280, 2000)
TILED_SIDE = 2000


def main() -> None:
    """Measure all, one after another."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", nargs="*", help="measure those whose label holds one of these words")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one; may be repeated")
    parser.add_argument(
        "--megapixels", action="append", type=float, help="for the part sizes; may be repeated"
    )
    parser.add_argument("--seconds", type=float, default=70, help="begin no further round after so many")
    options = parser.parse_args()
    parts = options.part or PARTS
    found, left_out = others()
    known = {row.label: row for row in (*ours(), *found)}
    chosen = [
        row for row in known.values()
        if not options.labels or any(word in row.label for word in options.labels)
    ]  # fmt: skip
    result = Report(list(known), [row.label for row in chosen], left_out)
    for row in chosen:
        result.row("contestants", row.label).update(
            scale=row.scale, parameters=row.parameters, kilobytes=row.kilobytes
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "quality" in parts:
            quality(result, chosen, folder)
        if "time" in parts:
            times(result, known[BASELINE], chosen, folder, options.seconds)
        if "start" in parts:
            starts(result, known[BASELINE], chosen, folder, options.seconds)
        if "sizes" in parts:
            sizes(result, known[BASELINE], chosen, options.megapixels or MEGAPIXELS, folder)
        if "tiles" in parts:
            tiles(result, known[BASELINE], folder, options.seconds)
    result.write()
    draw(json.loads((RESULTS / "beside.json").read_text()))


def quality(result: Report, chosen: Sequence[Contestant], folder: Path) -> None:
    """PSNR on luma, as `mssn evaluate` counts it."""
    for row in chosen:
        with _serving(result, [(row.label, row, _cores())]) as servers:
            for server in servers.values():
                means = {data: _psnr(server, data, row.scale, folder) for data in ("Set5", "Set14")}
                result.row("contestants", row.label).update(psnr=means)
                print(row.label, means, file=sys.stderr)
        result.write()


def _psnr(server: Server, data: str, scale: int, folder: Path) -> float:
    scores = []
    for path in find_images(locate(data)):
        original = crop_to_multiple(read_rgb(path), scale)
        np.save(folder / "small.npy", shrink(original, scale))
        small = (folder / "small.npy").rename(folder / f"{data}-x{scale}-{path.stem}.npy")
        server.run(small, folder / "large.npy")
        scores.append(psnr_y(np.load(folder / "large.npy"), original, scale))
    return round(float(np.mean(scores)), 3)


def times(
    result: Report, baseline: Contestant, chosen: Sequence[Contestant], folder: Path, budget: float
) -> None:
    """On one core and on all, in the same turns."""
    known = {row.label: row for row in chosen}
    wanted = [
        (f"{row.label}|{cores}", row, cores)
        for row in _with(baseline, chosen)
        for cores in sorted({1, _cores()})
    ]
    with _serving(result, wanted) as servers:
        sides = {name: row.scale * row.part for name, row, _ in wanted}
        shown = {name: _noise(folder, HEIGHT // sides[name], WIDTH // sides[name]) for name in servers}
        against = {f"{row.label}|{cores}": f"{baseline.label}|{cores}" for _, row, cores in wanted}
        found = in_turns(servers, shown, against, ROUNDS, budget)
        for name, numbers in found.items():
            label, _, cores = name.partition("|")
            if label not in known:
                continue
            kept = result.row("contestants", label)
            kept["install_mb"] = servers[name].about["install_mb"]
            kept["parameters"] = servers[name].about.get("parameters", kept["parameters"])
            if (part := known[label].part) > 1:
                scaled = ("seconds", "best", "times_as_long")
                numbers |= {key: round(numbers[key] * part**2, 3) for key in scaled}
                numbers["measured_part"] = 1 / part**2
            kept.setdefault("cores", {})[cores] = numbers | _today()
            print(name, json.dumps(kept["cores"][cores]), file=sys.stderr)


def starts(
    result: Report, baseline: Contestant, chosen: Sequence[Contestant], folder: Path, budget: float
) -> None:
    """Whole processes, in turns."""
    for scale in (2, 4):
        small = np.load(_noise(folder, HEIGHT // scale, WIDTH // scale))
        write(folder / f"x{scale}.png", Picture(small))
    found: dict[str, list[float]] = {}
    began = time.monotonic()
    for turn in range(-1, STARTS):
        if turn > 0 and time.monotonic() - began > budget:
            break
        for row in _with(baseline, [row for row in chosen if row.files]):
            command = row.started(_cores(), str(folder / f"x{row.scale}.png"), str(folder / "large.png"))
            started = time.perf_counter()
            done = subprocess.run(command, capture_output=True)
            seconds = time.perf_counter() - started
            if turn >= 0 and not done.returncode:
                found.setdefault(row.label, []).append(seconds)
    for row in chosen:
        if row.label in found:
            seconds, usually = (
                round(float(np.median(found[label])), 3) for label in (row.label, baseline.label)
            )
            numbers = {"seconds": seconds, "runs": len(found[row.label]), "baseline": usually}
            result.row("contestants", row.label)["whole_process"] = numbers | _today()


def sizes(
    result: Report,
    baseline: Contestant,
    chosen: Sequence[Contestant],
    megapixels: Sequence[float],
    folder: Path,
) -> None:
    """Each contestant, size after size; from 4 megapixels on once."""
    usual = _noise(folder, HEIGHT // 2, WIDTH // 2)
    for row in chosen:
        pace = 0.0  # seconds for a megapixel
        for size in megapixels:
            kept = result.row("sizes", row.label)
            if pace * size > LONGEST:
                kept[f"{size:g}"] = {"left_out": f"would take about {pace * size:.0f} s"}
                continue
            # A process for each size, so that the peak of memory is of this size.
            with _serving(result, [("baseline", baseline, _cores()), (row.label, row, _cores())]) as servers:
                if row.label not in servers:
                    break
                height = round((size * 1e6 / 1.5) ** 0.5)  # 3:2
                picture = _noise(folder, height, round(height * 1.5))
                if size < 4:
                    pictures = {"baseline": usual, row.label: picture}
                    against = dict.fromkeys(pictures, "baseline")
                    numbers = in_turns(servers, pictures, against, 3, 30)[row.label]
                else:
                    servers[row.label].run(usual)  # to warm up
                    found = [servers["baseline"].run(usual)["seconds"] for _ in range(4)]
                    answer = servers[row.label].run(picture)
                    seconds = round(answer["seconds"], 5)
                    numbers = {"seconds": seconds, "runs": 1, "peak_mb": answer["peak_mb"]}
                    if answer["disturbing"]:
                        numbers["disturbed"] = True
                    numbers["baseline"] = round(float(np.median(found[1:])), 5)
                    numbers["times_as_long"] = round(numbers["seconds"] / numbers["baseline"], 3)
                pace = numbers["seconds"] / size
                kept[f"{size:g}"] = numbers | _today()
                print(row.label, size, json.dumps(kept[f"{size:g}"]), file=sys.stderr)
                result.write()
                if picture != usual:
                    picture.unlink()


def tiles(result: Report, baseline: Contestant, folder: Path, budget: float) -> None:
    """MSSN-S in the baseline's precision, a square picture."""
    precision = BASELINE.rpartition(" ")[2]
    usual, large = _noise(folder, HEIGHT // 2, WIDTH // 2), _noise(folder, TILED_SIDE, TILED_SIDE)
    wanted = [("baseline", baseline, _cores())]
    for side in TILES:
        way = python(f"mssn=mssn-s,2,openvino,{precision},{side}")
        wanted.append((str(side), Contestant(str(side), 2, way), _cores()))
    with _serving(result, wanted) as servers:
        pictures = {name: usual if name == "baseline" else large for name in servers}
        found = in_turns(servers, pictures, dict.fromkeys(pictures, "baseline"), 5, budget)
        result.tables["tiles"] = {"side": TILED_SIDE, "times": {}}
        for name, numbers in found.items():
            if name != "baseline":
                result.tables["tiles"]["times"][name] = numbers | _today()


@contextlib.contextmanager
def _serving(result: Report, wanted: Sequence[tuple[str, Contestant, int]]) -> Iterator[dict[str, Server]]:
    """Servers by name, of those that start; why the others do not is kept."""
    started = {name: Server(row.started(cores), cores) for name, row, cores in wanted}
    try:
        servers: dict[str, Server] = {}
        for name, row, _ in wanted:
            try:
                started[name].ready()
                servers[name] = started[name]
            except StoppedError as error:
                result.tables["left_out"][row.label] = str(error)
        yield servers
    finally:
        for server in started.values():
            server.close()


def _noise(folder: Path, height: int, width: int) -> Path:
    """A picture that no tool finds easier than another."""
    path = folder / f"{width}x{height}.npy"
    if not path.exists():
        np.save(path, np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))
    return path


def _with(baseline: Contestant, chosen: Sequence[Contestant]) -> list[Contestant]:
    return [baseline, *(row for row in chosen if row != baseline)]


def _today() -> dict[str, str]:
    return {"date": datetime.date.today().isoformat()}


def _cores() -> int:
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    main()
