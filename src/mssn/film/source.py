"""A film's frames, one after the other, each with its time, whatever the file makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Any

from mssn.errors import FilmError
from mssn.film.compressed import compression_of_frames
from mssn.film.facts import Film, decoder_of
from mssn.film.plan import FilmOptions
from mssn.film.pyav import opened
from mssn.film.reading import Reading
from mssn.film.scenes import Scenes, Shown
from mssn.film.times import Times
from mssn.image.compression import Compression

if TYPE_CHECKING:
    import av

_TOLD = frozenset(["ffv1", "h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video", "prores", "vc1", "dvvideo"])
"""Codecs whose frames say themselves whether they are interlaced."""


@dataclass(frozen=True)
class Decoded:
    """A frame of a film.

    Args:
        frame: In the size and pixel format that the film's header says.
        pts: When it is shown, in ticks of the film's `time_base`; more than that of the frame before.
        number: How many frames came before it.
        shown: Where it stands among scenes.
        longest: Ticks between two frames so far, the most; None where the frames behind this one are not
            surely the same if decoding begins shortly before them.
    """

    frame: av.VideoFrame
    pts: int
    number: int
    shown: Shown
    longest: int | None

    @property
    def compression(self) -> Compression:
        """How its scene was compressed."""
        return self.shown.compression

    def place(self) -> Place:
        """Where the next frame is."""
        shown = self.shown
        pixels = _fingerprint(self.frame)
        return Place(self.number + 1, self.pts, pixels, shown.compression, shown.change, self.longest)


@dataclass(frozen=True)
class Place:
    """Where the next frame of a film is, as far as it depends on what came before.

    Args:
        number: How many frames came before it.
        pts: When the last of them is shown.
        pixels: What tells that one from others.
        compression: How its scene was compressed.
        change: By how much the last frames differed; see `Shown`.
        longest: As in `Decoded`.
    """

    number: int
    pts: int
    pixels: str
    compression: Compression
    change: float | None
    longest: int | None


class Source:
    """Decodes a film, frame by frame, in the order of showing.

    The frames are the same at every pass, wherever it begins. What is interlaced is deinterlaced. What cannot
    be decoded is left out and counted; what comes in another size is brought to the first one's.

    Args:
        film: What `probe` says of it.
        options: From when to when.
        behind: Frames before this place are not wanted. They come nevertheless where it is not sure that the
            others are the same without them.
    """

    def __init__(self, film: Film, options: FilmOptions, behind: Place | None = None) -> None:
        self.film, self.options, self.behind = film, options, behind
        self.time_base = film.video.time_base
        self.begin = _moment(film, options.start)
        self.end = _moment(film, options.end)
        self.frames = 0
        self._broken: list[Fraction | None] = []
        self._resized: tuple[int, Fraction] | None = None
        self._lost: str | None = None

    @property
    def missing(self) -> list[str]:
        """What was lost, a line each; complete when all frames were taken."""
        lines: list[str] = []
        if self._broken:
            number, first = len(self._broken), next((at for at in self._broken if at is not None), None)
            packets = "1 broken packet was" if number == 1 else f"{number} broken packets were"
            lines.append(f"{packets} left out" + ("" if first is None else f", at {self._at(first)}"))
        if self._resized is not None:
            number, first = self._resized
            frames = "1 frame of another size was" if number == 1 else f"{number} frames of another size were"
            size = f"{self.film.video.width}x{self.film.video.height}"
            lines.append(f"{frames} brought to {size}, from {self._at(first)} on")
        return lines if self._lost is None else [*lines, self._lost]

    def _at(self, time: Fraction) -> str:
        return f"{max(0.0, float(time) - self.film.start):.2f} s"

    def __iter__(self) -> Iterator[Decoded]:
        """The frames, from the first one, or from `behind` on.

        Raises:
            FilmError: There is none.
        """
        scenes, frames = self._sought() or (self._scenes(), self._all(self.begin))
        self.frames = self.behind.number if self.behind is not None and scenes.on else 0
        ticks = 1 / self.time_base
        for shown in scenes(frames):
            pts = round((shown.frame.pts or 0) * (shown.frame.time_base or self.time_base) * ticks)
            longest = self._sure.pop(pts, None)
            if self.begin is not None and pts * self.time_base < self.begin:
                continue
            if self.end is not None and pts * self.time_base >= self.end:
                return
            yield Decoded(shown.frame, pts, self.frames, shown, longest)
            self.frames += 1
        if not self.frames:
            part = "" if self.begin is None else f" from {float(self.options.start or 0):g} s on"
            if part and self.film.duration:
                part += f"; it lasts {self.film.duration:.4g} s"
            raise FilmError(f"{self.film.path}: not one frame can be decoded{part}")

    def _scenes(self) -> Scenes:
        return Scenes(self.film.video.compression, self._judge)

    def _judge(self, frames: Sequence[av.VideoFrame]) -> Compression | None:
        return compression_of_frames(self._codec, frames)

    def _sought(self) -> tuple[Scenes, Iterator[av.VideoFrame]] | None:
        """What follows a place, where the file lets it be sought, and the frame there is the same."""
        behind = self.behind
        if behind is None or behind.longest is None:
            return None
        frames = self._all((behind.pts - behind.longest) * self.time_base)
        for frame in frames:
            if (frame.pts or 0) >= behind.pts:
                if (frame.pts, _fingerprint(frame)) != (behind.pts, behind.pixels):
                    return None
                scenes = self._scenes()
                scenes.go_on(Shown(frame, behind.compression, begins=False, change=behind.change))
                self._times.longest = max(self._times.longest, behind.longest)
                # Nothing was broken up to here; what comes without the frames it was made from may seem so.
                here = behind.pts * self.time_base
                self._broken = [at for at in self._broken if at is None or at > here]
                return scenes, frames
        return None

    def _all(self, begin: Fraction | None) -> Iterator[av.VideoFrame]:
        """All frames from the last one on that can be decoded without those before, up to a time."""
        self._broken, self._resized, self._lost, self._sure = [], None, None, {}
        frames = self._whole(begin)
        return self._deinterlaced(frames) if self.film.video.interlaced else frames

    def _whole(self, begin: Fraction | None) -> Iterator[av.VideoFrame]:
        """Frames in one size and format, with rising times in the film's time base."""
        from av.video.reformatter import VideoReformatter

        video, reformatter = self.film.video, VideoReformatter()
        wanted = video.width, video.height, video.format
        for frame in self._decoded(begin):
            pts = self._times(frame)
            if (frame.width, frame.height, frame.format.name) != wanted:
                if (frame.width, frame.height) != wanted[:2]:
                    number, first = self._resized or (0, pts * self.time_base)
                    self._resized = number + 1, first
                frame = reformatter.reformat(frame, *wanted, interpolation="BICUBIC")
            frame.pts, frame.time_base = pts, self.time_base
            if self._plain:
                self._sure[pts] = self._times.longest
            yield frame

    @property
    def _plain(self) -> bool:
        """Whether nothing in the file so far makes later frames depend on what came long before them."""
        reading, kept = self._reading, not (self._broken or self._resized or self.film.video.interlaced)
        return kept and self._times.plain and reading.plain and not reading.clock.jumps

    def _decoded(self, begin: Fraction | None) -> Iterator[av.VideoFrame]:
        """Frames as they come out of the decoder; those before a time where they are needed."""
        with opened(self.film.path, self.film.given) as container:
            video = self.film.video
            stream: Any = container.streams[video.index]
            self._codec = stream.codec_context.codec
            self._reading = reading = Reading(container)
            self._times = Times(self.time_base, video.rate, shown=self.film.container != "avi")
            decoder = decoder_of(video, stream)
            decoder.options = {"export_side_data": "venc_params"}
            sought = begin is not None and reading.seek(begin, stream)
            for packet in reading.packets():
                if packet.stream_index != stream.index:
                    continue
                if sought and begin and packet.pts is not None and packet.pts * packet.time_base > begin:
                    break  # too far
                sought = False
                yield from self._frames_of(decoder, packet)
            else:
                yield from self._frames_of(decoder, None)
                self._broken += [None] * reading.broken
                self._lost = reading.cut(self.film, self._times.longest * self.time_base)
                return
        yield from self._decoded(None)

    def _frames_of(self, decoder: Any, packet: av.Packet[Any] | None) -> Iterator[av.VideoFrame]:
        """What comes out behind a packet; behind None all that is left."""
        import av.error

        while True:
            try:
                yield from decoder.decode(packet)
            except av.error.EOFError:
                return
            except av.error.FFmpegError as error:
                if isinstance(error, MemoryError):
                    raise
                self._broken.append(
                    None if packet is None or packet.pts is None else packet.pts * packet.time_base
                )
                if packet is None:
                    continue
            return

    def _deinterlaced(self, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
        """As many frames, each of its own moment."""
        import av.error
        import av.filter

        video, graph = self.film.video, av.filter.Graph()
        which = "interlaced" if video.codec in _TOLD else "all"
        buffer = graph.add_buffer(
            width=video.width,
            height=video.height,
            format=av.VideoFormat(video.format),
            time_base=self.time_base,
        )
        sink = graph.add("buffersink")
        graph.link_nodes(buffer, graph.add("bwdif", f"mode=send_frame:deint={which}"), sink).configure()
        for frame in chain(frames, [None]):
            graph.vpush(frame)
            while True:
                try:
                    yield graph.vpull()
                except (av.error.BlockingIOError, av.error.EOFError):
                    break


def _fingerprint(frame: av.VideoFrame) -> str:
    """What tells a frame's pixels from others."""
    return sha256(frame.to_ndarray(format="rgb24").tobytes()).hexdigest()


def _moment(film: Film, after: float | None) -> Fraction | None:
    """The time, as stamps say it, that lies so many seconds after the film's beginning."""
    return None if after is None else Fraction(film.start + after).limit_denominator(1_000_000)
