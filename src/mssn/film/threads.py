"""Encoders that make threads of the real-time class, and threads made ordinary again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")


@contextmanager
def ordinary_threads() -> Iterator[None]:
    """Inside, an encoder may start; behind it, no thread is of the real-time class that was not before.

    SVT-AV1, started by root as in many containers, gives its threads and the caller's that class on Linux.
    Such threads leave nothing of a core to others: this process would starve what else runs, and could hang
    where it has one core alone.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    before = _realtime()
    try:
        yield
    finally:
        for thread in _realtime() - before:
            with suppress(OSError):  # it has ended
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _realtime() -> set[int]:
    found: set[int] = set()
    with suppress(OSError):
        for task in _TASKS.iterdir():
            with suppress(OSError, ValueError):
                if os.sched_getscheduler(int(task.name)) in (os.SCHED_FIFO, os.SCHED_RR):
                    found.add(int(task.name))
    return found
