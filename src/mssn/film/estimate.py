"""About how long a film would take, and how large it would become; nothing is written beside it."""

from __future__ import annotations

import tempfile
import time
from itertools import islice
from pathlib import Path

from mssn.errors import FilmError, MssnError
from mssn.film.color import Converter
from mssn.film.facts import Film, probe
from mssn.film.mux import SegmentWriter
from mssn.film.plan import FilmOptions, FilmPlan, plan_film
from mssn.film.size import result_size
from mssn.film.source import Source
from mssn.image.picture import Picture
from mssn.upscaling.estimate import Planned
from mssn.upscaling.jobs import Job
from mssn.upscaling.upscaler import Upscaler

_FRAMES = 12  # encoders look ahead: a few frames alone would be too large and too slow
_ENLARGED = 3  # of them; the others are repeated in the trial


def estimate_film(upscaler: Upscaler, job: Job, options: FilmOptions) -> Planned:
    """Look at a film, and try its first frames.

    Args:
        upscaler: What would enlarge.
        job: The film and its result.
        options: How it would be made.

    Returns:
        What would be made; pages are frames. Frames that repeat are not counted off.
    """
    try:
        film = probe(job.source, options.rate)
        size = result_size(upscaler, film.video)
        plan = plan_film(film, job.target, size, options)
        model, strength = upscaler.chosen(film.video.compression, film.video.height, film.video.width)
        seconds, content = _trial(upscaler, film, options, plan)
    except MssnError as error:
        return Planned(job, error=error)
    frames = frames_of(film, options) or 0
    before, after = (film.video.width, film.video.height), (plan.width, plan.height)
    about = film.video.compression
    return Planned(job, before, after, frames, model, strength, about, seconds * frames, content * frames)


def frames_of(film: Film, options: FilmOptions) -> int | None:
    """About how many frames would be made; None if the film says nothing about that."""
    video, whole = film.video, film.duration
    if video.frames and options.start is None and options.end is None:
        return video.frames
    if whole is None or video.rate is None:
        return None
    rate = video.frames / whole if video.frames else video.rate
    return round((min(options.end or whole, whole) - min(options.start or 0, whole)) * rate)


def _trial(upscaler: Upscaler, film: Film, options: FilmOptions, plan: FilmPlan) -> tuple[float, float]:
    """Seconds and bytes of a frame."""
    converter = Converter(film.video, plan)
    started = time.perf_counter()
    decoded = list(islice(Source(film, options), _FRAMES))
    if not decoded:
        raise FilmError(f"{film.path}: no frame of it can be decoded")
    read = (time.perf_counter() - started) / len(decoded)
    pixels = [converter.to_rgb(one.frame) for one in decoded[:: -(-len(decoded) // _ENLARGED)]]
    pictures = [Picture(p, alpha=a, compression=film.video.compression) for p, a in pixels]
    upscaler.enlarge(pictures[0])  # what is made once is no frame's
    started = time.perf_counter()
    large = [upscaler.enlarge(picture).picture for picture in pictures]
    enlarged = (time.perf_counter() - started) / len(large)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trial"
        started = time.perf_counter()
        writer = SegmentWriter(path, plan)
        for number, one in enumerate(decoded):
            picture = large[number * len(large) // len(decoded)]
            frame = converter.from_rgb(picture.pixels, picture.alpha)
            frame.pts, frame.time_base = one.pts, film.video.time_base
            writer.write(frame)
        writer.close()
        encoded = (time.perf_counter() - started) / len(decoded)
        size = path.stat().st_size / len(decoded)
    return max(read + enlarged, encoded), size
