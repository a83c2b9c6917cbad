"""What is asked of a film, in words, and the file that can hold what becomes of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mssn.checks import number_of
from mssn.errors import FilmError, ImageError
from mssn.film.inputs import need_rate, rate_of
from mssn.upscaling.jobs import Options
from mssn.upscaling.upscaler import Upscaler

if TYPE_CHECKING:  # and where they are needed, so that pictures do not wait for them
    from mssn.film.plan import FilmOptions

Interlaced = Literal["auto", "refuse"]


def film_options(
    options: Options,
    codec: str | None,
    interlaced: Interlaced,
    start: str | None,
    end: str | None,
    rate: str | None,
) -> FilmOptions:
    """What is asked of films.

    Raises:
        MssnError: An option says nothing about films, or makes no sense.
        MissingDependencyError: PyAV is not installed.
    """
    from mssn.film.plan import FilmOptions

    if options.crop is not None or options.dpi != "keep":
        raise ImageError(f"`{'dpi' if options.crop is None else 'crop'}` is for pictures, not for films")
    if options.metadata == "strip":
        raise ImageError("`metadata` of films is kept; leave it out")
    times = seconds("from", start), seconds("to", end)
    shown = None if rate is None else rate_of(rate)
    limit = options.max_pixels
    return FilmOptions(
        *(codec, options.quality, interlaced, *times),
        force=options.force,
        rate=shown,
        max_pixels=limit,
        keep_times=options.keep_times,
    )


def seconds(option: str, text: str | None) -> float | None:
    """83.5, 1:23.5 or 0:01:23.5.

    Raises:
        FilmError: It is no time.
    """
    if text is None:
        return None
    try:
        parts = [number_of(part) for part in text.split(":")]
    except ValueError:
        parts = []
    whole = all(0 <= part < 60 for part in parts[1:]) and all(0 <= part < math.inf for part in parts[:1])
    if not 1 <= len(parts) <= 3 or not whole:
        raise FilmError(f"`{option}` must be a time, 83.5 or 1:23.5 or 0:01:23.5, not '{text}'")
    return sum(part * 60**place for place, part in enumerate(reversed(parts)))


def name_of_part(start: str | None, end: str | None) -> str:
    """What tells the result of a part of a film from the whole one's, in its name.

    Examples:
        >>> name_of_part("1:20", "1:30.5"), name_of_part(None, None)
        ('from-80_to-90.5', '')

    Raises:
        FilmError: A time is none.
    """
    times = {"from": seconds("from", start), "to": seconds("to", end)}
    return "_".join(f"{word}-{time:.10g}" for word, time in times.items() if time is not None)


def fitting(
    upscaler: Upscaler, source: Path, target: Path, options: FilmOptions, *, named: bool
) -> tuple[Path, FilmError | None]:
    """A name whose container holds all that a film has.

    Args:
        upscaler: What would enlarge it.
        source: The film.
        target: What it would be written to.
        options: How it would be made.
        named: Whether that name was asked for; else .mkv is taken where the film's own container cannot hold
            what becomes of it.

    Returns:
        The file to write, and why it is another one, or None.

    Raises:
        FilmError: It cannot be read, or not be made like that.
    """
    from mssn.film.facts import probe
    from mssn.film.plan import plan_film
    from mssn.film.size import result_size

    need_rate(source, options.rate)
    film = probe(source, options.rate)
    size = result_size(upscaler, film.video)
    try:
        plan_film(film, target, size, options)
    except FilmError as error:
        other = target.with_suffix(".mkv")
        if named or other == target:
            raise
        plan_film(film, other, size, options)
        return other, error
    return target, None
