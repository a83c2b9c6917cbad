"""Why a request is refused, or a job fails: a status of HTTP, a code for programs, a line for people."""

from __future__ import annotations

import re
from typing import Literal

from mssn.errors import MssnError

Code = Literal[
    "bad-request",
    "not-a-picture",
    "unsupported",
    "too-large",
    "cancelled",
    "busy",
    "gone",
    "failed",
    "denied",
]


class RefusedError(MssnError):
    """A request is refused, or a job fails.

    Args:
        status: Of HTTP.
        code: For programs.
        message: One line for people.
        retry: Seconds after which to ask again, if that helps.
    """

    def __init__(self, status: int, code: Code, message: str, retry: int | None = None) -> None:
        super().__init__(in_words(message))
        self.status, self.retry = status, retry
        self.code: Code = code


_OTHER = {"start": "from", "end": "to"}  # arguments whose options are called otherwise


def in_words(message: str) -> str:
    """A message in one line, with its arguments (`force=True`) as options of a query."""
    named = re.sub(r"`([a-z_]+)(?:=True)?`", lambda found: _OTHER.get(found[1], found[1]), message)
    return " ".join(named.split())
