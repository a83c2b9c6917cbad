"""A process that writes without an end, to be killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mssn.cluster import s3
from mssn.cluster.store import Store

SIZE = 8_000_000


def write_on(url: str, environment: dict[str, str], file: str, parts: bool, written: Any) -> None:
    """Write the same name again and again, each time full of another byte.

    Args:
        url: Of the store.
        environment: Where its credentials are.
        file: A local one to write from.
        parts: Whether S3 is to get it in parts.
        written: A semaphore, released each time that it is there.
    """
    os.environ.update(environment)
    if parts:
        s3.LARGEST, s3.PART = 6_000_000, 5_300_000
    store, path = Store(url), Path(file)
    for number in range(1, 256):
        path.write_bytes(bytes([number]) * SIZE)
        store.put(path, "a/b.png")
        written.release()
    os._exit(0)
