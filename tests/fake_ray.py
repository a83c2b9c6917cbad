"""A cluster of threads that behaves as Ray's does towards `mssn.cluster.crew`, and fails on demand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from mssn.cluster.nodes import Cluster, Node
from mssn.cluster.turns import SEATS
from mssn.cluster.worker import BESIDE


class Died(Exception):
    """What waits for an actor gets when it dies; raised by one, it is its death."""


class Failed(Exception):
    """What Python raised in an actor."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Reference:
    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def future(self) -> Future[Any]:
        return self._future


class Handle:
    """One actor: its pictures on some threads, and what it is asked beside them on another."""

    def __init__(self, ray: FakeRay, kind: type, node: Node, arguments: tuple[Any, ...]) -> None:
        self.node, self.dead, self.frozen = node, False, threading.Event()
        self._self = kind(*arguments)
        self._self.handle = self
        self._pools = {"": ThreadPoolExecutor(SEATS), BESIDE: ThreadPoolExecutor(1)}
        self._open: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self.calls: list[str] = []
        ray.handles.append(self)

    def __getattr__(self, name: str) -> Method:
        return Method(self, name)

    def call(self, name: str, arguments: tuple[Any, ...]) -> Reference:
        future: Future[Any] = Future()
        self.calls.append(name)
        with self._lock:
            if self.dead:
                future.set_exception(Died())
                return Reference(future)
            self._open.add(future)
        group = getattr(getattr(self._self, name), "__ray_concurrency_group__", "")
        self._pools[group].submit(self._run, future, name, arguments)
        return Reference(future)

    def _run(self, future: Future[Any], name: str, arguments: tuple[Any, ...]) -> None:
        try:
            answer, error = getattr(self._self, name)(*arguments), None
        except Died:
            self.die()
            return
        except Exception as raised:
            answer, error = None, Failed(raised)
        while self.frozen.is_set() and not self.dead:
            threading.Event().wait(0.005)
        with self._lock:
            if future not in self._open:
                return
            self._open.remove(future)
        future.set_result(answer) if error is None else future.set_exception(error)

    def die(self) -> None:
        with self._lock:
            self.dead = True
            left, self._open = self._open, set()
        for future in left:
            future.set_exception(Died())
        for pool in self._pools.values():
            pool.shutdown(wait=False)


class Method:
    def __init__(self, handle: Handle, name: str) -> None:
        self._handle, self._name = handle, name

    def remote(self, *arguments: Any) -> Reference:
        return self._handle.call(self._name, arguments)


class Kind:
    """A class of actors."""

    def __init__(self, ray: FakeRay, kind: type) -> None:
        self._ray, self._kind, self._node = ray, kind, Node("", "", 0)

    def options(self, scheduling_strategy: Node) -> Kind:
        made = Kind(self._ray, self._kind)
        made._node = scheduling_strategy
        return made

    def remote(self, *arguments: Any) -> Handle:
        handle = Handle(self._ray, self._kind, self._node, arguments)
        if self._node not in self._ray.there:
            handle.die()
        return handle


class FakeRay:
    def __init__(self) -> None:
        self.handles: list[Handle] = []
        self.there: list[Node] = []

    def remote(self, **_: Any) -> Callable[[type], Kind]:
        return lambda kind: Kind(self, kind)

    def kill(self, handle: Handle) -> None:
        handle.die()

    def wait(self, references: list[Reference], num_returns: int, timeout: float) -> None:
        wait([reference.future() for reference in references], timeout)


class FakeCluster(Cluster):
    """Nodes with names and cores; `fit` says what each answers, or raises.

    Attributes:
        slow: Seconds that the head takes to say which nodes there are.
        broken: What it raises instead.
    """

    def __init__(self, **cores: int) -> None:
        super().__init__(FakeRay(), "head:6379")
        self.slow = 0.0
        self.broken: Exception | None = None
        self.fit: dict[str, Any] = {}
        for name, number in cores.items():
            self.join(name, number)

    def join(self, name: str, cores: int, fit: Any = None) -> None:
        self.ray.there.append(Node(name, f"node {name}", cores))
        self.fit[name] = fit or (cores, 2**40, None)

    def leave(self, name: str) -> None:
        self.ray.there = [node for node in self.ray.there if node.id != name]
        for handle in self.ray.handles:
            if handle.node.id == name:
                handle.die()

    def nodes(self) -> list[Node]:
        time.sleep(self.slow)
        if self.broken is not None:
            raise self.broken
        return list(self.ray.there)

    def on(self, node: Node) -> Node:
        return node

    def ask(self, node: Node, *_: object) -> Reference:
        future: Future[Any] = Future()
        fit = self.fit[node.id]
        if isinstance(fit, Exception):
            future.set_exception(fit)
        elif fit != "silent":
            future.set_result(fit)
        return Reference(future)

    @property
    def living(self) -> list[Handle]:
        return [handle for handle in self.ray.handles if not handle.dead]
