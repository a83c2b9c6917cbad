"""Where pictures are stored: folders, S3, SFTP, Google Cloud Storage, pages of links."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote, unquote

from mssn.cluster.faults import MissingError, StoreError
from mssn.cluster.names import key_of, shown
from mssn.once import Once


@dataclass(frozen=True)
class Entry:
    """One stored file.

    Attributes:
        name: Below the root of its store, as it is stored (nothing quoted); "/" between folders.
        size: In bytes; -1: the store does not tell (a page of links), or it is no file (a link to nothing, a
            pipe).
        mark: Changes when the content does: the ETag, or size and time of change.
    """

    name: str
    size: int
    mark: str


class Place(Protocol):
    """One kind of storage, below a root."""

    def list(self, leave_out: Collection[str], needed: bool) -> Iterator[Entry]:
        """All files; a root that is not there is an error if it is needed, else empty."""
        ...

    def fetch(self, name: str, sink: BinaryIO, size: int | None) -> None:
        """Read a whole file into an empty one."""
        ...

    def send(self, name: str, content: Path | bytes) -> None:
        """Write a file, which appears whole or not at all."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def sweep(self) -> None:
        """Remove what dead writers left."""
        ...


class Store:
    """Files below a root, wherever that is. It can be pickled: then it is its URL, and nothing else.

    Credentials come from where the libraries for each kind look for them: the environment (`AWS_*`,
    `GOOGLE_APPLICATION_CREDENTIALS`), `~/.aws`, `~/.ssh`. A request that fails in a way that may heal is made
    again, up to five times; see `mssn.cluster.faults`.

    Args:
        url: `s3://bucket/folder`, `gs://bucket/folder`, `sftp://[user@]host[:port]/folder` (`/~/folder`:
            below the home), `file:///folder`, `https://host/folder/` (a page of links; read only), or a path.
            Only in `file:` and `https:` is `%20` a space; elsewhere each character stands for itself.

    Attributes:
        url: The same for people, without a slash at the end.

    Raises:
        StoreError: It makes no sense, or has a password in it.
    """

    def __init__(self, url: str | os.PathLike[str]) -> None:
        self._given = os.fspath(url)
        scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", self._given)
        self._scheme = scheme.group(1).lower() if scheme and isinstance(url, str) else ""
        if self._scheme not in KINDS:
            known = ", ".join(f"{kind}://" for kind in KINDS if kind)
            raise StoreError(f"{self._scheme}:// is no storage that is known here; {known} and paths are")
        rest = self._given[scheme.end() :] if scheme and self._scheme else self._given
        self.url, self._make = KINDS[self._scheme](self._scheme, rest)
        self._place = Once(self._make)

    def __reduce__(self) -> tuple[type[Store], tuple[str | Path]]:
        return Store, (self._given if self._scheme else Path(self._given),)

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    @property
    def folder(self) -> Path | None:
        """The folder of this machine that it is; None: it is elsewhere."""
        return Path(self.url) if self._scheme in ("", "file") else None

    def url_of(self, name: str) -> str:
        """Where a file is, for people; without a scheme, its path."""
        quoted = quote(os.fsencode(name)) if self._scheme.startswith("http") else name
        return f"{self.url.rstrip('/')}/{quoted}"

    def list(self, leave_out: Sequence[str] = (), *, needed: bool = True) -> Generator[Entry, None, None]:
        """All files below the root, as they are now, in the byte order of their names.

        Memory is bounded by a page of 1,000 or, where there are real folders, by the largest one. There is no
        request per file. Links to files are followed, links to folders are not: where the root is needed,
        their names come with "/" at the end, and links to nothing and pipes come, too. Markers of folders
        and our own unfinished files are left out.

        Args:
            leave_out: Names of folders that are not to be looked into.
            needed: Whether a root that is not there is an error; else it is empty.

        Raises:
            StoreError: It cannot be listed.
        """
        last = b""
        for entry in self._place().list(frozenset(leave_out), needed):
            name = os.fsencode(entry.name)
            if name <= last:  # whoever compares two listings relies on it
                raise StoreError(f"{self.url}: its server lists names out of order, {shown(entry.name)} late")
            last = name
            yield entry

    def get(self, name: str, path: Path, size: int | None = None) -> None:
        """Read a whole file into a local one.

        Args:
            name: Of the file.
            path: Where to; on an error it is removed.
            size: What the listing said; another length is half an answer.

        Raises:
            StoreError: It cannot be read.
        """
        try:
            with open(path, "w+b") as sink:
                self._place().fetch(name, sink, None if size == -1 else size)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise StoreError(f"{shown(path)}: {error.strerror}") from error
            raise

    def read(self, name: str) -> bytes:
        """The content of a small file.

        Raises:
            StoreError: It cannot be read.
        """
        sink = io.BytesIO()
        self._place().fetch(name, sink, None)
        return sink.getvalue()

    def put(self, path: Path, name: str) -> None:
        """Write a local file under a name, where it appears whole or not at all; it replaces what is there.

        Raises:
            StoreError: It cannot be written; nothing is changed.
        """
        if not path.is_file():
            raise MissingError(f"{shown(path)}: no such file")
        self._place().send(name, path)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, as `put` does.

        Raises:
            StoreError: It cannot be written; nothing is changed.
        """
        self._place().send(name, content)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            StoreError: It cannot be removed.
        """
        self._place().remove(name)

    def sweep(self) -> None:
        """Remove what dead writers left a day ago: unfinished files and uploads in parts. It never fails."""
        self._place().sweep()


def _path(scheme: str, rest: str) -> tuple[str, Callable[[], Place]]:
    """A path, or what follows file://."""
    if scheme:
        host, slash, path = rest.partition("/")
        if host not in ("", "localhost") or not slash:
            raise StoreError("file:// must be followed by a whole path, as in file:///data/in")
        rest = unquote(slash + path, errors="surrogateescape")
    if not rest or "\0" in rest:
        raise StoreError("an empty path is no folder")
    root = Path(rest)

    def make() -> Place:
        from mssn.cluster.local import Local

        return Local(root)

    return str(root), make


def _bucket(scheme: str, rest: str) -> tuple[str, Callable[[], Place]]:
    """A bucket and a folder in it."""
    bucket, _, folder = rest.partition("/")
    _no_password(scheme, bucket)
    if bucket.startswith("arn:"):
        raise StoreError(f"{scheme}:// takes no ARN; name the access point by its alias, as a bucket")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]*", bucket):
        raise StoreError(f"{scheme}:// must be followed by the name of a bucket, as in {scheme}://photos/in")
    folder = key_of(folder.rstrip("/"))
    url = f"{scheme}://{bucket}" + (f"/{folder}" if folder else "")

    def make() -> Place:
        module = import_module(f"mssn.cluster.{scheme}")
        return module.Bucket(url, bucket, f"{folder}/" if folder else "")

    return url, make


def _sftp(scheme: str, rest: str) -> tuple[str, Callable[[], Place]]:
    """A machine and a folder of it."""
    server, _, folder = rest.partition("/")
    _no_password(scheme, server)
    match = re.fullmatch(r"(?:([^@\s]+)@)?(\[[0-9A-Fa-f:.%]+\]|[^@:\[\]\s]+)(?::(\d{1,5}))?", server)
    if match is None or not folder or int(match[3] or 0) > 65535:
        raise StoreError(
            "sftp:// must be followed by a machine and a folder, as in sftp://anna@host:22/data/in"
        )
    user, host, port = match.groups()
    folder = folder.rstrip("/")
    root = folder[2:] or "." if folder.startswith("~/") else "." if folder == "~" else f"/{folder}"
    url = f"sftp://{server}/{folder}"

    def make() -> Place:
        from mssn.cluster.sftp import Sftp

        return Sftp(url, host.strip("[]"), int(port) if port else None, user, root)

    return url, make


def _web(scheme: str, rest: str) -> tuple[str, Callable[[], Place]]:
    """A page of links."""
    server, _, folder = rest.partition("/")
    _no_password(scheme, server)
    if not server or "@" in server or "?" in folder or "#" in folder:
        raise StoreError(f"{scheme}:// must be followed by a machine and a folder only, without ? # and @")
    url = f"{scheme}://{server}/{folder}".rstrip("/")

    def make() -> Place:
        from mssn.cluster.web import Web

        return Web(url)

    return url, make


def _no_password(scheme: str, server: str) -> None:
    """Refuse a password where it would be seen; it must not be repeated either."""
    if ":" in server.rpartition("@")[0]:
        raise StoreError(
            f"a {scheme}:// address must not hold a password, which everybody could read; "
            "take it from the environment or a key file"
        )


KINDS: dict[str, Callable[[str, str], tuple[str, Callable[[], Place]]]] = {
    "": _path,
    "file": _path,
    "s3": _bucket,
    "gs": _bucket,
    "sftp": _sftp,
    "http": _web,
    "https": _web,
}
