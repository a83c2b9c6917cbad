"""How fast a bucket of a million objects is listed, and in how much memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import store_pages  # type: ignore[import-not-found]
import store_servers  # type: ignore[import-not-found]

from mssn.cluster.store import Store


def listing(count: int = 1_000_000) -> dict[str, float]:
    """List a bucket that a server on loopback invents; call it in a fresh process.

    Args:
        count: Objects in it.

    Returns:
        objects; first_s: seconds until the first one; wall_s and cpu_s: of the rest, the server's not counted
        in cpu_s; peak_mib: memory of this process, first_mib: that before the second page.
    """
    port = store_servers.free_port()
    server = subprocess.Popen([sys.executable, str(store_pages.__file__), str(port), str(count)])
    try:
        store_servers.wait_for(port, server)
        os.environ.update(store_servers.s3_environment(port))
        start = time.perf_counter()
        names = Store("s3://bucket/in").list()
        next(names)
        first = time.perf_counter()
        before = resource.getrusage(resource.RUSAGE_SELF)
        found = 1 + sum(1 for _ in names)
        end = time.perf_counter()
        after = resource.getrusage(resource.RUSAGE_SELF)
    finally:
        server.kill()
        server.wait()
    return {
        "objects": found,
        "first_s": first - start,
        "wall_s": end - first,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "first_mib": before.ru_maxrss / 1024,
        "peak_mib": after.ru_maxrss / 1024,
    }


if __name__ == "__main__":
    print(listing(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
