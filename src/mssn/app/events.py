"""What becomes of jobs, as server-sent events: `progress`, then `done` or `failed`."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence

from starlette.responses import StreamingResponse

from mssn.app.desk import Desk
from mssn.app.ticket import Ticket

_BEAT = 10.0  # seconds after which silence is broken, which shows whether somebody still listens
_STEP = 0.1  # seconds between two looks at how far jobs are


def stream(
    desk: Desk, watcher: str, chosen: Callable[[], Sequence[Ticket]], *, until_over: bool
) -> StreamingResponse:
    """Events of some jobs; the first ones tell how they stand, so that a page that is loaded again knows.

    Args:
        desk: Whose jobs.
        watcher: The id of a job, or a client: what counts as watched meanwhile.
        chosen: Which ones, now.
        until_over: Whether it ends when they are over; else only with the app.
    """

    async def events() -> AsyncIterator[str]:
        told: dict[str, tuple[str, float]] = {}
        last = time.monotonic()
        desk.watched[watcher] += 1
        try:
            yield "retry: 1000\n\n"
            while True:
                tickets = chosen()
                for ticket in tickets:
                    now = ticket.state, round(ticket.share, 3)
                    if told.get(ticket.id) != now:
                        told[ticket.id] = now
                        last = time.monotonic()
                        yield _event(ticket)
                if desk.closed or (until_over and all(ticket.over for ticket in tickets)):
                    return
                if time.monotonic() - last > _BEAT:
                    last = time.monotonic()
                    yield ": still here\n\n"
                await desk.change(_STEP)
        finally:
            desk.watched[watcher] -= 1
            for ticket in chosen():
                ticket.seen = time.monotonic()

    return StreamingResponse(events(), media_type="text/event-stream")


def _event(ticket: Ticket) -> str:
    name = "progress" if not ticket.over else "done" if ticket.state == "done" else "failed"
    return f"event: {name}\ndata: {json.dumps(ticket.facts())}\n\n"
