"""What earlier runs planned, and what became of it: kept in the output store, beside the results.

Before pictures are made, a part of the plan is written: what is made of which, with which settings, and what
lay in the place of the result before. A result that is there, and is not what lay there before, was therefore
made by that plan, even if the run was killed before it could say so. That needs neither clocks nor a look at
each result. What became of each picture follows in parts, too.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mssn.cluster.faults import StoreError
from mssn.cluster.item import Item, Outcome
from mssn.cluster.store import Store

FOLDER = ".mssn"  # in the output store
_OFTEN = 30.0  # seconds between two parts of what became of pictures
_PART = r"\d{8,}-[0-9a-f]+-\d+-(plan|done)\.jsonl\.gz"
_MANY = 5_000  # pictures in such a part, at most


@dataclass(frozen=True)
class Known:
    """What is known of a picture from earlier runs.

    Attributes:
        settings: Which it was planned with last.
        mark: Of the source then.
        replaces: What lay in the place of the result then.
        error: Why it failed after that; None if it did not, or nobody could say.
        told: What became of it, as a line of the report; empty if nobody could say.
    """

    settings: str
    mark: str
    replaces: str | None
    error: str | None
    told: Mapping[str, Any]

    @property
    def made(self) -> bool:
        """Whether it was noted that it was made."""
        return bool(self.told) and self.error is None


def tables(file: Path, made: str) -> sqlite3.Connection:
    """Tables on disk that live as long as a run: fast, and lost when it dies.

    Args:
        file: A new file.
        made: The SQL that makes them.
    """
    found = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    found.executescript(f"pragma journal_mode = off; pragma synchronous = off; {made}")
    return found


class Ledger:
    """The books of one run, and those of earlier ones.

    Args:
        store: Of the books: `FOLDER` in that of the results.
        source: Which store the pictures come from: others' books are not about them.
        settings: What decides how the results look; a change of it makes them anew.
        scratch: A folder of this machine in which the books are sorted.

    Raises:
        StoreError: They cannot be read.
    """

    def __init__(self, store: Store, source: str, settings: str, scratch: Path) -> None:
        self._store, self._source, self._settings = store, source, settings
        self._parts, self._outcomes, self._written = 0, list[dict[str, Any]](), time.monotonic()
        self._books = tables(
            scratch / "ledger.sqlite",
            "create table known (name blob primary key, settings text, mark text, replaces text, error text, "
            "told text) without rowid",
        )
        self._read()

    def known(self, name: str) -> Known | None:
        """What earlier runs did about a picture of the input store."""
        row = self._books.execute(
            "select settings, mark, replaces, error, told from known where name = ?", (os.fsencode(name),)
        ).fetchone()
        if row is None:
            return None
        settings, mark, replaces, error, told = row
        return Known(settings, mark, replaces, error, json.loads(told) if told else {})

    def plan(self, items: Sequence[Item]) -> None:
        """Write down what is going to be made; only then it may be.

        Raises:
            StoreError: It cannot be written.
        """
        self._write("plan", [{"name": i.name, "mark": i.mark, "replaces": i.replaces} for i in items])

    def note(self, outcome: Outcome, told: Mapping[str, Any]) -> None:
        """Note what became of an item; it is written with others, at the latest at the end.

        What storage alone has failed is not noted: then the next run tries it again.

        Args:
            outcome: That.
            told: The same as a line of the report.

        Raises:
            StoreError: It cannot be written.
        """
        if not outcome.passing:
            line = {"name": outcome.item.name, "error": outcome.error, "told": dict(told)}
            self._outcomes.append(line)
        if len(self._outcomes) >= _MANY or time.monotonic() - self._written > _OFTEN:
            self.flush()

    def flush(self) -> None:
        """Write down what is noted.

        Raises:
            StoreError: It cannot be written.
        """
        lines, self._outcomes, self._written = self._outcomes, [], time.monotonic()
        if lines:
            self._write("done", lines)

    def close(self) -> None:
        """Let go of the sorted books; nothing more can be asked."""
        self._books.close()

    def _write(self, kind: str, lines: Sequence[Mapping[str, Any]]) -> None:
        head = {"source": self._source, "settings": self._settings}
        text = "".join(json.dumps(line) + "\n" for line in (head, *lines))
        self._parts += 1
        name = f"{self._run}-{self._parts:06d}-{kind}.jsonl.gz"
        self._store.write(name, gzip.compress(text.encode(), 1, mtime=0))

    def _read(self) -> None:
        """Sort what the parts say, the latest last: their names count the runs, whatever clocks say."""
        listed = (entry.name for entry in self._store.list(needed=False))
        parts = [name for name in listed if re.fullmatch(_PART, name)]
        last = max((int(part.partition("-")[0]) for part in parts), default=0)
        self._run = f"{last + 1:08d}-{secrets.token_hex(4)}"
        self._books.execute("begin")
        for part in sorted(parts):
            head, *lines = self._lines(part)
            if head["source"] != self._source:
                continue
            if part.endswith("-plan.jsonl.gz"):
                self._books.executemany(
                    "insert or replace into known values (?, ?, ?, ?, null, null)",
                    (
                        (os.fsencode(line["name"]), head["settings"], line["mark"], line["replaces"])
                        for line in lines
                    ),
                )
            else:
                self._books.executemany(
                    "update known set error = ?, told = ? where name = ? and settings = ?",
                    (
                        (line["error"], json.dumps(line["told"]), os.fsencode(line["name"]), head["settings"])
                        for line in lines
                    ),
                )
        self._books.execute("commit")

    def _lines(self, part: str) -> Iterator[dict[str, Any]]:
        try:
            text = gzip.decompress(self._store.read(part)).decode()
            return iter([json.loads(line) for line in text.splitlines()])
        except (OSError, EOFError, ValueError) as error:
            raise StoreError(
                f"{self._store.url_of(part)}: is damaged; remove it, and what it tells of is made again"
            ) from error
