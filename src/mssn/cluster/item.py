"""What goes between the driver and its workers: names and states, never pixels."""

from __future__ import annotations

from dataclasses import dataclass

from mssn.upscaling.jobs import Done


@dataclass(frozen=True)
class Item:
    """One picture to make.

    Attributes:
        name: Of the source, below the root of the input store; "/" between folders.
        size: Of the source in bytes.
        mark: Of the source, as listed; see `mssn.cluster.store.Entry`.
        target: Name of the result in the output store.
        moving: Name of the result if the source turns out to move (a GIF), where that is another one.
        replaces: The mark of what is in the place of the result now; None: nothing.
    """

    name: str
    size: int
    mark: str
    target: str
    moving: str | None = None
    replaces: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of an item.

    Attributes:
        item: The item.
        target: The name that the result got.
        done: What became of it, as on one machine, but for the names in its job; None if it failed.
        error: Why it failed, in a line that names it by its URL.
        source_sha256: Of the source's bytes; None if they could not be read.
        target_sha256: Of the result's.
        size: Of the result in bytes.
        seconds: That its last try took, storage included.
        tries: How many there were.
        node: Where the last one ran.
        passing: Storage failed it, and not what it is: another run is to try it again by itself.
        fatal: The error concerns all pictures and cannot heal: the run is to end.
    """

    item: Item
    target: str = ""
    done: Done | None = None
    error: str | None = None
    source_sha256: str | None = None
    target_sha256: str | None = None
    size: int = 0
    seconds: float = 0.0
    tries: int = 1
    node: str = ""
    passing: bool = False
    fatal: bool = False
