"""How fast a bucket of a million objects is listed and planned, and in how much memory.

    python benchmarks/cluster_listing.py

prints it; benchmarks/cluster.py runs this in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import store_pages  # type: ignore[import-not-found]
import store_servers  # type: ignore[import-not-found]

from mssn.cluster.ledger import Ledger
from mssn.cluster.store import Store
from mssn.cluster.todo import Todo


def listing(scratch: Path, count: int = 1_000_000) -> dict[str, float]:
    """Plan what to make of a bucket that a server on loopback invents; call it in a fresh process.

    Args:
        scratch: An empty folder.
        count: Objects in it.

    Returns:
        objects; first_s: seconds until the first one can be made; wall_s and cpu_s: of the rest, without the
        server's in cpu_s; peak_mib: memory of this process, first_mib: that before the second page.
    """
    port = store_servers.free_port()
    server = subprocess.Popen([sys.executable, str(store_pages.__file__), str(port), str(count)])
    try:
        store_servers.wait_for(port, server)
        os.environ.update(store_servers.s3_environment(port))
        start = time.perf_counter()
        ledger = Ledger(Store(scratch / "books"), "in", "settings", scratch)
        names = iter(Todo(Store("s3://bucket/in").list(), iter(()), ledger, "settings", scratch=scratch))
        next(names)
        first = time.perf_counter()
        before, held = resource.getrusage(resource.RUSAGE_SELF), peak()
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
        "first_mib": held,
        "peak_mib": peak(),
    }


def peak() -> float:
    """Mebibytes that this program has held at most; `resource` would count whoever started it."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(listing(Path(folder))))
