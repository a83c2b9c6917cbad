"""What storage has in common that is spoken to in plain HTTP."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, BinaryIO

import aiohttp
import yarl
from fsspec.asyn import get_loop

from mssn.cluster import faults
from mssn.cluster.faults import MissingError, PassingError, RefusedError, StoreError
from mssn.cluster.remote import CHUNK, Remote, begin, whole


class Http(Remote):
    """Storage behind an HTTP server.

    Args:
        url: Its root, for messages.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._lock = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    def judge(self, error: Exception) -> tuple[type[StoreError], str]:
        """What an error of aiohttp means."""
        if isinstance(error, aiohttp.ClientProxyConnectionError):
            return PassingError, "no connection to its proxy; see HTTPS_PROXY and NO_PROXY"
        return super().judge(error)

    async def _headers(self) -> dict[str, str]:
        """What each request has in its head."""
        return {}

    @asynccontextmanager
    async def request(
        self, where: str, method: str, url: str, size: int = 0, **more: Any
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, asyncio.Timeout]]:
        """An answer that is no error, and its time limit.

        Args:
            where: For messages.
            method: GET, ...
            url: What is asked, quoted.
            size: Of what is sent.
            **more: For aiohttp.
        """
        async with self._lock:
            if self._session is None:
                timeout = aiohttp.ClientTimeout(sock_connect=faults.CONNECT, sock_read=faults.SILENCE)
                self._session = aiohttp.ClientSession(timeout=timeout, trust_env=True, auto_decompress=False)
                weakref.finalize(self, _close, self._session)
        headers = await self._headers() | more.pop("headers", {})
        async with (
            asyncio.timeout(faults.allowed(size)) as limit,
            self._session.request(method, yarl.URL(url, encoded=True), headers=headers, **more) as answer,
        ):
            if not 200 <= answer.status < 300:  # aiohttp has followed what leads elsewhere
                kind, reason = await self.refused(answer)
                raise kind(f"{where}: {reason}")
            yield answer, limit

    async def refused(self, answer: aiohttp.ClientResponse) -> tuple[type[StoreError], str]:
        """What an answer means that is an error."""
        return said(answer.status)

    async def whole(self, where: str, url: str, sink: BinaryIO, size: int | None, **more: Any) -> None:
        """Read all of an answer."""
        begin(sink)
        async with self.request(where, "GET", url, **more) as (answer, limit):
            announced = answer.content_length
            limit.reschedule(get_loop().time() + faults.allowed(announced or size or 0))
            while data := await answer.content.read(CHUNK):
                sink.write(data)
        whole(where, sink.tell(), announced, size)


def _close(session: aiohttp.ClientSession) -> None:
    """Close what nobody uses any more, at the latest when the process ends."""
    with suppress(Exception):
        closing = asyncio.run_coroutine_threadsafe(session.close(), get_loop())
        if threading.current_thread().name != "fsspecIO":  # which would wait for itself
            closing.result(1)


def said(status: int) -> tuple[type[StoreError], str]:
    """What a status means that is an error."""
    if status == 507:
        return RefusedError, f"there is no room left ({status})"
    if status in (408, 429) or (status >= 500 and status != 501):
        return PassingError, f"its server cannot do it now ({status})"
    if status in (401, 403):
        return RefusedError, f"no right to do this ({status})"
    if status in (404, 410):
        return MissingError, f"it is not there ({status})"
    return StoreError, f"its server refuses this request ({status})"
