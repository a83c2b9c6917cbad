"""What a run over many pictures prints: a bar, a line for each picture, a summary."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from json import dumps

from mssn.cli.options import Lines, in_options
from mssn.upscaling.files import Done
from mssn.upscaling.progress import Progress

_PATIENCE = 1.0  # seconds that may pass without a word


def report(results: Iterable[Done], total: int, *, json: bool = False) -> int:
    """Tell what becomes of each picture while it happens.

    Lines go to standard output; errors, the summary and, on a terminal, a bar with pictures and megapixels a
    second and the time left go to standard error.

    Args:
        results: What becomes of each.
        total: How many there will be.
        json: A JSON object for each picture instead of words, also for failed ones.

    Returns:
        Exit code: 0, or 1 if some failed, or standard output did not take all lines.
    """
    # Here, because for a single picture these imports would take longer than the picture.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    # Lines must reach the file or pipe that standard output is, not the bar's terminal.
    bar = Bar(
        *columns, console=console, disable=not console.is_terminal, transient=True, redirect_stdout=False
    )
    started, failed, megapixels, lines = time.perf_counter(), 0, 0.0, Lines()

    def speed(pictures: int) -> str:
        seconds = time.perf_counter() - started
        return f"{pictures / seconds:.3g} pictures/s, {megapixels / seconds:.3g} megapixels/s"

    with bar:
        task = bar.add_task("", total=total, speed="")
        for number, result in enumerate(results, 1):
            if result.error is not None:
                failed += 1
                print(f"mssn: {in_options(result.error)}", file=sys.stderr)
            else:
                megapixels += result.after[0] * result.after[1] * result.pages / 1e6
            if json:
                lines.say(as_json(result))
            elif result.error is None:
                lines.say(f"[{number}/{total}] {as_text(result)}")
            bar.update(task, advance=1, speed=speed(number))
    done = total - failed
    if failed:
        print(f"mssn: {done} of {total} pictures enlarged, {failed} failed", file=sys.stderr)
    else:
        line = f"{done} pictures in {time.perf_counter() - started:.3g} s: {speed(done)}"
        print(line, file=sys.stderr)
    return 1 if failed or lines.failure else 0


@contextmanager
def bar_of_one() -> Iterator[Progress | None]:
    """A bar for a single picture: what to tell its progress to. Only on a terminal, and if it takes long."""
    if not sys.stderr.isatty():
        yield None
        return
    started = time.perf_counter()
    bar = None

    def tell(share: float) -> None:
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

    try:
        yield tell
    finally:
        if bar is not None:
            bar.stop()


def as_text(done: Done) -> str:
    """The line for a picture."""
    sizes = " -> ".join(f"{width}x{height}" for width, height in (done.before, done.after))
    pages, left_out = done.pages, done.left_out
    kind = f"  {pages} pages" if pages > 1 else f"  the first of {1 + left_out}" if left_out else ""
    cut = (
        f"  values from {done.cut[0]:.3g} to {done.cut[1]:.3g} cut to 0..1 (a TIFF keeps them)"
        if done.cut
        else ""
    )
    notes = "".join(f"  {note}" for note in done.notes)
    return f"{done.job.target}  {sizes}{kind}{cut}{notes}  {_how(done)}  {done.seconds:.2f} s"


def _how(done: Done) -> str:
    """What enlarged it, and for what kind of file."""
    compression = done.compression
    quality = "" if compression.quality is None else f", quality about {compression.quality}"
    return f"{done.model} ({compression.kind}{quality})" if compression.lossy else done.model


def as_json(done: Done) -> str:
    """The same for a program; sizes are width and height."""
    names = {"source": str(done.job.source), "target": str(done.job.target)}
    if done.error is not None:
        return dumps({**names, "error": in_options(done.error)})
    facts = ("before", "after", "pages", "left_out", "cut", "model", "steps", "seconds", "notes")
    stored = {"lossy": done.compression.lossy, "quality": done.compression.quality}
    return dumps({**names, **{name: getattr(done, name) for name in facts}, **stored})
