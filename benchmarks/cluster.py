"""What a cluster costs: against the plain folder run, by nodes, and for the scheduling alone.

    python benchmarks/cluster.py [--only plain nodes simulated listing]

"plain" enlarges 300 pictures of a megapixel on all cores, with `--ray local` and without, and looks at the
memory of the workers. "nodes" has a cluster of nodes with one core each, one and two of them. "simulated" has
workers that sleep, on many nodes: what is left is what the driver and Ray take. "listing" plans a million
names.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, report

from mssn.cluster.crew import make
from mssn.cluster.item import Item, Outcome
from mssn.cluster.nodes import Cluster, Node, connect
from mssn.cluster.store import Store
from mssn.cluster.worker import Work, beside
from mssn.image.picture import Picture
from mssn.image.write import to_bytes, write
from mssn.upscaling.jobs import Options

PICTURES, SIDES = 300, (1152, 864)
PARTS = ("plain", "nodes", "simulated", "listing")


def main() -> None:
    """Measure, and write benchmarks/results/cluster.json; parts that are not asked for stay."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    chosen = parser.parse_args()
    before = RESULTS / "cluster.json"
    numbers = json.loads(before.read_text()) if before.exists() else {}
    numbers = {part: numbers[part] for part in PARTS if part in numbers}
    with tempfile.TemporaryDirectory() as folder:
        if "plain" in chosen.only:
            numbers["plain"] = plain(Path(folder), chosen.pictures)
            print(numbers["plain"])
        if "nodes" in chosen.only:
            numbers["nodes"] = by_nodes(Path(folder), chosen.pictures // 6)
            print(numbers["nodes"])
    if "simulated" in chosen.only:
        numbers["simulated"] = [simulated(*size) for size in ((1, 8), (4, 8), (8, 8))]
    if "listing" in chosen.only:
        command = [sys.executable, str(Path(__file__).parent / "cluster_listing.py")]
        numbers["listing"] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    report("cluster", numbers)


def pictures(folder: Path, number: int) -> Path:
    """So many JPEGs of a megapixel, like photographs with grain."""
    folder.mkdir(exist_ok=True)
    width, height = SIDES
    y, x = np.mgrid[0:height, 0:width]
    for n in range(number):
        if (folder / f"{n:04d}.jpg").exists():
            continue
        waves = [np.sin(x / (9 + n % 17 + k) + y / (23 + 3 * k)) for k in range(3)]
        grain = np.random.default_rng(n).normal(0, 0.03, (height, width, 1))
        values = (0.5 + 0.2 * np.stack(waves, axis=2) + grain).clip(0, 1)
        write(folder / f"{n:04d}.jpg", Picture((255 * values).astype(np.uint8)))
    return folder


def plain(folder: Path, number: int, turns: int = 1) -> dict[str, Any]:
    """One machine's run against `--ray local`, in turns."""
    source = pictures(folder / "in", number)
    taken: dict[str, list[float]] = {"plain": [], "ray": []}
    memory: list[int] = []
    for turn in range(turns):
        for way in ("plain", "ray") if turn == 0 else ("ray", "plain"):
            out = folder / f"{way}-{turn}"
            options = ["--ray", "local"] if way == "ray" else []
            with watching(memory if way == "ray" else []):
                taken[way].append(upscale(source, f"{out}/", *options))
    assert all(
        (folder / "plain-0" / path.name).read_bytes() == (folder / "ray-0" / path.name).read_bytes()
        for path in source.iterdir()
    )
    empty = folder / "one"
    empty.mkdir()
    (empty / "a.png").write_bytes(tiny())
    start = min(upscale(empty, f"{folder}/one-{n}/", "--ray", "local") for n in range(3))
    alone = min(upscale(empty, f"{folder}/alone-{n}/") for n in range(3))
    extra = start - alone
    times = {way: round(min(seconds), 2) for way, seconds in taken.items()}
    return {
        "pictures": number,
        "megapixels": round(SIDES[0] * SIDES[1] / 1e6, 3),
        "cores": len(os.sched_getaffinity(0)),
        "seconds": taken,
        "start_up_seconds": round(extra, 2),
        "times_as_long": round((times["ray"] - extra) / times["plain"], 3),
        "times_as_long_with_start_up": round(times["ray"] / times["plain"], 3),
        "worker_mebibytes": round(max(memory) / 2**20),
        "bytes": {
            "source": round(statistics.mean(path.stat().st_size for path in source.iterdir())),
            "result": round(
                statistics.mean(path.stat().st_size for path in (folder / "ray-0").glob("*.jpg"))
            ),
        },
    }


def tiny() -> bytes:
    """A picture that costs nothing."""
    return to_bytes(Picture(np.zeros((8, 8, 3), np.uint8)), ".png")


def upscale(source: Path, target: str, *options: str) -> float:
    """Seconds of a run, as a process."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "mssn", "upscale", str(source), "-o", target, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return round(time.perf_counter() - started, 2)


@contextmanager
def watching(memory: list[int]) -> Iterator[None]:
    """Note the most memory that a worker held."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.5):
            for process in Path("/proc").iterdir():
                try:
                    if b"ray::Worker" in (process / "cmdline").read_bytes():
                        peak = re.search(r"VmHWM:\s*(\d+)", (process / "status").read_text())
                        memory.append(1024 * int(peak[1]) if peak else 0)
                except OSError:  # it has gone, or is nobody's
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def by_nodes(folder: Path, number: int) -> dict[str, Any]:
    """Pictures a second of one node and of two, each with a core of its own."""
    source = pictures(folder / "in", number)
    rates: dict[str, float] = {}
    for nodes in (1, 2):
        with cluster([1] * nodes, pinned=True) as address:
            seconds = upscale(source, f"{folder}/nodes-{nodes}/", "--ray", address)
            rest = upscale(source, f"{folder}/nodes-{nodes}/", "--ray", address, "--skip-existing")
        rates[str(nodes)] = round(number / (seconds - rest), 3)
    return {"pictures": number, "pictures_a_second": rates, "gain": round(rates["2"] / rates["1"], 3)}


@contextmanager
def cluster(cores: list[int], *, pinned: bool = False) -> Iterator[str]:
    """A Ray cluster of nodes on this machine; its address.

    Args:
        cores: Of each node.
        pinned: Each node has a core of its own.
    """
    import ray.cluster_utils as utils

    own = sorted(os.sched_getaffinity(0))
    made: Any = utils.Cluster()
    try:
        for number, count in enumerate(cores):
            if pinned:
                os.sched_setaffinity(0, {own[number % len(own)]})
            made.add_node(num_cpus=count, object_store_memory=80 * 2**20, include_dashboard=False)
            os.sched_setaffinity(0, own)
        yield made.address
    finally:
        os.sched_setaffinity(0, own)
        made.shutdown()


class Sleeper:
    """A worker that only takes its time, a second a picture."""

    def __init__(self, work: Any, memory: int, node: str) -> None:
        self._node, self._busy = node, threading.Lock()

    def load(self) -> None:
        pass

    @beside
    def beat(self) -> int | None:
        return None

    @beside
    def tidy(self) -> None:
        pass

    def make(self, ticket: int, item: Item) -> tuple[Outcome, bool]:
        with self._busy:
            time.sleep(1.0)
        return Outcome(item, item.target, node=self._node), False


class Believed(Cluster):
    """A cluster whose nodes have all the cores that they say, as what they do takes none."""

    def ask(self, node: Node, weights: Path | None) -> Any:
        fit = self.ray.remote(num_cpus=0)(lambda: (node.cores, 2**40, None))
        return fit.options(scheduling_strategy=self.on(node)).remote()


def simulated(nodes: int, cores: int, rounds: int = 20) -> dict[str, Any]:
    """How much of their time workers have work, if it takes a second a picture."""
    number = nodes * cores * rounds
    items = (Item(f"{n}.png", 1, "", f"{n}.png") for n in range(number))
    work = Work(Store("s3://simulated/in"), Store("s3://simulated/out"), {"model": "bicubic"}, Options())
    with cluster([cores] * nodes) as address, connect(address) as made:
        began = time.perf_counter()
        cpu = time.process_time()
        ends = [time.perf_counter() - began for _ in make(items, work, Believed(made.ray), worker=Sleeper)]
        cpu = time.process_time() - cpu
    # From when all are at work to when the first have none any more.
    first, last = nodes * cores * 2, number - nodes * cores * 2
    rate = (last - first) / (ends[last] - ends[first])
    return {
        "nodes": nodes,
        "workers": nodes * cores,
        "pictures": number,
        "pictures_a_second": round(rate, 1),
        "share_of_ideal": round(rate / (nodes * cores), 3),
        "first_after_seconds": round(ends[0], 2),
        "driver_ms_a_picture": round(1000 * cpu / number, 2),
    }


if __name__ == "__main__":
    main()
