"""Listen, until somebody ends it; then end all jobs, and leave nothing."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mssn.app.asked import Engines
from mssn.app.desk import Desk
from mssn.app.guard import Access
from mssn.app.limits import Limits
from mssn.app.room import Room
from mssn.app.routes import build
from mssn.errors import MssnError

LOOPBACK = "127.0.0.1"
_CONNECTIONS, _BACKLOG = 256, 128
_FINISH = 1.5  # seconds that answers may still take when the app ends; then as many for threads
_HEADERS = 10.0  # seconds that a request's headers may take


class Serving:
    """The app: it listens at once, and answers while it runs.

    Args:
        port: Where; 0, or one that is taken: any other.
        host: A name or number of this machine to listen on; None: loopback.
        limits: What a request may cost.
        threads: Processor cores that networks use; None for all.
        log: Takes lines for people.
        room: Where files lie, emptied at the end; default a new one.

    Attributes:
        access: Who may ask, and where.
        ended: After `run`: whether all its threads have ended; else Python would fall over them.

    Raises:
        MssnError: The host or the port makes no sense, or there is no place for files.
    """

    def __init__(
        self,
        port: int = 0,
        host: str | None = None,
        *,
        limits: Limits | None = None,
        threads: int | None = None,
        log: Callable[[str], object] = print,
        room: Room | None = None,
    ) -> None:
        engines = Engines(threads)  # what makes no sense leaves nothing behind
        host = None if host in ("localhost", "127.0.0.1", "::1") else host
        self._sockets = listen(port, host, log)
        self.access, self.ended = Access(self._sockets[0].getsockname()[1], host), False
        self._room = room or Room()
        self._desk = Desk(self._room, limits or Limits(), engines)
        config = uvicorn.Config(
            build(self._desk, self.access, log, threads),
            http=_Protocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config, self)

    def run(self, started: Callable[[], object] = lambda: None) -> None:
        """Serve until the process gets SIGINT or SIGTERM, which are raised again after that, or `stop`.

        Args:
            started: Called when it answers.
        """
        self.started = started
        try:
            self._server.run(self._sockets)
        finally:
            self._room.close()

    def stop(self) -> None:
        """End it, from another thread."""
        self._server.should_exit = True

    def opened(self) -> None:
        """It answers."""
        self._desk.open()
        self.started()

    async def closed(self) -> None:
        """It answers nobody any more."""
        self.ended = await self._desk.close(_FINISH)

    def ending(self) -> None:
        """It is to end: so must streams of events, for which the server would wait."""
        self._desk.end()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, of: Serving) -> None:
        super().__init__(config)
        self._of = of

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._of.opened()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._of.ending()
        await super().shutdown(sockets)
        await self._of.closed()


class _Protocol(H11Protocol):
    """HTTP whose headers must come within some seconds, so that nobody holds a connection for nothing."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._late: asyncio.TimerHandle | None = None
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._late is not None:
            self._late.cancel()

    def _watch(self) -> None:
        between = self.cycle is None or self.cycle.response_complete
        if between and self._late is None:
            self._late = self.loop.call_later(_HEADERS, self.transport.close)
        elif not between and self._late is not None:
            self._late.cancel()
            self._late = None


def listen(port: int, host: str | None, log: Callable[[str], object]) -> list[socket.socket]:
    """Sockets of one port, on loopback or a given host.

    Args:
        port: Which; 0, or one that is taken: any other, and a line says so.
        host: A name or number of this machine; None: loopback.
        log: Takes the line.

    Raises:
        MssnError: There is no such host, or no such port.
    """
    if not 0 <= port <= 65535:
        raise MssnError(f"`port` must be 0 to 65535, not {port}")
    try:
        first = _bound(host or LOOPBACK, port)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise MssnError(f"{host}: is no name of this machine; leave `host` out") from error
        if error.errno != errno.EADDRINUSE:
            raise MssnError(
                f"port {port} cannot be taken ({error.strerror}); choose another `port`"
            ) from error
        first = _bound(host or LOOPBACK, 0)
        log(f"port {port} is busy; taking {first.getsockname()[1]}")
    sockets = [first]
    if host is None:
        with suppress(OSError):  # not every machine has IPv6
            sockets.append(_bound("::1", first.getsockname()[1]))
    return sockets


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let two programs share a port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made
