"""A Ray cluster: how this process gets into it and out of it, and what its nodes are fit for."""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mssn.cluster.faults import LostError
from mssn.cluster.held import held_folder
from mssn.cluster.quiet import kept_back, own_sigterm, quiet
from mssn.errors import MissingDependencyError, MssnError
from mssn.runtime.base import last_line
from mssn.version import __version__

_PATIENCE = 20.0  # seconds for an answer over the network
_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # how a client begins
_SETTINGS = b"\4"  # the kind of the frame that a server begins with
_STORE = 80 * 2**20  # bytes of the object store, through which nothing goes


@dataclass(frozen=True)
class Node:
    """A machine of the cluster.

    Attributes:
        id: Ray's name of it.
        name: What people call it.
        cores: That Ray may use.
    """

    id: str
    name: str
    cores: int


@dataclass(frozen=True)
class Fitness:
    """What a node said of itself.

    Attributes:
        cores: That processes may run on there.
        memory: Bytes that are free.
        problem: Why it cannot work, in a clause; None if it can.
    """

    cores: int
    memory: int
    problem: str | None


@dataclass
class Cluster:
    """A cluster that this process is connected to.

    Attributes:
        ray: The module.
        address: As it was given to `connect`.
    """

    ray: Any
    address: str = "auto"

    @property
    def lost(self) -> str:
        """What to say when it does not answer any more."""
        here = self.address in ("local", "auto")
        return f"the Ray cluster {'of this machine' if here else f'at {self.address}'} no longer answers"

    def nodes(self) -> list[Node]:
        """Those that live now and have cores to compute on."""
        found: list[Node] = []
        for node in self.ray.nodes():
            cores = int(node["Resources"].get("CPU", 0)) if node["Alive"] else 0
            if cores:
                name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
                found.append(Node(node["NodeID"], name, cores))
        return found

    def on(self, node: Node) -> Any:
        """How Ray is told that something runs on this node or nowhere."""
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        return strategies.NodeAffinitySchedulingStrategy(node.id, soft=False)

    def ask(self, node: Node, weights: Path | None, folders: Sequence[Path] = ()) -> Any:
        """Ask a node what it is fit for.

        Args:
            node: Which.
            weights: A file that must be there, too, just as it is here.
            folders: What must be there, too, or results would lie where nobody looks.

        Returns:
            Ray's reference to a `Fitness`, as a tuple.
        """
        probe = self.ray.remote(num_cpus=0, max_retries=1)(_probe())
        digest = None if weights is None else _sha256(weights)
        path = None if weights is None else str(weights)
        return probe.options(scheduling_strategy=self.on(node)).remote(
            __version__, path, digest, [os.path.abspath(folder) for folder in folders]
        )


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _probe() -> Callable[[str, str | None, str | None, list[str]], tuple[int, int, str | None]]:
    """What a node is asked. A function in a function goes over by its code: the node may have no `mssn`."""

    def probe(
        version: str, weights: str | None, digest: str | None, folders: list[str]
    ) -> tuple[int, int, str | None]:
        import hashlib
        import os

        def number(path: str, name: str = "") -> int:
            """What follows a name in a file of the kernel; a lot, if there is no limit or no such file."""
            try:
                with open(path) as file:
                    words = [line.removeprefix(name).split()[0] for line in file if line.startswith(name)]
                return int(words[0])
            except (OSError, ValueError, IndexError):
                return 2**62

        group = "/sys/fs/cgroup"
        limit, taken = number(f"{group}/memory.max"), number(f"{group}/memory.current")
        free = min(1024 * number("/proc/meminfo", "MemAvailable:"), limit - taken if limit < 2**62 else limit)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        problem = None
        try:
            from mssn.version import __version__ as there
        except ImportError:
            problem = "mssn is not installed there; install it with the extra cluster"
        else:
            if there != version:
                problem = f"has mssn {there}, and here is {version}; install the same version"
        if problem is None and weights is not None:
            try:
                with open(weights, "rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                        problem = f"its {weights} is another file than the one here"
            except OSError as error:
                problem = f"has no weights file {weights} ({error.strerror}); copy it to the same path"
        for folder in folders:
            if problem is None and not os.path.isdir(folder):
                problem = f"does not see the folder {folder}, as all machines must"
        return cores, free, problem

    return probe


@contextmanager
def connect(address: str) -> Iterator[Cluster]:
    """Be part of a Ray cluster for a while; what belongs to others there is left alone.

    Args:
        address: HOST:PORT or ray://HOST:PORT; "auto" for the one that runs on this machine; "local" for one
            of our own on this machine alone, which ends with the block. After a `LostError` Ray is left as
            it is; see there.

    Yields:
        The cluster.

    Raises:
        MssnError: None answers there, or it has other versions of Ray or Python; Ray is broken here.
        MissingDependencyError: Ray is not installed.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise MissingDependencyError("a cluster needs Ray; install mssn with the extra cluster") from error
    except ImportError as error:  # it is there, but something of its own is not
        raise MssnError(f"Ray cannot be imported ({last_line(error)}); install it anew") from error
    _require_answer(address)
    options: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": logging.CRITICAL}
    with ExitStack() as stack:
        stack.enter_context(quiet())
        if address == "local":
            options |= {
                "num_cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
                "object_store_memory": _STORE,
                "include_dashboard": False,
                "_temp_dir": str(stack.enter_context(held_folder("mssn-ray-", _short_folder()))),
            }
        ending = stack.enter_context(ExitStack())
        ending.callback(ray.shutdown)
        with kept_back() as said:
            try:
                with own_sigterm():
                    ray.init(**options)
            except Exception as error:  # of many kinds, plain `Exception` among them
                raise _no_cluster(address, error, said()) from error
        try:
            yield Cluster(ray, address)
        except LostError:
            ending.pop_all()  # it would wait for the head
            raise


def _short_folder() -> Path:
    """For temporary files, with a name to which Ray may add that of a socket (107 bytes in all)."""
    folder = tempfile.gettempdir()
    return Path(folder if os.name != "posix" or len(os.fsencode(folder)) < 25 else "/tmp")


def _require_answer(address: str) -> None:
    """Refuse an address where nothing speaks HTTP/2, as Ray does, which would try for minutes, loudly."""
    if address in ("local", "auto"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=_PATIENCE) as connection:
            if os.environ.get("RAY_USE_TLS", "0") == "0":
                connection.sendall(_HTTP2)
                if connection.recv(4)[3:] != _SETTINGS:
                    raise ConnectionError("something else listens there")
    except (OSError, ValueError, OverflowError) as error:
        raise _no_cluster(address, None) from error


def _no_cluster(address: str, error: Exception | None, said: str = "") -> MssnError:
    """What to say where there is no way into a cluster, given what Ray raised and what it wrote."""
    words = last_line(error)[:200] if error else ""
    if "version mismatch" in str(error).lower():
        return MssnError(
            f"the Ray cluster at {address} has another version of Ray or Python than this machine"
        )
    if "InvalidAuthToken" in said:
        return MssnError(
            f"the Ray cluster at {address} asks for a token; set RAY_AUTH_MODE=token, and put the one of its "
            "head into ~/.ray/auth_token"
        )
    if address == "local":
        return MssnError(f"Ray does not start on this machine: {words}")
    how = "start one with `ray start --head`, and give HOST:PORT, auto or local"
    if error and address != "auto" and "RAY_AUTH_MODE" not in os.environ:
        # By itself Ray sends its token only to a cluster that it found, and names no missing one.
        how += "; for one that asks for a token, set RAY_AUTH_MODE=token"
    return MssnError(f"no Ray cluster answers at {address}: {how}" + (words and f" ({words})"))
