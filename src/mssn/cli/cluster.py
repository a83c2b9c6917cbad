"""`mssn upscale --ray`: the pictures of a store are enlarged by the machines of a Ray cluster."""

from __future__ import annotations

import hashlib
import json as json_
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mssn.cli.options import Lines, in_options
from mssn.cli.progress import as_text, facts, ran_by, time_left
from mssn.cli.report import Report
from mssn.cli.streams import tell, telling_every, to_json
from mssn.cluster.crew import make
from mssn.cluster.item import Item, Outcome
from mssn.cluster.ledger import FOLDER, Ledger
from mssn.cluster.nodes import connect
from mssn.cluster.sidecars import copy
from mssn.cluster.store import Store
from mssn.cluster.todo import Left, Seen, Todo
from mssn.cluster.worker import Work
from mssn.errors import MssnError
from mssn.upscaling.jobs import Options

_LOGGED = 30.0  # seconds between two lines where nobody watches


def upscale_on_ray(
    inputs: list[str],
    output: str | None,
    address: str,
    load: dict[str, Any],
    options: Options,
    *,
    report: Path | None,
    json: bool,
    skip_existing: bool,
    retry_failed: bool,
    dry_run: bool,
) -> int:
    """Enlarge all pictures of a store into another.

    Args:
        inputs: One store.
        output: The other.
        address: Of the cluster; see `mssn.cluster.nodes.connect`.
        load: Arguments of `mssn.api.load`.
        options: How to read and write.
        report: A file that takes a line for each picture of the input.
        json: As for `mssn upscale`.
        skip_existing: Results that nobody planned here are fine, too.
        retry_failed: Try again what earlier runs could not make.
        dry_run: Only count.

    Returns:
        Exit code: 0, or 1 if some failed, or could not be made because something else is in their place.

    Raises:
        MssnError: The stores, the cluster or the options make no sense, or fail for all pictures alike.
    """
    source, target, within = _stores(inputs, output)
    settings = _settings(load, options)
    with tempfile.TemporaryDirectory(prefix="mssn-") as scratch:
        ledger = Ledger(Store(f"{target.url}/{FOLDER}"), source.url, settings, Path(scratch))
        todo = Todo(
            source.list(leave_out=(within,) if within else ()),
            target.list(leave_out=(FOLDER,), needed=False),
            ledger,
            settings,
            force=options.force,
            retry_failed=retry_failed,
            scratch=Path(scratch),
        )
        told = _Told(source, target, json=json, report=report, skip_existing=skip_existing)
        if dry_run:
            return told.planned(todo)
        target.sweep()
        work = Work(source, target, load, options)
        with connect(address) as cluster, told.standing(todo.seen), closing(ledger), closing(todo):
            try:
                with closing(make(told.left(todo), work, cluster)) as outcomes:
                    for outcome in outcomes:
                        ledger.note(outcome, told.outcome(outcome))
                        if outcome.fatal:
                            raise MssnError(str(outcome.error))
                if options.metadata == "keep":
                    for line in copy(todo.sidecars(), source, target, force=options.force):
                        tell(f"mssn: {line}")
            except (KeyboardInterrupt, SystemExit) as stop:
                stop.add_note(told.stopped())
                raise
            finally:
                ledger.flush()
        return told.ended(todo.seen)


def _stores(inputs: list[str], output: str | None) -> tuple[Store, Store, str]:
    """The two stores, and which folder of the first is the second, if one is."""
    if len(inputs) != 1:
        raise MssnError("`ray` takes one folder of pictures, or one s3://bucket/folder; name one")
    if output is None or "-" in (output, inputs[0]):
        raise MssnError("with `ray`, -o names the folder or s3://bucket/folder that takes the results")
    source, target = Store(inputs[0]), Store(output)
    if target.url == source.url:
        raise MssnError(f"{output}: would replace the originals; choose another output")
    if source.url.startswith(f"{target.url}/"):
        raise MssnError(f"{output}: holds the input itself; choose another output")
    inside = target.url.startswith(f"{source.url}/")
    return source, target, target.url.removeprefix(f"{source.url}/") if inside else ""


def _settings(load: dict[str, Any], options: Options) -> str:
    """What decides how results look, as a short checksum; another one makes them anew."""
    looks = asdict(options)
    for name in ("force", "memory", "max_megapixels"):
        del looks[name]
    model = Path(load["model"])
    weights = hashlib.sha256(model.read_bytes()).hexdigest() if model.is_file() else None
    everything = {"load": load, "options": looks, "weights": weights}
    text = json_.dumps(everything, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Told:
    """What a run over two stores says, and what its report holds."""

    def __init__(
        self, source: Store, target: Store, *, json: bool, report: Path | None, skip_existing: bool
    ) -> None:
        self._source, self._target, self._json, self._skip_existing = source, target, json, skip_existing
        self._report = None if report is None else Report(report)
        self._lines, self._started = Lines(), time.perf_counter()
        self._made, self._failed, self._megapixels = 0, 0, 0.0
        self._ran, self._left = dict[str, None](), Counter[str]()
        self._todo = 0

    def left(self, todo: Todo) -> Iterator[Item]:
        """What is to be made; what is not, is reported."""
        for one in todo:
            if isinstance(one, Left):
                self._passed(one)
            else:
                self._todo += 1
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

    def outcome(self, outcome: Outcome) -> dict[str, Any]:
        """Tell what became of a picture; the same as a line of the report."""
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
            self._lines.say(f"[{self._made + self._failed}/{self._todo}] {as_text(done, names['target'])}")
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

    def _standing(self, seen: Seen) -> str:
        """How far it is; while the input is still being listed, there may be more to come."""
        ended, most = self._made + self._failed, self._todo
        of = f"{ended} of {most} pictures" if seen.whole else f"{ended} of at least {most} pictures"
        left = time_left(time.perf_counter() - self._started, ended / most if most else 0)
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{of}, {self._speed()}{left if seen.whole else ''}{failed}"

    @contextmanager
    def standing(self, seen: Seen) -> Iterator[None]:
        """Say again and again how it stands: in place on a terminal, else now and then in a line."""
        self._started = time.perf_counter()
        if not sys.stderr.isatty():
            with telling_every(_LOGGED, lambda: self._standing(seen)):
                yield
            return
        from rich.console import Console

        console = Console(stderr=True)
        with console.status("") as status, telling_every(1.0, lambda: status.update(self._standing(seen))):
            yield

    def stopped(self) -> str:
        """What to know after a stop."""
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._made} pictures are done{failed}; the same command goes on"

    def planned(self, todo: Todo) -> int:
        """Only count what would be made."""
        number, size = 0, 0
        for one in todo.decided():
            if isinstance(one, Left):
                self._left[one.why] += 1
            else:
                number, size = number + 1, size + one.size
        self._tell_seen(todo.seen)
        tell(f"nothing was written: {number} pictures to make, of {size / 1e6:.3g} MB")
        return 1 if self._left["exists"] and not self._skip_existing else 0

    def ended(self, seen: Seen) -> int:
        """Tell the sum; the exit code."""
        self._tell_seen(seen)
        made, failed = self._made, self._failed
        if failed:
            tell(f"mssn: {made} of {made + failed} pictures enlarged, {failed} failed")
        elif made:
            seconds = time.perf_counter() - self._started
            ran = " and ".join(self._ran)
            tell(f"{made} picture{'s' * (made != 1)} in {seconds:.3g} s ({ran}): {self._speed()}")
        return 1 if failed or self._lines.failure or (self._left["exists"] and not self._skip_existing) else 0

    def _tell_seen(self, seen: Seen) -> None:
        if seen.strangers:
            named = [f"{ending} ({number})" for ending, number in seen.strangers.most_common(10)]
            tell(f"{seen.strangers.total()} files of other kinds passed over: {', '.join(named)}")
        if seen.hidden:
            tell(f"{seen.hidden} hidden pictures passed over")
        if seen.films:
            tell(f"{seen.films} films passed over; without --ray, one machine enlarges them")
        if seen.renamed:
            source, name, usual = seen.renamed[0]
            more = f" ({len(seen.renamed) - 1} more like it)" if len(seen.renamed) > 1 else ""
            tell(f"{source} becomes {name}, because {usual} is another's{more}")
        if kept := self._left["kept"]:
            tell(f"{kept} {'result is' if kept == 1 else 'results are'} there already")
        if failed := self._left["failed"]:
            tell(f"{failed} that failed before are left alone; --retry-failed tries them again")
        if (exist := self._left["exists"]) and not self._skip_existing:
            tell(
                f"mssn: {exist} results exist already, and no earlier run here planned them; "
                "--force overwrites them, --skip-existing leaves them"
            )
