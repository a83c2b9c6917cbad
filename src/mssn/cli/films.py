"""`mssn upscale film.mkv`: which jobs are films, what is refused before the work, and what is said of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mssn.cli.options import Lines, in_options, write_stdout
from mssn.cli.progress import span
from mssn.cli.report import Report
from mssn.cli.streams import tell, telling_every, to_json
from mssn.errors import MssnError
from mssn.film.inputs import Pipe, is_pattern
from mssn.image.formats import FILMS
from mssn.upscaling.dial import in_words
from mssn.upscaling.estimate import Planned
from mssn.upscaling.jobs import Job, failure
from mssn.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from mssn.film.plan import FilmOptions
    from mssn.film.run import FilmDone, FilmProgress

STREAM = Path("-")  # standard input, or output
Y4M, NEW = ".y4m", (".apng", ".gif")  # endings of frames alone; those that no picture is written as
_LOGGED = 30.0  # seconds that may pass without a word where nobody watches


def is_film(job: Job) -> bool:
    """Whether a job reads or makes a film, or pictures in a row; an animated picture may become one."""
    row = any(map(is_pattern, (job.source, job.target))) or job.target.suffix.lower() in NEW
    return row or job.source.suffix.lower() in FILMS or job.target.suffix.lower() in FILMS


def becomes_film(job: Job) -> bool:
    """Whether the result is a film with everything that belongs to one: not frames alone."""
    ending = job.target.suffix.lower()
    return ending in FILMS and ending != Y4M and not is_pattern(job.target)


def hold_all(upscaler: Upscaler, jobs: list[Job], options: FilmOptions, *, named: bool) -> list[Job]:
    """The jobs, those of films with names whose containers hold all that they have; see `held`.

    Of several films one that cannot be made stops no other: why, is said when its turn comes.

    Raises:
        FilmError: The only one cannot be made.
    """

    def kept(job: Job) -> Job:
        try:
            return held(upscaler, job, options, named=named) if is_film(job) and becomes_film(job) else job
        except MssnError:
            if len(jobs) == 1:
                raise
            return job

    return [kept(job) for job in jobs]


def held(upscaler: Upscaler, job: Job, options: FilmOptions, *, named: bool) -> Job:
    """The job with a name whose container holds all that the film has.

    Args:
        upscaler: What would enlarge it.
        job: The job.
        options: How it would be made.
        named: Whether the user chose the file's name; else .mkv is taken where the film's own container
            cannot hold what becomes of it, and a line says so.

    Raises:
        FilmError: It cannot be read, or not be made like that.
    """
    from mssn.film.asked import fitting

    target, why = fitting(upscaler, job.source, job.target, options, named=named)
    if why is None:
        return job
    reason = in_options(why).removeprefix(f"{job.target}: ").removeprefix(f"{job.source}: ")
    tell(f"{target}: takes the place of {job.target.name}: {reason.removesuffix('; write .mkv')}")
    return replace(job, target=target)


def estimate_films(
    upscaler: Upscaler, jobs: Sequence[Job], options: FilmOptions, *, keep: bool = False
) -> list[Planned]:
    """What each would become, for `--dry-run`; nothing is written. See `upscale_films`."""
    from mssn.film.estimate import estimate_film
    from mssn.film.results import foretell

    return [
        estimate_film(upscaler, job, options)
        if becomes_film(job)
        else foretell(upscaler, job, options, keep=keep)
        for job in jobs
    ]


def upscale_films(
    upscaler: Upscaler,
    jobs: Sequence[Job],
    options: FilmOptions,
    noted: Report | None,
    *,
    json: bool,
    alone: bool,
    keep: bool = False,
    pipe: Pipe | None = None,
) -> int:
    """Enlarge films, one after the other.

    Args:
        upscaler: What enlarges.
        jobs: What to do.
        options: How.
        noted: Takes what became of each.
        json: A JSON object for each film instead of words.
        alone: There is nothing else to do, so that an error may end the run.
        keep: Numbered pictures that are there stay.
        pipe: What the source "-" stands for.

    Returns:
        Exit code: 0, or 1 if a film was made with a part missing, or some of several could not be made.

    Raises:
        MssnError: The only one could not be made.
    """
    from mssn.film.results import make

    lines, code = Lines(), 0
    for number, job in enumerate(jobs, 1):
        try:
            with _standing(job.target) as progress:
                out = Standard() if job.target == STREAM else None
                done = make(
                    *(upscaler, job.source, job.target, options, progress), keep=keep, pipe=pipe, out=out
                )
        except Exception as error:
            if isinstance(error.__cause__, InterruptedError):  # a signal that is no fault of the film
                raise
            told, code = failure(job, error), 1
            facts = {**_names(job), "error": in_options(told)}
            if noted is not None:
                noted.add_facts(job, facts, failed=True)
            if json:
                lines.say(to_json(facts))
            if alone:
                if told is error:
                    raise
                raise told from error
            tell(f"mssn: {in_options(told)}")
            continue
        except (KeyboardInterrupt, SystemExit) as stop:
            if becomes_film(job) and pipe is None:
                stop.add_note(f"{job.target} is made in part; the same command goes on from there")
            elif is_pattern(job.target) and pipe is None:
                stop.add_note(f"{job.target} is made in part; with --skip-existing the same command goes on")
            raise
        facts = film_facts(job, done)
        if noted is not None:
            noted.add_facts(job, facts)
        before = f"[{number}/{len(jobs)}] " if len(jobs) > 1 else ""
        if job.target != STREAM:
            lines.say(to_json(facts) if json else before + film_text(job, done))
        else:
            for line in [to_json(facts)] if json else done.notes:
                tell(line)
        for line in done.missing:
            tell(f"mssn: {job.target}: {line}")
            code = 1
    return 1 if lines.failure else code


def _names(job: Job) -> dict[str, Any]:
    return {"source": str(job.source), "target": str(job.target)}


def film_facts(job: Job, done: FilmDone) -> dict[str, Any]:
    """What there is to tell of a film, for a program."""
    keys = (
        *("before", "after", "frames", "resumed", "model", "strength", "strengths"),
        *("seconds", "notes", "missing"),
    )
    return {**_names(job), **{key: getattr(done, key) for key in keys}}


def film_text(job: Job, done: FilmDone) -> str:
    """The line for a film."""
    sizes = " -> ".join(f"{width}x{height}" for width, height in (done.before, done.after))
    notes = "".join(f"  {note}" for note in done.notes)
    speed = f"{done.frames / done.seconds:.3g} frames/s" if done.seconds else ""
    least, most = done.strengths or (done.strength, done.strength)
    model = (
        in_words(done.model, done.strength) if least == most else f"{done.model} {least:.3g} to {most:.3g}"
    )
    frames = f"{done.frames} frame{'s' * (done.frames != 1)}"
    return f"{job.target}  {sizes}  {frames}{notes}  {model}  {span(done.seconds)}  {speed}"


class Standard:
    """Standard output, as what encodes Y4M writes to it."""

    def write(self, data: bytes) -> int:
        """Pass bytes on.

        Raises:
            MssnError: It takes no more.
        """
        write_stdout(data)
        return len(data)


@contextmanager
def _standing(target: Path) -> Iterator[Callable[[FilmProgress], None]]:
    """A bar on a terminal, else a line every half minute; yields what to tell the progress to."""
    # Here, so that other verbs start without it.
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    console, started, last = Console(stderr=True), time.perf_counter(), ""
    watched = console.is_terminal
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    bar = Bar(*columns, console=console, disable=not watched, transient=True, redirect_stdout=False)

    def watch(progress: FilmProgress) -> None:
        nonlocal last
        share = "" if progress.total is None else f" of about {progress.total}"
        left = "" if progress.left is None else f", about {span(progress.left)} left"
        last = f"{progress.done}{share} frames, {progress.fps:.3g} frames/s{left}"
        bar.update(task, total=progress.total, completed=progress.done, description=last)

    def line() -> str:
        return f"{target}  {last or 'no frame yet'} after {span(time.perf_counter() - started)}"

    with bar, nullcontext() if watched else telling_every(_LOGGED, line):
        task = bar.add_task("", total=None)
        yield watch
