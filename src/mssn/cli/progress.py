"""What a run over many pictures prints: a bar, a line for each picture, a summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from mssn.cli.options import Lines, in_options
from mssn.cli.streams import tell, telling_every, to_json
from mssn.runtime.plan import BICUBIC
from mssn.upscaling.dial import in_words
from mssn.upscaling.estimate import Planned
from mssn.upscaling.jobs import Done

_PATIENCE = 1.0  # seconds that may pass without a word on a terminal
_LOGGED = 30.0  # the same where nobody watches


def report(
    results: Iterable[Done],
    total: int,
    *,
    json: bool = False,
    go_on: str = "",
    note: Callable[[Done], None] | None = None,
) -> int:
    """Tell what becomes of each picture while it happens.

    Lines go to standard output; errors, the summary and, on a terminal, a bar with pictures and megapixels a
    second and the time left go to standard error, or elsewhere a line with the same every 30 seconds. When
    one of the two takes no more, the work goes on.

    Args:
        results: What becomes of each.
        total: How many there will be.
        json: A JSON object for each picture instead of words, also for failed ones.
        go_on: How to go on after a stop; goes along with a KeyboardInterrupt or SystemExit, as a note.
        note: Called with each result, when it is there.

    Returns:
        Exit code: 0, or 1 if some failed, or standard output did not take all lines.
    """
    # Here, because for a single picture these imports would take longer than the picture.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    # Lines must reach the file or pipe that standard output is; on the bar's terminal, they stand above it.
    watched = console.is_terminal
    above = watched and sys.stdout is not None and sys.stdout.isatty()
    bar = Bar(*columns, console=console, disable=not watched, transient=True, redirect_stdout=above)
    started, number, failed, megapixels, lines = time.perf_counter(), 0, 0, 0.0, Lines()
    ran: dict[str, None] = {}

    def speed() -> str:
        seconds = time.perf_counter() - started
        return f"{number / seconds:.3g} pictures/s, {megapixels / seconds:.3g} megapixels/s"

    def show(result: Done) -> None:
        nonlocal number, failed, megapixels
        number += 1
        if note is not None:
            note(result)
        if result.error is not None:
            failed += 1
            tell(f"mssn: {in_options(result.error)}")
        else:
            megapixels += result.after[0] * result.after[1] * result.pages / 1e6
            ran[ran_by(result)] = None
        if json:
            lines.say(as_json(result))
        elif result.error is None:
            lines.say(f"[{number}/{total}] {as_text(result)}")

    def standing() -> str:
        left = time_left(time.perf_counter() - started, number / total)
        return f"{number} of {total} pictures, {speed()}{left}"

    with bar, nullcontext() if watched else telling_every(_LOGGED, standing):
        task = bar.add_task("", total=total, speed="")
        try:
            for result in results:
                show(result)
                bar.update(task, advance=1, speed=speed())
        except (KeyboardInterrupt, SystemExit) as stop:
            with suppress(type(stop)):  # if it came here and not there, what is being written is yet to come
                if isinstance(results, Generator):
                    show(results.throw(stop))
                    for result in results:
                        show(result)
            some = f", {failed} failed" if failed else ""
            stop.add_note(f"{number - failed} of {total} pictures are done{some}; {go_on}")
            raise
    if failed:
        tell(f"mssn: {total - failed} of {total} pictures enlarged, {failed} failed")
    else:
        seconds = time.perf_counter() - started
        tell(f"{total} picture{'s' * (total != 1)} in {seconds:.3g} s ({' and '.join(ran)}): {speed()}")
    return 1 if failed or lines.failure else 0


@contextmanager
def bar_of_one(target: Path) -> Iterator[Callable[[float], None]]:
    """A bar for a single picture, if it takes long, or a line now and then where there is no terminal.

    Args:
        target: What is made.

    Yields:
        What to tell its progress to, 0 to 1.
    """
    started = time.perf_counter()
    bar, done = None, 0.0

    def tell_bar(share: float) -> None:
        nonlocal bar
        if bar is None and time.perf_counter() - started < _PATIENCE:
            return
        if bar is None:
            # Here for the same reason as above.
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            bar = Bar(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
            bar.add_task("", total=1.0)
            bar.start()
        bar.update(bar.task_ids[0], completed=share)

    def keep(share: float) -> None:
        nonlocal done
        done = share

    def standing() -> str:
        seconds = time.perf_counter() - started
        return f"{target}  {done:.0%} after {span(seconds)}{time_left(seconds, done)}"

    if not sys.stderr.isatty():
        with telling_every(_LOGGED, standing):
            yield keep
        return
    try:
        yield tell_bar
    finally:
        if bar is not None:
            bar.stop()


def time_left(seconds: float, done: float) -> str:
    """The time left, as the end of a sentence; nothing is known before the first is done."""
    return f", about {span(seconds * (1 - done) / done)} left" if done else ""


def span(seconds: float) -> str:
    """A time as people say it.

    Examples:
        >>> [span(seconds) for seconds in (8.2, 300, 9000)]
        ['8 s', '5 min', '2.5 h']
    """
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 99.5 * 60 else f"{seconds / 3600:.1f} h"


def as_text(done: Done, target: str | None = None) -> str:
    """The line for a picture; its result is called `target`, by default as in its job."""
    sizes = " -> ".join(f"{width}x{height}" for width, height in (done.before, done.after))
    pages, left_out = done.pages, done.left_out
    kind = f"  {pages} pages" if pages > 1 else f"  the first of {1 + left_out}" if left_out else ""
    cut = (
        f"  values from {done.cut[0]:.3g} to {done.cut[1]:.3g} cut to 0..1 (a TIFF keeps them)"
        if done.cut
        else ""
    )
    notes = "".join(f"  {note}" for note in done.notes)
    name = target or done.job.target
    return f"{name}  {sizes}{kind}{cut}{notes}  {_how(done)}  {done.seconds:.2f} s"


def _how(done: Done) -> str:
    """What enlarged it, and for what kind of file."""
    model = by_what(done)
    return model if done.model == BICUBIC else f"{model}  {ran_by(done)}"


def by_what(picture: Done | Planned) -> str:
    """Which weights enlarge a picture, at which strength, and what of its file decided that."""
    model, compression = in_words(picture.model, picture.strength), picture.compression
    quality = "" if compression.quality is None else f", quality about {compression.quality}"
    return f"{model} ({compression.kind}{quality})" if compression.lossy else model


def ran_by(done: Done) -> str:
    """What ran the networks, and in which precision."""
    return done.runtime if done.runtime == BICUBIC else f"{done.runtime} {done.precision}"


def as_json(done: Done) -> str:
    """The same for a program."""
    return to_json(facts(done))


def facts(done: Done) -> dict[str, Any]:
    """What there is to tell of a picture; sizes are width and height."""
    names = {"source": str(done.job.source), "target": str(done.job.target)}
    if done.error is not None:
        return {**names, "error": in_options(done.error)}
    keys = (
        *("before", "after", "pages", "left_out", "cut", "model", "steps", "strength", "runtime"),
        *("precision", "seconds", "notes"),
    )
    stored = {"lossy": done.compression.lossy, "quality": done.compression.quality}
    return {**names, **{key: getattr(done, key) for key in keys}, **stored}
