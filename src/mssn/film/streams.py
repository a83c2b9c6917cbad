"""Results that hold frames and nothing else: moving GIF, WebP and PNG, and Y4M for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from mssn.errors import FilmError
from mssn.film.codecs import Encoding
from mssn.film.facts import Film, Hdr, Video
from mssn.film.plan import FilmPlan
from mssn.film.pyav import reason
from mssn.image.webp import set_end

if TYPE_CHECKING:
    import av

Y4M = ".y4m"
_FORMATS = {".apng": "apng", ".png": "apng", ".gif": "gif", ".webp": "webp", Y4M: "yuv4mpegpipe"}
_ENCODERS = {"apng": "apng", "gif": "gif", "webp": "libwebp_anim", "yuv4mpegpipe": "wrapped_avframe"}
_MUXING = {"apng": (("plays", "0"),), "yuv4mpegpipe": (("strict", "-1"),)}
_TICKS = {"gif": Fraction(1, 100), "webp": Fraction(1, 1000)}  # what these count in
_LEAST = {"gif": 2}  # ticks of a frame; browsers show those of one tick for ten
_USUAL = Fraction(25)  # frames a second of Y4M where the source says nothing


def plan_stream(film: Film, target: Path, size: tuple[int, int], quality: int | None) -> FilmPlan:
    """Decide how such a result is stored.

    Args:
        film: The source.
        target: Its ending says which format; "-" stands for Y4M.
        size: Height and width of the result, upright.
        quality: 1 to 100 for WebP; None for a good one.
    """
    video, container = film.video, _FORMATS[target.suffix.lower() or Y4M]
    options, notes = (), list[str]()
    if container == "webp":
        options = (("quality", str(quality or 95)), ("compression_level", "4"))
    elif container == "apng":
        options = (("pred", "mixed"),)
    plain = container == "yuv4mpegpipe"
    colours = replace(video.colours, matrix=0, full=True, siting=None)
    if plain:
        colours = video.colours
        if video.chroma == "rgb":
            colours = replace(colours, matrix=1 if size[0] >= 720 else 6, full=False)
        if video.alpha:
            notes.append("its transparency is lost: Y4M has none")
    if sound := sorted({stream.kind for stream in film.others}):
        notes.append(f"{' and '.join(sound)} left out")
    return FilmPlan(
        container=container,
        muxing=_MUXING.get(container, ()),
        encoding=Encoding(container, _ENCODERS[container], _format(video, container), options),
        width=size[1],
        height=size[0],
        colours=colours,
        aspect=video.aspect,
        rotation=None,
        hdr=Hdr(),
        captions=False,
        time_base=video.time_base,
        rate=video.rate or _USUAL,
        carried=(),
        notes=tuple(notes),
    )


def _format(video: Video, container: str) -> str:
    """The pixel format of a format's frames that holds most of the source's."""
    grey, deep = video.chroma == "grey", video.depth > 8
    if container in ("gif", "webp"):
        return "bgra" if video.alpha or container == "webp" else "bgr0"
    if container == "apng":
        if grey and not video.alpha:
            return "gray16be" if deep else "gray"
        return ("rgba64be" if deep else "rgba") if video.alpha else ("rgb48be" if deep else "rgb24")
    bits = next(bits for bits in (8, 10, 12, 16) if video.depth <= bits)
    name = "gray" if grey else f"yuv{_CHROMA.get(video.chroma, '420')}p"
    return name if bits == 8 else f"{name}{bits}le"


_CHROMA = {"422": "422", "444": "444", "440": "444", "rgb": "444"}


class StreamWriter:
    """Encodes frames, one after the other, into a file that need not go back.

    Args:
        file: Where to. Of WebP it can go back.
        plan: How.
        name: What messages call it.

    Raises:
        FilmError: The encoder does not start.
    """

    def __init__(self, file: BinaryIO, plan: FilmPlan, name: str) -> None:
        import av

        self._file, self._plan, self._name = file, plan, name
        try:
            self._container = av.open(file, "w", format=plan.container, container_options=dict(plan.muxing))
            self._stream = self._encoder()
        except (av.error.FFmpegError, ValueError) as error:
            raise FilmError(f"{name}: cannot be written: {reason(error)}") from error
        self._palette = _Palette() if plan.container == "gif" else None
        if plan.container == "yuv4mpegpipe":
            self._times: _Steady | _Apart = _Steady(plan.rate or _USUAL)
        else:
            tick = _TICKS.get(plan.container, plan.time_base)
            self._times = _Apart(tick, _LEAST.get(plan.container, 1))

    def _encoder(self) -> av.VideoStream:
        plan, steady = self._plan, self._plan.container == "yuv4mpegpipe"
        options = dict(plan.encoding.options)
        if plan.colours.siting is not None:
            options["chroma_sample_location"] = str(plan.colours.siting)
        rate = plan.rate or _USUAL
        stream = self._container.add_stream(plan.encoding.encoder, rate=rate, options=options)
        context: Any = stream.codec_context
        context.width, context.height = plan.width, plan.height
        context.pix_fmt = "pal8" if plan.container == "gif" else plan.format
        context.time_base = stream.time_base = 1 / rate if steady else plan.time_base
        context.sample_aspect_ratio = plan.aspect
        context.color_range = 2 if plan.colours.full else 1
        return stream

    def write(self, frame: av.VideoFrame) -> None:
        """Encode a frame, whose time stamp, duration and time base are set."""
        for each in self._times.add(frame):
            self._encode(each)

    def close(self) -> None:
        """Encode what is still under way and finish the file."""
        for each in self._times.end():
            self._encode(each)
        if self._palette is not None:
            for each in self._palette(None):
                self._mux(each)
        self._mux(None)
        self._container.close()
        if self._plan.container == "webp":
            set_end(self._file, round(self._times.span * 1000))

    @property
    def notes(self) -> list[str]:
        """What became of the frames' times, once it is closed."""
        return self._times.notes

    def _encode(self, frame: av.VideoFrame) -> None:
        for each in [frame] if self._palette is None else self._palette(frame):
            self._mux(each)

    def _mux(self, frame: av.VideoFrame | None) -> None:
        import av

        try:
            for packet in self._stream.encode(frame):
                if not packet.duration:
                    packet.duration = round(self._times.last / packet.time_base)
                self._container.mux(packet)
        except av.error.FFmpegError as error:
            raise FilmError(f"{self._name}: cannot be written: {reason(error)}") from error


class _Apart:
    """Frames at times of their own, as far as a format can tell these from each other.

    Args:
        tick: Seconds in which the format counts.
        least: Ticks between two frames.
    """

    def __init__(self, tick: Fraction, least: int) -> None:
        self._tick, self._least, self._lost = tick, least, 0
        self._first = self._last = 0
        self.last = self.span = Fraction(0)  # seconds of the last frame, and of all

    def add(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """What is to be shown."""
        tick = round(frame.pts * frame.time_base / self._tick)
        if not self.span:
            self._first = tick
        elif tick - self._last < self._least:
            self._lost += 1
            return
        told = frame.duration * frame.time_base if frame.duration else (tick - self._last) * self._tick
        self.last = told if self.span or frame.duration else Fraction(1, 10)
        self._last, self.span = tick, (tick - self._first) * self._tick + self.last
        yield frame

    def end(self) -> Iterator[av.VideoFrame]:
        """Nothing: every frame was shown when it came."""
        return iter(())

    @property
    def notes(self) -> list[str]:
        if not self._lost:
            return []
        least = float(self._least * self._tick)
        frames = "1 frame is" if self._lost == 1 else f"{self._lost} frames are"
        return [f"{frames} left out that followed within {least:g} s"]


class _Steady:
    """As many frames in every second, as the format counts them: others are repeated or left out.

    Args:
        rate: Frames a second.
    """

    def __init__(self, rate: Fraction) -> None:
        self._rate, self._next = rate, 0
        self._waits: av.VideoFrame | None = None
        self._begin: Fraction | None = None
        self._at = self._repeated = self._lost = 0
        self.last = 1 / rate
        self.span = Fraction(0)

    def add(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """What is to be shown before this frame."""
        time = frame.pts * frame.time_base
        if self._begin is None:
            self._begin = time
        at = round((time - self._begin) * self._rate)
        if self._waits is not None:
            yield from self._until(at)
        self._waits, self._at = frame, at

    def _until(self, end: int) -> Iterator[av.VideoFrame]:
        assert self._waits is not None
        self._repeated += max(0, end - self._at - 1)
        self._lost += end == self._at
        for _ in range(self._at, end):
            self._waits.pts, self._waits.time_base = self._next, 1 / self._rate
            self._next += 1
            yield self._waits

    def end(self) -> Iterator[av.VideoFrame]:
        """The last frame."""
        if self._waits is not None:
            yield from self._until(self._at + 1)

    @property
    def notes(self) -> list[str]:
        if not self._repeated and not self._lost:
            return []
        changes = f"{self._repeated} frames repeated, {self._lost} left out"
        return [f"at a steady {self._rate} frames/s: {changes}"]


class _Palette:
    """The 256 colours of each frame, chosen for it, and its pixels in these."""

    def __init__(self) -> None:
        self._graph: Any = None

    def __call__(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """What is done: for a frame that goes in, or, when none is left, for those still within."""
        import av

        if self._graph is None:
            if frame is None:
                return
            self._graph = self._made(frame)
        self._graph.vpush(frame)
        while True:
            try:
                yield self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    def _made(self, frame: av.VideoFrame) -> Any:
        from av.filter import Graph

        graph = Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        split, sink = graph.add("split"), graph.add("buffersink")
        choose = graph.add("palettegen", "stats_mode=single")
        use = graph.add("paletteuse", "new=1:dither=sierra2_4a")
        source.link_to(split)
        split.link_to(choose, 0, 0)
        split.link_to(use, 1, 0)
        choose.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        return graph
