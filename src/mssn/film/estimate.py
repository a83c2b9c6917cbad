"""About how long a film would take, and how large it would become; nothing is written beside it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mssn.errors import FilmError, MssnError
from mssn.film.clock import Clock
from mssn.film.color import Converter
from mssn.film.encoded import SegmentWriter, packets
from mssn.film.facts import Film, probe
from mssn.film.pipeline import length, longest
from mssn.film.plan import FilmOptions, FilmPlan, plan_film
from mssn.film.pyav import opened
from mssn.film.reading import Reading
from mssn.film.size import result_size
from mssn.film.source import Decoded, Source
from mssn.image.picture import Picture
from mssn.upscaling.estimate import Planned
from mssn.upscaling.jobs import Job
from mssn.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    import av

_PLACES = 0.1, 0.5, 0.9  # of the film, where it is tried
_ROW = 17  # frames at each: an encoder stores the first whole, and looks ahead for the others
_SOUND = 10.0  # seconds of the other streams that are read


def estimate_film(upscaler: Upscaler, job: Job, options: FilmOptions) -> Planned:
    """Look at a film, and try a few places of it.

    Args:
        upscaler: What would enlarge.
        job: The film and its result.
        options: How it would be made.

    Returns:
        What would be made; pages are frames. Frames that repeat are not counted off.
    """
    try:
        film = probe(job.source, options.rate)
        video = film.video
        plan = plan_film(film, job.target, result_size(upscaler, video), options)
        model, strength = upscaler.chosen(video.compression, video.height, video.width)
        frames = frames_of(film, options) or 0
        seconds, size = _Trial(upscaler, film, options, plan).run(frames)
    except MssnError as error:
        return Planned(job, error=error)
    before, after = video.seen(video.width, video.height), video.seen(plan.width, plan.height)
    return Planned(job, before, after, frames, model, strength, video.compression, seconds, size)


def frames_of(film: Film, options: FilmOptions) -> int | None:
    """About how many frames would be made; None if the film says nothing about that."""
    video, cut = film.video, _cut(film, options)
    if video.frames and options.start is None and options.end is None:
        return video.frames
    if cut is None or video.rate is None:
        return None
    rate = video.frames / film.duration if video.frames and film.duration else video.rate
    return round((cut[1] - cut[0]) * rate)


def _cut(film: Film, options: FilmOptions) -> tuple[float, float] | None:
    """Seconds after the film's beginning where the result begins and ends; None if that is not known."""
    # With its sound, the film may last longer.
    whole = film.duration if film.video.end is None else float(film.video.end) - film.start
    return None if whole is None else (min(options.start or 0, whole), min(options.end or whole, whole))


class _Trial:
    """Frames in a row of a few places. The network enlarges one of each.

    How frames change from one to the next, the others tell, enlarged without it. How much more there is to
    store with it, the one tells.
    """

    def __init__(self, upscaler: Upscaler, film: Film, options: FilmOptions, plan: FilmPlan) -> None:
        self.upscaler, self.film, self.options, self.plan = upscaler, film, options, plan
        self.converter = Converter(film.video, plan)
        self.seconds: dict[str, float] = {"read": 0.0, "enlarge": 0.0, "encode": 0.0}
        self.count: dict[str, int] = dict.fromkeys(self.seconds, 0)  # frames of each
        self.key, self.other = list[int](), list[int]()  # bytes of packets, those that begin a row and others
        self.plain = self.large = 0  # bytes of single frames without the network, and with it

    def run(self, frames: int) -> tuple[float, float]:
        """Seconds and bytes of a result of so many frames."""
        with TemporaryDirectory() as folder:
            self.path = Path(folder) / "trial"
            for row in self.rows(frames):
                self.try_row(row)
        read, enlarge, encode = (self.seconds[step] / self.count[step] for step in self.seconds)
        keys, number, most = 0, 0, longest(self.film.video.rate)
        while number < frames:
            keys, number = keys + 1, number + length(most, frames, number)
        size = keys * fmean(self.key) + (frames - keys) * fmean(self.other or self.key)
        return frames * max(read + enlarge, encode), size * self.large / self.plain + self.beside()

    def rows(self, frames: int) -> Iterator[list[Decoded]]:
        """Frames that follow each other."""
        film, options, cut = self.film, self.options, _cut(self.film, self.options)
        starts = [options.start]
        with opened(film.path, film.given) as container:
            # Where clocks jump, no place is found but by decoding all before it.
            if cut is not None and frames > _ROW * len(_PLACES) and not Clock(container).jumps:
                starts[:0] = [cut[0] + share * (cut[1] - cut[0]) for share in _PLACES]
        found = False
        for place, start in enumerate(starts, 1):
            if found and place == len(starts):
                return
            row, moments = list[Decoded](), list[float]()
            with nullcontext() if place == len(starts) else suppress(FilmError):  # a header that lies
                for decoded in islice(Source(film, replace(options, start=start)), _ROW):
                    row.append(decoded)
                    moments.append(time.perf_counter())
            if row:
                found = True
                self.took("read", moments[-1] - moments[0], max(len(row) - 1, 1))
                yield row

    def try_row(self, row: list[Decoded]) -> None:
        """Enlarge and encode it."""
        one = row[len(row) // 2]
        pixels, alpha = self.converter.to_rgb(one.frame)
        picture = Picture(pixels, alpha=alpha, compression=one.compression)
        if not self.plain:
            self.upscaler.enlarge(picture)  # what is made once is no frame's
        began = time.perf_counter()
        large = self.upscaler.enlarge(picture).picture
        self.took("enlarge", time.perf_counter() - began, 1)
        self.large += sum(self.encoded([(one, self.converter.from_rgb(large.pixels, large.alpha))]))
        self.plain += sum(self.encoded([(one, self.resized(one))]))
        began = time.perf_counter()
        key, *others = self.encoded((each, self.resized(each)) for each in row)
        self.took("encode", time.perf_counter() - began, len(row))
        self.key.append(key)
        self.other += others

    def took(self, step: str, seconds: float, frames: int) -> None:
        """Note what a step took."""
        self.seconds[step] += seconds
        self.count[step] += frames

    def resized(self, decoded: Decoded) -> av.VideoFrame:
        """A frame in the result's size, without the network."""
        plan = self.plan
        return decoded.frame.reformat(plan.width, plan.height, plan.format, interpolation="BICUBIC")

    def encoded(self, frames: Iterable[tuple[Decoded, av.VideoFrame]]) -> list[int]:
        """Bytes of each frame in a segment of its own."""
        writer = SegmentWriter(self.path, self.plan)
        for decoded, frame in frames:
            frame.pts, frame.time_base = decoded.pts, self.film.video.time_base
            writer.write(frame)
        writer.close()
        return [packet.size for packet in packets([self.path], self.plan.time_base)]

    def beside(self) -> float:
        """Bytes of what is carried beside the pictures."""
        cut = _cut(self.film, self.options)
        kept = {one.stream.index for one in self.plan.carried if not one.stream.cover}
        if cut is None or not kept:
            return 0.0
        size, until = 0, self.film.start + _SOUND
        with opened(self.film.path, self.film.given) as container:
            for packet in Reading(container).packets():
                if packet.dts is not None and packet.dts * packet.time_base > until:
                    break
                size += packet.size if packet.stream_index in kept else 0
        return size * (cut[1] - cut[0]) / min(_SOUND, self.film.duration or _SOUND)
