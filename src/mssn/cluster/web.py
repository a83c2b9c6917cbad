"""Pages of links to files, as web servers make them for folders; for reading only."""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote, urljoin, urlsplit

import yarl

from mssn.cluster.faults import MissingError, RefusedError, StoreError
from mssn.cluster.http import Http
from mssn.cluster.names import shown
from mssn.cluster.store import Entry

LONGEST = 64_000_000  # bytes of a page


class Web(Http):
    """A page of links and those of its folders; see `mssn.cluster.store.Store` for what its methods do.

    Args:
        url: The page's address.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._root = str(yarl.URL(url)).rstrip("/")

    def _where(self, name: str) -> str:
        return f"{self.url}/{shown(name)}"

    def _address(self, name: str) -> str:
        return f"{self._root}/{quote(os.fsencode(name))}"

    def list(self, leave_out: Collection[str], needed: bool) -> Iterator[Entry]:
        """All files that the pages link to; what a page says beside a link is its mark."""
        del needed
        waiting = [self._linked("")]
        while waiting:
            if not waiting[-1]:
                waiting.pop()
                continue
            name, mark = waiting[-1].pop()
            if not name.endswith("/"):
                yield Entry(name, -1, mark)
            elif name[:-1] not in leave_out:
                waiting.append(self._linked(name))

    def _linked(self, folder: str) -> list[tuple[str, str]]:
        """What the page of a folder (its name with "/" at the end) links to below it, the last one first."""
        where = self._where(folder)

        async def attempt() -> tuple[str, str]:
            page = io.BytesIO()
            headers = {"Accept": "text/html", "Accept-Encoding": "identity"}
            async with self.request(where, "GET", self._address(folder), headers=headers) as (answer, _):
                if answer.content_type != "text/html" or answer.headers.get("Content-Encoding"):
                    raise StoreError(f"{where}: is no page of links")
                while data := await answer.content.readany():
                    page.write(data)
                    if page.tell() > LONGEST:
                        raise StoreError(f"{where}: the page is longer than {LONGEST} bytes")
                return str(answer.url), page.getvalue().decode(answer.charset or "utf-8", "surrogateescape")

        try:
            address, text = self.do(where, attempt)
        except MissingError as error:
            raise StoreError(str(error)) from None
        links = _Links()
        links.feed(text)
        links.close()
        base = urlsplit(address)
        top = unquote(base.path, errors="surrogateescape")
        found: dict[str, str] = {}
        for link, beside in links.found:
            target = urlsplit(urljoin(address, link.strip()))
            path = unquote(target.path, errors="surrogateescape")
            rest = path[len(top) :]
            if target.netloc == base.netloc and path.startswith(top) and rest.strip("/") and not target.query:
                found.setdefault(folder + rest, " ".join(beside.split()))
        folders = tuple(name for name in found if name.endswith("/"))
        return sorted(
            (entry for entry in found.items() if entry[0] in folders or not entry[0].startswith(folders)),
            key=lambda entry: os.fsencode(entry[0]),
            reverse=True,
        )

    def fetch(self, name: str, sink: BinaryIO, size: int | None) -> None:
        """Read a file."""
        where, headers = self._where(name), {"Accept-Encoding": "identity"}
        self.do(where, lambda: self.whole(where, self._address(name), sink, size, headers=headers))

    def send(self, name: str, content: Path | bytes) -> None:
        """Nothing can be written there."""
        del content
        raise RefusedError(f"{self._where(name)}: a page of links can only be read; name another output")

    def remove(self, name: str) -> None:
        """Nothing can be removed there."""
        self.send(name, b"")

    def sweep(self) -> None:
        """Nothing is ours there."""


class _Links(HTMLParser):
    """The links of a page, each with the text between it and the next."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A link begins."""
        self.handle_data(" ")
        if tag == "a" and (link := dict(attrs).get("href")):
            self.found.append((link, ""))
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        """A link ends."""
        self.handle_data(" ")
        self._inside = self._inside and tag != "a"

    def handle_data(self, data: str) -> None:
        """Text in a link is its name, cut perhaps; after it, date and size."""
        if self.found and not self._inside:
            self.found[-1] = (self.found[-1][0], self.found[-1][1] + data)
