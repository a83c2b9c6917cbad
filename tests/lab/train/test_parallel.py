"""Two processes train as one with the doubled batch would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import pytest
import torch

from mssn.errors import TrainingError
from mssn.lab.train import loop
from mssn.lab.train.parallel import World
from mssn.lab.weights import load, tensors_of

PATIENCE = 300  # seconds; a busy machine takes long to import PyTorch in each process
RUN = """
import json, os, sys
from dataclasses import replace
from pathlib import Path
from mssn.lab.train import loop, same
from mssn.lab.train.parallel import world
from mssn.lab.train.recipe import Recipe
from mssn.lab.train.session import prepare, write_weights

loop._LOOK_EVERY = 1
folder, values, resume = Path(sys.argv[1]), json.loads(sys.argv[2]), len(sys.argv) > 3
recipe = Recipe(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
with world() as w:
    own = os.environ.get("OWN")
    if own == "weights":
        recipe = replace(recipe, seed=w.rank)
    if own == "recipes":
        recipe = replace(recipe, luma=w.rank / 2)
    if own == "pictures" and w.rank:
        recipe = replace(recipe, train=recipe.validation)
    if own == "folder":
        folder, same._NEWS = folder / str(w.rank), 0
    trainer, meta = prepare(recipe, folder, cache=folder.parent / "cache", device="cpu", world=w)
    if resume:
        trainer.resume()
    losses = []
    minutes = float(os.environ["MINUTES"]) if "MINUTES" in os.environ else None
    trainer.run(time_limit=minutes, watch=lambda s: losses.append((s.update, s.loss)))
    write_weights(trainer, meta, folder / f"weights{w.rank}.safetensors")
    (folder / f"status{w.rank}.json").write_text(json.dumps([trainer.status.update, trainer.status.fraction]))
    if w.leads:
        (folder / "losses.json").write_text(json.dumps(losses))
"""


def launch(
    count: int, *arguments: str, run: tuple[str, ...] = ("-c", RUN), machine: int = 9
) -> list[subprocess.Popen]:
    """Start processes as torchrun does, so many on a machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    place = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
        "WORLD_SIZE": str(count),
        "OMP_NUM_THREADS": "1",
    }
    return [
        subprocess.Popen(
            [sys.executable, *run, *arguments],
            env={**os.environ, **place, "RANK": str(rank), "LOCAL_RANK": str(rank % machine)},
            stderr=subprocess.PIPE,
        )
        for rank in range(count)
    ]


@pytest.fixture
def values(make) -> dict:
    trainer, _ = make()
    return {**asdict(trainer.recipe), "precision": "fp32", "updates": 12, "stages": []}


@pytest.mark.slow
def test_two_processes_are_one_with_the_doubled_batch(tmp_path, values) -> None:
    values["stages"] = [{"after": 0.5, "patch": 16, "loss": "l2"}]
    for process in (
        *launch(2, str(tmp_path / "two"), json.dumps({**values, "batch": 3})),
        *launch(1, str(tmp_path / "one"), json.dumps({**values, "batch": 6})),
    ):
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, error.decode()
    two, one = (json.loads((tmp_path / name / "losses.json").read_text()) for name in ("two", "one"))
    assert len(one) >= 12
    np.testing.assert_allclose(two, one, rtol=2e-4)
    theirs, ours = (load(tmp_path / name / "weights0.safetensors")[0] for name in ("two", "one"))
    for name, tensor in ours.items():
        np.testing.assert_allclose(theirs[name], tensor, atol=2e-3)


@pytest.mark.slow
def test_a_killed_run_of_two_goes_on(tmp_path, values) -> None:
    values.update(updates=10**6, checkpoint_minutes=1e-9)
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    processes = launch(2, str(tmp_path / "run"), json.dumps(values))
    done = 0
    while not done:
        time.sleep(0.1)
        assert all(process.poll() is None for process in processes)
        if checkpoint.exists():
            done = torch.load(checkpoint, weights_only=True)["status"]["update"]
    for process in processes:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = torch.load(checkpoint, weights_only=True)["status"]["update"]
    values.update(updates=done + 5)
    for process in launch(2, str(tmp_path / "run"), json.dumps(values), "resume"):
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, error.decode()
    losses = json.loads((tmp_path / "run" / "losses.json").read_text())
    assert losses[0][0] == done + 1
    assert losses[-1][0] == done + 5
    one, other = (load(tmp_path / "run" / f"weights{rank}.safetensors")[0] for rank in (0, 1))
    assert all(np.array_equal(other[name], array) for name, array in one.items())


@pytest.mark.slow
def test_a_request_to_stop_stops_both_and_keeps_the_state(tmp_path, values) -> None:
    values.update(updates=10**6, checkpoint_minutes=1e-9)
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    processes = launch(2, str(tmp_path / "run"), json.dumps(values))
    done = 0
    while not done:
        time.sleep(0.1)
        assert all(process.poll() is None for process in processes)
        if checkpoint.exists():
            done = torch.load(checkpoint, weights_only=True)["status"]["update"]
    for process in processes:  # as torchrun does
        process.send_signal(signal.SIGTERM)
    for process in processes:
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, error.decode()
    status = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["status"]
    assert 0 < status["update"] < 10**6
    one, other = (load(tmp_path / "run" / f"weights{rank}.safetensors")[0] for rank in (0, 1))
    assert all(np.array_equal(other[name], array) for name, array in one.items())


@pytest.mark.slow
def test_a_time_limit_ends_both_at_the_same_update(tmp_path, values, monkeypatch) -> None:
    monkeypatch.setenv("MINUTES", "0.02")
    values.update(updates=10**9)
    for process in launch(2, str(tmp_path / "run"), json.dumps(values)):
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, error.decode()
    one, other = (json.loads((tmp_path / "run" / f"status{rank}.json").read_text()) for rank in (0, 1))
    assert one == other
    assert one[0] > 1 and one[1] == 1
    one, other = (load(tmp_path / "run" / f"weights{rank}.safetensors")[0] for rank in (0, 1))
    assert all(np.array_equal(other[name], array) for name, array in one.items())


@pytest.mark.slow
@pytest.mark.parametrize("own", ["weights", "pictures", "recipes", "folder"])
def test_processes_that_do_not_have_the_same_refuse(tmp_path, values, monkeypatch, own) -> None:
    monkeypatch.setenv("OWN", own)
    words = f"start from different {own}" if own != "folder" else "not every machine sees the same folder"
    for process in launch(2, str(tmp_path / "run"), json.dumps(values)):
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode != 0
        assert words in error.decode()


@pytest.mark.slow
def test_more_processes_share_the_same_updates(tmp_path, values, make, monkeypatch) -> None:
    """Begun alone with 4 patches an update, resumed by three: 2, 1 and 1."""
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    whole, _ = make("whole", **given)
    monkeypatch.setattr(loop, "_LOOK_EVERY", 1)
    expected: list[tuple[int, float]] = []
    assert whole.run(watch=lambda status: expected.append((status.update, status.loss))) is True
    begun, _ = make("run", **given)
    assert begun.run(stop_after=6) is False
    for process in launch(3, str(tmp_path / "run"), json.dumps(values), "resume"):
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, error.decode()
    losses = json.loads((tmp_path / "run" / "losses.json").read_text())
    np.testing.assert_allclose(losses, expected[6:], rtol=2e-4)
    status = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["status"]
    assert status["samples"] == whole.status.samples == 12 * 4
    found = load(tmp_path / "run" / "weights0.safetensors")[0]
    for name, tensor in tensors_of(whole.result).items():
        np.testing.assert_allclose(found[name], tensor, atol=2e-3)


TURNS = """
import sys, time
from datetime import timedelta
from mssn.lab.train import parallel

parallel.PATIENCE = timedelta(seconds=15)

def note(*words):
    with open(sys.argv[1], "a") as file:
        print(*words, file=file)

with parallel.world("cpu") as w:
    try:
        with w.in_turns():
            note("begins", w.rank)
            time.sleep(20 if w.leads else 0.2)  # longer than the others have patience with a silent one
            note("ends", w.rank)
            if w.leads:
                raise ValueError("which the others do not miss")
    except ValueError:
        pass
    if len(sys.argv) > 2:
        note("goes on", w.rank)
        time.sleep(100 if w.rank == 1 else 0)  # hangs
    w.any(False)
"""


@pytest.mark.slow
def test_the_first_of_each_machine_takes_its_turn_first(tmp_path) -> None:
    for process in launch(3, str(tmp_path / "notes"), run=("-c", TURNS), machine=2):
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, error.decode()
    turns = [f"{word} {rank}" for rank in (0, 2, 1) for word in ("begins", "ends")]
    assert (tmp_path / "notes").read_text().splitlines() == turns


@pytest.mark.slow
def test_nobody_waits_for_ever_for_one_that_hangs(tmp_path) -> None:
    processes = launch(2, str(tmp_path / "notes"), "hangs", run=("-c", TURNS))
    _, error = processes[0].communicate(timeout=PATIENCE)
    assert processes[0].returncode != 0
    assert "another process of this run stopped, or did not answer for 0.25 minutes" in error.decode()
    assert processes[1].poll() is None
    processes[1].kill()
    processes[1].communicate()


@pytest.mark.slow
def test_an_error_of_one_is_one_line_of_each(tmp_path, folders) -> None:
    recipe = tmp_path / "broken.toml"
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_text("no picture")
    recipe.write_text(
        f"train = {json.dumps(str(tmp_path / 'bad'))}\nvalidation = {json.dumps(folders['validation'])}"
    )
    command = ["train", str(recipe), "-o", str(tmp_path / "run"), "--cache", str(tmp_path / "cache")]
    processes = launch(2, *command, run=("-m", "mssn"))
    for process in processes:
        _, error = process.communicate(timeout=PATIENCE)
        assert process.returncode == 2
        assert "Traceback" not in error.decode()


def test_the_patches_of_an_update_are_shared_whoever_there_is(make) -> None:
    trainer, _ = make()
    trainer.processes, trainer.status.samples = 2, 40
    for size in range(1, 9):
        shares = []
        for rank in range(size):
            trainer.world = World(rank, size)
            shares.append(trainer._share(8))
        assert np.concatenate(shares).tolist() == list(range(40, 48))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_processes_than_patches_refuse(make) -> None:
    trainer, _ = make(batch=2, stages=({"after": 0.5, "batch": 1},))
    trainer.world = World(0, 3)
    with pytest.raises(TrainingError, match="an update has 1 patches, too few for 3 processes; start fewer"):
        trainer.run()


def test_alone_nothing_is_exchanged() -> None:
    alone, tensor = World(), torch.tensor([1.0, 2.0])
    with alone.in_turns(), alone.together():
        assert alone.any(True) and not alone.any(False)
    alone.average([tensor])
    assert tensor.tolist() == [1.0, 2.0]
    assert alone.agree(0.25, True) == (0.25, True)
    assert alone.leads
