"""What `mssn upscale --ray` says meanwhile and at the end, and what its report holds."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mssn.cli.jobs import tell_links, tell_strangers
from mssn.cli.options import Lines, in_options
from mssn.cli.planned import in_bytes
from mssn.cli.progress import as_text, facts, ran_by, span, time_left
from mssn.cli.report import Report
from mssn.cli.sampled import Sample
from mssn.cli.streams import tell, telling_every, to_json
from mssn.cluster.item import Item, Outcome
from mssn.cluster.store import Store
from mssn.cluster.todo import Left, Seen, Todo
from mssn.errors import DataError
from mssn.image.formats import READABLE

_LOGGED = 30.0  # seconds between two lines where nobody watches
_LONG = 60.0  # seconds after which a picture at work is named


class Told:
    """What a run over two stores says, and what its report holds."""

    def __init__(
        self,
        source: Store,
        target: Store,
        seen: Seen,
        *,
        json: bool,
        report: Path | None,
        skip_existing: bool,
    ) -> None:
        self._seen = seen
        self._source, self._target, self._json, self._skip_existing = source, target, json, skip_existing
        self._report = None if report is None else Report(report)
        self._lines, self._started = Lines(), time.perf_counter()
        self._made, self._failed, self._megapixels = 0, 0, 0.0
        self._at_work = dict[str, float]()  # pictures that workers have, since when
        self._ran, self._left = dict[str, None](), Counter[str]()

    def left(self, todo: Todo) -> Iterator[Item]:
        """What is to be made; what is not, is reported."""
        for one in todo:
            if isinstance(one, Left):
                self._passed(one)
            else:
                yield one

    def _passed(self, left: Left) -> None:
        self._left[left.why] += 1
        told = dict(left.known.told) if left.known else {}
        told |= self._names(left.item, left.item.target) if not told else {}
        if left.why == "exists" and not self._skip_existing:
            told["error"] = f"{told['target']}: exists already; --force overwrites, --skip-existing leaves it"
        if self._report is not None:
            self._report.add_line(told | {"state": "left"})

    def _names(self, item: Item, target: str) -> dict[str, Any]:
        return {"source": self._source.url_of(item.name), "target": self._target.url_of(target)}

    def began(self, item: Item) -> None:
        """Note that a worker has a picture now; perhaps again, as another could not make it."""
        self._at_work.setdefault(item.name, time.perf_counter())

    def outcome(self, outcome: Outcome) -> dict[str, Any]:
        """Tell what became of a picture; the same as a line of the report."""
        self._at_work.pop(outcome.item.name, None)
        done, names = outcome.done, self._names(outcome.item, outcome.target or outcome.item.target)
        if done is None:
            self._failed += 1
            tell(f"mssn: {in_options(outcome.error)}")
            told = names | {"error": in_options(outcome.error)}
        else:
            self._made += 1
            self._megapixels += done.after[0] * done.after[1] * done.pages / 1e6
            self._ran[ran_by(done)] = None
            told = facts(done) | names
        if self._json:
            self._lines.say(to_json(told))
        elif done is not None:
            of = f"/{self._seen.planned}" if self._seen.whole else ""
            self._lines.say(f"[{self._made + self._failed}{of}] {as_text(done, names['target'])}")
        more = {
            "source_bytes": outcome.item.size,
            "target_bytes": outcome.size,
            "source_sha256": outcome.source_sha256,
            "target_sha256": outcome.target_sha256,
            "tries": outcome.tries,
            "node": outcome.node,
        }
        if self._report is not None:
            self._report.add_line(told | more | {"state": "failed" if done is None else "made"})
        return told | more

    def _speed(self) -> str:
        seconds = time.perf_counter() - self._started
        return f"{self._made / seconds:.3g} pictures/s, {self._megapixels / seconds:.3g} megapixels/s"

    def _standing(self) -> str:
        """How far it is; while the input is still being listed, there may be more to come."""
        ended, most = self._made + self._failed, self._seen.planned
        of = f"{ended} of {most} pictures" if self._seen.whole else f"{ended} of at least {most} pictures"
        left = time_left(time.perf_counter() - self._started, ended / most if most else 0)
        failed = f", {self._failed} failed" if self._failed else ""
        # A list, as the main thread may change it meanwhile.
        name, since = min(list(self._at_work.items()), key=lambda one: one[1], default=("", float("inf")))
        oldest = time.perf_counter() - since
        long = f", {name} for {span(oldest)}" if oldest > _LONG else ""
        return f"{of}, {self._speed()}{left if self._seen.whole else ''}{failed}{long}"

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Say again and again how it stands: in place on a terminal, else now and then in a line."""
        self._started = time.perf_counter()
        if not sys.stderr.isatty():
            with telling_every(_LOGGED, self._standing):
                yield
            return
        from rich.console import Console
        from rich.live import Live

        # Lines must reach the file or pipe that standard output is; on this terminal, they stand above.
        above = sys.stdout is not None and sys.stdout.isatty()
        with Live(
            get_renderable=self._standing,
            console=Console(stderr=True, highlight=False),
            refresh_per_second=2,
            transient=True,
            redirect_stdout=above,
        ):
            yield

    def stopped(self) -> str:
        """What to know after a stop."""
        failed = f", {self._failed} failed" if self._failed else ""
        done = "1 picture is" if self._made == 1 else f"{self._made} pictures are"
        return f"{done} done{failed}; the same command goes on"

    def planned(self, todo: Todo, about: Callable[[Sample], str]) -> int:
        """Only count what would be made.

        Args:
            todo: The plan.
            about: What to say of it, given some of its pictures.

        Raises:
            DataError: There are no pictures.
        """
        number, size, sample = 0, 0, Sample()
        for one in todo.decided():
            if isinstance(one, Left):
                self._left[one.why] += 1
            else:
                number, size = number + 1, size + max(0, one.size)
                sample.add(one)
        self._tell_seen()
        pictures = f"{_counted(number, 'picture')} to make, of {in_bytes(size)}"
        tell(f"nothing was written: {pictures}{about(sample)}")
        return 1 if self._left["exists"] and not self._skip_existing else 0

    def ended(self) -> int:
        """Tell the sum; the exit code.

        Raises:
            DataError: There were no pictures.
        """
        self._tell_seen()
        made, failed = self._made, self._failed
        if failed:
            tell(f"mssn: {made} of {made + failed} pictures enlarged, {failed} failed")
        elif made:
            seconds = time.perf_counter() - self._started
            ran = " and ".join(self._ran)
            tell(f"{made} picture{'s' * (made != 1)} in {seconds:.3g} s ({ran}): {self._speed()}")
        missing = failed or self._left["failed"] or (self._left["exists"] and not self._skip_existing)
        return 1 if missing or self._lines.failure else 0

    def _tell_seen(self) -> None:
        seen = self._seen
        if not seen.pictures:
            films = f", only {_counted(seen.films, 'film')}, which one machine enlarges" if seen.films else ""
            raise DataError(
                f"{self._source.url}: holds no pictures{films} (looked for {', '.join(READABLE)})"
            )
        tell_strangers(seen.strangers)
        if seen.hidden:
            tell(f"{_counted(seen.hidden, 'hidden picture')} passed over")
        tell_links([self._source.url_of(name) for name in seen.links])
        if seen.films:
            tell(f"{_counted(seen.films, 'film')} passed over; without --ray, one machine enlarges them")
        if seen.renamed:
            source, name, usual = seen.renamed[0]
            more = f" ({len(seen.renamed) - 1} more like it)" if len(seen.renamed) > 1 else ""
            tell(f"{source} becomes {name}, because {usual} is another's{more}")
        if kept := self._left["kept"]:
            tell(f"{kept} {'result is' if kept == 1 else 'results are'} there already")
        if failed := self._left["failed"]:
            tell(f"{failed} that failed before are left alone; --retry-failed tries them again")
        if (exist := self._left["exists"]) and not self._skip_existing:
            there = "result exists" if exist == 1 else "results exist"
            tell(
                f"mssn: {exist} {there} already, and no earlier run here planned them; "
                "--force overwrites them, --skip-existing leaves them"
            )


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"
