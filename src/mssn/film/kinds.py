"""What a film can hold, in words of our own."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from mssn.film.inputs import Given
from mssn.image.compression import Compression


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
        moving: Names of metadata that change from frame to frame.
    """

    mastering: tuple[Fraction, ...] | None = None
    light: tuple[int, int] | None = None
    moving: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.mastering is not None or self.light is not None

    def like(self, other: Hdr) -> bool:
        """Whether another says the same, to the steps in which formats round it."""
        if self.light != other.light or (self.mastering is None) != (other.mastering is None):
            return False
        pairs = zip(self.mastering or (), other.mastering or (), strict=True)
        return all(abs(one - two) <= max(Fraction(1, 8000), one / 8000) for one, two in pairs)


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

    @property
    def lies(self) -> bool:
        """Whether it is shown turned by a quarter."""
        return self.rotation is not None and abs(self.rotation[0]) < abs(self.rotation[1])

    def seen(self, width: int, height: int) -> tuple[int, int]:
        """Width and height as shown, of a size as stored."""
        return (height, width) if self.lies else (width, height)


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
        given: What came with the path, as for `probe`.
        plays: How often a moving picture is shown; 0: for ever; None: it does not say that, or is none.
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
    plays: int | None = None
