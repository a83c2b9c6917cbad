"""Folders of other machines, by SFTP."""

from __future__ import annotations

import asyncio
import os
import posixpath
import stat
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import asyncssh

from mssn.atomic import ABANDONED, part_of
from mssn.cluster import faults
from mssn.cluster.faults import MissingError, PassingError, RefusedError, StoreError
from mssn.cluster.names import is_ours, shown, tree_path
from mssn.cluster.remote import CHUNK, Remote, begin, whole
from mssn.cluster.store import Entry

_NO_LOGIN = (asyncssh.KeyExchangeFailed, asyncssh.IllegalUserName)
_MISSING = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory)
_FULL = (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)
_LOST = (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost, asyncssh.SFTPBadMessage)


class Sftp(Remote):
    """A folder of another machine; see `mssn.cluster.store.Store` for what its methods do.

    asyncssh connects, as `ssh` would: keys, agent, user and known hosts are those of `~/.ssh`. (What fsspec
    has for it trusts any host key.)

    Args:
        url: The root, for messages.
        host: The machine, or its alias in `~/.ssh/config`.
        port: None: as configured, else 22.
        user: None: as configured, else this one.
        root: The folder's path on it.
    """

    def __init__(self, url: str, host: str, port: int | None, user: str | None, root: str) -> None:
        super().__init__(url)
        self.root = root
        self._to: dict[str, Any] = {"host": host}
        if port is not None:
            self._to["port"] = port
        if user is not None:
            self._to["username"] = user
        self._lock = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    async def _sftp(self) -> asyncssh.SFTPClient:
        """The client; the first who asks connects, also after a connection broke."""
        async with self._lock:
            if self._client is None:
                async with asyncio.timeout(faults.CONNECT + faults.SILENCE):
                    self._connection = await asyncssh.connect(
                        **self._to,
                        connect_timeout=faults.CONNECT,
                        login_timeout=faults.SILENCE,
                        keepalive_interval=faults.SILENCE / 3,
                        keepalive_count_max=3,
                    )
                    self._client = await self._connection.start_sftp_client(path_errors="surrogateescape")
            return self._client

    def judge(self, error: Exception) -> tuple[type[StoreError], str]:
        """What an error of asyncssh means; one that is about a file is told from one that is about all."""
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            return RefusedError, "its host key is not among the known ones; connect once with ssh"
        if isinstance(error, asyncssh.PermissionDenied):
            return RefusedError, "no login; see your keys in ~/.ssh and its agent"
        if isinstance(error, _NO_LOGIN):
            return RefusedError, f"no connection can be agreed on ({type(error).__name__})"
        if isinstance(error, asyncssh.ConfigParseError):
            return RefusedError, "~/.ssh/config cannot be read"
        if isinstance(error, asyncssh.KeyImportError | asyncssh.KeyEncryptionError):
            return RefusedError, "a key cannot be read; see your keys in ~/.ssh"
        if isinstance(error, _FULL):
            return RefusedError, "there is no room left"
        if isinstance(error, _MISSING):
            return MissingError, "it is not there"
        if isinstance(error, asyncssh.SFTPPermissionDenied | asyncssh.SFTPWriteProtect):
            return StoreError, "no right to do this"
        if isinstance(error, asyncssh.SFTPError) and not isinstance(error, _LOST):
            return StoreError, f"its server refuses this ({type(error).__name__})"
        return super().judge(error)

    async def failed(self) -> None:
        """Connect anew: whatever healed, the old connection may be dead or in doubt."""
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.abort()

    def _path(self, name: str) -> str:
        return posixpath.join(self.root, name)

    def list(self, leave_out: Collection[str], needed: bool) -> Iterator[Entry]:
        """All files, each folder's names sorted when it is entered."""
        waiting = [self._listed("", leave_out, needed)]
        while waiting:
            if not waiting[-1]:
                waiting.pop()
                continue
            key, size, changed = waiting[-1].pop()
            name = os.fsdecode(key)
            if name.endswith("//"):  # a linked folder
                if needed:
                    yield Entry(name[:-1], 0, "")
            elif name.endswith("/"):
                waiting.append(self._listed(name, leave_out, False))
            elif size >= 0:
                yield Entry(name, size, f"{size}-{changed}")
            elif needed:
                yield Entry(name, -1, "")

    def _listed(self, folder: str, leave_out: Collection[str], needed: bool) -> list[tuple[bytes, int, int]]:
        """What is in a folder (its name with "/" at the end), the last one first."""
        where = f"{self.url}/{shown(folder)}".rstrip("/")
        try:
            return self.do(where, lambda: self._inside(folder, leave_out))
        except MissingError:
            if needed:
                there = self.do(where, self._there)
                reason = "is a file, not a folder" if there else "no such folder"
                raise StoreError(f"{where}: {reason}") from None
            return []  # gone since
        except PassingError:
            raise
        except StoreError as error:  # what is in it cannot be told, nor what is missing
            raise RefusedError(str(error)) from None

    async def _there(self) -> bool:
        """Whether the root is there, as a folder or as a file."""
        client = await self._sftp()
        async with asyncio.timeout(faults.allowed(0)):
            return await client.exists(self.root)

    async def _inside(self, folder: str, leave_out: Collection[str]) -> list[tuple[bytes, int, int]]:
        client = await self._sftp()
        found: list[tuple[bytes, int, int]] = []
        async with asyncio.timeout(faults.allowed(0)) as limit:
            async for entry in client.scandir(self._path(folder)):
                limit.reschedule(asyncio.get_running_loop().time() + faults.SILENCE)
                last, facts = str(entry.filename), entry.attrs
                name = folder + last
                if last in (".", "..") or is_ours(last):
                    continue
                if stat.S_ISLNK(facts.permissions or 0):
                    try:
                        facts = await client.stat(self._path(name))
                    except (*_MISSING, asyncssh.SFTPFailure, asyncssh.SFTPPermissionDenied):
                        found.append((os.fsencode(name), -1, 0))
                        continue
                    if stat.S_ISDIR(facts.permissions or 0):
                        found.append((os.fsencode(name) + b"//", 0, 0))
                        continue
                if stat.S_ISDIR(facts.permissions or 0):
                    if name not in leave_out:
                        found.append((os.fsencode(name) + b"/", 0, 0))
                else:
                    size = (facts.size or 0) if stat.S_ISREG(facts.permissions or 0) else -1
                    found.append((os.fsencode(name), size, facts.mtime or 0))
        found.sort(reverse=True)
        return found

    def fetch(self, name: str, sink: BinaryIO, size: int | None) -> None:
        """Read a file."""
        where = f"{self.url}/{shown(name)}"

        async def attempt() -> None:
            client = await self._sftp()
            begin(sink)
            async with asyncio.timeout(faults.allowed(size or 0)) as limit:
                if size is None:
                    faults.only_a_file(where, (await client.stat(self._path(name))).permissions or 0)
                async with client.open(self._path(name), "rb") as file:
                    announced = (await file.stat()).size
                    limit.reschedule(asyncio.get_running_loop().time() + faults.allowed(announced or 0))
                    while data := await asyncio.wait_for(file.read(CHUNK, sink.tell()), faults.SILENCE):
                        sink.write(data)  # type: ignore[arg-type]
            whole(where, sink.tell(), announced, size)

        self.do(where, attempt)

    def send(self, name: str, content: Path | bytes) -> None:
        """Write a file beside its place, and rename it."""
        where = f"{self.url}/{shown(name)}"
        path = self._path(tree_path(name))
        part = posixpath.join(posixpath.dirname(path), part_of(Path()).name)
        size = len(content) if isinstance(content, bytes) else content.stat().st_size

        async def attempt() -> None:
            client = await self._sftp()
            async with asyncio.timeout(faults.allowed(size)):
                try:
                    file = await client.open(part, "wb")
                except _MISSING:
                    await self._make_folder(client, posixpath.dirname(path))
                    file = await client.open(part, "wb")
                async with file:
                    if isinstance(content, bytes):
                        await file.write(content)
                    else:
                        with open(content, "rb") as source:
                            while data := source.read(CHUNK):
                                await asyncio.wait_for(file.write(data), faults.SILENCE)
                try:
                    await client.posix_rename(part, path)
                except asyncssh.SFTPOpUnsupported:  # then there is a moment without the file
                    with suppress(*_MISSING):
                        await client.remove(path)
                    await client.rename(part, path)

        async def scrap() -> None:
            client = await self._sftp()
            async with asyncio.timeout(faults.CONNECT):
                await client.remove(part)

        async def work() -> None:
            try:
                await self.tried(where, attempt)
            except BaseException:
                with suppress(Exception):
                    await scrap()
                raise

        try:
            self.run(work())
        except (MissingError, PassingError):
            raise
        except StoreError as error:
            if type(error) is StoreError:
                raise self.run(self._why(where, posixpath.dirname(path), size, error)) from None
            raise

    async def _why(self, where: str, folder: str, size: int, error: StoreError) -> StoreError:
        """Why a file cannot be written: SFTP 3 knows no word for a full disk."""
        if "no right" in str(error):
            return RefusedError(str(error))
        with suppress(Exception):
            client = await self._sftp()
            async with asyncio.timeout(faults.CONNECT):
                disk = await client.statvfs(folder)
            if min(disk.bavail * disk.frsize - size, disk.favail - 1) < 0:
                return RefusedError(f"{where}: there is no room left")
        return error

    async def _make_folder(self, client: asyncssh.SFTPClient, path: str) -> None:
        """Make a folder and those above it that are missing."""
        try:
            await client.mkdir(path)
        except _MISSING:
            if path in ("", "/", "."):
                raise
            await self._make_folder(client, posixpath.dirname(path))
            with suppress(asyncssh.SFTPFailure, asyncssh.SFTPFileAlreadyExists):  # somebody else made it
                await client.mkdir(path)
        except (asyncssh.SFTPFailure, asyncssh.SFTPFileAlreadyExists):
            if not await client.isdir(path):
                raise

    def remove(self, name: str) -> None:
        """Remove a file."""

        async def attempt() -> None:
            client = await self._sftp()
            async with asyncio.timeout(faults.allowed(0)):
                await client.remove(self._path(tree_path(name)))

        with suppress(MissingError):
            self.do(f"{self.url}/{shown(name)}", attempt)

    def sweep(self) -> None:
        """Remove unfinished files that were last written more than a day ago."""

        async def below(client: asyncssh.SFTPClient, folder: str) -> None:
            inside = []
            async for entry in client.scandir(self._path(folder)):
                last, facts = str(entry.filename), entry.attrs
                if last in (".", ".."):
                    continue
                if stat.S_ISDIR(facts.permissions or 0):
                    inside.append(posixpath.join(folder, last))
                elif is_ours(last) and time.time() - (facts.mtime or 0) > ABANDONED:
                    with suppress(asyncssh.SFTPError):
                        await client.remove(self._path(posixpath.join(folder, last)))
            for name in inside:
                with suppress(asyncssh.SFTPError):
                    await below(client, name)

        async def attempt() -> None:
            await below(await self._sftp(), "")

        with suppress(StoreError):
            self.do(self.url, attempt)
