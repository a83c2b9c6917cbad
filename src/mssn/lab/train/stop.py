"""Ctrl-C and its kin as a wish that a training run looks at between two updates."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into a request to stop between two updates; a second kills."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        asked.append(number)
        for name, handler in previous.items():
            signal.signal(name, handler)

    previous: dict[int, Any] = {}
    try:
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows knows no SIGHUP
            if number is not None and (name != "SIGHUP" or signal.getsignal(number) != signal.SIG_IGN):
                previous[number] = signal.signal(number, ask)  # nohup has it ignored
    except ValueError:  # not the main thread: nobody can press Ctrl-C here
        previous.clear()
    try:
        yield lambda: bool(asked)
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
