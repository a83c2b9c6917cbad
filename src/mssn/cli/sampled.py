"""What `mssn upscale --ray --dry-run` says of a plan, from a few of its pictures."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from mssn.api import load
from mssn.cli.options import in_options
from mssn.cli.planned import in_bytes, in_time
from mssn.cluster.faults import StoreError
from mssn.cluster.item import Item
from mssn.cluster.store import Store
from mssn.upscaling.estimate import estimate
from mssn.upscaling.jobs import Job, Options

_PICTURES = 20
_BYTES = 300e6  # after which no further picture is read


class Sample:
    """Some pictures of a plan, of which it is not known how long it is; each is as likely as the others."""

    def __init__(self) -> None:
        self._items, self._random = list[Item](), Random(0)  # the same at every run
        self._number, self._size = 0, 0

    def add(self, item: Item) -> None:
        """Take note of one more picture of the plan."""
        self._number += 1
        self._size += _weight(item)
        place = len(self._items) if self._number <= _PICTURES else self._random.randrange(self._number)
        if place < _PICTURES:
            self._items[place : place + 1] = [item]

    def told(self, source: Store, arguments: dict[str, Any], options: Options, scratch: Path) -> str:
        """What all would become, in words, reckoned by their bytes.

        Args:
            source: Where they are.
            arguments: Of `mssn.api.load`.
            options: How files would be read and written.
            scratch: A folder of this machine to read them into.

        Returns:
            The end of a sentence; empty if none of them can be read.
        """
        jobs, read = dict[Job, Item](), 0
        for number, item in enumerate(self._items):
            job = Job(*(scratch / f"{number}{Path(name).suffix}" for name in (item.name, item.target)))
            try:
                source.get(item.name, job.source, item.size)
            except StoreError:
                continue
            jobs[job] = item
            read += _weight(item)
            if read > _BYTES:
                break
        if not jobs:
            return ""
        planned = estimate(load(**arguments, threads=1), list(jobs), options)
        share = self._size / read
        pixels = share * sum(plan.pages * plan.after[0] * plan.after[1] for plan in planned)
        seconds, size = (share * sum(getattr(plan, name) for plan in planned) for name in ("seconds", "size"))
        megapixels = f"{pixels / 1e6:,.0f}" if pixels > 100e6 else f"{pixels / 1e6:.3g}"
        told = f"; about {megapixels} megapixels, {in_bytes(size)} and {in_time(seconds)} of a core"
        if len(jobs) < self._number:
            told += f", judged by {len(jobs)} of them"
        if failing := [plan for plan in planned if plan.error is not None]:
            job = failing[0].job
            why = in_options(failing[0].error).replace(str(job.source), source.url_of(jobs[job].name))
            told += f"; {len(failing)} of the {len(jobs)} looked at would fail ({why})"
        return told


def _weight(item: Item) -> int:
    """What a picture counts; all the same where the store tells no sizes."""
    return max(1, item.size)
