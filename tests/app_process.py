"""`mssn app` as a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from app_client import Client

from mssn.app.room import PREFIX


@contextlib.contextmanager
def process(place: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], Client]]:
    """`mssn app`, and who may ask it."""
    command = [sys.executable, "-m", "mssn", "app", "--no-browser", *options]
    errors = place / "errors.txt"
    with errors.open("wb") as file:
        run = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=file,
            env={**os.environ, "TMPDIR": str(place)},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        assert run.stdout is not None
        address = run.stdout.readline().decode()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?code=[\w-]{43}\n", address)
        assert found, errors.read_text()
        token = Client.until(lambda: re.search(r"Bearer ([\w-]{43})", errors.read_text()))
        room = max(place.glob(f"{PREFIX}*"), key=lambda path: path.stat().st_mtime_ns)
        yield run, Client(int(found[1]), token[1], room)
    finally:
        run.kill()
        run.wait()
        if run.stdout is not None:
            run.stdout.close()
