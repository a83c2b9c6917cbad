"""Benchmarks run again for what has changed, and every result has to be about the shipped files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import check
import pytest
import record
import timing

OF_WEIGHTS = ("precision.json", "drawn.json", "ensemble.json", "consistency.json")
NAMES = ("mssn-s-x2", "mssn-s-photo-x2", "mssn-s-x3", "mssn-s-x4")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, ship_files) -> list[tuple[str, list[str]]]:
    """Benchmarks that ran, with their arguments; each writes its result without hashes, as they do."""
    ship_files(*NAMES, int8=True)
    notes: list[tuple[str, list[str]]] = []

    def run(benchmark: str, arguments: list[str]) -> None:
        notes.append((benchmark, list(arguments)))
        record.write_json(record.BENCHMARKS / f"{benchmark}.json", {"seconds": len(notes)})

    monkeypatch.setattr(timing, "_run", run)
    return notes


def test_what_has_changed_is_timed_again(ran, job: record.Job) -> None:
    assert timing.measure(NAMES, job) is not None
    assert ran == [("upscale", []), ("beside", [])]
    assert timing.measure(NAMES, job) is None
    files = json.loads((record.BENCHMARKS / "beside.json").read_text())["files"]
    assert files == {name: record.hashes(record.with_int8(name)) for name in ("mssn-s-x2", "mssn-s-x4")}

    ran.clear()
    (record.weights_of("mssn-s-photo-x2")).write_text("other weights")
    assert timing.measure(NAMES, job) is None, "photo weights are of the same networks, as fast"
    record.weights_of("mssn-s-x4").write_text("other weights")
    assert timing.measure(["mssn-s-x2"], job) is None, "was not named"
    timing.measure(NAMES, job)
    assert ran == [("upscale", []), ("beside", ["mssn-s x4,"])]
    assert timing.measure(NAMES, job) is None, "what stayed in the result keeps its hash"

    ran.clear()
    record.weights_of("mssn-s-x3").write_text("other weights")
    timing.measure(NAMES, job)
    assert ran == [("upscale", [])], "beside.py times x2 and x4"
    timing.measure(NAMES, replace(job, force=True))
    assert len(ran) == 3


def kept_everywhere() -> None:
    """Results of what ships now, with hashes of it."""
    weights = {name: record.weights_of(name) for name in NAMES}
    for name, path in weights.items():
        record.write_json(record.RESULTS / f"{name}.json", {"files": record.hashes([path])})
        record.Table(record.RESULTS / "precision.json").keep(name, {"a": 1}, record.with_int8(name), "abc")
        for kind in ("drawn", "ensemble", "consistency"):
            record.Table(record.RESULTS / f"{kind}.json").keep(name, {"a": 1}, [path], "abc")
    compared = [weights["mssn-s-photo-x2"], weights["mssn-s-x2"]]
    record.Table(record.RESULTS / "degraded.json").keep("mssn-s-photo-x2", {"a": 1}, compared, "abc")


def test_results_of_what_ships_are_in_order(ran, job: record.Job) -> None:
    kept_everywhere()
    timing.measure(NAMES, job)
    assert check.stale() == []
    assert check.missing() == []


@pytest.mark.parametrize(
    ("changed", "about_others"),
    [
        (
            "mssn-s-x3.onnx",
            {"mssn-s-x3.json", "upscale.json", *OF_WEIGHTS},
        ),
        ("mssn-s-x3-int8.onnx", {"precision.json", "upscale.json"}),
        ("mssn-s-photo-x2-int8.onnx", {"precision.json"}),
        (
            "mssn-s-photo-x2.onnx",
            {"mssn-s-photo-x2.json", "degraded.json", *OF_WEIGHTS},
        ),
    ],
)
def test_a_changed_file_makes_stale_what_was_measured_of_it(
    ran, job: record.Job, package: Path, changed: str, about_others: set[str]
) -> None:
    kept_everywhere()
    timing.measure(NAMES, job)
    (package / changed).write_text("other weights")
    assert {line.split(":")[0].rpartition("/")[2] for line in check.stale()} == about_others
    assert check.missing() == []


def test_what_is_not_measured_is_missing(ran, job: record.Job) -> None:
    kept_everywhere()
    timing.measure(NAMES, job)
    (record.RESULTS / "mssn-s-x2.json").unlink()
    table = json.loads((record.RESULTS / "ensemble.json").read_text())
    del table["files"]["mssn-s-x3"]
    record.write_json(record.RESULTS / "ensemble.json", table)
    assert [line.split(" is not")[0].rpartition("/")[2] for line in check.missing()] == [
        "mssn-s-x2.json: mssn-s-x2",
        "ensemble.json: mssn-s-x3",
    ]
    assert check.stale() == []


def test_files_and_results_that_nobody_lists_are_reported(ran, job: record.Job, package: Path) -> None:
    kept_everywhere()
    timing.measure(NAMES, job)
    (package / "mssn-x9.onnx").write_text("weights")
    (package / "mssn-s-x3-int8.onnx").unlink()
    path = record.RESULTS / "ensemble.json"
    table = json.loads(path.read_text())
    record.write_json(path, table | {"models": table["models"] | {"mssn-l-x2": {}}})
    reported = check.stale()
    assert "ensemble.json: mssn-l-x2 does not ship, or is not measured there" in reported
    assert "manifest.json: does not list mssn-x9.onnx" in reported
    assert "manifest.json: lists mssn-s-x3-int8.onnx, which is not there" in reported
