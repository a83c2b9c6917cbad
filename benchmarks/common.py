"""What every benchmark needs: honest timing, and a result that says where it was measured."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mssn import provenance

RESULTS = Path(__file__).parent / "results"


def seconds(job: Callable[[], object], repeats: int) -> dict[str, float]:
    """Time a job after one untimed run: the median and the fastest of `repeats` runs."""
    job()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        job()
        times.append(time.perf_counter() - started)
    return {"median": round(statistics.median(times), 5), "best": round(min(times), 5)}


def report(name: str, numbers: dict[str, Any]) -> None:
    """Keep a result in benchmarks/results/NAME.json and print it as one line of JSON, the last."""
    result = {"benchmark": name, **numbers, "machine": machine(), "versions": provenance.versions()}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


def machine() -> dict[str, Any]:
    """The processor, its cores, and whether it computes in bfloat16."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
        flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        model, flags = platform.processor(), ""
    bf16 = "avx512_bf16" in flags or "amx_bf16" in flags
    return {"processor": model, "cores": os.cpu_count(), "bf16": bf16, "system": platform.system()}
