"""Leave a long run cleanly."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop between two updates; the second one kills."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        asked.append(number)
        for name, handler in previous.items():
            signal.signal(name, handler)

    previous: dict[int, Any] = {}
    try:
        for name in (signal.SIGINT, signal.SIGTERM):
            previous[name] = signal.signal(name, ask)
    except ValueError:  # not the main thread: nobody can press Ctrl-C here
        previous.clear()
    try:
        yield lambda: bool(asked)
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
