"""Is every committed number about the file that ships?

    python release/check.py            # exit 1 and a line for each that is not

Results keep hashes of the files they were measured of (release/record.py). "Stale" is a result whose hash is
another than the shipped file's, or that speaks of what does not ship; "missing" is one that there is none of,
or none with a hash.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import degraded
import panel
import record
import timing

from mssn.models import info

MEASURED_BY_RELEASE = ("precision", "degraded", "panel", "drawn", "ensemble", "consistency")


@dataclass(frozen=True)
class Claim:
    """A result about one network.

    Args:
        result: The result file.
        name: MODEL-xSCALE.
        noted: File name -> hash of what was measured, as the result says; None if it does not.
        files: The shipped files it should be about.
    """

    result: Path
    name: str
    noted: dict[str, str] | None
    files: list[Path]

    def __str__(self) -> str:
        where = self.result
        if where.is_relative_to(record.ROOT):
            where = where.relative_to(record.ROOT)
        return f"{where.as_posix()}: {self.name}"


def main() -> int:
    """Command line."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    problems = [*stale(), *missing()]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def claims() -> Iterator[Claim]:
    """Every result there has to be of what ships."""
    noted = {name: _read(record.RESULTS / f"{name}.json").get("files", {}) for name in MEASURED_BY_RELEASE}
    timings = {
        name: _read(record.BENCHMARKS / f"{name}.json").get("files", {}) for name in ("beside", "upscale")
    }
    known = record.shipped()
    for name in known:
        weights, both = record.weights_of(name), record.with_int8(name)
        result = record.RESULTS / f"{name}.json"
        yield Claim(result, name, _read(result).get("files"), [weights])
        yield Claim(record.RESULTS / "precision.json", name, noted["precision"].get(name), both)
        for kind in ("drawn", "ensemble", "consistency"):
            yield Claim(record.RESULTS / f"{kind}.json", name, noted[kind].get(name), [weights])
    compared = {"degraded": degraded.photo_names(list(known)), "panel": panel.told_names(list(known))}
    for kind, names in compared.items():
        for name in names:
            files = degraded.weights_of(name)
            yield Claim(record.RESULTS / f"{kind}.json", name, noted[kind].get(name), files)
    for benchmark, files in timings.items():
        for name in timing.timed(benchmark):
            result = record.BENCHMARKS / f"{benchmark}.json"
            yield Claim(result, name, files.get(name), record.with_int8(name))


def stale() -> list[str]:
    """What is about other files than those that ship; one line each."""
    found = [
        f"{claim} was measured of another file than the one that ships"
        for claim in claims()
        if claim.noted is not None and claim.noted != record.hashes(claim.files)
    ]
    known = record.shipped()
    for kind in MEASURED_BY_RELEASE:
        result = record.RESULTS / f"{kind}.json"
        others = _read(result).get("models", {}).keys() - {c.name for c in claims() if c.result == result}
        found += [f"{result.name}: {name} does not ship, or is not measured there" for name in sorted(others)]
    listed = {name for row in known.values() for name in (row.weights, row.int8) if name}
    there = {path.name for path in info.FOLDER.glob("*.onnx")}
    found += [f"manifest.json: does not list {name}" for name in sorted(there - listed)]
    found += [f"manifest.json: lists {name}, which is not there" for name in sorted(listed - there)]
    return found


def missing() -> list[str]:
    """What was not measured, or does not say of which file; one line each."""
    return [
        f"{claim} is not measured, or does not say of which file" for claim in claims() if claim.noted is None
    ]


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
