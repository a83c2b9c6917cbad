"""An app on loopback, and who asks it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import numpy as np

from mssn.app.limits import Limits
from mssn.app.room import Room
from mssn.app.serve import Serving
from mssn.image.picture import Picture
from mssn.image.write import to_bytes


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Asks a served app."""

    port: int
    token: str | None
    room: Path
    lines: list[str] = field(default_factory=list)
    app: Any = None  # where it runs in this process

    def connect(self, timeout: float = 600) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def headers(self, more: dict[str, str] | None = None) -> dict[str, str]:
        token = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        return {**token, **(more or {})}

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Reply:
        connection = self.connect()
        try:
            address = f"{path}?{urlencode(query)}" if query else path
            connection.request(method, address, body, self.headers(headers))
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def get(self, path: str, **query: Any) -> Reply:
        return self.ask("GET", path, **query)

    def upscale(self, body: Any, **query: Any) -> Reply:
        return self.ask("POST", "/api/upscale", body, **query)

    def job(self, body: Any, **query: Any) -> str:
        reply = self.ask("POST", "/api/jobs", body, **query)
        assert reply.status == 202, reply
        return reply.json["id"]

    def events(self, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Events as they come; the connection ends with the iterator."""
        connection = self.connect()
        try:
            connection.request("GET", path, headers=self.headers())
            response = connection.getresponse()
            assert response.status == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            yield from _events(response)
        finally:
            connection.close()

    def over(self, identity: str, within: float = 60) -> dict[str, Any]:
        """The job, once it is over."""
        return self.until(lambda: self._over(identity), within)

    def _over(self, identity: str) -> dict[str, Any] | None:
        job = self.get(f"/api/jobs/{identity}").json
        return job if job["state"] in ("done", "failed", "cancelled") else None

    @staticmethod
    def until(what: Callable[[], Any], within: float = 30) -> Any:
        """What something is once it is true; a process that was stopped meanwhile has lost no time."""
        for _ in range(round(within / 0.02)):
            if found := what():
                return found
            time.sleep(0.02)
        raise AssertionError("it did not happen in time")

    def files(self) -> list[Path]:
        """What lies in the private folder."""
        return [path for path in self.room.rglob("*") if path.is_file() and path.name != "lock"]


def _events(response: HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    name = ""
    while line := response.readline():
        text = line.decode().rstrip("\n")
        if text.startswith("event: "):
            name = text.removeprefix("event: ")
        elif text.startswith("data: "):
            yield name, json.loads(text.removeprefix("data: "))


@contextmanager
def serving(place: Path, limits: Limits | None = None, **more: Any) -> Iterator[Client]:
    room = Room(place)
    lines: list[str] = []
    patient = Limits(stall=600, quiet=600)  # so that a busy machine is no fault
    app = Serving(limits=limits or patient, log=lines.append, room=room, **more)
    ready = threading.Event()
    thread = threading.Thread(target=app.run, args=(ready.set,))
    stack = ExitStack()
    # Small tiles, so that a small picture has many, and a cancelled one stops soon.
    stack.enter_context(patch("mssn.runtime.plan.NATIVE_TILE", 96))
    thread.start()
    assert ready.wait(60)
    try:
        yield Client(app.access.port, app.access.token, room.path, lines, app)
    finally:
        app.stop()
        thread.join(60)
        stack.close()
        assert not thread.is_alive()
        assert app.ended
        assert not room.path.exists()


def png_of(width: int, height: int) -> bytes:
    """A large picture that compresses well."""
    y, x = np.mgrid[0:height, 0:width]
    return to_bytes(Picture(np.stack([x // 8, y // 8, (x + y) // 16], axis=2).astype(np.uint8)), ".png")
