"""`mssn watch`: enlarge whatever comes into a folder."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from mssn.api import DEFAULT_MODEL, load
from mssn.atomic import try_writing
from mssn.cli.dial import Strength, VariantOption, unused_dial
from mssn.cli.films import film_facts, film_text, held, is_film
from mssn.cli.options import (
    Ensemble,
    Factor,
    Lines,
    Model,
    Number,
    PrecisionOption,
    Quality,
    Runtime,
    Threads,
    Whole,
    in_options,
)
from mssn.cli.progress import as_text, facts
from mssn.cli.streams import tell, to_json
from mssn.cli.watching import Watched
from mssn.errors import ImageError, MissingDependencyError, MssnError
from mssn.film.asked import Interlaced, film_options
from mssn.image.read import MAX_PIXELS
from mssn.upscaling.batch import upscale_files
from mssn.upscaling.jobs import MEMORY, Done, Job, Options, failure, mebibytes
from mssn.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from mssn.film.plan import FilmOptions

_EVERY = 1.0  # seconds between two looks


def watch(
    folder: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    scale: Factor = None,
    size: str | None = None,
    model: Model = DEFAULT_MODEL,
    variant: VariantOption = "auto",
    strength: Strength = None,
    quality: Quality = None,
    metadata: Literal["keep", "strip"] = "keep",
    dpi: Literal["keep", "scale"] = "keep",
    codec: str | None = None,
    interlaced: Interlaced = "auto",
    json: Annotated[bool, Parameter(negative="")] = False,
    max_megapixels: Number = MAX_PIXELS / 1e6,
    memory: Whole = MEMORY // 2**20,
    runtime: Runtime = "auto",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
    ensemble: Ensemble = False,
) -> None:
    """Enlarge pictures and films as they come into a folder, until Ctrl-C.

    A file counts as whole when it has not changed for 2 seconds. What has a result stays as it is, so the
    same command goes on after a stop. What cannot be enlarged is tried once more after 30 seconds, and then
    goes into the folder "failed" inside the one that is watched, with a text that says why.

    Args:
        folder: Searched with its sub-folders, again and again.
        output: A folder for the results, which keep names, formats and sub-folders.
        scale: See mssn upscale, also for all others.
        size: Instead of a scale.
        model: What enlarges.
        variant: Weights for photographs, for clean pictures, or what suits each file.
        strength: 0 to 1: how strongly noise and traces of compression are removed.
        quality: 1 to 100, for lossy formats and films.
        metadata: keep them, or strip them (of pictures alone; those of films are kept).
        dpi: keep the resolution, or scale it.
        codec: Of films.
        interlaced: What becomes of interlaced films.
        json: One JSON object a line for each file instead of words.
        max_megapixels: Refuse larger pictures.
        memory: Mebibytes of pixels to hold in memory, roughly.
        runtime: What runs the network.
        precision: What is computed in.
        threads: Processor cores to use; default all.
        ensemble: Take the mean over eight flips and turns.
    """
    options = Options(False, quality, metadata, max_megapixels, mebibytes(memory), dpi=dpi)
    arguments: dict[str, Any] = {"runtime": runtime, "precision": precision, "threads": threads}
    upscaler = load(
        model, scale, size=size, variant=variant, strength=strength, ensemble=ensemble, **arguments
    )
    if unused := unused_dial(variant, strength, upscaler.scale):
        tell(unused)
    plain = Options(False, quality)
    films = partial(film_options, plain, codec, interlaced, None, None, None)
    watched = Watched(folder, output, tell)
    _make(output)
    try:
        try_writing(output)
    except OSError as error:
        raise ImageError(f"{output}: cannot be written into ({error.strerror})") from error
    tell(f"watching {folder}; results go to {output}; Ctrl-C ends it")
    lines, count = Lines(), 0
    try:
        while True:
            for line in _round(watched, upscaler, options, films, json=json):
                lines.say(line)
                count += 1
            time.sleep(_EVERY)
    except (KeyboardInterrupt, SystemExit) as stop:
        made = "1 result was made" if count == 1 else f"{count} results were made"
        stop.add_note(f"{made}; the same command goes on")
        raise


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"{folder}: cannot be made ({error.strerror})") from error


def _round(
    watched: Watched, upscaler: Upscaler, options: Options, films: Callable[[], FilmOptions], *, json: bool
) -> Iterator[str]:
    """Enlarge what is ready now; yields a line for each result."""
    jobs = watched.ready()
    for job in jobs:
        _make(job.target.parent)
    pictures = [job for job in jobs if not is_film(job)]
    for done in upscale_files(upscaler, pictures, options):
        if done.error is None:
            yield to_json(facts(done)) if json else as_text(done)
        elif not watched.is_there(done.job):  # as it is if another one watches, too
            yield from _failed(watched, done.job, done.error, json=json)
    for job in jobs:
        if job not in pictures:
            yield from _film(watched, upscaler, job, films, json=json)


def _film(
    watched: Watched, upscaler: Upscaler, job: Job, films: Callable[[], FilmOptions], *, json: bool
) -> Iterator[str]:
    from mssn.film.results import make

    try:
        asked = films()
        job = held(upscaler, job, asked, named=False)
        if watched.is_there(job):  # under another name than its own
            watched.done(job)
            return
        done = make(upscaler, job.source, job.target, asked)
    except MissingDependencyError as error:
        watched.done(job)
        tell(f"mssn: {job.source}: {error}")
        return
    except Exception as error:
        yield from _failed(watched, job, failure(job, error), json=json)
        return
    watched.done(job)
    for line in done.missing:
        tell(f"mssn: {job.target}: {line}")
    yield to_json(film_facts(job, done)) if json else film_text(job, done)


def _failed(watched: Watched, job: Job, error: MssnError, *, json: bool) -> Iterator[str]:
    if _is_of_the_disk(error):
        raise error
    why = in_options(error)
    became, final = watched.failed(job, why)
    if became:
        tell(f"mssn: {why}; {became}")
    if final and json:
        yield to_json(facts(Done(job, error=error)))


def _is_of_the_disk(error: BaseException | None) -> bool:
    """Whether something failed for want of a disk that takes it, which is not the file's fault."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return True
        error = error.__cause__ or error.__context__
    return False
