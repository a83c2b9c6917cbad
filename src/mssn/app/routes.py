"""Which address does what."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive

from mssn.app.asked import read_query
from mssn.app.desk import Desk
from mssn.app.events import stream
from mssn.app.guard import Access, Guard
from mssn.app.offer import offer
from mssn.app.openapi import description
from mssn.app.pages import pages
from mssn.app.refused import RefusedError
from mssn.app.replies import Result, Source, refusal
from mssn.app.ticket import Ticket
from mssn.app.uploads import check_headers, save
from mssn.app.work import in_thread
from mssn.errors import MssnError

_CLIENT = re.compile(r"[A-Za-z0-9_-]{0,64}")


class Routes:
    """What answers each address; see `mssn.app.openapi`.

    Args:
        desk: Takes the jobs.
        threads: Processor cores that networks use; None for all.
    """

    def __init__(self, desk: Desk, threads: int | None) -> None:
        self._desk, self._offer = desk, offer(desk.limits, threads)
        self._pages = pages()

    def all(self) -> list[Route]:
        """The routes."""
        return [
            Route("/health", self.health),
            Route("/openapi.json", self.openapi),
            Route("/api/models", self.models),
            Route("/api/upscale", self.upscale, methods=["POST"]),
            _route("/api/jobs", GET=self.jobs, POST=self.new_job),
            _route("/api/jobs/{id}", GET=self.job, DELETE=self.remove),
            Route("/api/jobs/{id}/events", self.job_events),
            Route("/api/jobs/{id}/result", self.result),
            Route("/api/jobs/{id}/source", self.source),
            Route("/api/events", self.events),
            Route("/{name:path}", self.page),
        ]

    async def health(self, request: Request) -> Response:
        """That it answers."""
        return JSONResponse({"status": "ok", "jobs": len(self._desk.tickets)})

    async def openapi(self, request: Request) -> Response:
        """The description of all this."""
        return JSONResponse(description())

    async def models(self, request: Request) -> Response:
        """What can be asked for."""
        return JSONResponse(self._offer)

    async def upscale(self, request: Request) -> Response:
        """A file in, a file out; it ends when whoever asks is gone."""
        desk, ticket = self._desk, await self._take(request)
        desk.watched[ticket.id] += 1
        waits = [asyncio.create_task(_gone(request.receive)), asyncio.create_task(ticket.ended.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            del desk.watched[ticket.id]
            if ticket.state != "done":
                desk.remove(ticket)
        if ticket.state == "done":
            return Result(ticket, partial(desk.remove, ticket))
        raise ticket.refused or RefusedError(409, "gone", "gone")

    async def jobs(self, request: Request) -> Response:
        """All jobs, or those of one client."""
        client = request.query_params.get("client")
        tickets = self._desk.tickets.values()
        return JSONResponse([t.facts() for t in tickets if client is None or t.client == client])

    async def new_job(self, request: Request) -> Response:
        """A file in; its job waits or runs."""
        ticket = await self._take(request, _client(request))
        return JSONResponse(ticket.facts(), 202, {"location": f"/api/jobs/{ticket.id}"})

    async def job(self, request: Request) -> Response:
        """How one stands."""
        return JSONResponse(self._find(request).facts())

    async def job_events(self, request: Request) -> Response:
        """How one goes on."""
        ticket = self._find(request)
        return stream(self._desk, ticket.id, lambda: [ticket], until_over=True)

    async def events(self, request: Request) -> Response:
        """How all of one client go on."""
        client, desk = _client(request), self._desk
        if not client:
            raise RefusedError(400, "bad-request", "say whose jobs: ?client=")
        return stream(
            desk, client, lambda: [t for t in desk.tickets.values() if t.client == client], until_over=False
        )

    async def result(self, request: Request) -> Response:
        """What one made."""
        ticket = self._find(request)
        if ticket.state == "done":
            return Result(ticket)
        raise ticket.refused or RefusedError(409, "busy", "this job is not done yet", 1)

    async def source(self, request: Request) -> Response:
        """What one was made from, for a page that was loaded again."""
        ticket = self._find(request)
        if ticket.state == "receiving":
            raise RefusedError(409, "busy", "this file is not here yet", 1)
        return Source(ticket)

    async def remove(self, request: Request) -> Response:
        """Cancel one, or forget it."""
        self._desk.remove(self._find(request))
        return Response(status_code=204)

    async def page(self, request: Request) -> Response:
        """A file of the page."""
        found = self._pages.get(request.path_params["name"])
        if found is None:
            raise RefusedError(404, "gone", "there is nothing under this address")
        return found

    def _find(self, request: Request) -> Ticket:
        return self._desk.find(request.path_params["id"])

    async def _take(self, request: Request, client: str = "") -> Ticket:
        limits = self._desk.limits
        check_headers(request, limits)
        pairs = [pair for pair in request.query_params.multi_items() if pair[0] != "client"]
        asked = await in_thread(read_query, pairs, limits)
        await self._desk.check(asked)
        with self._desk.place(asked, client) as ticket:
            await save(request, ticket.source, limits)
            await self._desk.start(ticket)
        return ticket


def _route(path: str, **answers: Callable[[Request], Awaitable[Response]]) -> Route:
    """One address with several methods, so that a refusal names all of them."""

    async def answer(request: Request) -> Response:
        return await answers["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, answer, methods=list(answers))


def _client(request: Request) -> str:
    client = request.query_params.get("client", "")
    if not _CLIENT.fullmatch(client):
        raise RefusedError(400, "bad-request", "`client` is at most 64 letters, digits, - and _")
    return client


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def build(desk: Desk, access: Access, log: Callable[[str], object], threads: int | None = None) -> ASGIApp:
    """All of it, for a server.

    Args:
        desk: Takes the jobs.
        access: Who may ask.
        log: Takes a line for each answer.
        threads: Processor cores that networks use; None for all.
    """
    handlers: dict[Any, Any] = {
        MssnError: _refused,
        HTTPException: _refused,
        ClientDisconnect: _refused,
    }
    return Guard(Starlette(routes=Routes(desk, threads).all(), exception_handlers=handlers), access, log)


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        refused = RefusedError(error.status_code, "bad-request", f"{request.method}: {error.detail}")
        reply = refusal(refused)
        reply.headers.update(error.headers or {})  # Allow
        return reply
    if isinstance(error, ClientDisconnect):
        error = RefusedError(400, "gone", "the upload broke off")
    if not isinstance(error, RefusedError):
        error = RefusedError(400, "bad-request", str(error))
    return refusal(error)
