"""`mssn upscale -`: from standard input, to standard output, or both."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mssn.cli.films import STREAM, estimate_films, upscale_films
from mssn.cli.jobs import OTHERWISE, check
from mssn.cli.options import Lines, unused_quality, write_stdout
from mssn.cli.planned import tell_planned
from mssn.cli.planning import target_of
from mssn.cli.progress import as_json, as_text
from mssn.cli.streams import tell
from mssn.errors import FilmError, ImageError
from mssn.film.inputs import Y4M, Pipe, is_pattern
from mssn.image.formats import FILMS
from mssn.image.source import PictureFile
from mssn.upscaling.files import upscale_bytes, upscale_file
from mssn.upscaling.jobs import Job, Options
from mssn.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from mssn.film.plan import FilmOptions


def upscale_stream(
    upscaler: Upscaler,
    inputs: list[Path],
    output: str | None,
    options: Options,
    films: Callable[[], FilmOptions],
    *,
    json: bool,
    skip_existing: bool,
    dry_run: bool = False,
) -> int:
    """Enlarge a picture, or a film as Y4M, that comes from standard input or goes to standard output.

    Args:
        upscaler: What enlarges.
        inputs: The one source.
        output: As for `upscale`.
        options: Of a picture.
        films: Makes those of a film.
        json: Facts as JSON instead of words.
        skip_existing: A result that is there stays.
        dry_run: Only say what a film's frames would take.

    Returns:
        The exit code.

    Raises:
        MssnError: It cannot be made.
    """
    if len(inputs) != 1 or inputs[0].is_dir():
        raise ImageError("- stands for one picture or film; name no other, and no folder")
    source, target = inputs[0], None if output is None or Path(output) == STREAM else output
    if target is not None and (target.endswith(("/", "\\")) or Path(target).is_dir()):
        raise ImageError("standard input has no name to keep in a folder; give a file to write")
    film = source.suffix.lower() in FILMS or is_pattern(source)
    if dry_run:
        if source == STREAM or not film:
            raise ImageError("`dry_run` is for files, and for films that go to standard output")
        return tell_planned(estimate_films(upscaler, [Job(source, STREAM)], films()), json=json)
    if source != STREAM:  # then the result goes to standard output
        if film:
            _refuse_terminal()
            return upscale_films(upscaler, [Job(source, STREAM)], films(), None, json=json, alone=True)
        try:
            return _picture(
                upscaler, PictureFile(source.read_bytes(), str(source)), source, options, json=json
            )
        except OSError as error:
            raise ImageError(f"{source}: cannot be read: {error.strerror}") from error
    try:
        pipe = Pipe(sys.stdin.buffer)
        film = pipe.begins_with(Y4M)
        content = None if film else pipe.rest()
    except OSError as error:
        raise ImageError(f"-: cannot be read: {error.strerror}") from error
    job = Job(STREAM, STREAM)
    if target is None:
        _refuse_terminal()
    else:
        job = Job(STREAM, target_of(STREAM, target, film=film))
        check([job], options.force or skip_existing, OTHERWISE)
        if unused := unused_quality(options.quality, [job.target]):
            tell(unused)
        if skip_existing and os.path.exists(job.target):
            tell("1 result is there already, 0 to make")
            return 0
    if content is None:
        asked = films()
        keep = skip_existing
        return upscale_films(upscaler, [job], asked, None, json=json, alone=True, keep=keep, pipe=pipe)
    file = PictureFile(content, "standard input")
    if target is None:
        return _picture(upscaler, file, STREAM, options, json=json)
    if job.target.suffix.lower() in FILMS:
        raise FilmError("standard input is no film: it takes Y4M, as ffmpeg makes it with -f yuv4mpegpipe -")
    done, lines = upscale_file(upscaler, STREAM, job.target, options, file=file), Lines()
    lines.say(as_json(done) if json else as_text(done))
    return 1 if lines.failure else 0


def _picture(upscaler: Upscaler, file: PictureFile, source: Path, options: Options, *, json: bool) -> int:
    """To standard output."""
    _refuse_terminal()
    large, done = upscale_bytes(upscaler, file, Job(source, STREAM), options)
    write_stdout(large)
    if json:
        tell(as_json(done))
    return 0


def _refuse_terminal() -> None:
    if sys.stdout is not None and sys.stdout.isatty():
        raise ImageError("standard output is a terminal; give a file with -o, or redirect it with >")
