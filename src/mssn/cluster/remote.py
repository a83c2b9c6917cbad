"""What the kinds of remote storage share: one event loop, tries and their pauses, errors without secrets."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, BinaryIO, Generic, TypeVar

from fsspec.asyn import get_loop

from mssn.cluster import faults
from mssn.cluster.faults import PassingError, RefusedError, StoreError
from mssn.cluster.names import shown

T = TypeVar("T")
CHUNK = 1 << 18
UNTRUSTED = "the certificate of its server cannot be trusted"
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")

# What they have to say comes as an error, too. Without this, Python prints their warnings and tracebacks.
for _library in ("aiobotocore", "asyncssh", "google"):
    logging.getLogger(_library).addHandler(logging.NullHandler())


class Remote:
    """A place that is reached by asynchronous requests; its methods are called from ordinary threads.

    Args:
        url: Its root, for messages.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def judge(self, error: Exception) -> tuple[type[StoreError], str]:
        """What an error means, and a reason for people, in which no word is the server's own.

        Servers and libraries put addresses with signatures and keys into their messages.
        """
        for link in (links := list(_chain(error))):
            if isinstance(link, ssl.SSLCertVerificationError):
                return RefusedError, UNTRUSTED
            if isinstance(link, ssl.SSLError) and isinstance(getattr(link, "reason", None), str):
                return _tls(link.reason)
            if isinstance(link, socket.gaierror):
                return PassingError, "the connection failed (no such host)"
        for link in links:
            if isinstance(link, OSError) and link.errno:
                # Of keys, certificates, a program: connections have no names of files.
                name = shown(link.filename) if isinstance(link.filename, str) else ""
                if name or link.errno in _NO_FILE:
                    reason = f"{name or 'a file of its settings'}: {os.strerror(link.errno)}"
                    return RefusedError, reason
                if link.errno in (errno.ENOSPC, errno.EDQUOT):
                    return PassingError, "there is no room left on this machine"
                word = errno.errorcode.get(link.errno, type(link).__name__)
                return PassingError, f"the connection failed ({word})"
        if isinstance(error, EOFError):
            return PassingError, "half an answer came"
        if isinstance(error, TimeoutError):
            return PassingError, "it is too slow, or does not answer"
        return PassingError, f"the connection failed ({type(error).__name__})"

    async def failed(self) -> None:
        """Called after a try that failed, before the next."""

    async def tried(self, where: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """What an attempt returns; it is made again while there is hope.

        Raises:
            StoreError: Why not.
        """
        number = 1
        while True:
            try:
                return await attempt()
            except StoreError as error:
                fault = error
            except Exception as error:
                kind, reason = self.judge(error)
                fault = kind(f"{where}: {reason}")
            if not isinstance(fault, PassingError):
                raise fault from None  # the chain might tell what the message leaves out
            await self.failed()
            if number == faults.TRIES:
                raise PassingError(f"{fault}, {number} times") from None
            await asyncio.sleep(faults.pause(number))
            number += 1

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run on the event loop, and wait."""
        return Running(work).result()

    def do(self, where: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Run with tries."""
        return self.run(self.tried(where, attempt))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _tls(reason: str) -> tuple[type[StoreError], str]:
    """What OpenSSL's word for an error means."""
    if reason in _NO_TLS:
        return RefusedError, "its server does not speak TLS; is it http://, or another port?"
    if reason == "NO_CERTIFICATE_OR_CRL_FOUND":
        return RefusedError, "a file of its settings holds no certificates"
    return PassingError, f"the connection failed ({reason})"


class Running(Generic[T]):
    """Work on the event loop, already under way.

    Args:
        work: What is done.
    """

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._ended = threading.Event()

        async def whole() -> T:
            try:
                return await work
            finally:
                self._ended.set()

        self._future = asyncio.run_coroutine_threadsafe(whole(), get_loop())

    def result(self) -> T:
        """What it returns; whoever is interrupted waits until the work has tidied up."""
        try:
            return self._future.result()
        except BaseException:
            if not self._future.done():
                self._future.cancel()
                self._ended.wait(faults.CONNECT)
            raise

    def cancel(self) -> None:
        """It is not needed any more."""
        self._future.cancel()


def begin(sink: BinaryIO) -> None:
    """Forget what an earlier try wrote."""
    sink.seek(0)
    sink.truncate()


def whole(where: str, got: int, announced: int | None, listed: int | None) -> None:
    """Check that an answer is whole.

    Raises:
        PassingError: It is not.
    """
    for size in (announced, listed):
        if size not in (None, got):
            raise PassingError(f"{where}: {got} bytes came, not {size}")
