"""Arms on a Ray cluster: the same numbers, whatever dies; what a machine lacks is said in a line."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from mssn.errors import CheckpointError, MssnError
from mssn.lab.experiment import run as spread
from mssn.lab.experiment.plan import Experiment, load_experiment
from mssn.lab.experiment.results import RESULT, summary
from mssn.lab.train.checkpoint import load_checkpoint
from mssn.lab.train.loop import CHECKPOINT


def go(experiment: Experiment, folder: Path, **how) -> list[str]:
    said: list[str] = []
    assert spread.run(experiment, folder, cache=folder / "cache", say=said.append, **how)
    return said


def test_a_cluster_that_cannot_be_is_reported(tiny, tmp_path) -> None:
    pytest.importorskip("ray")
    for address in ("nonsense", "127.0.0.1:1", "ray://127.0.0.1:1"):
        with pytest.raises(MssnError, match=f"no Ray cluster answers at {address}: start one"):
            go(tiny, tmp_path, ray=address)


@pytest.mark.slow
def test_ray_gives_the_same_numbers(tiny, tmp_path) -> None:
    pytest.importorskip("ray")
    with pytest.raises(MssnError, match="--threads 999: no machine of the cluster has more than"):
        go(tiny, tmp_path / "ray", threads=999, ray="local")
    go(tiny, tmp_path / "alone", threads=1)
    assert len(go(tiny, tmp_path / "ray", threads=1, ray="local")) == 4
    assert summary(tiny, tmp_path / "ray") == summary(tiny, tmp_path / "alone")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes as Linux shows them")
def test_an_arm_whose_process_is_killed_goes_on(tiny, tmp_path, cache) -> None:
    pytest.importorskip("ray")
    long = ["updates=300", "checkpoint_minutes=0.001", "validate_every=0"]
    tiny = replace(load_experiment(str(tmp_path / "tiny.toml"), long), seeds=(0,))
    go(tiny, tmp_path / "alone", threads=1)
    killed: list[float] = []

    def kill() -> None:
        """Whoever trains an arm, once it has saved what it has."""
        checkpoint = tmp_path / "ray" / "tiny" / "l2-seed0" / CHECKPOINT
        while not killed:
            time.sleep(0.05)
            with suppress(CheckpointError, OSError):
                if load_checkpoint(checkpoint)["status"]["update"] < 20:
                    continue
                for folder in Path("/proc").glob("[0-9]*"):
                    title = (folder / "cmdline").read_bytes()
                    if (
                        b"_run_arm_there" in title
                        and str(cache).encode() in (folder / "environ").read_bytes()
                    ):
                        os.kill(int(folder.name), signal.SIGKILL)
                        killed.append(load_checkpoint(checkpoint)["status"]["update"])

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    assert len(go(tiny, tmp_path / "ray", threads=1, ray="local")) == 2
    assert killed and max(killed) < 300
    assert summary(tiny, tmp_path / "ray") == summary(tiny, tmp_path / "alone")


@pytest.mark.slow
def test_a_machine_that_lacks_the_pictures_is_named(tiny, tmp_path, monkeypatch) -> None:
    """A cluster whose machine looks for its pictures where there are none; this one finds them."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("MSSN_DATA", str(tmp_path / "empty"))
    cluster = cluster_utils.Cluster()
    try:
        cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20, include_dashboard=False)
        monkeypatch.setenv("MSSN_DATA", str(tmp_path))
        moved = {key: replace(recipe, train=("train",)) for key, recipe in tiny.recipes.items()}
        with pytest.raises(MssnError, match=rf"^{re.escape(socket.gethostname())}: no folder train"):
            go(replace(tiny, recipes=moved), tmp_path, threads=1, ray=cluster.address)
        assert not list((tmp_path / "tiny").rglob(RESULT))
        # It trains where it finds them; but a folder that only it sees is none to look for results in.
        monkeypatch.setattr(spread, "_NEWS", 0)
        monkeypatch.setattr(spread, "finished", lambda arm: None)
        with pytest.raises(MssnError, match="choose an -o that all of them share"):
            go(tiny, tmp_path, threads=1, ray=cluster.address)
    finally:
        cluster.shutdown()
