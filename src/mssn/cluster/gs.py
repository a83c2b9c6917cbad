"""Buckets of Google Cloud Storage."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import aiohttp
import google.auth
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request

from mssn.cluster.faults import MissingError, PassingError, RefusedError, StoreError
from mssn.cluster.http import Http, said
from mssn.cluster.names import key_of, shown
from mssn.cluster.store import Entry

SERVER = "https://storage.googleapis.com"
PAGE = 1000
_RIGHT = "https://www.googleapis.com/auth/devstorage.read_write"
_NONE = "no credentials; set GOOGLE_APPLICATION_CREDENTIALS, or log in with gcloud"
_PAYS = "GOOGLE_CLOUD_QUOTA_PROJECT"
_TOO_OFTEN = ("rateLimitExceeded", "userRateLimitExceeded")


class Bucket(Http):
    """Objects whose names begin alike; see `mssn.cluster.store.Store` for what its methods do.

    Each method is one request of the JSON interface: an object appears when it is whole. (gcsfs would put
    several together, with boundaries that a picture may hold, and tries of its own.) google-auth finds the
    credentials; with STORAGE_EMULATOR_HOST there are none.

    Args:
        url: The root, for messages.
        bucket: Its name.
        prefix: What all names begin with: a folder and "/", or nothing.
    """

    def __init__(self, url: str, bucket: str, prefix: str) -> None:
        super().__init__(url)
        self.prefix = prefix
        emulator = os.environ.get("STORAGE_EMULATOR_HOST")
        server = emulator or SERVER
        self._server = server if "://" in server else f"http://{server}"
        self._path = f"storage/v1/b/{quote(bucket, safe='')}/o"
        self._credentials: Any = None
        self._open = bool(emulator)

    async def _headers(self) -> dict[str, str]:
        """A token, fetched anew when it is old, and who pays, if the credentials say so."""
        if self._open:
            return {}
        async with self._lock:
            try:
                if self._credentials is None:
                    self._credentials, _ = await asyncio.to_thread(google.auth.default, scopes=[_RIGHT])
                if not self._credentials.valid:
                    await asyncio.to_thread(self._credentials.refresh, Request())
            except GoogleAuthError as error:
                if error.retryable or isinstance(error.__cause__ or error, TransportError):
                    raise PassingError(f"{self.url}: no token can be had now") from None
                raise RefusedError(f"{self.url}: {_NONE}") from None
        headers: dict[str, str] = {}
        self._credentials.apply(headers)
        return headers

    async def refused(self, answer: aiohttp.ClientResponse) -> tuple[type[StoreError], str]:
        """What an answer means; its reason tells apart what has the same status."""
        reason = await _reason(answer)
        if reason == "userProjectMissing":
            return RefusedError, f"whoever asks pays for this bucket ({reason}); set {_PAYS}"
        if reason in _TOO_OFTEN:
            return PassingError, f"its server cannot do it now ({answer.status} {reason})"
        if answer.status == 401 and self._credentials is not None:
            if answer.request_info.headers.get("Authorization") == f"Bearer {self._credentials.token}":
                self._credentials.token = None  # it was taken back before its time
            return PassingError, "its server does not take the token (401)"
        return said(answer.status)

    def _where(self, name: str) -> str:
        return f"{self.url}/{shown(name)}"

    def _address(self, name: str) -> str:
        return f"{self._server}/{self._path}/{quote(key_of(self.prefix + name), safe='')}"

    def list(self, leave_out: Collection[str], needed: bool) -> Iterator[Entry]:
        """All objects, a page at a time."""
        beyond = {self.prefix + name + "/" for name in leave_out}
        where, empty = {"startOffset": self.prefix}, True
        while True:
            page = self.do(self.url, lambda where=where: self._page(where))
            jump = None
            for item in page.get("items", ()):
                empty = False
                jump = next((folder for folder in beyond if item["name"].startswith(folder)), None)
                if jump:
                    break
                if not (item["name"].endswith("/") and int(item["size"]) == 0):
                    yield Entry(item["name"][len(self.prefix) :], int(item["size"]), item["generation"])
            if jump:
                beyond.discard(jump)
                where = {"startOffset": jump[:-1] + "0"}  # the next letter after "/"
            elif token := page.get("nextPageToken"):
                where = {**where, "pageToken": token}
            else:
                break
        if needed and empty and self.prefix:  # a folder without objects does not exist; is it an object?
            key = self.prefix[:-1]
            page = self.do(self.url, lambda: self._page({"prefix": key, "maxResults": "1"}))
            if any(item["name"] == key for item in page.get("items", ())):
                raise StoreError(f"{self.url}: is a file, not a folder")

    async def _page(self, where: dict[str, str]) -> dict[str, Any]:
        asked = {"prefix": self.prefix, "maxResults": str(PAGE), **where}
        asked["fields"] = "nextPageToken,items(name,size,generation)"
        address = f"{self._server}/{self._path}?" + "&".join(
            f"{key}={quote(value, safe='')}" for key, value in asked.items()
        )
        try:
            async with self.request(self.url, "GET", address) as (answer, _):
                return await answer.json()
        except MissingError:
            raise RefusedError(f"{self.url}: there is no such bucket (404)") from None
        except ValueError:
            raise PassingError(f"{self.url}: half a page came") from None

    def fetch(self, name: str, sink: BinaryIO, size: int | None) -> None:
        """Read an object, as it is stored."""
        where, address = self._where(name), self._address(name) + "?alt=media"
        headers = {"Accept-Encoding": "gzip"}  # else what is stored packed comes unpacked
        self.do(where, lambda: self.whole(where, address, sink, size, headers=headers))

    def send(self, name: str, content: Path | bytes) -> None:
        """Write an object."""
        where = self._where(name)
        size = len(content) if isinstance(content, bytes) else content.stat().st_size
        key = quote(key_of(self.prefix + name), safe="")
        address = f"{self._server}/upload/{self._path}?uploadType=media&name={key}"
        headers = {
            "Content-Type": mimetypes.guess_type(name)[0] or "application/octet-stream",
            "Content-Length": str(size),
        }

        async def attempt() -> None:
            if isinstance(content, bytes):
                async with self.request(where, "POST", address, size, data=content, headers=headers):
                    return
            with open(content, "rb") as source:
                async with self.request(where, "POST", address, size, data=source, headers=headers):
                    return

        try:
            self.do(where, attempt)
        except MissingError:
            raise RefusedError(f"{self.url}: there is no such bucket (404)") from None

    def remove(self, name: str) -> None:
        """Remove an object."""

        async def attempt() -> None:
            async with self.request(self._where(name), "DELETE", self._address(name)):
                pass

        with suppress(MissingError):
            self.do(self._where(name), attempt)

    def sweep(self) -> None:
        """Nothing can be left: an upload that breaks off leaves nothing."""


async def _reason(answer: aiohttp.ClientResponse) -> str:
    """The word that the JSON interface has for an error; "": there is none."""
    with suppress(ValueError, LookupError, TypeError):
        word = json.loads(await answer.content.read(65536))["error"]["errors"][0]["reason"]
        return word if word.isalnum() and len(word) < 50 else ""
    return ""
