"""Enlarge a film: decided, made in segments, joined; a run that was stopped is gone on with."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mssn.atomic import replacing, sweep
from mssn.errors import CancelledError, FilmError, ImageError
from mssn.film.color import Converter
from mssn.film.estimate import frames_of
from mssn.film.facts import Video, probe
from mssn.film.inputs import need_rate
from mssn.film.mux import join, with_captions
from mssn.film.pipeline import Segments, depth, flow
from mssn.film.plan import FilmOptions, FilmPlan, plan_film
from mssn.film.repeats import FrameEnlarger
from mssn.film.segments import SegmentFolder, identity, naming
from mssn.film.size import result_size
from mssn.film.source import Decoded, Source
from mssn.image.picture import Picture
from mssn.upscaling.files import check_place
from mssn.upscaling.upscaler import Upscaler
from mssn.version import __version__

if TYPE_CHECKING:
    pass

# A segment is what a run that is killed loses, and begins with a key frame. Five seconds cost no bytes,
# because encoders put key frames about so often anyway; one second cost 15 %, two 7 % (AV1 of 1280x720).
SEGMENT, PARTS = 5, 12  # seconds of a segment; but so many parts a shorter film has at least
_FRAMES = range(16, 601)  # of a segment, whatever the header says
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
        before: Width and height of the source in pixels, as stored.
        after: The same of the result.
        frames: How many the result has.
        resumed: How many of them an earlier run had made.
        computed: The share of the pixels that networks computed in this run; what repeats costs nothing.
        seconds: It took.
        model: What enlarged it; see `mssn.upscaling.upscaler.Enlarged`.
        strength: Where the dial stood, 0 to 1; None where there is none.
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
        lengths = [
            SEGMENT * float(self.video.rate or 25),
            *([] if self.total is None else [self.total / PARTS]),
        ]
        self.length = min(max(math.ceil(min(lengths)), _FRAMES[0]), _FRAMES[-1])

    def run(self) -> FilmDone:
        sweep(self.target.parent)
        with SegmentFolder(self.target, self.making()) as folder:
            resumed = len(folder.segments) * self.length
            about = folder.whole or self.make(folder)
            resumed = min(resumed, about["frames"])
            start, end, part = self.options.start, self.options.end, folder.part
            with naming(self.target), replacing(self.target, durable=True, part=part):
                join(self.film, self.plan, folder.segments, part, start=start, end=end)
            folder.remove()
        model, strength = self.upscaler.chosen(self.video.compression, self.video.height, self.video.width)
        return FilmDone(
            (self.video.width, self.video.height),
            (self.plan.width, self.plan.height),
            about["frames"],
            resumed,
            self.computed,
            time.perf_counter() - self.started,
            model,
            strength,
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
            "frames": self.length,
            "versions": [__version__, av.__version__, av.ffmpeg_version_info],
        }

    def make(self, folder: SegmentFolder) -> dict[str, Any]:
        """Make the segments that are missing."""
        source = Source(self.film, self.options)
        into, out_of = (Converter(self.video, self.plan) for _ in range(2))  # one for each thread
        enlarge = FrameEnlarger(self.upscaler, self.video.compression)
        segments, frames = Segments(folder, self.plan, self.length), iter(source)
        there = len(folder.segments) * self.length
        first = time.perf_counter()
        self.tell(0, 0, first)
        for decoded in islice(frames, there):
            if decoded.number % self.length == 0:
                self.tell(decoded.number, 0, first)
        first = time.perf_counter()

        def converted() -> Iterator[tuple[Decoded, Any]]:
            for decoded in frames:
                yield decoded, into.to_rgb(decoded.frame)

        def enlarged(one: tuple[Decoded, Any]) -> tuple[Decoded, Any]:
            return one[0], enlarge(*one[1])

        def write(one: tuple[Decoded, Any]) -> None:
            frame = out_of.from_rgb(*one[1])
            if self.plan.captions:
                frame = with_captions(frame, one[0].frame)
            frame.pts, frame.time_base, frame.duration = one[0].pts, source.time_base, one[0].frame.duration
            segments.write(frame)

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


def _fingerprint(upscaler: Upscaler, video: Video, plan: FilmPlan) -> str:
    """What the networks make of a small picture: weights, precision, strength and runtime all show in it."""
    rng, deep = np.random.default_rng(0), video.depth > 8
    pixels = rng.integers(0, 65536 if deep else 256, (_SIDE, _SIDE, 3), np.uint16 if deep else np.uint8)
    factor = max(plan.height / video.height, plan.width / video.width)
    large = upscaler.scaled(factor).enlarge(Picture(pixels, compression=video.compression)).picture.pixels
    return hashlib.sha256(large.tobytes()).hexdigest()
