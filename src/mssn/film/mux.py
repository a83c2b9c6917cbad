"""The file in which encoded pictures stand beside everything else of the source."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from mssn.errors import FilmError
from mssn.film.carried import Carried
from mssn.film.encoded import SegmentWriter, packets, with_captions
from mssn.film.encoder import add_encoded
from mssn.film.facts import Film
from mssn.film.mark import marked
from mssn.film.plan import FilmPlan
from mssn.film.pyav import faults, opened, reason, url
from mssn.film.reading import Reading
from mssn.film.subtitles import TextStream

__all__ = ["SegmentWriter", "join", "packets", "with_captions"]

# Tags that told of the source's file; each container and encoder writes its own.
_GONE = {"encoder", "duration", "major_brand", "minor_version", "compatible_brands", "alpha_mode"}
_COUNTS = ("bps", "number_of_", "_statistics")  # what Matroska's programs count of a stream
_PREROLL = Fraction(1, 20)  # seconds; sound needs some packets before its first
_MIME = {"mjpeg": "image/jpeg"}


def join(
    film: Film,
    plan: FilmPlan,
    segments: Sequence[Path],
    part: BinaryIO | Path,
    *,
    start: float | None = None,
    end: float | None = None,
) -> None:
    """Put the segments' pictures and all other streams of the source into one file.

    Args:
        film: The source.
        plan: As for the segments.
        segments: Their files, in order.
        part: Where it goes.
        start: Seconds after the film's beginning at which the result begins.
        end: The same of its end.

    Raises:
        FilmError: The source cannot be read, or the result cannot be written.
    """
    import av

    with opened(film.path) as source:
        try:
            file = url(part) if isinstance(part, Path) else part
            with av.open(file, "w", format=plan.container, container_options=dict(plan.muxing)) as target:
                _Joining(film, plan, segments, source, target, (start, end)).run()
        except faults() as error:
            raise FilmError(f"{film.path}: the result cannot be written: {reason(error)}") from error


class _Joining:
    def __init__(
        self,
        film: Film,
        plan: FilmPlan,
        segments: Sequence[Path],
        source: Any,
        target: Any,
        cut: tuple[float | None, float | None],
    ) -> None:
        self.film, self.plan, self.segments = film, plan, segments
        self.source, self.target = source, target
        self.reading = Reading(source)
        begin, end = (
            None if each is None else Fraction(film.start + each).limit_denominator(1_000_000) for each in cut
        )
        self.begin, self.end = begin, end
        # What begins at a cut begins at 0, and so do transport streams, whose clocks began anywhere.
        first = Fraction(film.start).limit_denominator(1_000_000)
        self.shift = begin if begin is not None else (first if self.reading.clock.jumps else Fraction(0))
        self.picture: Any = None
        self.copies: dict[int, Any] = {}
        self.covers: list[Any] = []
        self.texts: dict[int, Callable[[Any], Any]] = {}

    def run(self) -> None:
        ticks = array("q", (packet.pts for packet in packets(self.segments, self.plan.time_base)))
        times = array("q", sorted(ticks))
        kept = {carried.stream.index: carried for carried in self.plan.carried}
        for stream in self.source.streams:
            if stream.index == self.film.video.index:
                self._add_picture(stream, times)
            elif stream.index in kept:
                self._add(stream, kept[stream.index])
        self.target.metadata.update(marked(kept_tags(self.film.metadata)))
        self.target.set_chapters(list(self._chapters(times)))
        self.target.start_encoding()
        for packet in self.covers:
            self.target.mux_one(packet)
        both = heapq.merge(self._pictures(ticks, times), self._others(), key=lambda pair: pair[0])
        for _, packet in both:
            self.target.mux_one(packet)

    def _add_picture(self, stream: Any, times: Sequence[int]) -> None:
        self.picture = add_encoded(self.target, self.plan, steady(times, self.plan))
        tags = kept_tags(stream.metadata)
        self.picture.metadata.update(
            {name: value for name, value in tags.items() if not name.lower().startswith(_COUNTS)}
        )
        self.picture.disposition = int(stream.disposition)

    def _add(self, stream: Any, carried: Carried) -> None:
        tags = kept_tags(stream.metadata)
        if carried.codec is not None:
            text = TextStream(self.target, stream, carried.codec)
            made, self.texts[stream.index] = text.stream, text
        elif carried.stream.cover:
            packet = _first_packet(self.film, stream.index)
            if self.plan.container == "matroska":  # where covers are files that are attached
                mime = tags.get("mimetype", _MIME.get(carried.stream.codec, f"image/{carried.stream.codec}"))
                name = tags.get("filename", f"cover.{mime.removeprefix('image/').replace('jpeg', 'jpg')}")
                self.target.add_attachment(name, mime, bytes(packet)).metadata.update(tags)
                return
            made = self.target.add_stream_from_template(stream, opaque=True)
            packet.stream = made
            self.covers.append(packet)
        else:
            made = self.target.add_stream_from_template(stream, opaque=True)
        made.metadata.update(tags)
        made.disposition = int(stream.disposition)
        if not carried.stream.cover:
            self.copies[stream.index] = made

    def _chapters(self, times: Sequence[int]) -> Iterator[dict[str, Any]]:
        last = (times[-1] if times else 0) * self.plan.time_base if self.end is None else self.end
        for chapter in self.film.chapters:
            base = chapter["time_base"]
            start, end = chapter["start"] * base, chapter["end"] * base
            if self.begin is not None or self.end is not None:
                start, end = max(start, self.begin or start), min(end, self.end or end)
                if end <= start or start > last:
                    continue
            moved = {"start": round((start - self.shift) / base), "end": round((end - self.shift) / base)}
            yield {**chapter, **moved}

    def _pictures(self, ticks: Sequence[int], times: Sequence[int]) -> Iterator[tuple[Fraction, Any]]:
        base, late = self.plan.time_base, delay(ticks, times)
        step = times[1] - times[0] if len(times) > 1 else 1
        shift = round(self.shift / base)
        for number, packet in enumerate(packets(self.segments, base)):
            after = bisect_right(times, packet.pts)
            end = times[after] if after < len(times) else self._end(packet.pts, step)
            packet.duration = end - packet.pts
            # Encoders know only their own segment; across them, the times of decoding are those of showing,
            # earlier by as many frames as decoding must run ahead.
            packet.dts = times[number - late] if number >= late else times[0] - (late - number) * step
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = self.picture
            yield packet.dts * base, packet

    def _end(self, tick: int, step: int) -> int:
        """When the last frame ends."""
        base, said = self.plan.time_base, self.film.video.end
        if self.end is None and said is not None and not self.reading.clock.jumps and said > tick * base:
            return max(tick + 1, round(said / base))
        return tick + max(1, round(1 / self.plan.rate / base) if self.plan.rate else step)

    def _others(self) -> Iterator[tuple[Fraction, Any]]:
        now: Fraction | None = None
        last: dict[int, int] = {}
        for packet in self.reading.packets():
            index = packet.stream_index
            if index not in self.copies or not self._moved(packet):
                continue
            if index in self.texts and (packet := self.texts[index](packet)) is None:
                continue
            stamp = packet.pts if packet.dts is None else packet.dts
            if stamp is not None:
                if stamp <= last.get(index, stamp - 1):  # a jump that was taken out, to a tick
                    stamp = packet.dts = last[index] + 1
                    packet.pts = None if packet.pts is None else max(packet.pts, stamp)
                last[index] = stamp
                time = stamp * packet.time_base
                now = time if now is None else max(now, time)
            packet.stream = self.copies[index]
            yield now or Fraction(0), packet

    def _moved(self, packet: Any) -> bool:
        """Put a packet's times where the result begins; whether it belongs there at all."""
        stamp, base = packet.pts if packet.pts is not None else packet.dts, packet.time_base
        if stamp is None:
            return self.begin is None
        time, length = stamp * base, (packet.duration or 0) * base
        if packet.is_discard and self.plan.container not in ("mp4", "mov") and time + length < -_PREROLL:
            return False  # what an edit list hides, and no other container can
        text = packet.stream.type == "subtitle"
        if self.end is not None and time >= self.end:
            return False
        if self.begin is not None and time < self.begin:
            if not text or time + length <= self.begin:
                return False
            begin = round(self.begin / base)
            packet.duration, packet.pts, packet.dts = packet.duration - (begin - stamp), begin, begin
        shift = round(self.shift / base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift
        return True


def _first_packet(film: Film, index: int) -> Any:
    with opened(film.path) as source:
        for packet in source.demux(source.streams[index]):
            if packet.size:
                return packet
    raise FilmError(f"{film.path}: its cover picture, stream {index}, is empty")


def kept_tags(tags: dict[str, str]) -> dict[str, str]:
    """Tags that still hold: not those that tell of the source's file and its pictures."""
    return {name: value for name, value in tags.items() if name.lower() not in _GONE}


def steady(times: Sequence[int], plan: FilmPlan) -> Fraction | None:
    """Frames a second, if the frames come as evenly as ticks allow; None if they do not.

    Headers of sources may be wrong about that.

    Args:
        times: When frames are shown, in ticks, rising.
        plan: How long a tick is, and what the source's header said.
    """
    if len(times) < 2:
        return plan.rate
    mean = Fraction(len(times) - 1) / ((times[-1] - times[0]) * plan.time_base)
    for rate in (plan.rate, mean.limit_denominator(1001)):
        if rate:
            step = float(1 / rate / plan.time_base)
            if all(abs(time - times[0] - number * step) <= 1 for number, time in enumerate(times)):
                return rate
    return None


def delay(ticks: Sequence[int], times: Sequence[int]) -> int:
    """By how many frames decoding runs ahead of showing.

    Args:
        ticks: When frames are shown, in the order of decoding.
        times: The same in the order of showing.
    """
    return max((number - bisect_left(times, tick) for number, tick in enumerate(ticks)), default=0)
