"""Encoded segments on disk, and the file in which they stand beside everything else of the source."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mssn.errors import FilmError
from mssn.film.facts import Film
from mssn.film.plan import FilmPlan
from mssn.film.pyav import opened, reason, url

if TYPE_CHECKING:
    import av


class SegmentWriter:
    """Encodes frames into a file of their own, which begins with a key frame and keeps exact time stamps.

    Args:
        path: The file.
        plan: How.

    Raises:
        FilmError: It cannot be written, or the encoder does not start.
    """

    def __init__(self, path: Path, plan: FilmPlan) -> None:
        import av

        self._path, self._plan = path, plan
        try:
            # As they are: NUT would move what begins below 0, and B-frames are decoded before they begin.
            self._container = av.open(
                url(path),
                "w",
                format=segment_format(plan),
                container_options={"avoid_negative_ts": "disabled"},
            )
            self._stream = add_film(self._container, plan)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise FilmError(f"{path}: cannot be written: {reason(error)}") from error

    def write(self, frame: av.VideoFrame) -> None:
        """Encode a frame; its time stamp and time base are set."""
        self._mux(frame)

    def close(self) -> None:
        """Encode what is still under way and finish the file."""
        self._mux(None)
        self._container.close()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        import av

        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise FilmError(f"{self._path}: cannot be written: {reason(error)}") from error


def segment_format(plan: FilmPlan) -> str:
    """NUT keeps every time base; what it does not hold goes into what holds the result."""
    if plan.encoding.codec == "prores":
        return "mov"
    return "matroska" if plan.encoding.codec == "vp9" and plan.format.startswith("yuva") else "nut"


def add_film(container: av.container.OutputContainer, plan: FilmPlan) -> av.VideoStream:
    """A stream whose encoder stands as the plan says; headers take everything from there."""
    encoding = plan.encoding
    stream = container.add_stream(encoding.encoder, rate=plan.rate, options=dict(encoding.options))
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = plan.width, plan.height, plan.format
    context.time_base = stream.time_base = plan.time_base
    context.sample_aspect_ratio = plan.aspect
    colours = plan.colours
    context.color_range = 2 if colours.full else 1
    context.colorspace, context.color_primaries, context.color_trc = (
        colours.matrix,
        colours.primaries,
        colours.transfer,
    )
    if plan.rotation is not None:
        stream.set_display_matrix(plan.rotation)
    if encoding.tag:
        context.codec_tag = encoding.tag
    return stream


def join(
    film: Film,
    plan: FilmPlan,
    segments: Sequence[Path],
    part: BinaryIO | Path,
    *,
    start: float | None = None,
    end: float | None = None,
    clock: Callable[[av.Packet], None] | None = None,
) -> None:
    """Put the segments' pictures and all other streams of the source into one file.

    Args:
        film: The source.
        plan: As for the segments.
        segments: Their files, in order.
        part: Where it goes.
        start: Seconds after the film's beginning at which the result begins.
        end: The same of its end.
        clock: Puts the time stamps of the source's packets right, called for every packet in their order.

    Raises:
        FilmError: The source cannot be read, or the result cannot be written.
    """
    import av

    with opened(film.path) as source:
        target = av.open(url(part) if isinstance(part, Path) else part, "w", format=plan.container)
        try:
            with target:
                _Joining(film, plan, segments, source, target, clock).run()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise FilmError(f"{film.path}: the result cannot be written: {reason(error)}") from error


class _Joining:
    def __init__(
        self, film: Film, plan: FilmPlan, segments: Sequence[Path], source: Any, target: Any, clock: Any
    ) -> None:
        self.film, self.plan, self.segments = film, plan, segments
        self.source, self.target, self.clock = source, target, clock
        self.picture = None
        self.streams: dict[int, Any] = {}

    def run(self) -> None:
        for stream in self.source.streams:
            if stream.index == self.film.video.index:
                self.picture = add_film(self.target, self.plan)
                self.picture.metadata.update(kept_tags(stream.metadata))
                self.picture.disposition = int(stream.disposition)
        for carried in self.plan.carried:
            stream = self.source.streams[carried.stream.index]
            made = self.target.add_stream_from_template(stream, opaque=True)
            made.metadata.update(kept_tags(stream.metadata))
            made.disposition = int(stream.disposition)
            self.streams[stream.index] = made
        self.target.metadata.update(kept_tags(self.film.metadata))
        self.target.set_chapters(list(self.film.chapters))
        self.target.start_encoding()
        for packet in heapq.merge(self._pictures(), self._others(), key=lambda pair: pair[0]):
            self.target.mux_one(packet[1])

    def _pictures(self) -> Iterator[tuple[Fraction, Any]]:
        ticks = array("q", (packet.pts for packet in packets(self.segments, self.plan.time_base)))
        times = array("q", sorted(ticks))
        late = delay(ticks, times)
        step = times[1] - times[0] if len(times) > 1 else 1
        for number, packet in enumerate(packets(self.segments, self.plan.time_base)):
            after = bisect_right(times, packet.pts)
            # Encoders know only their own segment; across them, the times of decoding are those of showing,
            # earlier by as many frames as decoding must run ahead.
            packet.dts = times[number - late] if number >= late else times[0] - (late - number) * step
            end = times[after] if after < len(times) else self._end(packet.pts, step)
            packet.duration = end - packet.pts
            packet.stream = self.picture
            yield packet.dts * packet.time_base, packet

    def _end(self, tick: int, step: int) -> int:
        if self.plan.rate:
            return tick + max(1, round(1 / self.plan.rate / self.plan.time_base))
        return tick + step

    def _others(self) -> Iterator[tuple[Fraction, Any]]:
        now = Fraction(-(10**9))
        for packet in self.source.demux():
            if not packet.size:
                continue
            if self.clock is not None:
                self.clock(packet)
            if packet.stream_index not in self.streams:
                continue
            stamp = packet.dts if packet.dts is not None else packet.pts
            if stamp is not None:
                now = max(now, stamp * packet.time_base)
            packet.stream = self.streams[packet.stream_index]
            yield now, packet


def kept_tags(tags: dict[str, str]) -> dict[str, str]:
    """Tags that still hold of the result: not those of the file and of its encoder."""
    gone = {"encoder", "duration", "major_brand", "minor_version", "compatible_brands", "number_of_frames"}
    return {name: value for name, value in tags.items() if name.lower() not in gone}


def packets(segments: Sequence[Path], time_base: Fraction) -> Iterator[Any]:
    """The packets of segments in the order of decoding, with their time stamps in a time base."""
    for segment in segments:
        with opened(segment) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size:
                    packet.pts = round(packet.pts * packet.time_base / time_base)
                    packet.time_base = time_base
                    yield packet


def delay(ticks: Sequence[int], times: Sequence[int]) -> int:
    """By how many frames decoding runs ahead of showing.

    Args:
        ticks: When frames are shown, in the order of decoding.
        times: The same in the order of showing.
    """
    return max((number - bisect_left(times, tick) for number, tick in enumerate(ticks)), default=0)
