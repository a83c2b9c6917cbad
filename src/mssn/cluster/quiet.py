"""What Ray does to the process around it, and is kept from."""

from __future__ import annotations

import importlib
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Ray from sending usage statistics, and from writing what happens to workers to standard output."""
    wanted = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_worker_niceness": "0",  # on this machine they are as important as the folder run would be
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    worker: Any = importlib.import_module("ray._private.worker")
    loud = worker.print_to_stdstream
    worker.print_to_stdstream = lambda *_, **__: None  # there is no other switch
    try:
        yield
    finally:
        worker.print_to_stdstream = loud
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def own_sigterm() -> Iterator[None]:
    """Keep what this process does at SIGTERM, which Ray would replace."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def kept_back() -> Iterator[Callable[[], str]]:
    """Keep from standard error whatever is written there, by C++ too, while a block lasts.

    Yields:
        What gives what was written so far.
    """
    with tempfile.TemporaryFile() as taken:
        error = os.dup(2)
        os.dup2(taken.fileno(), 2)

        def said() -> str:
            taken.seek(0)
            return taken.read().decode(errors="replace")

        try:
            yield said
        finally:
            os.dup2(error, 2)
            os.close(error)
