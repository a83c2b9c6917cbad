"""Times are taken in turns, what disturbed them does not count, and results are of one machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import common
import kept
import numpy as np
import pytest
import turns
from contestants import ncnn_parameters, python

from mssn.image.resize import imresize


class Scripted:
    """A server whose times are known; a negative one was disturbed."""

    def __init__(self, name: str, order: list[str], times: list[float]) -> None:
        self.name, self.order, self.times = name, order, iter(times)

    def run(self, source: Path) -> dict[str, Any]:
        self.order.append(self.name)
        seconds = next(self.times)
        return {"seconds": abs(seconds), "disturbing": seconds < 0, "peak_mb": 7}


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch):
    """`in_turns` of scripted servers, the first being the baseline; and the order in which they ran."""
    monkeypatch.setattr(turns, "PAUSE", 0)

    def run(rounds: int, budget: float = 60, **scripts: list[float]) -> tuple[dict[str, Any], str]:
        order: list[str] = []
        servers: Any = {name: Scripted(name, order, times) for name, times in scripts.items()}
        pictures = dict.fromkeys(servers, Path("x"))
        found = turns.in_turns(servers, pictures, dict.fromkeys(servers, "a"), rounds, budget)
        return found, "".join(order)

    return run


def test_the_first_round_warms_up_and_shares_are_of_one_round(timed) -> None:
    found, order = timed(3, a=[9e-1, 0.1, 0.2, 0.4], b=[9e-1, 0.3, 0.4, 0.8])
    assert order == "abababab"
    assert found["b"] == {
        "seconds": 0.4, "best": 0.3, "runs": 3, "peak_mb": 7, "baseline": 0.2, "times_as_long": 2.0,
    }  # fmt: skip


def test_what_others_disturbed_is_run_again_and_does_not_count(timed) -> None:
    found, order = timed(2, a=[1, 0.1, 0.1, 0.1], b=[1, -5, 0.2, 0.2])
    assert order == "abababab"
    assert (found["b"]["seconds"], found["b"]["runs"]) == (0.2, 2)
    assert "disturbed" not in found["b"]


def test_what_was_always_disturbed_says_so(timed) -> None:
    found, _ = timed(1, budget=0, a=[1, 0.1], b=[1, -0.3])
    assert found["b"]["disturbed"] is True
    assert found["b"]["times_as_long"] == 3.0


def test_slow_ones_have_two_turns_and_no_run_is_wasted(timed) -> None:
    found, order = timed(3, a=[1, 0.1, 0.1, 0.1], b=[10, 20, 30])
    assert order == "abababa"
    assert (found["b"]["seconds"], found["b"]["runs"], found["b"]["times_as_long"]) == (25, 2, 250)


def test_when_time_is_up_everyone_has_had_a_run_that_counts(timed) -> None:
    found, order = timed(9, budget=0, a=[1, 0.1], b=[4, 5], c=[1, 0.2])
    assert order == "abcabc"
    assert found["c"]["times_as_long"] == 2.0


@pytest.fixture
def server() -> Iterator[turns.Server]:
    started = turns.Server([*python("bicubic=2"), "--cores", "1"], 1)
    yield started
    started.close()


def test_a_server_enlarges_what_it_is_told_to(server: turns.Server, tmp_path: Path) -> None:
    server.ready()
    small = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    np.save(tmp_path / "small.npy", small)
    answer = server.run(tmp_path / "small.npy", tmp_path / "large.npy")
    assert (np.load(tmp_path / "large.npy") == imresize(small, scale=2)).all()
    assert answer["seconds"] > 0
    assert server.about["install_mb"] > 0


def test_one_that_cannot_start_says_why() -> None:
    ended = turns.Server([sys.executable, "-c", "import sys; sys.exit('no such engine')"], 1)
    with pytest.raises(turns.StoppedError, match="exit code 1: no such engine"):
        ended.ready()
    ended.close()


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for module in (kept, common):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    return tmp_path / "beside.json"


def write(label: str, left_out: dict[str, str] | None = None, **numbers: Any) -> None:
    result = kept.Report(["a x2, here", "b x2, here"], [label], left_out or {})
    result.row("contestants", label).update(numbers)
    result.write()


def test_parts_are_added_to_what_is_known(file: Path) -> None:
    write("b x2, here", cores={"1": {"seconds": 3, "disturbed": True}})
    write("b x2, here", cores={"1": {"seconds": 2}})
    write("b x2, here", cores={"1": {"seconds": 4, "disturbed": True}})
    write("b x2, here", cores={"2": {"seconds": 1}}, psnr={"Set5": 30})
    write("a x2, here", psnr={"Set5": 31})
    found = json.loads(file.read_text())["contestants"]
    assert list(found) == ["a x2, here", "b x2, here"], "in the order of the tables"
    assert found["b x2, here"] == {"cores": {"1": {"seconds": 2}, "2": {"seconds": 1}}, "psnr": {"Set5": 30}}


def test_another_machines_times_are_not_mixed_with_these(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a x2, here", seconds=1)
    monkeypatch.setattr(kept, "machine", lambda: {"processor": "another"})
    write("b x2, here", seconds=2)
    assert list(json.loads(file.read_text())["contestants"]) == ["b x2, here"]


def test_a_failure_is_kept_until_it_is_tried_again(file: Path) -> None:
    write("a x2, here", {"a x2, here": "ended"})
    write("b x2, here")
    assert json.loads(file.read_text())["left_out"] == {"a x2, here": "ended"}
    write("a x2, here")
    assert json.loads(file.read_text())["left_out"] == {}


def test_numbers_of_an_ncnn_network_are_counted() -> None:
    text = (
        "7767517\n4 4\n"
        "Input            data   0 1 data\n"
        "Convolution      first  1 1 data a 0=4 1=3 4=1 5=1 6=108\n"
        "PReLU            slopes 1 1 a b 0=4\n"
        "Deconvolution    last   1 1 b out 0=3 1=4 6=192\n"
    )
    assert ncnn_parameters(text) == 108 + 4 + 4 + 192
