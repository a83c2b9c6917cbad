"""What is to be made, from two listings and the books of earlier runs; no picture is looked at."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Literal

from mssn.cluster.item import Item
from mssn.cluster.ledger import Known, Ledger, tables
from mssn.cluster.store import Entry
from mssn.image.formats import FILMS, READABLE
from mssn.upscaling.naming import other_names, written_as

Why = Literal["kept", "failed", "exists"]
_FIRST, _MOST = 256, 16_384  # items in the first part of the plan, and in the largest


@dataclass(frozen=True)
class Left:
    """A picture that is not made in this run.

    Attributes:
        item: It, as it would have been made.
        why: "kept": its result is there; "failed": an earlier run failed, with the same settings; "exists":
            in the place of its result lies something else.
        known: What earlier runs did about it.
    """

    item: Item
    why: Why
    known: Known | None


@dataclass
class Seen:
    """What a listing of the input held, so far.

    Attributes:
        pictures: How many of the files are pictures.
        strangers: Files of other kinds, by their endings.
        films: How many are films, which are not enlarged here.
        hidden: How many pictures are hidden.
        links: Linked folders.
        planned: How many are to be made.
        renamed: Results that could not get their usual names: (source, target, whose name that is).
        whole: All of it was seen.
    """

    pictures: int = 0
    strangers: Counter[str] = field(default_factory=Counter[str])
    films: int = 0
    hidden: int = 0
    links: list[str] = field(default_factory=list[str])
    planned: int = 0
    renamed: list[tuple[str, str, str]] = field(default_factory=list)
    whole: bool = False


class Todo:
    """Decides for each picture of a listing, in one walk over both, in bounded memory.

    Both listings are in the order of names, and most results have the names of their sources. Pictures in
    formats that are not written get other names, which others may have: they come last, when all are known.

    Args:
        sources: What lies in the input store, in the order of names.
        results: The same of the output store.
        ledger: The books.
        settings: Those of this run, as the ledger names them.
        force: Make all anew, whatever lies there.
        retry_failed: Try again what failed before with the same settings.
        scratch: A folder of this machine for what waits.

    Attributes:
        seen: What was seen so far.
    """

    def __init__(
        self,
        sources: Iterable[Entry],
        results: Iterable[Entry],
        ledger: Ledger,
        settings: str,
        *,
        force: bool = False,
        retry_failed: bool = False,
        scratch: Path,
    ) -> None:
        self._sources, self._results, self._ledger = sources, results, ledger
        self._settings, self._force, self._retry_failed = settings, force, retry_failed
        self._waiting = tables(
            scratch / "todo.sqlite",
            # Names of pictures and what they become; and names of results alone, which become nothing.
            "create table taken (name blob primary key, target blob) without rowid;"
            "create table there (name blob primary key, mark text) without rowid;"
            "create table later (name blob primary key, size integer, mark text) without rowid;"
            "create table beside (name blob primary key, size integer, mark text) without rowid;"
            "begin",
        )
        self.seen = Seen()

    def __iter__(self) -> Iterator[Item | Left]:
        """What is to be made, and what is not; what is to be made stands in the ledger's plan by then."""
        return self._planned(self.decided())

    def _planned(self, decided: Iterator[Item | Left]) -> Iterator[Item | Left]:
        part, most = list[Item](), _FIRST
        for one in decided:
            if isinstance(one, Left):
                yield one
                continue
            part.append(one)
            if len(part) >= most:
                self._ledger.plan(part)
                yield from part
                part, most = [], min(2 * most, _MOST)
        if part:
            self._ledger.plan(part)
            yield from part

    def decided(self) -> Iterator[Item | Left]:
        """The same without the ledger's plan."""
        for item in self._items():
            one = self._judge(item)
            self.seen.planned += isinstance(one, Item)
            yield one

    def _items(self) -> Iterator[Item]:
        """What would be made if nothing were there; the last when all names are known."""
        results = iter(self._results)
        ahead = next(results, None)
        for source in self._sources:
            kind = self._kind(source.name)
            if kind == "sidecar":
                row = (os.fsencode(source.name), source.size, source.mark)
                self._waiting.execute("insert into beside values (?, ?, ?)", row)
            if kind != "picture":
                continue
            self.seen.pictures += 1
            key = os.fsencode(source.name)
            self._waiting.execute("insert into taken values (?, ?)", (key, key))
            suffix = PurePosixPath(source.name).suffix
            if written_as(suffix)[0] != suffix:
                row = (os.fsencode(source.name), source.size, source.mark)
                self._waiting.execute("insert into later values (?, ?, ?)", row)
                continue
            while ahead is not None and os.fsencode(ahead.name) < key:
                self._waiting.execute(
                    "insert into there values (?, ?)", (os.fsencode(ahead.name), ahead.mark)
                )
                ahead = next(results, None)
            mark = ahead.mark if ahead is not None and ahead.name == source.name else None
            yield Item(source.name, source.size, source.mark, source.name, replaces=mark)
        while ahead is not None:
            self._waiting.execute(
                "insert or ignore into there values (?, ?)", (os.fsencode(ahead.name), ahead.mark)
            )
            ahead = next(results, None)
        self.seen.whole = True
        for name, size, mark in self._waiting.execute("select name, size, mark from later order by name"):
            yield self._under_another_name(os.fsdecode(name), size, mark)

    def sidecars(self) -> Iterator[Item]:
        """The XMP files of pictures, and the names of their copies; after all of the above."""
        yield from (one for one in self._planned(self._beside()) if isinstance(one, Item))

    def _beside(self) -> Iterator[Item | Left]:
        for row, size, mark in self._waiting.execute("select name, size, mark from beside order by name"):
            name = os.fsdecode(row)
            whole = name.removesuffix(PurePosixPath(name).suffix)
            inside = self._waiting.execute(
                "select name, target from taken "
                "where target is not null and (name = ? or name between ? and ?)",
                tuple(map(os.fsencode, (whole, f"{whole}.", f"{whole}/"))),
            )
            for picture, target in (map(os.fsdecode, pair) for pair in inside.fetchall()):
                path = PurePosixPath(target)
                if picture == whole:
                    copy = f"{target}.xmp"
                elif picture.removesuffix(PurePosixPath(picture).suffix) == whole:
                    copy = str(path.with_suffix(".xmp"))
                else:
                    continue
                yield self._judge(Item(name, size, mark, copy, replaces=self._mark(copy)))

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.close()

    def _kind(self, name: str) -> Literal["picture", "sidecar"] | None:
        path = PurePosixPath(name)
        suffix = path.suffix.lower()
        if any(part.startswith(".") for part in path.parts):
            self.seen.hidden += suffix in READABLE
        elif name.endswith("/"):
            self.seen.links.append(name[:-1])
        elif suffix in FILMS:
            self.seen.films += 1
        elif suffix == ".xmp":
            return "sidecar"
        elif suffix in READABLE:
            return "picture"
        else:
            self.seen.strangers[suffix or "no ending"] += 1
        return None

    def _under_another_name(self, name: str, size: int, mark: str) -> Item:
        """As `mssn.upscaling.naming` calls results; whether a GIF moves, its worker will see."""
        path = PurePosixPath(name)
        still, moves = written_as(path.suffix)
        target = self._free(path, path.with_suffix(still))
        moving = None if moves == still else self._free(path, path.with_suffix(moves))
        self._waiting.execute(
            "update taken set target = ? where name = ?", (os.fsencode(target), os.fsencode(name))
        )
        there = self._mark(target) or (None if moving is None else self._mark(moving))
        return Item(name, size, mark, target, moving, replaces=there)

    def _free(self, source: PurePosixPath, target: PurePosixPath) -> str:
        """The name that a result gets where its usual one may be another's."""
        usual, names = str(target), chain((target.name,), other_names(source, target.name))
        name = next(one for one in map(str, map(target.with_name, names)) if not self._is_taken(one))
        self._waiting.execute("insert into taken values (?, null)", (os.fsencode(name),))
        if name != usual:
            self.seen.renamed.append((str(source), name, usual))
        return name

    def _is_taken(self, name: str) -> bool:
        found = self._waiting.execute("select 1 from taken where name = ?", (os.fsencode(name),))
        return found.fetchone() is not None

    def _mark(self, name: str) -> str | None:
        row = self._waiting.execute("select mark from there where name = ?", (os.fsencode(name),)).fetchone()
        return None if row is None else row[0]

    def _judge(self, item: Item) -> Item | Left:
        if self._force:
            return item
        known = self._ledger.known(item.name)
        same = known is not None and known.settings == self._settings and known.mark == item.mark
        if known is not None and same and known.error is not None and not self._retry_failed:
            return Left(item, "failed", known)
        if item.replaces is None:
            return item
        if known is None:
            return Left(item, "exists", None)
        # A result that equals the one before it has the same mark; then the note must do.
        made = same and (known.made or item.replaces != known.replaces)
        return Left(item, "kept", known) if made else item
