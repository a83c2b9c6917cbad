"""How soon the local app answers while it works, and how long a picture takes through it.

    python benchmarks/app.py

A picture of 20 megapixels is enlarged; meanwhile /health is asked again and again. Then a picture of 640x360
pixels is enlarged many times, as `curl` would have it.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from common import report

from mssn.image.picture import Picture
from mssn.image.write import to_bytes

LARGE, SMALL, TIMES, EVERY = (5000, 4000), (640, 360), 20, 0.02


def main() -> None:
    """Measure, and write benchmarks/results/app.json."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with app() as ask:
        ask("POST", "/api/upscale?name=a.jpg", jpeg(*SMALL))  # which loads the network
        small = jpeg(*SMALL)
        seconds = [ask("POST", "/api/upscale?name=a.jpg", small) for _ in range(TIMES)]
        quiet = [ask("GET", "/health") for _ in range(TIMES)]
        busy, taken = while_busy(ask)
    numbers: dict[str, Any] = {
        "cores": len(os.sched_getaffinity(0)),
        "seconds_640x360_x2": round(statistics.median(seconds), 4),
        "seconds_20_megapixels_x2": round(taken, 1),
        "health_ms_idle_median": round(1e3 * statistics.median(quiet), 1),
        "health_ms_busy": {
            "asked": len(busy),
            "median": round(1e3 * statistics.median(busy), 1),
            "99th percentile": round(1e3 * sorted(busy)[int(0.99 * len(busy))], 1),
            "most": round(1e3 * max(busy), 1),
        },
    }
    print(numbers)
    report("app", numbers)


def while_busy(ask: Any) -> tuple[list[float], float]:
    """Seconds of each answer while the large picture is enlarged, and of that."""
    content, took = jpeg(*LARGE), list[float]()
    work = threading.Thread(target=lambda: took.append(ask("POST", "/api/upscale?name=a.jpg", content)))
    work.start()
    answers = []
    while work.is_alive():
        answers.append(ask("GET", "/health"))
        time.sleep(EVERY)
    return answers, took[0]


def jpeg(width: int, height: int) -> bytes:
    """Something like a photograph: smooth, with grain."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([x / width, y / height, (x + y) / (width + height)], axis=2)
    grain = rng.normal(0, 0.03, (height, width, 1))
    return to_bytes(Picture(((smooth + grain).clip(0, 1) * 255).astype(np.uint8)), ".jpg")


@contextmanager
def app() -> Iterator[Any]:
    """The app, as a process; yields what asks it, and returns the seconds that took."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        command = [sys.executable, "-m", "mssn", "app", "--no-browser", "--port", "0"]
        environment = {**os.environ, "TMPDIR": folder}
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
        assert run.stdout is not None
        found = re.search(r":(\d+)/", run.stdout.readline())
        token = None
        while token is None:
            errors.seek(0)
            token = re.search(r"Bearer (\S+)", errors.read())
        assert found is not None
        headers = {"Authorization": f"Bearer {token[1]}"}

        def ask(method: str, path: str, body: bytes | None = None) -> float:
            started = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=600)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            assert answer.status == 200, content[:200]
            return time.perf_counter() - started

        try:
            yield ask
        finally:
            run.terminate()
            run.wait()


if __name__ == "__main__":
    main()
