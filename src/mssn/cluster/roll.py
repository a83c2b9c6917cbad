"""Which nodes a cluster has, asked in a way that a dead head cannot stop."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import Any


class Roll:
    """Asks beside the thread that works: of a head that has died Ray waits a minute, and ends the process.

    Args:
        nodes: Asks it, and returns the answer or raises.
        tries: How often it may raise until that is the answer.
        pause: Seconds until it is asked again.
    """

    def __init__(self, nodes: Callable[[], Any], tries: int, pause: float) -> None:
        self._nodes, self._tries, self._pause = nodes, tries, pause
        self._over, self._thread = Event(), Thread()

    def call(self, then: Callable[[Future[Any]], None]) -> None:
        """Ask once; `then` is called with the answer, in another thread."""
        answer = Future[Any]()
        answer.add_done_callback(then)

        def ask() -> None:
            for left in reversed(range(self._tries)):
                try:
                    answer.set_result(self._nodes())
                    return
                except Exception as error:
                    if not left:
                        answer.set_exception(error)
                    elif self._over.wait(self._pause):
                        return

        self._thread = Thread(target=ask, name="mssn-roll", daemon=True)
        self._thread.start()

    def end(self, seconds: float) -> None:
        """Ask no more; wait so long for an answer that is still owed, as Ray may end only then."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)
