"""Everything about a film's result that can be decided before its first frame."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from mssn.checks import is_number, is_whole
from mssn.errors import FilmError
from mssn.film.codecs import CODECS, Encoding, encoding_for
from mssn.film.facts import Colours, Film, Stream, Video


@dataclass(frozen=True)
class FilmOptions:
    """What is wanted of a film.

    Args:
        codec: One of `CODECS`; None: what suits the film.
        quality: 1 to 100; None: what is hardly told from the network's own pixels.
        interlaced: Whether interlaced films are deinterlaced or refused.
        start: Seconds after the beginning at which the result begins; None: at the beginning.
        end: The same of its end.
        force: Whether a file that is there is replaced.
        rate: Frames a second of what has no times: numbered pictures, streams without a container.

    Raises:
        FilmError: A value makes no sense.
    """

    codec: str | None = None
    quality: int | None = None
    interlaced: Literal["auto", "refuse"] = "auto"
    start: float | None = None
    end: float | None = None
    force: bool = False
    rate: Fraction | None = None

    def __post_init__(self) -> None:
        if self.codec is not None and self.codec not in CODECS:
            raise FilmError(f"`codec` must be one of {', '.join(CODECS)}, not {self.codec!r}")
        if self.quality is not None and not (is_whole(self.quality) and 1 <= self.quality <= 100):
            raise FilmError(f"`quality` must be 1 to 100, not {self.quality!r}")
        if self.interlaced not in ("auto", "refuse"):
            raise FilmError(f"`interlaced` must be auto or refuse, not {self.interlaced!r}")
        for name in ("start", "end"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and 0 <= value < float("inf")):
                raise FilmError(f"`{name}` must be seconds from 0 on, not {value!r}")
        if self.rate is not None and not 0 < self.rate <= 1_000_000:
            raise FilmError(f"`rate` must be frames a second, not {self.rate}")
        if self.end is not None and self.end <= (self.start or 0):
            raise FilmError(f"`end` ({self.end:g} s) must come after `start` ({self.start or 0:g} s)")


@dataclass(frozen=True)
class Carried:
    """What becomes of one of a film's other streams.

    Args:
        stream: Which.
        codec: FFmpeg's name of what it is converted to; None: its packets are copied.
    """

    stream: Stream
    codec: str | None = None


@dataclass(frozen=True)
class FilmPlan:
    """What is written, and how.

    Args:
        container: FFmpeg's name of the format, such as "matroska".
        encoding: Encoder, pixel format, options.
        width: Of the result.
        height: The same.
        colours: What the pixels mean, as the source's.
        aspect: Width of a pixel by its height.
        rotation: The display matrix, written once; None if there is none.
        time_base: Seconds of one tick of the frames' time stamps.
        rate: Frames a second as headers say it; None where the source says nothing.
        carried: The other streams that are kept, in the order of the source.
        notes: What is not kept, or was assumed.
    """

    container: str
    encoding: Encoding
    width: int
    height: int
    colours: Colours
    aspect: Fraction
    rotation: tuple[int, ...] | None
    time_base: Fraction
    rate: Fraction | None
    carried: tuple[Carried, ...]
    notes: tuple[str, ...]

    @property
    def format(self) -> str:
        """FFmpeg's name of the pixel format that the encoder gets."""
        return self.encoding.format


CONTAINERS = {
    ".mkv": "matroska",
    ".webm": "webm",
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
}


def plan_film(film: Film, target: Path, size: tuple[int, int], options: FilmOptions) -> FilmPlan:
    """Decide what a film's result is.

    Args:
        film: The source.
        target: Where the result goes; its ending says which container.
        size: Height and width of the result.
        options: What is wanted.

    Raises:
        FilmError: The container or the codec cannot hold something, or the encoder is not there.
    """
    container = CONTAINERS.get(target.suffix.lower())
    if container is None:
        raise FilmError(f"{target}: films are written as {', '.join(CONTAINERS)}")
    height, width = size
    video = film.video
    return FilmPlan(
        container=container,
        encoding=encoding_for(video, container, size, options.codec, options.quality),
        width=width,
        height=height,
        colours=video.colours,
        aspect=_aspect(video, size),
        rotation=video.rotation,
        time_base=video.time_base,
        rate=video.rate,
        carried=tuple(Carried(stream) for stream in film.others),
        notes=(),
    )


def _aspect(video: Video, size: tuple[int, int]) -> Fraction:
    """The pixel aspect with which the whole picture keeps its shape, though its size was rounded."""
    height, width = size
    exact = video.aspect * Fraction(video.width, video.height) * Fraction(height, width)
    if abs(exact / video.aspect - 1) < Fraction(1, 1000):  # nobody sees that; players like plain numbers
        return video.aspect
    return exact.limit_denominator(10000)
