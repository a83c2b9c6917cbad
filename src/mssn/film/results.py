"""What a film's frames become: another film, numbered pictures, a moving picture, or a stream."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from mssn.atomic import part_of, replacing, sweep
from mssn.errors import CancelledError, FilmError, ImageError, MssnError
from mssn.film.color import Converter
from mssn.film.estimate import frames_of
from mssn.film.facts import Film, probe
from mssn.film.frames import Frames
from mssn.film.inputs import MOVING, Pipe, is_pattern, need_rate
from mssn.film.mux import SegmentWriter, join
from mssn.film.pictures import PictureWriter
from mssn.film.pipeline import depth, flow
from mssn.film.plan import FilmOptions, FilmPlan, plan_film
from mssn.film.repeats import FrameEnlarger
from mssn.film.run import FilmDone, FilmProgress, chosen, upscale_film
from mssn.film.source import Decoded
from mssn.film.streams import Y4M, Sink, StreamWriter, plan_stream
from mssn.image.compression import Compression
from mssn.upscaling.along import copy_times
from mssn.upscaling.estimate import Planned
from mssn.upscaling.files import check_place
from mssn.upscaling.jobs import Job
from mssn.upscaling.upscaler import Upscaler

STREAM = Path("-")
_TRIED = 4  # frames made to see how long all would take
Watch = Callable[[FilmProgress], object]
_One = tuple[Decoded, np.ndarray, np.ndarray | None]
_Write = Callable[[Decoded, np.ndarray, np.ndarray | None], object]


def make(
    upscaler: Upscaler,
    source: Path,
    target: Path,
    options: FilmOptions,
    progress: Watch | None = None,
    *,
    keep: bool = False,
    pipe: Pipe | None = None,
    out: Sink | None = None,
) -> FilmDone:
    """Enlarge a film into whatever its target is.

    Args:
        upscaler: What enlarges.
        source: A film, a moving GIF, WebP or PNG, or a pattern of numbered pictures; "-" stands for `pipe`.
        target: A film; a pattern, for numbered pictures; a moving GIF, WebP or PNG; Y4M, which "-" writes to
            `out`.
        options: What is wanted.
        progress: As for `upscale_film`.
        keep: Numbered pictures that are there stay, and are not made again.
        pipe: Y4M that is read once.
        out: Takes Y4M.

    Raises:
        FilmError: It cannot be read or written.
        MissingDependencyError: PyAV is not installed.
        CancelledError: `progress` returned False.
    """
    numbered, stream = is_pattern(target), target == STREAM or target.suffix.lower() in (*MOVING, Y4M)
    if pipe is None and not numbered and not stream:
        done = upscale_film(upscaler, source, target, options, progress)
        _keep_times(options, source, target)
        return done
    try:
        making = _Making(upscaler, source, options, progress, pipe, timed=not numbered)
        if numbered:
            return making.pictures(target, keep=keep)
        done = making.stream(target, out) if stream else making.film_of_pipe(target)
        _keep_times(options, source, target)
        return done
    except ImageError as error:
        raise FilmError(*error.args) from error
    except OSError as error:
        raise FilmError(f"{target}: cannot be written: {error.strerror or error}") from error


def _keep_times(options: FilmOptions, source: Path, target: Path) -> None:
    if options.keep_times and source.is_file() and target.is_file():  # no pattern, no pipe
        copy_times(source, target)


def foretell(upscaler: Upscaler, job: Job, options: FilmOptions, *, keep: bool) -> Planned:
    """About how long a film's frames alone would take, and how large they would become: a few are made.

    Args:
        upscaler: What would enlarge.
        job: As for `make`, but for films as targets and pipes as sources.
        options: What is wanted.
        keep: Numbered pictures that are there stay.

    Returns:
        What would be made; pages are frames, 0 where the film does not say how many it has.
    """
    numbered, moments = is_pattern(job.target), list[float]()
    try:
        making = _Making(
            *(upscaler, job.source, options),
            lambda progress: moments.append(time.perf_counter()),
            None,
            timed=not numbered,
        )
        making.most, count = _TRIED, making.total or 0
        if numbered:
            writer = PictureWriter(making.film, job.target, making.size, options, keep=keep)
            count = sum(not writer.has(number) for number in range(count))
        elif job.target != STREAM:
            check_place(job.target, options.force, job.source)
        with TemporaryDirectory() as folder:
            name = f"frames{Y4M}" if job.target == STREAM else job.target.name
            done = (making.pictures if numbered else making.stream)(Path(folder) / name)
            end, size = time.perf_counter(), sum(file.stat().st_size for file in Path(folder).iterdir())
    except MssnError as error:
        return Planned(job, error=error)
    # The first frame waits for what is made once.
    seconds = (end - moments[0]) / (len(moments) - 1) if len(moments) > 1 else done.seconds
    about = making.film.video.compression, seconds * count, size / len(moments) * count
    return Planned(job, done.before, done.after, count, done.model, done.strength, *about)


class _Making:
    def __init__(
        self,
        upscaler: Upscaler,
        source: Path,
        options: FilmOptions,
        progress: Watch | None,
        pipe: Pipe | None,
        *,
        timed: bool,
    ) -> None:
        self.started, self.progress, self.options = time.perf_counter(), progress, options
        if timed and pipe is None:
            need_rate(source, options.rate)
        if pipe is not None and options.rate is not None:
            raise FilmError(f"{source}: has a rate of its own; leave `rate` out")
        self.film = film = probe(source, pipe or options.rate)
        if film.video.interlaced and options.interlaced == "refuse":
            raise FilmError(f"{source}: is interlaced; with `interlaced` auto it is deinterlaced")
        self.frames = Frames(film, options)
        self.total = frames_of(film, options)
        self.most: int | None = None  # frames
        self.upscaler, self.size = upscaler, upscaler.result_size(*self.frames.size)

    def pictures(self, target: Path, *, keep: bool = False) -> FilmDone:
        """Numbered pictures."""
        writer = PictureWriter(self.film, target, self.size, self.options, keep=keep)
        target.parent.mkdir(exist_ok=True)
        sweep(target.parent)
        self.pump(lambda decoded, *planes: writer.write(decoded.number, *planes), writer.has)
        lost = ["times", *sorted({stream.kind for stream in self.film.others})]
        lost += [] if self.film.plays is None else ["how often it repeats"]
        notes = [f"{', '.join(lost)} left out"]
        if self.film.video.aspect != 1:
            notes.append(f"pixels are {self.film.video.aspect} as wide as high")
        return self.done([*notes, *writer.left(self.frames.source.frames)])

    def stream(self, target: Path, out: Sink | None = None) -> FilmDone:
        """A moving picture, or Y4M."""
        plan = plan_stream(self.film, target, self.size, self.options.quality)
        with ExitStack() as stack:
            if out is None:
                check_place(target, self.options.force, self.film.path)
                sweep(target.parent)
                out = stack.enter_context(replacing(target))
            writer = StreamWriter(out, plan, str(target))
            self.pump(_encoding(self.film, plan, writer.write))
            writer.close()
        return self.done([*plan.notes, *writer.notes])

    def film_of_pipe(self, target: Path) -> FilmDone:
        """A film of what comes once, which no other run could go on with."""
        check_place(target, self.options.force)
        plan = plan_film(self.film, target, self.size, self.options)
        self.upscaler = self.upscaler.sized(plan.height, plan.width)
        sweep(target.parent)
        part = part_of(target.parent)
        try:
            writer = SegmentWriter(part, plan)
            self.pump(_encoding(self.film, plan, writer.write))
            writer.close()
            with replacing(target, durable=True) as file:
                join(probe(part), plan, [part], file)
        finally:
            part.unlink(missing_ok=True)
        return self.done(plan.notes)

    def pump(self, write: _Write, has: Callable[[int], bool] = lambda number: False) -> None:
        """Enlarge all frames but those that are there already."""
        enlarge = self.enlarge = FrameEnlarger(self.upscaler)
        self.scenes = scenes = Counter[Compression]()

        def enlarged(one: _One) -> _One | None:
            scenes[one[0].compression] += 1
            return None if has(one[0].number) else (one[0], *enlarge(*one[1:], one[0].compression))

        def written(one: _One | None) -> None:
            if one is not None:
                write(*one)

        first, waiting = time.perf_counter(), depth(*self.size)
        for done, _ in enumerate(flow(islice(self.frames, self.most), enlarged, written, waiting), 1):
            if self.progress is None:
                continue
            now = time.perf_counter()
            total = None if self.total is None else max(self.total, done)
            fps = done / (now - first)
            left = None if total is None else (total - done) / fps
            if self.progress(FilmProgress(done, total, now - self.started, fps, left)) is False:
                raise CancelledError("cancelled before the film was done")

    def done(self, notes: Iterable[str]) -> FilmDone:
        """What became of it."""
        film, (height, width) = self.film, self.frames.size
        model, strength, strengths = chosen(self.upscaler, (height, width), self.scenes)
        if film.video.interlaced:
            notes = [*notes, "interlaced: deinterlaced"]
        return FilmDone(
            before=(width, height),
            after=(self.size[1], self.size[0]),
            frames=self.frames.source.frames,
            resumed=0,
            computed=self.enlarge.computed,
            seconds=time.perf_counter() - self.started,
            model=model,
            strength=strength,
            strengths=strengths,
            notes=tuple(notes),
            missing=tuple(self.frames.source.missing),
        )


def _encoding(film: Film, plan: FilmPlan, write: Callable[[Any], object]) -> _Write:
    """What makes a frame of pixels, with the time of the frame they come from, and writes it."""
    converter, base = Converter(film.video, plan), film.video.time_base

    def encode(decoded: Decoded, pixels: np.ndarray, alpha: np.ndarray | None) -> None:
        frame = converter.from_rgb(pixels, alpha)
        frame.pts, frame.time_base = decoded.pts, base
        told = decoded.frame.time_base or base
        frame.duration = round((decoded.frame.duration or 0) * told / base)
        write(frame)

    return encode
