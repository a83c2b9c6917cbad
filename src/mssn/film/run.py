"""Enlarge a film: decided, made in segments, joined; a run that was stopped is gone on with."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from mssn.atomic import replacing, sweep
from mssn.errors import CancelledError, FilmError, ImageError
from mssn.film.color import Converter
from mssn.film.estimate import frames_of
from mssn.film.facts import Video, probe
from mssn.film.inputs import need_rate
from mssn.film.mux import join, with_captions
from mssn.film.pipeline import Segments, depth, flow, longest
from mssn.film.plan import FilmOptions, FilmPlan, plan_film
from mssn.film.repeats import FrameEnlarger
from mssn.film.segments import SegmentFolder, identity, naming
from mssn.film.size import result_size
from mssn.film.source import Decoded, Source
from mssn.image.compression import LOSSLESS, Compression
from mssn.image.picture import Picture
from mssn.upscaling.files import check_place
from mssn.upscaling.upscaler import Upscaler
from mssn.version import __version__

_SKIPPED = 64  # frames between two calls of the progress while frames are passed over
_ENDS = LOSSLESS, Compression(kind="JPEG", quality=30)  # compressions between which scenes lie
_SIDE = 48  # pixels of the picture by which networks are told from each other


@dataclass(frozen=True)
class FilmProgress:
    """How far a film is.

    Attributes:
        done: Frames of the result that are enlarged.
        total: How many there will be; None where the file does not tell, and never fewer than are done.
        seconds: Since the beginning.
        fps: Frames a second that are enlarged in this run; 0 at the beginning.
        left: Seconds that it still takes; None if that is not known.
    """

    done: int
    total: int | None
    seconds: float
    fps: float
    left: float | None


@dataclass(frozen=True)
class FilmDone:
    """What became of a film.

    Attributes:
        before: Width and height of the source in pixels, as it is shown: turned, if it says so.
        after: The same of the result.
        frames: How many the result has.
        resumed: How many of them an earlier run had made.
        computed: The share of the pixels that networks computed in this run; what repeats costs nothing.
        seconds: It took.
        model: What enlarged most of it; see `mssn.upscaling.upscaler.Enlarged`.
        strength: Where the dial stood for most of the frames, 0 to 1; None where there is none.
        strengths: The least and the greatest strength of its scenes; None where there is none.
        notes: What the result does not keep of the source, or what was assumed.
        missing: What of the source could not be read.
    """

    before: tuple[int, int]
    after: tuple[int, int]
    frames: int
    resumed: int
    computed: float
    seconds: float
    model: str
    strength: float | None
    strengths: tuple[float, float] | None
    notes: tuple[str, ...]
    missing: tuple[str, ...]


def upscale_film(
    upscaler: Upscaler,
    source: Path,
    target: Path,
    options: FilmOptions | None = None,
    progress: Callable[[FilmProgress], object] | None = None,
) -> FilmDone:
    """Enlarge a film file into another; the target appears only when whole.

    A run that was stopped leaves the segments that it made in a hidden folder beside the target. The same
    call goes on from there.

    Args:
        upscaler: What enlarges.
        source: Film to read.
        target: Film to write; its ending chooses the container.
        options: What is wanted.
        progress: Called after each frame; cancels by returning False.

    Raises:
        FilmError: It cannot be read or written, or the target exists.
        MissingDependencyError: PyAV is not installed.
        CancelledError: `progress` returned False.
    """
    return _Making(upscaler, source, target, options or FilmOptions(), progress).run()


class _Making:
    def __init__(
        self,
        upscaler: Upscaler,
        source: Path,
        target: Path,
        options: FilmOptions,
        progress: Callable[[FilmProgress], object] | None,
    ) -> None:
        self.started, self.progress = time.perf_counter(), progress
        need_rate(source, options.rate)
        self.film = probe(source, options.rate)
        try:
            check_place(target, options.force, source)
            size = result_size(upscaler, self.film.video)
        except ImageError as error:
            raise FilmError(*error.args) from error
        self.target, self.options, self.video = target, options, self.film.video
        self.plan = plan_film(self.film, target, size, options)
        made = self.plan.height, self.plan.width
        asked = upscaler.result_size(self.video.height, self.video.width)
        self.upscaler = upscaler if made == asked else upscaler.sized(*made)
        self.total = frames_of(self.film, options)
        self.computed = 0.0
        self.most = longest(self.video.rate)

    def run(self) -> FilmDone:
        sweep(self.target.parent)
        with SegmentFolder(self.target, self.making()) as folder:
            segments = Segments(folder, self.plan, self.most, self.total)
            resumed = segments.place.number if segments.place is not None else 0
            about = folder.whole or self.make(folder, segments)
            start, end, part = self.options.start, self.options.end, folder.part
            with naming(self.target), replacing(self.target, durable=True, part=part):
                join(self.film, self.plan, folder.segments, part, start=start, end=end)
            folder.remove()
        model, strength, strengths = chosen(
            self.upscaler, (self.video.height, self.video.width), segments.scenes
        )
        return FilmDone(
            self.video.seen(self.video.width, self.video.height),
            self.video.seen(self.plan.width, self.plan.height),
            about["frames"],
            resumed,
            self.computed,
            time.perf_counter() - self.started,
            model,
            strength,
            strengths,
            self.plan.notes,
            tuple(about["missing"]),
        )

    def making(self) -> dict[str, Any]:
        """All that decides what the segments are."""
        import av

        return {
            "source": identity(self.film.path),
            "options": [
                self.options.start,
                self.options.end,
                self.options.interlaced,
                str(self.options.rate),
            ],
            "plan": repr(self.plan),
            "network": _fingerprint(self.upscaler, self.video, self.plan),
            "strengths": [
                list(self.upscaler.chosen(one, self.video.height, self.video.width)) for one in _ENDS
            ],
            "segments": [self.most, self.total],
            "versions": [__version__, av.__version__, av.ffmpeg_version_info],
        }

    def make(self, folder: SegmentFolder, segments: Segments) -> dict[str, Any]:
        """Make the segments that are missing."""
        source = Source(self.film, self.options, segments.place)
        into, out_of = (Converter(self.video, self.plan) for _ in range(2))  # one for each thread
        enlarge, frames = FrameEnlarger(self.upscaler), iter(source)
        there = 0 if segments.place is None else segments.place.number
        first = time.perf_counter()
        self.tell(0, 0, first)
        for decoded in frames:  # those that are needed for what follows, and nothing else
            if decoded.number >= there:
                frames = chain([decoded], frames)
                break
            if decoded.number % _SKIPPED == 0:
                self.tell(decoded.number, 0, first)
        first = time.perf_counter()

        def converted() -> Iterator[tuple[Decoded, Any]]:
            for decoded in frames:
                yield decoded, into.to_rgb(decoded.frame)

        def enlarged(one: tuple[Decoded, Any]) -> tuple[Decoded, Any]:
            decoded, (pixels, alpha) = one
            return decoded, enlarge(pixels, alpha, decoded.compression)

        def write(one: tuple[Decoded, Any]) -> None:
            frame = out_of.from_rgb(*one[1])
            if self.plan.captions:
                frame = with_captions(frame, one[0].frame)
            frame.pts, frame.time_base, frame.duration = one[0].pts, source.time_base, one[0].frame.duration
            segments.write(frame, one[0])

        waiting = depth(self.plan.height, self.plan.width)
        for number, _ in enumerate(flow(converted(), enlarged, write, waiting), 1):
            self.tell(there + number, number, first)
        segments.finish()
        about = {"frames": source.frames, "missing": source.missing}
        folder.keep_whole(about)
        self.computed, self.total = enlarge.computed, source.frames
        self.tell(source.frames, max(source.frames - there, 0), first)
        return about

    def tell(self, done: int, here: int, first: float) -> None:
        """Say how far it is.

        Args:
            done: Frames that are enlarged.
            here: How many of them in this run.
            first: When it began with them.

        Raises:
            CancelledError: Whoever follows wants no more.
        """
        if self.progress is None:
            return
        now = time.perf_counter()
        fps = here / (now - first) if here else 0.0
        total = None if self.total is None else max(self.total, done)
        left = (total - done) / fps if total is not None and fps else None
        go_on = self.progress(FilmProgress(done, total, now - self.started, fps, left))
        if isinstance(go_on, bool | np.bool_) and not go_on:
            raise CancelledError("cancelled before the film was done; the same call goes on from here")


def chosen(
    upscaler: Upscaler, size: tuple[int, int], scenes: Mapping[Compression, int]
) -> tuple[str, float | None, tuple[float, float] | None]:
    """The model and the strength of most of a film's frames, and the least and the greatest strength.

    Args:
        upscaler: What enlarges them.
        size: Height and width of a frame.
        scenes: How many frames were compressed how.
    """
    found = Counter[tuple[str, float | None]]()
    for compression, frames in scenes.items():
        found[upscaler.chosen(compression, *size)] += frames
    strengths = [strength for _, strength in found if strength is not None]
    return *max(found, key=lambda one: found[one]), (min(strengths), max(strengths)) if strengths else None


def _fingerprint(upscaler: Upscaler, video: Video, plan: FilmPlan) -> str:
    """What the networks make of a small picture: weights, precision, strength and runtime all show in it."""
    rng, deep = np.random.default_rng(0), video.depth > 8
    pixels = rng.integers(0, 65536 if deep else 256, (_SIDE, _SIDE, 3), np.uint16 if deep else np.uint8)
    factor = max(plan.height / video.height, plan.width / video.width)
    large = upscaler.scaled(factor).enlarge(Picture(pixels, compression=video.compression)).picture.pixels
    return hashlib.sha256(large.tobytes()).hexdigest()
