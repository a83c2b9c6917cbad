"""An encoder makes no thread of this process a real-time one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mssn.film.encoded import SegmentWriter
from mssn.film.facts import probe
from mssn.film.plan import FilmOptions, plan_film
from mssn.film.threads import ordinary_threads

av = pytest.importorskip("av")
CASES = Path(__file__).parent.parent / "cases" / "video"
pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0,
    reason="only root of Linux may have such threads",
)


def classes() -> set[int]:
    return {os.sched_getscheduler(int(task)) for task in os.listdir("/proc/self/task")}


@pytest.fixture(autouse=True)
def ordinary() -> None:
    """As a process begins; tests that encode with PyAV itself may have left it otherwise."""
    for task in os.listdir("/proc/self/task"):
        os.sched_setscheduler(int(task), os.SCHED_OTHER, os.sched_param(0))


def test_threads_stay_ordinary_while_a_film_is_encoded(tmp_path) -> None:
    film = probe(CASES / "src.mp4")
    plan = plan_film(film, tmp_path / "x.mkv", (96, 128), FilmOptions(codec="av1"))
    assert classes() == {os.SCHED_OTHER}
    writer = SegmentWriter(tmp_path / "x", plan)
    frame = av.VideoFrame(128, 96, "yuv420p")
    frame.pts, frame.time_base = 0, plan.time_base
    writer.write(frame)
    assert classes() == {os.SCHED_OTHER}
    writer.close()
    assert classes() == {os.SCHED_OTHER}


def test_threads_that_were_real_time_before_stay_so() -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pytest.skip("not allowed in this container")
    try:
        with ordinary_threads():
            pass
        assert os.sched_getscheduler(0) == os.SCHED_RR
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
