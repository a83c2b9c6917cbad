"""Results that hold frames and nothing else: moving GIF, WebP and PNG, and Y4M for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from mssn.errors import FilmError
from mssn.film.codecs import Encoding
from mssn.film.facts import Film, Hdr, Video
from mssn.film.pace import Apart, Steady
from mssn.film.plan import FilmPlan
from mssn.film.pyav import faults, reason
from mssn.image.webp import set_end

if TYPE_CHECKING:
    import av

Y4M = ".y4m"
_FORMATS = {".apng": "apng", ".png": "apng", ".gif": "gif", ".webp": "webp", Y4M: "yuv4mpegpipe"}
_ENCODERS = {"apng": "apng", "gif": "gif", "webp": "libwebp_anim", "yuv4mpegpipe": "wrapped_avframe"}
_REPEATS = {"apng": "plays", "gif": "loop", "webp": "loop"}  # options that say how often all is shown
_MOST = 65535  # of these
_TICKS = {"gif": Fraction(1, 100), "webp": Fraction(1, 1000)}  # what these count in
_NAMES = {1: "BT.709", 5: "BT.601", 6: "BT.601", 9: "BT.2020"}
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
        if video.chroma != "grey":
            name = _NAMES.get(colours.matrix, f"those of H.273's matrix {colours.matrix}")
            notes.append(f"Y4M does not tag its colours: these are {name}")
    if container in _REPEATS:
        muxing, repeats = _repeating(film.plays, container)
    else:
        muxing, repeats = ("strict", "-1"), "" if film.plays is None else "how often it repeats is left out"
    notes += [repeats] if repeats else []
    if sound := sorted({stream.kind for stream in film.others}):
        notes.append(f"{' and '.join(sound)} left out")
    return FilmPlan(
        container=container,
        muxing=(muxing,),
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


def _repeating(plays: int | None, container: str) -> tuple[tuple[str, str], str]:
    """A format's option that has everything shown so often (0: for ever), and what is to be said."""
    shown, said = plays or 0, "repeats for ever: its source does not say how often" if plays is None else ""
    if shown > _MOST:
        shown, said = 0, f"repeats for ever, not {shown} times"
    if container == "gif":  # counts repeats; none has a word of its own
        shown = -1 if shown == 1 else max(shown - 1, 0)
    return (_REPEATS[container], str(shown)), said


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


class Sink(Protocol):
    """What takes bytes."""

    def write(self, data: bytes, /) -> int:
        """Take them all; how many they were."""
        ...


class StreamWriter:
    """Encodes frames, one after the other, into a file that need not go back.

    Args:
        file: Where to. Of WebP it can go back.
        plan: How.
        name: What messages call it.

    Raises:
        FilmError: The encoder does not start.
    """

    def __init__(self, file: BinaryIO | Sink, plan: FilmPlan, name: str) -> None:
        import av

        self._file, self._plan, self._name = file, plan, name
        into = _WithAspect(file, plan.aspect) if plan.container == "yuv4mpegpipe" else file
        try:
            self._container = av.open(into, "w", format=plan.container, container_options=dict(plan.muxing))
            self._stream = self._encoder()
        except faults() as error:
            raise FilmError(f"{name}: cannot be written: {reason(error)}") from error
        self._palette = _Palette() if plan.container == "gif" else None
        if plan.container == "yuv4mpegpipe":
            self._times: Steady | Apart = Steady(plan.rate or _USUAL)
        else:
            tick = _TICKS.get(plan.container, plan.time_base)
            self._times = Apart(tick, _LEAST.get(plan.container, 1))

    def _encoder(self) -> Any:
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
            set_end(cast(BinaryIO, self._file), round(self._times.span * 1000))

    @property
    def notes(self) -> list[str]:
        """What became of the frames' times, once it is closed."""
        return self._times.notes

    def _encode(self, frame: av.VideoFrame) -> None:
        for each in [frame] if self._palette is None else self._palette(frame):
            self._mux(each)

    def _mux(self, frame: av.VideoFrame | None) -> None:

        try:
            for packet in self._stream.encode(frame):
                if not packet.duration:
                    packet.duration = round(self._times.last / packet.time_base)
                self._container.mux(packet)
        except faults() as error:
            raise FilmError(f"{self._name}: cannot be written: {reason(error)}") from error


class _WithAspect:
    """Takes Y4M, whose header PyAV leaves without the shape of a pixel, and passes it on with it.

    Args:
        file: Where to.
        aspect: Width of a pixel by its height.
    """

    def __init__(self, file: Sink, aspect: Fraction) -> None:
        self._file, self._begun = file, False
        self._said = f" A{aspect.numerator}:{aspect.denominator} ".encode()

    def write(self, data: bytes) -> int:
        """Pass bytes on."""
        self._file.write(data if self._begun else bytes(data).replace(b" A0:0 ", self._said, 1))
        self._begun = True
        return len(data)


class _Palette:
    """The 256 colours of each frame, chosen for it, and its pixels in these."""

    def __init__(self) -> None:
        self._graph: Any = None

    def __call__(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """What is done: for a frame that goes in, or, when none is left, for those still within."""
        if self._graph is None:
            if frame is None:
                return
            self._graph = self._made(frame)
        self._graph.vpush(frame)
        while True:
            try:
                yield self._graph.vpull()
            except (BlockingIOError, EOFError):  # FFmpeg's are kinds of them
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
