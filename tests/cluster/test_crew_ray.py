"""Real workers on three raylets: equal to one machine, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import pyvips
from ray_cluster import Raylets, driver, wait_until

from mssn.api import load
from mssn.cluster.crew import make
from mssn.cluster.item import Item, Outcome
from mssn.cluster.nodes import Cluster, connect
from mssn.cluster.store import Store
from mssn.cluster.worker import Work, Worker
from mssn.errors import MssnError
from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.upscaling.batch import upscale_files
from mssn.upscaling.jobs import Job, Options

pytestmark = pytest.mark.slow
KINDS = 12  # different pictures
KILLS = 20


@pytest.fixture(scope="module")
def raylets() -> Iterator[Raylets]:
    made = Raylets(3)
    yield made
    made.end()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> tuple[Path, list[bytes]]:
    """Small pictures, and what one machine makes of them."""
    folder = tmp_path_factory.mktemp("pictures")
    jobs = []
    for number in range(KINDS):
        ending = ("png", "jpg", "webp", "tif")[number % 4]
        name, pixels = (
            f"{number}.{ending}",
            np.random.default_rng(number).integers(0, 255, (24, 32, 3), np.uint8),
        )
        write(folder / name, Picture(pixels))
        jobs.append(Job(folder / name, folder / f"large_{name}"))
    for done in upscale_files(load("mssn-s"), jobs):
        assert done.error is None
    return folder, [job.target.read_bytes() for job in jobs]


class Room:
    """An input with many names for those pictures, and an output to be compared."""

    def __init__(self, folder: Path, pictures: tuple[Path, list[bytes]]) -> None:
        self.source, self.target = folder / "in", folder / "out"
        self.source.mkdir()
        self.target.mkdir()
        self._pictures, self._expected = pictures
        self.work = Work(Store(self.source), Store(self.target), {"model": "mssn-s"}, Options())
        self.asked: list[str] = []

    def item(self) -> Item:
        """One more."""
        number = len(self.asked)
        old = next(self._pictures.glob(f"{number % KINDS}.*"))
        name = f"{number // 50}/{number:04}{old.suffix}"
        (self.source / name).parent.mkdir(exist_ok=True)
        os.link(old, self.source / name)
        self.asked.append(name)
        return Item(name, old.stat().st_size, "", name)

    def check(self, told: list[Outcome]) -> None:
        """Every picture once, and each either made, whole and right, or named with its reason."""
        assert sorted(outcome.item.name for outcome in told) == sorted(self.asked)
        failed = {outcome.item.name: outcome.error for outcome in told if outcome.error}
        assert all("given up after 3 tries" in error for error in failed.values())
        assert len(failed) <= len(self.asked) / 50  # hit by chance in all their tries
        self.compare(set(self.asked) - set(failed), set(self.asked))

    def compare(self, made: set[str], allowed: set[str]) -> None:
        there = {entry.name for entry in self.work.target.list(needed=False)}
        assert made <= there <= allowed
        for name in there:
            assert (self.target / name).read_bytes() == self._expected[int(Path(name).stem) % KINDS], name


@pytest.fixture
def room(tmp_path, pictures) -> Room:
    return Room(tmp_path, pictures)


def test_results_equal_one_machines_and_nothing_goes_through_the_object_store(raylets, room, capfd):
    from ray._private.internal_api import memory_summary

    items = [room.item() for _ in range(60)]
    (room.source / "bad.png").write_bytes(b"hello")
    with connect(raylets.address) as cluster:
        told = list(make(iter([*items, Item("bad.png", 5, "", "bad.png")]), room.work, cluster))
        memory = memory_summary(raylets.address, stats_only=True)
    (bad,) = [outcome for outcome in told if outcome.item.name == "bad.png"]
    assert bad.error == f"{room.source}/bad.png: is not a picture but text"
    room.check([outcome for outcome in told if outcome is not bad])
    assert "Plasma memory usage 0 MiB, 0 objects" in memory
    assert "Spilled" not in memory
    assert len({outcome.node for outcome in told}) == 1  # the same machine, in truth
    assert wait_until(lambda: raylets.workers() == [])
    assert capfd.readouterr().out == ""


def test_a_machine_that_is_no_node_may_ask(raylets, room):
    for _ in range(30):
        room.item()
    code, out, error = 1, "", ""
    for _ in range(3):  # Ray gives its own server for each such machine 30 s to start
        with driver(raylets.from_outside, room.source, room.target, "mssn-s") as process:
            out, error = process.communicate(timeout=300)
            code = process.returncode
        if "no Ray cluster answers" not in error:
            break
    assert (code, error) == (0, "")
    assert sorted(json.loads(line) for line in out.splitlines()) == [[name, None, 1] for name in room.asked]
    room.compare(set(room.asked), set(room.asked))
    assert wait_until(lambda: raylets.workers() == [])


def run_while_killing(
    room: Room, cluster: Cluster, kill: Callable[[Random], bool], seed: int
) -> list[Outcome]:
    """Make pictures for as long as things are killed, and a few more; what became of each."""
    random, killed, told = Random(seed), 0, list[Outcome]()

    def items() -> Iterator[Item]:
        while killed < KILLS:
            yield room.item()
        for _ in range(20):
            yield room.item()

    patience = random.randint(1, 8)
    for outcome in make(items(), room.work, cluster):
        told.append(outcome)
        patience -= 1
        if patience <= 0 and killed < KILLS:
            time.sleep(random.uniform(0, 0.1))
            killed += kill(random)
            patience = random.randint(1, 8)
    assert killed == KILLS
    return told


def test_killed_workers_cost_no_picture(raylets, room, capfd):
    def kill(random: Random) -> bool:
        there = raylets.workers()
        if there:
            os.kill(random.choice(there), signal.SIGKILL)
        return bool(there)

    with connect(raylets.address) as cluster:
        room.check(run_while_killing(room, cluster, kill, 1))
    assert capfd.readouterr().out == ""


def test_lost_nodes_cost_no_picture(raylets, room, capfd):
    def kill(random: Random) -> bool:
        raylets.kill_raylet(random.randrange(2))
        raylets.add()
        return True

    with connect(raylets.address) as cluster:
        room.check(run_while_killing(room, cluster, kill, 2))
    assert capfd.readouterr().out == ""


def test_killed_drivers_take_their_workers_along_and_the_next_makes_the_rest(raylets, room):
    random = Random(3)
    for _ in range(KILLS):
        for _ in range(12):
            room.item()
        with driver(raylets.address, room.source, room.target, "mssn-s") as process:
            for _ in range(random.randint(1, 10)):
                assert process.stdout and process.stderr
                assert process.stdout.readline(), process.stderr.read()
            time.sleep(random.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
        assert wait_until(lambda: raylets.workers() == [])
        room.compare(set(), set(room.asked))
    with driver(raylets.address, room.source, room.target, "mssn-s") as process:
        out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    assert all(json.loads(line)[1] is None for line in out.splitlines())
    room.compare(set(room.asked), set(room.asked))


def test_ctrl_c_frees_our_workers_and_touches_nobody_elses(raylets, room):
    for _ in range(600):
        room.item()
    with connect(raylets.address) as cluster:

        class Stranger:
            def ready(self) -> bool:
                return True

        stranger = cluster.ray.remote(num_cpus=0)(Stranger).remote()
        assert cluster.ray.get(stranger.ready.remote())
        with driver(raylets.address, room.source, room.target, "mssn-s") as process:
            assert process.stdout and process.stdout.readline()
            assert raylets.workers()
            process.send_signal(signal.SIGINT)
            started = time.monotonic()
            out, error = process.communicate(timeout=60)
            assert wait_until(lambda: raylets.workers() == [])
            assert time.monotonic() - started < 10
        assert process.returncode == 130, error
        assert error == ""
        assert all(json.loads(line)[1] is None for line in out.splitlines())
        assert cluster.ray.get(stranger.ready.remote())


def test_a_frozen_worker_is_noticed_and_ends(raylets, room, monkeypatch):
    monkeypatch.setattr("mssn.cluster.crew.FROZEN", 4.0)
    monkeypatch.setattr("mssn.cluster.crew.BEAT", 1.0)
    stopped: list[int] = []

    def items() -> Iterator[Item]:
        for number in range(60):
            if number == 20:
                stopped.append(raylets.workers()[0])
                os.kill(stopped[0], signal.SIGSTOP)
            yield room.item()

    with connect(raylets.address) as cluster:
        room.check(list(make(items(), room.work, cluster)))
        assert wait_until(lambda: stopped[0] not in raylets.workers(), 20)


def test_poison_is_told_by_name_and_reason_and_its_neighbours_are_made(raylets, room):
    """Three kinds: it kills its worker each time, it never ends, it takes more memory than a worker may."""

    class Poisoned(Worker):
        def __init__(self, work: Work, memory: int, node: str) -> None:
            super().__init__(work, 0, node)

        def _enlarge(self, ticket, item, source, folder):
            if item.name == "deadly.png":
                os.kill(os.getpid(), signal.SIGKILL)
            if item.name == "endless.png":
                self._alive(ticket)
                time.sleep(1000)
            return super()._enlarge(ticket, item, source, folder)

    pyvips.Image.black(16000, 12500, bands=3).webpsave(
        str(room.source / "bomb.webp"), lossless=True, effort=0
    )
    poison = []
    for name in ("deadly.png", "endless.png", "bomb.webp"):
        if not (room.source / name).exists():
            write(room.source / name, Picture(np.zeros((24, 32, 3), np.uint8)))
        poison.append(Item(name, (room.source / name).stat().st_size, "", name))
    items = [room.item() for _ in range(30)]
    mixed = [*items[:10], poison[0], *items[10:15], poison[1], *items[15:20], poison[2], *items[20:]]
    with connect(raylets.address) as cluster:
        told = list(make(iter(mixed), replace(room.work, patience=2.0), cluster, worker=Poisoned))
    bad = {outcome.item.name: outcome for outcome in told if outcome.item in poison}
    told = [outcome for outcome in told if outcome.item not in poison]
    assert {outcome.error for outcome in told} == {None}
    room.check(told)
    lead = f"{room.source}/{{}}: given up after 3 tries: its worker "
    assert bad["deadly.png"].error == lead.format("deadly.png") + "died, perhaps for lack of memory"
    assert bad["endless.png"].error == lead.format("endless.png") + "stood still for too long"
    assert "bomb.webp: needs more memory than a worker has (512 MiB)" in str(bad["bomb.webp"].error)
    assert {outcome.tries for outcome in bad.values()} == {3}


def test_a_node_that_lacks_the_package_is_named_within_a_minute(raylets, room, tmp_path):
    (tmp_path / "mssn").mkdir()
    (tmp_path / "mssn" / "__init__.py").write_text("raise ImportError")
    raylets.add(PYTHONPATH=str(tmp_path))
    started = time.monotonic()
    with connect(raylets.address) as cluster, pytest.raises(MssnError, match="mssn is not installed there"):
        list(make(iter([room.item()]), room.work, cluster))
    raylets.kill_raylet(-1)
    assert time.monotonic() - started < 60


_ALONE = """
import os, signal, sys, tempfile
from pathlib import Path
from mssn.cluster.crew import make
from mssn.cluster.item import Item
from mssn.cluster.nodes import connect
from mssn.cluster.store import Store
from mssn.cluster.worker import Work
from mssn.upscaling.jobs import Options
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
before = signal.getsignal(signal.SIGTERM)
source, target = map(Store, sys.argv[1:])
with connect("local") as cluster:
    assert signal.getsignal(signal.SIGTERM) == before
    assert [node.cores for node in cluster.nodes()] == [1]
    assert cluster.ray.get_runtime_context().runtime_env == {}
    items = (Item(e.name, e.size, e.mark, e.name) for e in source.list())
    told = list(make(items, Work(source, target, {"model": "mssn-s"}, Options()), cluster))
    cluster.ray.get(cluster.ray.remote(lambda: print("noise")).remote())
    logs = [path for path in Path(tempfile.gettempdir()).rglob("*") if path.is_file()]
    assert any(path.name.startswith("raylet") for path in logs)
    assert not [path for path in logs if os.environ["AWS_SECRET_ACCESS_KEY"].encode() in path.read_bytes()]
assert [outcome.error for outcome in told] == [None] * 5, told
"""


def test_a_cluster_of_ones_own_on_one_core_is_quiet_and_leaves_nothing(room, monkeypatch):
    node = Path(tempfile.mkdtemp(prefix="t-", dir="/tmp"))
    monkeypatch.setenv("TMPDIR", str(node))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-tell")
    for _ in range(5):
        room.item()
    arguments = [sys.executable, "-c", _ALONE, str(room.source), str(room.target)]
    ran = subprocess.run(arguments, capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    node.rmdir()  # which is empty
    room.compare(set(room.asked), set(room.asked))
