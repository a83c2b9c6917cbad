"""Many files: reading, enlarging and writing overlap, failures stay alone, nothing half-done is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from mssn.atomic import ABANDONED
from mssn.errors import ImageError
from mssn.image.picture import Picture
from mssn.image.read import read, read_rgb
from mssn.image.write import write
from mssn.upscaling import files
from mssn.upscaling.batch import upscale_files
from mssn.upscaling.jobs import Job, Options
from mssn.upscaling.size import Factor
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily

NONE = ModelFamily("bicubic", (), lambda *_: pytest.fail("no network is needed"))
BICUBIC = Upscaler(NONE, Factor(2))


@pytest.fixture
def jobs(tmp_path, photo) -> list[Job]:
    (tmp_path / "out").mkdir()
    for number in range(5):
        write(tmp_path / f"{number}.png", Picture(np.roll(photo, number, axis=0)))
    return [Job(tmp_path / f"{n}.png", tmp_path / "out" / f"{n}.png") for n in range(5)]


def test_results_come_in_order_and_equal_those_of_one_file(jobs) -> None:
    done = list(upscale_files(BICUBIC, jobs))
    assert [result.job for result in done] == jobs
    for result in done:
        assert (result.before, result.after, result.error) == ((112, 96), (224, 192), None)
        assert np.array_equal(read_rgb(result.job.target), BICUBIC(read_rgb(result.job.source)))


def test_reading_goes_ahead_while_another_picture_is_written(jobs, monkeypatch) -> None:
    """Picture 0 is not written before picture 2 is read: only overlap can do that."""
    read_two = threading.Event()

    def reading(source, **options):
        if source.name.endswith("2.png"):
            read_two.set()
        return read(source, **options)

    def writing(target, picture, **options):
        assert read_two.wait(20)
        write(target, picture, **options)

    monkeypatch.setattr(files, "read", reading)
    monkeypatch.setattr(files, "write", writing)
    assert all(result.error is None for result in upscale_files(BICUBIC, jobs))


@pytest.mark.parametrize("broken", [[0], [4], [1, 2], [0, 1, 2, 3, 4]])
def test_broken_pictures_fail_alone(jobs, tmp_path, broken) -> None:
    for number in broken:
        (tmp_path / f"{number}.png").write_bytes(b"nothing")
    done = list(upscale_files(BICUBIC, jobs))
    assert [n for n, result in enumerate(done) if result.error is not None] == broken
    assert sorted(os.listdir(tmp_path / "out")) == [f"{n}.png" for n in range(5) if n not in broken]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts what the process holds open")
def test_kept_errors_keep_no_files_open(jobs, tmp_path) -> None:
    for number in range(5):
        path = tmp_path / f"{number}.png"
        path.write_bytes(path.read_bytes()[:300] if number else b"nothing")
    done = list(upscale_files(BICUBIC, jobs))
    assert all(result.error is not None for result in done)
    links = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    assert not [link for link in links if link.startswith(str(tmp_path))]


def test_what_cannot_be_enlarged_or_written_fails_alone(jobs, tmp_path) -> None:
    (tmp_path / "out" / "1.png").mkdir()
    jobs[3] = Job(jobs[3].source, tmp_path / "gone" / "3.png")
    huge = Upscaler(NONE, Factor(1e6))
    assert all("beyond the limit" in str(result.error) for result in upscale_files(huge, jobs[:1]))
    errors = [str(result.error) for result in upscale_files(BICUBIC, jobs, Options(force=True))]
    assert "is a folder" in errors[1] and "no such folder" in errors[3]
    assert [errors[n] for n in (0, 2, 4)] == ["None"] * 3


@pytest.mark.parametrize("memory", [2**30, 0])
def test_leaving_early_leaves_whole_files_and_no_scraps(jobs, tmp_path, memory) -> None:
    results = upscale_files(BICUBIC, jobs, Options(memory=memory))
    next(results)
    assert isinstance(results, Generator)
    results.close()
    left = sorted(os.listdir(tmp_path / "out"))
    assert left[0] == "0.png" and all(name.endswith(".png") for name in left) and len(left) < 5
    assert all(read(tmp_path / "out" / name).pixels.shape == (192, 224, 3) for name in left)


def test_killed_at_any_moment_and_run_again_finishes_the_rest(tmp_path, photo) -> None:
    (tmp_path / "in").mkdir()
    for number in range(12):
        write(tmp_path / "in" / f"{number}.png", Picture(np.tile(photo, (3, 3, 1))))
    command = [sys.executable, "-m", "mssn", "upscale", "in", "-o", "out", "--skip-existing"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/[0-9]*.png")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    whole = list(tmp_path.glob("out/[0-9]*.png"))
    assert 0 < len(whole) < 12
    times = {path: (path.stat().st_mtime_ns, read(path).pixels.shape) for path in whole}
    assert all(shape == (576, 672, 3) for _, shape in times.values())
    yesterday = time.time() - 2 * ABANDONED
    for part in tmp_path.glob("out/.mssn-*"):
        os.utime(part, (yesterday, yesterday))
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(again.stdout.splitlines()) == 12 - len(whole)
    assert len(os.listdir(tmp_path / "out")) == 12  # what the killed process left is gone, too
    assert all(path.stat().st_mtime_ns == times[path][0] for path in whole)  # not done twice
    third = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert third.stdout == "" and "12 results are there already, 0 to make" in third.stderr


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"quality": 0}, "`quality` must be 1 to 100, not 0"),
        ({"memory": -1}, "`memory` must not be below 0"),
        ({"max_megapixels": 0}, "`max_megapixels` must be above 0 and below a billion, not 0"),
        ({"max_megapixels": float("inf")}, "not inf"),
        ({"max_megapixels": float("nan")}, "not nan"),
    ],
)
def test_impossible_options(values, words) -> None:
    with pytest.raises(ImageError, match=words):
        Options(**values)
