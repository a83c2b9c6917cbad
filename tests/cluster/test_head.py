"""The head of the cluster dies under the whole command; another cluster makes the rest."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ray_cluster import Raylets

from mssn.image.picture import Picture
from mssn.image.write import write

pytestmark = pytest.mark.slow
PICTURES = 3000  # more than can be made until it is noticed
MORE = 12  # that are left for the other cluster


def command(folder: Path, raylets: Raylets) -> list[str]:
    places = [str(folder / "in"), "-o", str(folder / "out")]
    options = ["-m", "bicubic", "-s", "4", "--ray", raylets.address]
    return [sys.executable, "-m", "mssn", "upscale", *places, *options]


@pytest.mark.parametrize("dies", ["gcs_server", "all"])
def test_a_dead_head_is_told_in_a_line_and_the_rest_is_made_elsewhere(tmp_path: Path, dies: str) -> None:
    (tmp_path / "in").mkdir()
    first = tmp_path / "in" / "0000.png"
    write(first, Picture(np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)))
    for number in range(1, PICTURES):
        os.link(first, first.with_name(f"{number:04}.png"))
    raylets = Raylets(2)
    made: list[str] = []
    try:
        with subprocess.Popen(
            command(tmp_path, raylets), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            made += [process.stdout.readline() for _ in range(5)]
            raylets.kill_head(*([dies] if dies != "all" else []))
            killed = time.monotonic()
            out, error = process.communicate(timeout=120)
            assert time.monotonic() - killed < 30
        made += out.splitlines()
        assert process.returncode == 2
        (line,) = [line for line in error.splitlines() if "pictures/s" not in line]
        assert line == (
            f"mssn: the Ray cluster at {raylets.address} no longer answers; "
            f"{len(made)} pictures are done; the same command goes on"
        )
    finally:
        raylets.end()
    there = {path.name for path in (tmp_path / "out").glob("*.png")}
    sources = sorted((tmp_path / "in").iterdir())
    wanted = there | {path.name for path in sources[: len(there) + MORE]}
    for path in sources:
        if path.name not in wanted:
            path.unlink()
    raylets = Raylets(1)
    try:
        done = subprocess.run(command(tmp_path, raylets), capture_output=True, text=True, timeout=300)
    finally:
        raylets.end()
    assert done.returncode == 0, done.stderr
    # What was told is not made again, nor what its workers made untold.
    assert len(done.stdout.splitlines()) == len(wanted - there) > 0
    results = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.png")}
    assert results.keys() == wanted and len(set(results.values())) == 1
