"""The jobs of the app: their queue, what they may take, and when they end for want of interest.

While one picture is enlarged, the next is read and the one before is written, as in a folder on the command
line; more are never in memory. A film runs beside them, one at a time, and waits while there are pictures.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from mssn.app.asked import Asked, Engines
from mssn.app.limits import Limits
from mssn.app.refused import RefusedError
from mssn.app.room import Room
from mssn.app.ticket import Ticket
from mssn.app.work import about, in_thread, look, make_film, why_failed
from mssn.errors import CancelledError
from mssn.upscaling.files import Task
from mssn.upscaling.jobs import Job

_IN_FLIGHT = 3  # pictures in memory: one is read, one enlarged, one written
_LOOKING = 2  # headers that are read at once
_KEEP = 10  # times `Limits.quiet` that a result waits for somebody to fetch it
_FINISHED = 64  # jobs that are over and kept; beyond that the one goes that nobody asked for longest
_TICK = 0.5  # seconds between looks at the clock


class Desk:
    """Takes jobs, one event loop long.

    Args:
        room: Where their files lie.
        limits: What they may cost.
        engines: What enlarges.
    """

    def __init__(self, room: Room, limits: Limits, engines: Engines) -> None:
        self.limits, self.closed = limits, False
        self.tickets: dict[str, Ticket] = {}
        self.watched = Counter[str]()  # ids of jobs and of clients: streams of events that are open
        self._room, self._engines = room, engines
        self._busy = set[asyncio.Task[None]]()
        self._places = 0  # of the queue that are taken
        self._changed = asyncio.Event()
        self._flight, self._looks = asyncio.Semaphore(_IN_FLIGHT), asyncio.Semaphore(_LOOKING)
        self._reader, self._engine, self._writer, self._films = (asyncio.Lock() for _ in range(4))
        self._pictures = 0  # that want the processor now
        self._took = 1.0  # seconds of a job, lately
        self._clock: asyncio.Task[None] | None = None

    async def check(self, asked: Asked) -> None:
        """Refuse networks that make no sense, before there is an upload; none is opened yet.

        Raises:
            MssnError: As `mssn.api.load`.
        """
        await in_thread(self._engines, asked)

    @contextmanager
    def place(self, asked: Asked, client: str = "") -> Iterator[Ticket]:
        """A new job with a place in the queue, into whose `source` the upload is written in the block.

        What raises in the block ends the job. Without `start` there, it ends, too.

        Raises:
            RefusedError: The queue is full.
        """
        if self.closed:
            raise RefusedError(503, "gone", "the app is ending", 5)
        if self._places >= self.limits.queue:
            wait = min(max(math.ceil(self._took * self._places / 2), 1), 60)
            raise RefusedError(503, "busy", f"{self._places} jobs are at work; try again later", wait)
        ticket = Ticket(asked, client, self._room.new(), self._tell)
        self.tickets[ticket.id] = ticket
        self._places += 1
        try:
            yield ticket
        except BaseException as error:
            ticket.fail(why_failed(ticket, error))
            raise
        finally:
            if ticket.state == "receiving" or ticket.over:
                self._places -= 1
                self.remove(ticket)

    async def start(self, ticket: Ticket) -> None:
        """Let an uploaded job wait for its turn.

        Raises:
            RefusedError: It cannot be done; nothing is left of it.
        """
        async with self._looks:
            await in_thread(look, ticket, self._engines, self.limits)
        if ticket.over:  # cancelled meanwhile, by a request of its own
            raise ticket.refused or RefusedError(409, "cancelled", "cancelled")
        ticket.become("waiting")
        ticket.seen = time.monotonic()
        task = asyncio.create_task(self._run(ticket), name=ticket.id)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    def find(self, identity: str) -> Ticket:
        """A job, which counts as a look at it.

        Raises:
            RefusedError: There is none.
        """
        ticket = self.tickets.get(identity)
        if ticket is None:
            raise RefusedError(404, "gone", "there is no such job; it may have been removed")
        ticket.seen = time.monotonic()
        return ticket

    def remove(self, ticket: Ticket) -> None:
        """Cancel a job that is not over, and forget it; its files go as soon as nobody works on them."""
        ticket.fail(RefusedError(409, "cancelled", "cancelled"))
        self.tickets.pop(ticket.id, None)
        if not any(task.get_name() == ticket.id for task in self._busy):
            shutil.rmtree(ticket.folder, ignore_errors=True)

    async def change(self, seconds: float) -> None:
        """Wait until the state of some job changes, but no longer than so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def open(self) -> None:
        """Begin to look at the clock."""
        self._clock = asyncio.create_task(self._tick())

    def end(self) -> None:
        """Take no more jobs, and cancel those that are not over."""
        self.closed = True
        for ticket in list(self.tickets.values()):
            ticket.fail(RefusedError(503, "gone", "the app was ended"))
        self._tell()

    async def close(self, patience: float) -> bool:
        """Wait for all threads; whether they have ended within so many seconds."""
        if self._clock is not None:
            self._clock.cancel()
        return not self._busy or not (await asyncio.wait(self._busy, timeout=patience))[1]

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _run(self, ticket: Ticket) -> None:
        try:
            if ticket.asked.film is None:
                await self._picture(ticket)
            else:
                async with self._films:
                    if self._begin(ticket):
                        pause = partial(self._pause, ticket)
                        ticket.finish(await in_thread(make_film, ticket, self._engines, pause))
        except Exception as error:
            ticket.fail(why_failed(ticket, error))
        finally:
            self._places -= 1
            if ticket.state != "done" or ticket.id not in self.tickets:
                shutil.rmtree(ticket.folder, ignore_errors=True)
            if ticket.begun is not None:
                self._took += 0.3 * (time.monotonic() - ticket.begun - self._took)

    async def _picture(self, ticket: Ticket) -> None:
        async with self._flight:
            if not self._begin(ticket):
                return
            self._pictures += 1
            try:
                upscaler = await in_thread(self._engines, ticket.asked)
                task = Task(upscaler, Job(ticket.source, ticket.target), ticket.asked.options)
                with task.scratch:
                    async with self._reader:
                        picture = await in_thread(task.read)
                    async with self._engine:
                        _go_on(ticket)
                        large = await in_thread(task.enlarge, picture, ticket.progress)
                    async with self._writer:
                        _go_on(ticket)
                        done = await in_thread(task.write, picture, large)
                ticket.finish(about(ticket, done))
            finally:
                self._pictures -= 1

    def _begin(self, ticket: Ticket) -> bool:
        if not ticket.over:
            ticket.begun = time.monotonic()
            ticket.become("running")
        return not ticket.over

    def _pause(self, ticket: Ticket) -> None:
        """In the thread of a film: wait while pictures are enlarged."""
        while self._pictures and not ticket.over:
            time.sleep(0.02)

    async def _tick(self) -> None:
        """End what takes too long, and what nobody asks for any more."""
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            over = sorted((t for t in self.tickets.values() if t.over), key=lambda t: t.seen)
            for ticket in over[:-_FINISHED]:
                self.remove(ticket)
            for ticket in list(self.tickets.values()):
                if self.watched[ticket.id] or (ticket.client and self.watched[ticket.client]):
                    ticket.seen = now
                quiet = now - ticket.seen
                if ticket.over:
                    if quiet > _KEEP * self.limits.quiet:
                        self.remove(ticket)
                elif ticket.begun is not None and now - ticket.begun > self.limits.seconds:
                    ticket.fail(RefusedError(422, "failed", f"{ticket.asked.name}: takes too long"))
                elif ticket.state != "receiving" and quiet > self.limits.quiet:
                    ticket.fail(RefusedError(409, "gone", f"nobody asked for it for {quiet:.0f} s"))


def _go_on(ticket: Ticket) -> None:
    if ticket.over:
        raise CancelledError("cancelled")
