"""What a film holds, asked once before anything is decided."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from mssn.errors import FilmError
from mssn.film.compressed import compression_of
from mssn.film.inputs import Given
from mssn.film.pyav import opened, reason
from mssn.image.compression import Compression

if TYPE_CHECKING:
    import av

ENDINGS = frozenset(
    {
        ".3g2",
        ".3gp",
        ".asf",
        ".avi",
        ".divx",
        ".dv",
        ".f4v",
        ".flv",
        ".ivf",
        ".m2t",
        ".m2ts",
        ".m2v",
        ".m4v",
        ".mjpeg",
        ".mjpg",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpe",
        ".mpeg",
        ".mpg",
        ".mts",
        ".mxf",
        ".nut",
        ".obu",
        ".ogm",
        ".ogv",
        ".rm",
        ".rmvb",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
        ".y4m",
        ".264",
        ".h264",
        ".265",
        ".h265",
        ".hevc",
    }
)
LOOKED_AT = 8  # frames decoded to see what they are

_UNKNOWN = 2  # what FFmpeg's numbers for matrix, primaries and transfer say of nothing
_BT709, _BT470BG, _SMPTE170M, _RGB = 1, 5, 6, 0


def is_film(path: Path) -> bool:
    """Whether a file's ending is that of films. Moving GIF, WebP and PNG count as pictures."""
    return path.suffix.lower() in ENDINGS


@dataclass(frozen=True)
class Colours:
    """What the numbers of a film's pixels mean, in FFmpeg's numbers (those of ITU-T H.273).

    Args:
        matrix: From R, G, B to Y, Cb, Cr; 0: the pixels are R, G, B.
        full: Whether black and white are 0 and 255, not 16 and 235.
        primaries: Which red, green and blue.
        transfer: Which curve.
        siting: Where chroma samples lie (1: left, 2: centre, 3: top left, ...); None where it is not said.
        tagged: Whether the file says its matrix; otherwise it is what players assume.
    """

    matrix: int
    full: bool
    primaries: int
    transfer: int
    siting: int | None
    tagged: bool


@dataclass(frozen=True)
class Hdr:
    """Static HDR metadata (SMPTE ST 2086 and CTA-861.3).

    Args:
        mastering: x and y of red, green, blue and the white point, then the least and the greatest luminance
            in cd/m2; None where there are none.
        light: MaxCLL and MaxFALL in cd/m2; None where they are not said.
    """

    mastering: tuple[Fraction, ...] | None = None
    light: tuple[int, int] | None = None

    def __bool__(self) -> bool:
        return self.mastering is not None or self.light is not None


@dataclass(frozen=True)
class Video:
    """The pictures of a film.

    Args:
        index: Of the stream in its file.
        codec: FFmpeg's name of what it is stored in, such as "h264".
        decoder: FFmpeg's name of what must decode it, where another would lose the alpha.
        width: As stored, without rotation and pixel aspect.
        height: The same.
        format: FFmpeg's name of the decoded pixel format, such as "yuv420p10le".
        depth: Bits of a sample.
        alpha: Whether pixels may be transparent.
        chroma: "420", "422", "444", "411", "410", "440", "grey" or "rgb".
        colours: What the numbers mean.
        aspect: Width of a pixel by its height.
        rotation: The display matrix, nine numbers; None where pictures are shown as they are stored.
        time_base: Seconds of one tick.
        rate: Frames a second as far as the file tells; None if it does not.
        interlaced: Whether frames hold two moments each.
        captions: Whether frames carry closed captions.
        hdr: Mastering display and content light, empty if none.
        frames: How many, if the file tells.
        end: When the last frame ends, in seconds, if the file tells.
        compression: How strongly it was compressed.
    """

    index: int
    codec: str
    decoder: str
    width: int
    height: int
    format: str
    depth: int
    alpha: bool
    chroma: str
    colours: Colours
    aspect: Fraction
    rotation: tuple[int, ...] | None
    time_base: Fraction
    rate: Fraction | None
    interlaced: bool
    captions: bool
    hdr: Hdr
    frames: int | None
    end: Fraction | None
    compression: Compression


@dataclass(frozen=True)
class Stream:
    """Anything else in the file: sound, subtitles, fonts, covers, data.

    Args:
        index: Of the stream in its file.
        kind: "audio", "subtitle", "attachment", "data", "video", "unknown".
        codec: FFmpeg's name of what it is stored in; "" where it has none.
        cover: Whether it is a picture that stands for the film.
        language: ISO 639 code; "" if not said.
        title: Its name; "" if it has none.
    """

    index: int
    kind: str
    codec: str
    cover: bool = False
    language: str = ""
    title: str = ""

    def __str__(self) -> str:
        what = "cover picture" if self.cover else {"video": "second film"}.get(self.kind, self.kind)
        said = ", ".join(filter(None, (self.codec, self.language, self.title and f'"{self.title}"')))
        return f"stream {self.index} ({what}{': ' + said if said else ''})"


@dataclass(frozen=True)
class Film:
    """All of a film.

    Args:
        path: Its file.
        container: FFmpeg's name of the format, such as "matroska,webm".
        duration: In seconds; None if the file does not tell.
        start: When the first of its streams begins, in seconds.
        video: The pictures that are enlarged.
        others: All other streams.
        chapters: As PyAV gives them.
        metadata: Of the whole file.
        given: What came with the path; see `mssn.film.inputs`.
    """

    path: Path
    container: str
    duration: float | None
    start: float
    video: Video
    others: tuple[Stream, ...]
    chapters: tuple[dict[str, Any], ...]
    metadata: dict[str, str]
    given: Given = None


def probe(path: Path, given: Given = None) -> Film:
    """What a film holds: its header is read, and its first frames are decoded.

    Args:
        path: Its file.
        given: Frames a second where it has no times, or the stream itself.

    Raises:
        FilmError: It is no film that can be read, or holds no pictures.
        MissingDependencyError: PyAV is not installed.
    """
    with opened(path, given, look=True) as container:
        siting = _sitings(container)
        stream = film_stream(path, container)
        others = tuple(_other(other) for other in container.streams if other.index != stream.index)
        looked = _Looked(path, container, stream)
        return Film(
            path=path,
            container=container.format.name,
            duration=container.duration / 1e6 if container.duration else None,
            start=(container.start_time or 0) / 1e6,
            video=_video(path, container, stream, looked, siting.get(stream.index)),
            others=others,
            chapters=tuple(dict(chapter) for chapter in container.chapters()),
            metadata=dict(container.metadata),
            given=given,
        )


def film_stream(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    """The stream that is the film: the first one of moving pictures.

    Raises:
        FilmError: There is none, or nothing here decodes it.
    """
    for stream in container.streams.video:
        if not _is_cover(stream):
            if stream.codec_context is None:
                raise FilmError(f"{path}: stream {stream.index} is in a format that nothing here decodes")
            return stream
    raise FilmError(f"{path}: holds no moving pictures")


def decoder_of(video: Video, stream: av.VideoStream) -> Any:
    """A codec context that decodes the film's packets, alpha included."""
    import av

    if video.decoder == stream.codec_context.name:
        return stream.codec_context
    return av.CodecContext.create(video.decoder, "r")


class _Looked:
    """The first frames, and what they carry."""

    def __init__(self, path: Path, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        import av

        self.decoder = _ALPHA.get((stream.codec_context.name, stream.metadata.get("alpha_mode", "")))
        context = av.CodecContext.create(self.decoder, "r") if self.decoder else stream.codec_context
        context.options = {"export_side_data": "venc_params"}
        self.packets: list[av.Packet] = []
        self.frames: list[av.VideoFrame] = []
        self.bytes = 0
        try:
            self.frames += islice(self._decode(container, stream, context), LOOKED_AT)
        except av.error.FFmpegError as error:
            raise FilmError(f"{path}: cannot be read as a film: {reason(error)}") from error
        if not self.frames:
            raise FilmError(f"{path}: not one frame can be decoded")

    def _decode(self, container: Any, stream: Any, context: Any) -> Iterator[Any]:
        import av

        for packet in container.demux(stream):
            self.packets.append(packet)
            self.bytes += packet.size
            with suppress(av.error.InvalidDataError):
                yield from context.decode(packet if packet.size else None)

    def data(self, kind: str) -> Any:
        """Side data of the first frame that has some of a kind; None if none has."""
        for frame in self.frames:
            for data in frame.side_data:
                if data.type.name == kind:
                    return data
        return None


_ALPHA = {("vp9", "1"): "libvpx-vp9", ("vp8", "1"): "libvpx"}  # FFmpeg's own decoders ignore their alpha


def _video(path: Path, container: Any, stream: Any, looked: _Looked, siting: int | None) -> Video:
    frame = looked.frames[0]
    aspect, rate = stream.sample_aspect_ratio, stream.guessed_rate or stream.average_rate
    matrix = looked.data("DISPLAYMATRIX")
    chroma = _chroma(frame.format)
    return Video(
        index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        decoder=looked.decoder or stream.codec_context.name,
        width=frame.width,
        height=frame.height,
        format=frame.format.name,
        depth=max(component.bits for component in frame.format.components),
        alpha=any(component.is_alpha for component in frame.format.components),
        chroma=chroma,
        colours=_colours(frame, chroma, siting),
        aspect=aspect if aspect else Fraction(1),
        rotation=_ints(matrix) if matrix is not None else None,
        time_base=stream.time_base,
        rate=rate or None,
        interlaced=stream.codec_context.field_order in (2, 3, 4, 5)
        or any(frame.interlaced_frame for frame in looked.frames),
        captions=looked.data("A53_CC") is not None,
        hdr=_hdr(looked),
        frames=stream.frames or None,
        end=_end(stream),
        compression=compression_of(stream, looked.packets, looked.frames),
    )


def _chroma(pixels: Any) -> str:
    components = pixels.components
    if pixels.is_rgb or pixels.name.startswith("pal"):
        return "rgb"
    if len([component for component in components if not component.is_alpha]) < 3:
        return "grey"
    # Widths and heights of 8 luma samples tell how many chroma samples there are.
    shape = pixels.chroma_width(8), pixels.chroma_height(8)
    return {(8, 8): "444", (4, 8): "422", (4, 4): "420", (8, 4): "440", (2, 8): "411", (2, 2): "410"}[shape]


def _colours(frame: Any, chroma: str, siting: int | None) -> Colours:
    """Untagged films get what players assume."""
    full = frame.color_range == 2 or chroma == "rgb" or frame.format.name.startswith("yuvj")
    guess = _BT709 if frame.height >= 720 else (_BT470BG if frame.height in (288, 576) else _SMPTE170M)
    known = frame.colorspace not in (_UNKNOWN, 3)
    if chroma == "rgb":
        matrix = _RGB
    elif known and frame.colorspace != _RGB:
        matrix = frame.colorspace
    else:
        matrix = guess
    tagged = known or chroma == "rgb"
    return Colours(
        matrix=matrix,
        full=full,
        primaries=_said(frame.color_primaries, _BT709 if chroma == "rgb" else guess, tagged),
        transfer=_said(frame.color_trc, 13 if chroma == "rgb" else min(guess, 6), tagged),
        siting=siting if chroma in ("420", "422", "411", "410") else None,
        tagged=tagged,
    )


def _said(number: int, guess: int, tagged: bool) -> int:
    """A tag, or what stands for it: a guess if nothing is tagged, "unknown" beside a tagged matrix."""
    if number not in (0, _UNKNOWN, 3):
        return number
    return _UNKNOWN if tagged else guess


_logging = Lock()
_SITINGS = {"left": 1, "center": 2, "topleft": 3, "top": 4, "bottomleft": 5, "bottom": 6}


def _sitings(container: Any) -> dict[int, int]:
    """Where each stream's chroma samples lie, which PyAV passes on in what FFmpeg prints of a file alone."""
    import av

    with _logging:  # the level is the process's
        av.logging.set_level(av.logging.VERBOSE)
        av.logging.set_libav_level(av.logging.VERBOSE)
        try:
            printed = container.dumps_format()
        finally:
            av.logging.set_libav_level(av.logging.INFO)
            av.logging.set_level(None)
    found = re.findall(
        r"^  Stream #0:(\d+).*?: Video: .*?\([^()]*\b(" + "|".join(_SITINGS) + r")\), ", printed, re.M
    )
    return {int(index): _SITINGS[name] for index, name in found}


def _hdr(looked: _Looked) -> Hdr:
    mastering, light = looked.data("MASTERING_DISPLAY_METADATA"), looked.data("CONTENT_LIGHT_LEVEL")
    numbers: tuple[Fraction, ...] | None = None
    if mastering is not None:
        # Ten fractions (x and y of red, green, blue, white; least, greatest); whether each half is there.
        *pairs, primaries, luminance = _ints(mastering)
        if primaries and luminance and all(pairs[1::2]):
            numbers = tuple(Fraction(*pair) for pair in zip(pairs[::2], pairs[1::2], strict=True))
    return Hdr(numbers, _ints(light)[:2] if light is not None else None)  # type: ignore[arg-type]


def _ints(data: Any) -> tuple[int, ...]:
    raw = bytes(data)
    return tuple(memoryview(raw).cast("i"))


def _end(stream: Any) -> Fraction | None:
    """When the last frame ends, if the header tells."""
    if stream.duration:
        return (stream.start_time or 0) * stream.time_base + stream.duration * stream.time_base
    clock = stream.metadata.get("DURATION", "").split(":")  # Matroska: hours, minutes, seconds of its end
    with suppress(ValueError, ZeroDivisionError):
        if len(clock) == 3:
            hours, minutes, seconds = map(Fraction, clock)
            return (hours * 60 + minutes) * 60 + seconds
    return None


def _is_cover(stream: Any) -> bool:
    import av

    flags = av.stream.Disposition
    return bool(stream.disposition & (flags.attached_pic | flags.timed_thumbnails))


def _other(stream: Any) -> Stream:
    context = stream.codec_context
    return Stream(
        index=stream.index,
        kind=stream.type,
        codec=context.codec.canonical_name if context is not None else "",
        cover=stream.type == "video" and _is_cover(stream),
        language=stream.metadata.get("language", ""),
        title=stream.metadata.get("title", ""),
    )
