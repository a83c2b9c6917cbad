"""Two machines that train as one: a `torchrun` for each, both on this one, killed at random and stopped."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mssn.lab.train.loop import CHECKPOINT
from mssn.lab.train.recipe import load_recipe
from mssn.lab.train.session import prepare
from mssn.lab.weights import load, tensors_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals as POSIX knows them"),
]
PATIENCE = 900  # seconds; a busy machine takes long to import PyTorch in each of many processes
UPDATES, BATCH = 60, 2
# With the shared store of PyTorch 2.13, a machine that joins later waits in vain, and takes the others down.
ALWAYS = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1", "OMP_NUM_THREADS": "1"}
RECIPE = """
train = ["{train}"]
validation = ["{validation}"]
updates = 60
batch = {batch}
patch = 12
learning_rate = 2e-3
schedule = "cosine"
warmup = 3
clip = 1.0
ema = 0.9
precision = "fp32"
validate_every = 25
checkpoint_minutes = 0.005
config = {{ channels = 8, expanded = 12, blocks = 2, units = 2 }}
"""
# `mssn`, which notes who it is, which patches it takes, and what it saves; and takes its time.
SPY = """
import os, sys, time
from datetime import timedelta
from mssn import cli
from mssn.lab.data import folder
from mssn.lab.data.patches import Patches
from mssn.lab.train import loop, parallel

log = open(os.path.join(os.environ["NOTES"], f"{os.getppid()}-{os.getpid()}.log"), "w", buffering=1)
batch, save, decode = Patches.batch, loop.save_checkpoint, folder._decode
loop._LOOK_EVERY = 5
parallel.PATIENCE = timedelta(seconds=float(os.environ.get("SECONDS_OF_PATIENCE", "300")))

def noted_batch(self, k):
    time.sleep(0.05)
    print("batch", *k, file=log)
    return batch(self, k)

def noted_save(path, state):
    save(path, state)
    print("saved", state["status"]["update"], file=log)

def noted_decode(*arguments):
    print("decodes", file=log)
    decode(*arguments)

Patches.batch, loop.save_checkpoint, folder._decode = noted_batch, noted_save, noted_decode
cli.main()
"""


class Machines:
    """Launchers, each of which stands for a machine, with what their processes noted."""

    def __init__(self, folder: Path, folders: dict[str, tuple[str, ...]]) -> None:
        self.folder, self.run = folder, folder / "run"
        names = {name: paths[0] for name, paths in folders.items()}
        for name, batch in (("both", BATCH), ("alone", 2 * BATCH)):
            (folder / f"{name}.toml").write_text(RECIPE.format(batch=batch, **names))
        (folder / "spy.py").write_text(SPY)
        self.notes = folder / "notes"
        self.notes.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.launchers: list[subprocess.Popen] = []

    def start(self, *options: str, nodes: str = "1:2", cache: str = "cache", **environment: str) -> None:
        """One more machine; the first keeps the meeting place."""
        command = [
            *(sys.executable, "-m", "torch.distributed.run", "--nnodes", nodes, "--nproc-per-node", "1"),
            *("--max-restarts", "9", "--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{self.port}"),
            *("--rdzv-id", "run", "--local-addr", "127.0.0.1", "--rdzv-conf", "last_call_timeout=5"),
            *(
                "--shutdown-timeout",
                "20",
                str(self.folder / "spy.py"),
                "train",
                str(self.folder / "both.toml"),
            ),
            *(
                "--resume",
                "-o",
                str(self.run),
                "--cache",
                str(self.folder / cache),
                "--device",
                "cpu",
                *options,
            ),
        ]
        with open(self.folder / f"{len(self.launchers)}.err", "w") as errors:
            started = subprocess.Popen(
                command,
                env={**os.environ, **ALWAYS, "NOTES": str(self.notes), **environment},
                stderr=errors,
                start_new_session=True,
            )
        self.launchers.append(started)
        if len(self.launchers) == 1:
            self.wait(self.answers)

    def answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def wait(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, self.errors()
            time.sleep(0.02)

    def ends(self, number: int = 0) -> int:
        """The code that a launcher ends with."""
        try:
            return self.launchers[number].wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(self.errors()) from None

    def errors(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.err")))

    def worker(self, number: int) -> int:
        """The newest process of a launcher."""
        logs = self.notes.glob(f"{self.launchers[number].pid}-*.log")
        return int(max(logs, key=lambda log: log.stat().st_mtime_ns).stem.partition("-")[2])

    def noted(self, word: str) -> dict[str, list[list[int]]]:
        """The numbers noted behind a word, by process."""
        found = {}
        for log in self.notes.glob("*.log"):
            lines = [line.split() for line in log.read_text().splitlines()]
            found[log.stem] = [[int(n) for n in line[1:]] for line in lines if line[0] == word]
        return found

    def saved(self) -> int:
        """The last update that a checkpoint holds."""
        return max((number for saves in self.noted("saved").values() for (number,) in saves), default=-1)

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        os.kill(pid, number)


@pytest.fixture
def machines(tmp_path, folders) -> Iterator[Machines]:
    machines = Machines(tmp_path, folders)
    yield machines
    for launcher in machines.launchers:
        launcher.kill()
        launcher.wait()
    for log in machines.notes.glob("*.log"):
        launcher, _, worker = log.stem.partition("-")
        status = Path("/proc", worker, "environ")
        if status.exists() and str(machines.notes).encode() in status.read_bytes():
            os.kill(int(worker), signal.SIGKILL)


def right(machines: Machines, atol: float = 1e-3) -> None:
    """The run ended as one process with the doubled batch does that nothing happened to."""
    recipe = load_recipe(str(machines.folder / "alone.toml"), None)
    alone, _ = prepare(recipe, machines.folder / "alone", cache=machines.folder / "cache", device="cpu")
    assert alone.run() is True
    state = torch.load(machines.run / CHECKPOINT, weights_only=True)
    assert (state["status"]["update"], state["status"]["fraction"]) == (UPDATES, 1)
    assert state["status"]["samples"] == UPDATES * 2 * BATCH == alone.status.samples
    assert state["status"]["psnr"] == pytest.approx(alone.status.psnr, abs=0.02)
    weights, meta = load(machines.run / "weights.safetensors")
    assert meta.updates == UPDATES
    for name, tensor in tensors_of(alone.result).items():
        np.testing.assert_allclose(weights[name], tensor, atol=atol)


def test_two_machines_are_one_process_with_the_doubled_batch(machines) -> None:
    machines.start(nodes="2", cache="a")
    machines.start(nodes="2", cache="b")
    assert [machines.ends(0), machines.ends(1)] == [0, 0], machines.errors()
    right(machines)
    # Each patch once: of every update the first half in one process, the second half in the other.
    first, second = sorted((b for b in machines.noted("batch").values()), key=lambda b: b[0])
    expected = np.arange(UPDATES * 2 * BATCH).reshape(UPDATES, 2, BATCH)
    np.testing.assert_array_equal(first, expected[:, 0])
    np.testing.assert_array_equal(second, expected[:, 1])
    # One of them saves; each decodes once into its own cache.
    assert sorted(map(bool, machines.noted("saved").values())) == [False, True]
    assert [len(lines) for lines in machines.noted("decodes").values()] == [1, 1]
    assert len(list(machines.run.glob("events.*"))) == 1
    assert not list(machines.folder.rglob("*.part"))


@pytest.mark.parametrize(
    ("what", "seed"),
    [("machine", 0), ("machine", 1), ("process", 2), ("frozen", 4), ("process", 5)],
)
def test_what_is_killed_goes_on_from_the_checkpoint(machines, what, seed) -> None:
    """A machine alone, one that comes back, a process whose launcher lives, one that hangs."""
    patience = {"SECONDS_OF_PATIENCE": "20"} if what == "frozen" else {}
    machines.start(**patience)
    machines.start(**patience)
    moment = random.Random(seed).randint(5, UPDATES * 2 // 3)
    machines.wait(lambda: machines.saved() >= moment and len(list(machines.notes.iterdir())) >= 2)
    worker = machines.worker(1)
    if what == "machine":
        machines.kill(machines.launchers[1].pid)
        machines.launchers[1].wait()
    if what in ("machine", "process"):
        machines.kill(worker)
    if what == "frozen":
        machines.kill(worker, signal.SIGSTOP)
    if seed == 1:
        machines.start()
    assert machines.ends(0) == 0, machines.errors()
    right(machines)
    # Every start is from the beginning or from a checkpoint.
    saved = {update for saves in machines.noted("saved").values() for (update,) in saves}
    starts = {numbers[0][0] // (2 * BATCH) for numbers in machines.noted("batch").values() if numbers}
    assert starts <= {0, *saved} and len(starts) >= 2
    if what == "machine" and seed == 0:  # the other half of each update fell to the one that was left
        assert any(len(numbers[-1]) == 2 * BATCH for numbers in machines.noted("batch").values() if numbers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_launcher_that_is_stopped_saves_and_ends_all(machines, number) -> None:
    machines.start()
    machines.start()
    machines.wait(lambda: machines.saved() >= 5 and len(list(machines.notes.iterdir())) >= 2)
    machines.kill(machines.launchers[1].pid, number)
    for launcher in (0, 1):
        machines.ends(launcher)
    assert len(list(machines.notes.iterdir())) == 2, "something was started again"
    done = torch.load(machines.run / CHECKPOINT, weights_only=True)["status"]["update"]
    assert 5 <= done < UPDATES
    assert load(machines.run / "weights.safetensors")[1].updates == done
    assert re.search(rf"stopped and saved after {done} updates; go on with --resume", machines.errors())
    # Nothing was lost: the patches of every update until then, and no more, in both.
    assert [len(numbers) for numbers in machines.noted("batch").values()] == [done, done]
    # And a single process takes the whole of each update over.
    command = ["train", "both.toml", "--resume", "-o", "run", "--cache", "cache", "--device", "cpu"]
    ended = subprocess.run(
        [sys.executable, "-m", "mssn", *command], cwd=machines.folder, capture_output=True, timeout=PATIENCE
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert f"resumed after {done} updates, begun in 2 processes" in ended.stderr.decode()
    right(machines)
