"""An encoder set up as a plan says, and what comes back of what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mssn.errors import FilmError
from mssn.film.facts import Colours, Film, probe
from mssn.film.pyav import faults, reason
from mssn.film.threads import ordinary_threads

if TYPE_CHECKING:
    import av
    from av.container import OutputContainer

    from mssn.film.plan import FilmPlan

_LATE = 1 << 31  # ticks between decoding and showing that no encoder needs
_FASTEST = {"libsvtav1": 240}  # frames a second that an encoder takes; they steer its choices alone


def add_film(container: OutputContainer, plan: FilmPlan) -> av.VideoStream:
    """A stream whose encoder stands as the plan says; headers take everything from there.

    Args:
        container: Where it is added.
        plan: How.

    Raises:
        ValueError: The container holds no such codec.
    """
    import av
    from av.codec.context import Flags
    from av.format import Flags as FormatFlags

    encoding = plan.encoding
    usual = min(plan.rate or Fraction(25), _FASTEST.get(encoding.encoder, 1000))
    options = dict(encoding.options)
    if plan.colours.siting is not None:
        options["chroma_sample_location"] = str(plan.colours.siting)
    stream: Any = container.add_stream(encoding.encoder, rate=usual, options=options)
    context: Any = stream.codec_context
    context.width, context.height, context.pix_fmt = plan.width, plan.height, plan.format
    context.time_base = stream.time_base = plan.time_base
    context.sample_aspect_ratio = plan.aspect
    context.color_range = 2 if plan.colours.full else 1
    context.colorspace = plan.colours.matrix
    context.color_primaries, context.color_trc = plan.colours.primaries, plan.colours.transfer
    context.thread_count = 0  # as many as the encoder thinks right
    # As the result's container needs it, also where a segment's would not.
    flag = int(Flags.global_header)
    headers = av.ContainerFormat(plan.container, "w").flags & int(FormatFlags.global_header.value)
    context.flags = context.flags | flag if headers else context.flags & ~flag
    if plan.rotation is not None:
        stream.set_display_matrix(plan.rotation)
    if encoding.codec == "hevc" and container.format.name in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # the other name, hev1, is not played by Apple's programs
    if plan.format.startswith("yuva") and encoding.codec == "vp9":
        stream.metadata["alpha_mode"] = "1"
    with ordinary_threads():
        context.open()
    return stream


def add_encoded(container: OutputContainer, plan: FilmPlan, rate: Fraction | None) -> av.VideoStream:
    """A stream for packets that such an encoder made.

    Args:
        container: Where it is added.
        plan: How they were made.
        rate: Frames a second for the header; None: it says nothing of them.
    """
    import av

    with av.open(BytesIO(), "w", format=plan.container, container_options=dict(plan.muxing)) as other:
        encoder = add_film(other, plan)
        other.start_encoding()  # its parameters are complete now
        stream = container.add_stream_from_template(encoder, opaque=True)
        stream.metadata.update(encoder.metadata)
    context: Any = stream.codec_context
    context.framerate = rate or Fraction(0)
    context.codec_tag = encoder.codec_context.codec_tag
    stream.time_base = plan.time_base
    return stream


def encoded(stream: av.VideoStream, frame: av.VideoFrame | None, before: int) -> Iterator[av.Packet[Any]]:
    """What an encoder gives for a frame, or, for None, what is still within, with times of decoding.

    libx265 4.1 says anything about these in streams of fewer frames than it looks ahead for B-frames.

    Args:
        stream: The encoder's.
        frame: Its time stamp is not negative.
        before: How many packets came before.
    """
    for number, packet in enumerate(stream.encode(frame), before):
        if packet.pts is not None and packet.dts is not None and not 0 <= packet.pts - packet.dts < _LATE:
            packet.dts = min(number, packet.pts)
        yield packet


def tag(frame: av.VideoFrame, colours: Colours) -> None:
    """Say what a frame's numbers mean."""
    frame.colorspace, frame.color_range = colours.matrix, 2 if colours.full else 1
    frame.color_primaries, frame.color_trc = colours.primaries, colours.transfer


def kept(plan: FilmPlan) -> tuple[str, ...]:
    """What is read back differently from what the plan says, of one frame encoded into the plan's container.

    Where the container does not hold what the encoder makes, that is the codec.

    Raises:
        FilmError: The encoder does not start, or does not take the frame.
    """
    import av
    from av.error import FFmpegError

    file = BytesIO()
    try:
        with av.open(file, "w", format=plan.container, container_options=dict(plan.muxing)) as container:
            try:
                stream = add_film(container, plan)
            except ValueError as error:
                if isinstance(error, FFmpegError):
                    raise
                return ("codec",)
            try:
                container.start_encoding()
            except faults():
                return ("codec",)
            frame = av.VideoFrame(plan.width, plan.height, plan.format)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts, frame.time_base = 0, plan.time_base
            tag(frame, plan.colours)  # some encoders read these of the frames
            for given in (frame, None):
                for packet in encoded(stream, given, 0):
                    container.mux(packet)
    except faults() as error:
        raise FilmError(reason(error)) from error
    file.seek(0)
    try:
        return tuple(_differences(plan, probe(Path("it"), file)))
    except FilmError:  # it was written, but nobody would find it there
        return ("codec",)


def _differences(plan: FilmPlan, film: Film) -> Iterator[str]:
    import av

    video, colours, wanted = film.video, film.video.colours, plan.colours
    pixels = av.VideoFormat(plan.format)
    if video.codec != plan.encoding.codec:
        yield "codec"
    if (video.width, video.height) != (plan.width, plan.height):
        yield "size"
    if video.depth < max(component.bits for component in pixels.components):
        yield "depth"
    if any(component.is_alpha for component in pixels.components) and not video.alpha:
        yield "transparency"
    if video.aspect != plan.aspect:
        yield f"pixel aspect {plan.aspect.numerator}:{plan.aspect.denominator}"
    if video.rotation != plan.rotation:
        yield "rotation"
    if wanted.siting is not None and colours.siting != wanted.siting:
        yield "chroma siting"
    if replace(colours, siting=None) != replace(wanted, siting=None, tagged=True):
        yield "colour tags"
    if plan.hdr and not plan.hdr.like(video.hdr):
        yield "HDR metadata"
