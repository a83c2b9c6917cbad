"""Marks of the runs that are at work over an output store, so that two at once are noticed."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from mssn.cluster.faults import StoreError
from mssn.cluster.store import Store


@contextmanager
def marked(place: Store, source: str, say: Callable[[str], None]) -> Iterator[None]:
    """Mark that a run is at work, for as long as a block lasts, and tell of others over the same source.

    A run that was killed leaves its mark, and from here nobody can tell whether it lives. So each mark that
    is found is told once, and removed.

    Args:
        place: Where marks lie, beside the books.
        source: The input store, as the books call it.
        say: Called with a sentence for each other run.

    Raises:
        StoreError: Nothing can be written there.
    """
    own = f"{secrets.token_hex(8)}.json"
    began = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    mark = {"source": source, "began": began, "host": socket.gethostname(), "process": os.getpid()}
    place.write(own, json.dumps(mark).encode())
    try:
        for other in [entry.name for entry in place.list() if entry.name != own]:
            with suppress(StoreError, ValueError, KeyError, TypeError):  # it has ended since, or is no mark
                found = json.loads(place.read(other))
                if found["source"] == source:
                    told = "another run, begun at {began} on {host} (process {process}), has not ended; "
                    told = told.format_map(found) + "if it still runs, both make everything"
                    place.remove(other)  # before it is told: where it cannot be, it would be told for ever
                    say(told)
        yield
    finally:
        with suppress(StoreError):  # then it may be written there, but nothing removed
            place.remove(own)
