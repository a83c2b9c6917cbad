"""What the first frames of a film tell of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from mssn.errors import FilmError
from mssn.film.compressed import compression_of
from mssn.film.headers import told
from mssn.film.kinds import Colours, Hdr, Video
from mssn.film.pyav import faults, reason

_UPRIGHT = (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)  # a display matrix that turns nothing
LOOKED_AT = 8  # frames decoded to see what they are

_UNKNOWN = (0, 2, 3)  # FFmpeg's numbers of primaries and transfer that say nothing; 0 as a matrix is RGB
_BT709, _BT470BG, _SMPTE170M, _SRGB, _RGB = 1, 5, 6, 13, 0

_ALPHA = {("vp9", "1"): "libvpx-vp9", ("vp8", "1"): "libvpx"}  # FFmpeg's own decoders ignore their alpha


def _tag(stream: Any, name: str) -> str:
    """A stream's tag, however its name is written."""
    return next((value for key, value in stream.metadata.items() if key.lower() == name), "")


class Looked:
    """The first frames, and what they carry."""

    def __init__(self, path: Path, container: Any, stream: Any) -> None:
        import av

        self.decoder = _ALPHA.get((stream.codec_context.name, _tag(stream, "alpha_mode")))
        context = av.CodecContext.create(self.decoder, "r") if self.decoder else stream.codec_context
        context.options = {"export_side_data": "venc_params"}
        self.packets: list[Any] = []
        self.frames: list[Any] = []
        try:
            self.frames += islice(self._decode(container, stream, context), LOOKED_AT)
        except faults() as error:
            raise FilmError(f"{path}: cannot be read as a film: {reason(error)}") from error
        if not self.frames:
            raise FilmError(f"{path}: not one frame can be decoded")

    def _decode(self, container: Any, stream: Any, context: Any) -> Iterator[Any]:
        from av.error import InvalidDataError

        for packet in container.demux(stream):
            self.packets.append(packet)
            with suppress(InvalidDataError):
                yield from context.decode(packet if packet.size else None)

    def data(self, kind: str) -> Any:
        """Side data of the first frame that has some of a kind; None if none has."""
        for frame in self.frames:
            for data in frame.side_data:
                if data.type.name == kind:
                    return data
        return None


def video_of(stream: Any, looked: Looked, siting: int | None) -> Video:
    """What a stream of moving pictures holds.

    Args:
        stream: The stream.
        looked: Its first frames.
        siting: Where its chroma samples lie, if that is said.
    """
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
        colours=_colours(frame, stream, chroma, siting),
        aspect=aspect if aspect else Fraction(1),
        rotation=None if matrix is None or (turned := _ints(matrix)) == _UPRIGHT else turned,
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


def _colours(frame: Any, stream: Any, chroma: str, siting: int | None) -> Colours:
    """Untagged films get what players assume."""
    # A decoder of our own knows nothing of what the container says.
    context, rgb = stream.codec_context, chroma == "rgb"
    matrix = context.colorspace if frame.colorspace in _UNKNOWN[1:] else frame.colorspace
    known = rgb or matrix not in (_RGB, *_UNKNOWN)
    # Analogue television had two sets of primaries, with one matrix.
    small = _BT470BG if frame.height in (288, 576) else _SMPTE170M
    guess = _BT709 if frame.height >= 720 else small
    curve = _SRGB if rgb else (_BT709 if guess == _BT709 else _SMPTE170M)

    def said(name: str, guessed: int) -> int:
        numbers = (getattr(frame, name), getattr(context, name))
        return next(
            (number for number in numbers if number not in _UNKNOWN), 2 if known and not rgb else guessed
        )

    ranges = {frame.color_range, context.color_range} - {0}
    return Colours(
        matrix=_RGB if rgb else (matrix if known else guess),
        # Untagged grey is full for players, because it was in JPEG.
        full=rgb or 2 in ranges or frame.format.name.startswith("yuvj") or (chroma == "grey" and not ranges),
        primaries=said("color_primaries", _BT709 if rgb else guess),
        transfer=said("color_trc", curve),
        siting=siting if chroma in ("420", "422", "411", "410") else None,
        tagged=known,
    )


def _hdr(looked: Looked) -> Hdr:
    mastering, light = looked.data("MASTERING_DISPLAY_METADATA"), looked.data("CONTENT_LIGHT_LEVEL")
    numbers: tuple[Fraction, ...] | None = None
    if mastering is not None:
        # Ten fractions (x and y of red, green, blue, white; least, greatest); whether each half is there.
        *pairs, primaries, luminance = _ints(mastering)
        if primaries and luminance and all(pairs[1::2]):
            numbers = tuple(Fraction(*pair) for pair in zip(pairs[::2], pairs[1::2], strict=True))
    levels = None
    if light is not None:
        most, mean = _ints(light)[:2]
        levels = most, mean
    moving = tuple(name for kind, name in _MOVING.items() if looked.data(kind) is not None)
    return Hdr(numbers, levels, moving)


_MOVING = {"DYNAMIC_HDR_PLUS": "HDR10+", "DOVI_METADATA": "Dolby Vision", "DYNAMIC_HDR_VIVID": "HDR Vivid"}


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


_SITINGS = {"left": 1, "center": 2, "topleft": 3, "top": 4, "bottomleft": 5, "bottom": 6}


def sitings(container: Any) -> dict[int, int]:
    """Where each stream's chroma samples lie, which PyAV passes on in what FFmpeg prints of a file alone."""
    import av

    with told(av.logging.VERBOSE):
        printed = container.dumps_format()
    found = re.findall(
        r"^  Stream #0:(\d+).*?: Video: .*?\([^()]*\b(" + "|".join(_SITINGS) + r")\), ", printed, re.M
    )
    return {int(index): _SITINGS[name] for index, name in found}
