"""Encoded pictures on disk, in segments that stand for themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mssn.errors import FilmError
from mssn.film.encoder import add_film, encoded
from mssn.film.plan import FilmPlan
from mssn.film.pyav import faults, opened, reason, url

if TYPE_CHECKING:
    import av

_LIFT = 1 << 32  # ticks added in a segment, because NUT has no times before 0; films with edit lists do


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

        self._path, self._packets = path, 0
        try:
            self._container = av.open(url(path), "w", format=_container(plan))
            self._stream = add_film(self._container, plan)
        except faults() as error:
            raise FilmError(f"{path}: cannot be written: {reason(error)}") from error

    def write(self, frame: av.VideoFrame) -> None:
        """Encode a frame; its time stamp and time base are set."""
        frame.pts = (frame.pts or 0) + _LIFT
        frame.pict_type = 0  # the encoder chooses
        self._mux(frame)

    def close(self) -> None:
        """Encode what is still under way and finish the file."""
        self._mux(None)
        try:
            self._container.close()
        except faults() as error:
            raise FilmError(f"{self._path}: cannot be written: {reason(error)}") from error

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in encoded(self._stream, frame, self._packets):
                self._packets += 1
                self._container.mux(packet)
        except faults() as error:
            raise FilmError(f"{self._path}: cannot be written: {reason(error)}") from error


def _container(plan: FilmPlan) -> str:
    """NUT keeps every time base; what it does not hold goes into what holds the result."""
    if plan.encoding.codec == "prores":
        return "mov"
    return "matroska" if plan.encoding.codec == "vp9" and plan.format.startswith("yuva") else "nut"


def with_captions(frame: av.VideoFrame, source: av.VideoFrame) -> av.VideoFrame:
    """A frame with the closed captions of another, if that has some; encoders of H.264 and HEVC write them.

    Args:
        frame: An enlarged one.
        source: The one it was made from.
    """
    side: Any = source.side_data
    if not any(data.type.name == "A53_CC" for data in side):
        return frame
    # Nothing puts captions into a frame, but a frame that is scaled keeps its own. Its pixels are replaced.
    carrier = source.reformat(frame.width, frame.height, frame.format.name, interpolation="FAST_BILINEAR")
    for old, new in zip(carrier.planes, frame.planes, strict=True):
        _copy(new, old)
    carrier.colorspace, carrier.color_range = frame.colorspace, frame.color_range
    carrier.color_primaries, carrier.color_trc = frame.color_primaries, frame.color_trc
    carrier.pts, carrier.time_base, carrier.duration = frame.pts, frame.time_base, frame.duration
    return carrier


def _copy(source: Any, target: Any) -> None:
    """Copy a plane into one whose lines may be longer or shorter in memory."""
    import numpy as np

    rows = [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in (source, target)]
    width = min(source.line_size, target.line_size)
    rows[1][:, :width] = rows[0][: rows[1].shape[0], :width]


def packets(segments: Sequence[Path], time_base: Fraction) -> Iterator[Any]:
    """The packets of segments in the order of decoding, with their time stamps in a time base."""
    packet: Any
    for segment in segments:
        with opened(segment) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size:
                    packet.pts = round(packet.pts * packet.time_base / time_base) - _LIFT
                    packet.time_base = time_base
                    yield packet
