"""Several raylets on this machine, as if they were machines, which tests kill; and a driver to kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_STORE = 80 * 2**20


class Raylets:
    """A cluster of nodes with one core each; the first one also leads it, and is not killed."""

    def __init__(self, nodes: int) -> None:
        os.environ.update(RAY_worker_niceness="0")  # else workers get what other processes leave
        from ray.cluster_utils import Cluster

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        head = {"num_cpus": 1, "object_store_memory": _STORE, "include_dashboard": False}
        head["ray_client_server_port"] = port
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # Ray leaves files of that server open
            self._cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        self.address: str = self._cluster.address
        self.from_outside = f"ray://127.0.0.1:{port}"  # for machines that are no node
        for _ in range(nodes - 1):
            self.add()

    def add(self, **environment: str) -> None:
        """One more node, with other variables in its environment."""
        self._cluster.add_node(num_cpus=1, object_store_memory=_STORE, env_vars=environment)

    @property
    def raylets(self) -> list[int]:
        """Their processes, the leading node's first."""
        nodes = [self._cluster.head_node, *self._cluster.worker_nodes]
        return [node.all_processes["raylet"][0].process.pid for node in nodes]

    def kill_raylet(self, number: int) -> None:
        """As if a machine were switched off."""
        node = list(self._cluster.worker_nodes)[number]
        for parts in node.all_processes.values():
            for part in parts:
                with suppress(ProcessLookupError):
                    os.kill(part.process.pid, signal.SIGKILL)
        self._cluster.remove_node(node, allow_graceful=False)

    def kill_head(self, *kinds: str) -> None:
        """Kill what leads the cluster: such of its processes, or all."""
        parts = self._cluster.head_node.all_processes
        for part in [part for kind in kinds or parts for part in parts[kind]]:
            with suppress(ProcessLookupError):
                os.kill(part.process.pid, signal.SIGKILL)

    def workers(self, kind: str = "Worker") -> list[int]:
        """Processes of living actors of a class."""
        found: list[int] = []
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            with suppress(OSError, ValueError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes()
                state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
                if line.startswith(b"ray::" + kind.encode()) and int(parent) in self.raylets and state != "Z":
                    found.append(pid)
        return found

    def end(self) -> None:
        """Stop all."""
        self._cluster.shutdown()


@contextmanager
def driver(address: str, source: Path, target: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A process that makes what is missing in the target; see `main` below."""
    arguments = [sys.executable, __file__, address, str(source), str(target), *more]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(true: Any, seconds: float = 60.0) -> bool:
    """Whether something becomes true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def main() -> None:
    """Make what is missing: a line of JSON for each picture."""
    from mssn.cluster.crew import make
    from mssn.cluster.item import Item
    from mssn.cluster.nodes import connect
    from mssn.cluster.store import Store
    from mssn.cluster.worker import Work
    from mssn.upscaling.jobs import Options

    address, source, target, *model = sys.argv[1:]
    Path(target).mkdir(exist_ok=True)
    stores = Store(source), Store(target)
    there = {entry.name for entry in stores[1].list(needed=False)}
    items = [Item(e.name, e.size, e.mark, e.name) for e in stores[0].list() if e.name not in there]
    work = Work(*stores, {"model": model[0] if model else "bicubic"}, Options())
    try:
        with connect(address) as cluster:
            for outcome in make(iter(items), work, cluster):
                print(json.dumps([outcome.item.name, outcome.error, outcome.tries]), flush=True)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
