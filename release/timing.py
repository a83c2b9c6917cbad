"""The step `speed` of a release: run the benchmarks whose networks have changed, and note the files.

The benchmarks (benchmarks/upscale.py and beside.py) time what ships, on all cores, as users run it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import record

from mssn.errors import MssnError
from mssn.models import info


def measure(names: Sequence[str], job: record.Job) -> str | None:
    """Time what has changed.

    Args:
        names: MODEL-xSCALE of the networks that may be measured.
        job: `force` measures also what is known.

    Returns:
        What was done, for people; None if nothing had changed.

    Raises:
        MssnError: A benchmark failed.
    """
    done = []
    if changed := _changed("upscale", names, job.force):  # it times all or nothing
        _run("upscale", [])
        _note("upscale", timed("upscale"))
        done.append(f"upscale.py, for {', '.join(changed)}")
    if changed := _changed("beside", names, job.force):
        all_of_them = set(changed) == set(timed("beside"))
        before = _files("beside")
        labels = [f"{row.model} x{row.scale}," for row in (record.shipped()[name] for name in changed)]
        _run("beside", [] if all_of_them else labels)
        _note("beside", changed, before)
        done.append(f"beside.py, for {', '.join(changed)}")
    return "; ".join(done) or None


def timed(benchmark: str) -> list[str]:
    """The networks that a benchmark times."""
    scales = (2, 4) if benchmark == "beside" else (2, 3, 4)
    # Weights for photographs are of the same networks, as fast.
    return [
        name
        for name, row in record.shipped().items()
        if row.scale in scales and not row.model.endswith(info.PHOTO)
    ]


def _changed(benchmark: str, names: Sequence[str], force: bool) -> list[str]:
    known = _files(benchmark)
    return [
        name
        for name in timed(benchmark)
        if name in names and (force or known.get(name) != record.hashes(record.with_int8(name)))
    ]


def _files(benchmark: str) -> dict[str, dict[str, str]]:
    return _result(benchmark).get("files", {})


def _result(benchmark: str) -> dict[str, Any]:
    path = record.BENCHMARKS / f"{benchmark}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def _note(benchmark: str, names: Sequence[str], before: dict[str, dict[str, str]] | None = None) -> None:
    """Keep the hashes of what was timed in the result; the benchmark itself has just written it anew."""
    files = (before or {}) | {name: record.hashes(record.with_int8(name)) for name in names}
    record.write_json(record.BENCHMARKS / f"{benchmark}.json", _result(benchmark) | {"files": files})


def _run(benchmark: str, arguments: Sequence[str]) -> None:
    script(record.ROOT / "benchmarks" / f"{benchmark}.py", arguments)


def script(path: Path, arguments: Sequence[str] = ()) -> None:
    """Run a script of the project with this Python.

    Raises:
        MssnError: It failed; what it printed is on the screen.
    """
    code = subprocess.run([sys.executable, str(path), *arguments]).returncode
    if code:
        raise MssnError(f"{path.name} ended with exit code {code}")
