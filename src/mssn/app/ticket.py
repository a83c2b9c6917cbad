"""One job of the app, from its upload to its result."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from mssn.app.asked import Asked
from mssn.app.refused import RefusedError

State = Literal["receiving", "waiting", "running", "done", "failed", "cancelled"]
_OVER = ("done", "failed", "cancelled")


class Ticket:
    """One job. Threads that work on it read `over` and write `share`; all else belongs to the event loop.

    Args:
        asked: What is asked for.
        client: Who asks, if that was said.
        folder: Its own; the upload and the result lie there, under names of our own.
        told: Called when its state changes.

    Attributes:
        share: How much of it is enlarged, 0 to 1.
        target: The result's file, and `name`: what it is called for people; once that is known.
        refused: Why it failed.
        about: What is to be told of the result.
        ended: Set when it is over.
        seen: When somebody last asked for it.
        begun: When its turn came; None until then.
    """

    def __init__(self, asked: Asked, client: str, folder: Path, told: Callable[[], None]) -> None:
        self.id, self.asked, self.client, self.folder = secrets.token_urlsafe(12), asked, client, folder
        self.source = folder / f"source{asked.suffix}"
        self.state: State = "receiving"
        self.share = 0.0
        self.target, self.name = folder, ""
        self.refused: RefusedError | None = None
        self.about: dict[str, Any] = {}
        self.ended = asyncio.Event()
        self.seen = time.monotonic()
        self.begun: float | None = None
        self._told = told

    @property
    def over(self) -> bool:
        """Whether nothing more will become of it; who works on it still, stops as soon as possible."""
        return self.state in _OVER

    def become(self, state: State) -> None:
        """Go on to another state; what is over stays so."""
        if not self.over:
            self.state = state
            if self.over:
                self.ended.set()
            self._told()

    def fail(self, refused: RefusedError) -> None:
        """End it with an error, or as cancelled."""
        if not self.over:
            # Not the same, which refers to all frames that it came through, and to their open files.
            self.refused = RefusedError(refused.status, refused.code, str(refused), refused.retry)
            self.become("cancelled" if refused.code in ("cancelled", "gone") else "failed")

    def finish(self, about: dict[str, Any]) -> None:
        """End it with a result."""
        if not self.over:
            self.about, self.share = about, 1.0
            self.become("done")

    def progress(self, share: float) -> bool:
        """For whoever enlarges: note how far it is; whether to go on."""
        self.share = min(share, 1.0)
        return not self.over

    def words(self, message: str) -> str:
        """A message with the file's own names instead of those of the private folder."""
        message = message.replace(str(self.source), self.asked.name)
        if self.name:
            message = message.replace(str(self.target), self.name)
        where = "the app's private folder (TMPDIR says where)"
        return message.replace(f"{self.folder}/", "").replace(str(self.folder), where)

    def facts(self) -> dict[str, Any]:
        """What there is to tell of it."""
        facts: dict[str, Any] = {"id": self.id, "name": self.asked.name, "state": self.state}
        facts |= {"progress": round(self.share, 4), "options": self.asked.given}
        if self.refused is not None:
            facts |= {"code": self.refused.code, "error": str(self.refused)}
        if self.state == "done":
            facts["result"] = self.about
        return facts
