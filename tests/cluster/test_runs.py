"""Runs at the same time are told of each other, and dead ones once."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mssn.cluster.faults import RefusedError
from mssn.cluster.runs import marked
from mssn.cluster.store import Store


def test_a_run_alone_is_told_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        with marked(Store(tmp_path), "in", said.append):
            assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(KeyboardInterrupt), marked(Store(tmp_path), "in", said.append):
        raise KeyboardInterrupt
    assert not said and not list(tmp_path.iterdir())


def test_the_second_of_two_runs_is_told_and_both_end_well(tmp_path: Path) -> None:
    said: list[str] = []
    with marked(Store(tmp_path), "in", said.append), marked(Store(tmp_path), "in", said.append):
        (line,) = said
    host = re.escape(os.uname().nodename)
    assert re.fullmatch(
        rf"another run, begun at \d{{4}}-\d\d-\d\d \d\d:\d\d UTC on {host} \(process {os.getpid()}\), "
        "has not ended; if it still runs, both make everything",
        line,
    )
    assert not list(tmp_path.iterdir())


def test_a_dead_run_is_told_once(tmp_path: Path) -> None:
    said: list[str] = []
    dead = marked(Store(tmp_path), "in", said.append)
    dead.__enter__()
    for _ in range(3):
        with marked(Store(tmp_path), "in", said.append):
            pass
    assert len(said) == 1


def test_runs_over_another_source_are_let_be(tmp_path: Path) -> None:
    said: list[str] = []
    other = marked(Store(tmp_path), "others", said.append)
    with other:
        for _ in range(2):
            with marked(Store(tmp_path), "in", said.append):
                pass
        assert len(list(tmp_path.iterdir())) == 1
    assert not said


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"source": "in"}', b'{"host": "a"}'])
def test_what_is_no_mark_stops_nobody(tmp_path: Path, content: bytes) -> None:
    said: list[str] = []
    (tmp_path / "x.json").write_bytes(content)
    with marked(Store(tmp_path), "in", said.append):
        pass
    assert not said and [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_where_nothing_can_be_removed_no_mark_is_told_for_ever(tmp_path: Path, monkeypatch) -> None:
    def refuse(self: Store, name: str) -> None:
        raise RefusedError(f"{name}: access denied")

    monkeypatch.setattr(Store, "remove", refuse)
    said: list[str] = []
    for _ in range(3):
        with marked(Store(tmp_path), "in", said.append):
            pass
    assert not said
