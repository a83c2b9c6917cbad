"""Everything about a film's result that can be decided before its first frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from mssn.checks import is_number, is_whole
from mssn.errors import FilmError
from mssn.film.carried import Carried, carry
from mssn.film.codecs import CODECS, Encoding, encodings, offered, usual
from mssn.film.encoder import kept
from mssn.film.facts import Colours, Film, Hdr, Video
from mssn.image.read import MAX_PIXELS

CONTAINERS = {
    ".mkv": "matroska",
    ".webm": "webm",
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".ts": "mpegts",
    ".m2ts": "mpegts",
    ".mts": "mpegts",
}


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
        max_pixels: Films with larger frames are refused.
        keep_times: Give the result the times of the film's file.

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
    max_pixels: int = MAX_PIXELS
    keep_times: bool = False

    def __post_init__(self) -> None:
        if self.codec is not None and self.codec not in CODECS:
            raise FilmError(f"`codec` must be one of {', '.join(offered())}, not {self.codec!r}")
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

    def check_size(self, film: Film) -> None:
        """Refuse a film whose frames are too large.

        Raises:
            FilmError: They are.
        """
        width, height = film.video.width, film.video.height
        if width * height > self.max_pixels:
            limit = f"the limit of {self.max_pixels / 1e6:g} million (`max_megapixels`)"
            raise FilmError(f"{film.path}: {width} x {height} pixels exceed {limit}")


@dataclass(frozen=True)
class FilmPlan:
    """What is written, and how.

    Args:
        container: FFmpeg's name of the format, such as "matroska".
        muxing: Options of the format, as FFmpeg names them.
        encoding: Encoder, pixel format, options.
        width: Of the result.
        height: The same.
        colours: What its pixels mean.
        aspect: Width of a pixel by its height.
        rotation: The display matrix, written once; None if there is none.
        hdr: Mastering display and content light.
        captions: Whether frames carry closed captions over.
        time_base: Seconds of one tick of the frames' time stamps.
        rate: Frames a second as the source says it; None where it says nothing.
        carried: The other streams that are kept, in the order of the source.
        notes: What is not kept, or was assumed.
    """

    container: str
    muxing: tuple[tuple[str, str], ...]
    encoding: Encoding
    width: int
    height: int
    colours: Colours
    aspect: Fraction
    rotation: tuple[int, ...] | None
    hdr: Hdr
    captions: bool
    time_base: Fraction
    rate: Fraction | None
    carried: tuple[Carried, ...]
    notes: tuple[str, ...]

    @property
    def format(self) -> str:
        """FFmpeg's name of the pixel format that the encoder gets."""
        return self.encoding.format


def plan_film(film: Film, target: Path, size: tuple[int, int], options: FilmOptions) -> FilmPlan:
    """Decide what a film's result is.

    One frame is encoded into the container for that, in memory, and read back.

    Args:
        film: The source.
        target: Where the result goes; its ending says which container.
        size: Height and width of the result.
        options: What is wanted.

    Raises:
        FilmError: The container or the codec cannot hold something, or the encoder is not there.
    """
    options.check_size(film)
    container = CONTAINERS.get(target.suffix.lower())
    if container is None:
        raise FilmError(f"{target}: films are written as {', '.join(CONTAINERS)}")
    video = film.video
    if video.interlaced and options.interlaced == "refuse":
        raise FilmError(f"{film.path}: is interlaced; with `interlaced` auto it is deinterlaced")
    carried, notes = carry(film, target, container)
    draft = FilmPlan(
        container=container,
        muxing=_muxing(film, target),
        encoding=Encoding("", "", ""),
        width=size[1],
        height=size[0],
        colours=video.colours,
        aspect=_aspect(video, size),
        rotation=video.rotation,
        hdr=replace(video.hdr, moving=()),
        captions=False,
        time_base=video.time_base,
        rate=video.rate,
        carried=carried,
        notes=(),
    )
    plan = _encoded(film, target, draft, options)
    return replace(plan, notes=(*_assumed(video), *_lost(film, plan, options), *notes))


def ending_for(film: Film, size: tuple[int, int], options: FilmOptions) -> tuple[str, str | None]:
    """The ending of the result's name where none is asked for: the source's own, if that holds the result.

    Args:
        film: The source.
        size: Height and width of the result.
        options: What is wanted.

    Returns:
        The ending, and why it is not the source's.

    Raises:
        FilmError: Matroska cannot hold the result, either.
    """
    own = film.path.suffix.lower()
    if own == ".mkv":
        return own, None
    if own not in CONTAINERS:
        return ".mkv", f"written as .mkv, because {own or 'a file without an ending'} cannot hold the result"
    try:
        plan_film(film, film.path, size, options)
    except FilmError as error:
        plan_film(film, film.path.with_suffix(".mkv"), size, options)
        return ".mkv", f"written as .mkv ({str(error).removeprefix(f'{film.path}: ')})"
    return own, None


def _encoded(film: Film, target: Path, draft: FilmPlan, options: FilmOptions) -> FilmPlan:
    """The plan with the first way to encode that starts, and of which everything comes back."""
    video, size = film.video, (draft.height, draft.width)
    codecs = (options.codec,) if options.codec else usual(video, size, draft.container)
    faults: dict[str, str] = {}  # the first of each codec
    for codec in codecs:
        if codec in _UNREAD.get(draft.container, ()):
            faults[codec] = f"next to nothing reads {codec} in {target.suffix}"
            continue
        for encoding in encodings(video, codec, options.quality):
            plan = replace(draft, encoding=encoding, colours=_colours(video, encoding))
            plan = replace(plan, captions=video.captions and encoding.codec in ("h264", "hevc"))
            try:
                changed = set(kept(plan)) - _SMALL
            except FilmError as error:
                what = f"{encoding.encoder} does not work for {plan.width}x{plan.height} pixels"
                faults.setdefault(codec, f"{what} ({error})")
                continue
            if not changed:
                return plan
            fault = f"{codec} in {target.suffix} does not keep {' and '.join(sorted(changed))}"
            if "codec" in changed:
                fault = f"{codec} does not fit into {target.suffix}"
            faults.setdefault(codec, fault)
        faults.setdefault(codec, f"this build of FFmpeg has no encoder for {codec}")
    if options.codec:
        fault = faults[options.codec]
        other = ", or write .mkv" if target.suffix in fault else ""
        raise FilmError(f"{target}: {fault}; leave `codec` out, choose another{other}")
    told = sorted(faults.values(), key=lambda fault: "does not keep" not in fault)[0]
    raise FilmError(f"{target}: {told}; {'write .mkv' if target.suffix in told else 'make it smaller'}")


_UNREAD = {"mp4": ("ffv1",)}  # FFmpeg would write it
_SMALL = {"chroma siting"}  # a quarter of a pixel, which players guess


def _colours(video: Video, encoding: Encoding) -> Colours:
    """As in the source, as far as the pixel format and the codec have words for it."""
    colours = video.colours
    if video.chroma == "rgb" and encoding.format.startswith(("yuv", "nv", "p0")):
        matrix = 1 if video.height >= 720 else 6
        colours = replace(colours, matrix=matrix, full=False, primaries=matrix, transfer=matrix)
    if encoding.codec == "av1" and colours.siting not in (None, 1, 3):
        colours = replace(colours, siting=1)
    whole = not encoding.format.startswith(("yuv420", "yuva420", "yuv422", "yuva422", "nv", "p0"))
    return replace(colours, siting=None) if whole else colours


def _aspect(video: Video, size: tuple[int, int]) -> Fraction:
    """The pixel aspect with which the whole picture keeps its shape, though its size was rounded."""
    height, width = size
    exact = video.aspect * Fraction(video.width, video.height) * Fraction(height, width)
    if abs(exact / video.aspect - 1) < Fraction(1, 200):  # rounded by a pixel; plain numbers play everywhere
        return video.aspect
    return exact.limit_denominator(255)


def _muxing(film: Film, target: Path) -> tuple[tuple[str, str], ...]:
    ending = target.suffix.lower()
    if ending in (".m2ts", ".mts"):
        return (("mpegts_m2ts_mode", "1"),)
    if CONTAINERS[ending] in ("mp4", "mov") and any("." in name for name in film.metadata):
        return (("movflags", "use_metadata_tags"),)  # what telephones say of place and camera
    return ()


def _assumed(video: Video) -> list[str]:
    notes = []
    if video.interlaced:
        notes.append("interlaced: deinterlaced, one frame of each two fields")
    return notes


def _lost(film: Film, plan: FilmPlan, options: FilmOptions) -> list[str]:
    video, notes = film.video, []
    encoding = plan.encoding
    if "alpha" in encoding.losses:
        notes.append("its transparency is lost; .mkv, .webm and .mov keep it")
    if "depth" in encoding.losses:
        notes.append(f"its {video.depth} bits become {10 if '10' in encoding.format else 8}")
    if "chroma" in encoding.losses and video.chroma in ("444", "rgb"):
        notes.append("its full resolution of colour becomes 4:2:0")
    if video.captions and not plan.captions:
        notes.append(f"its closed captions are lost in {encoding.codec}; h264 and hevc keep them")
    if video.hdr.moving:
        notes.append(f"{' and '.join(video.hdr.moving)} metadata, which change with the frames, are not kept")
    if film.plays is not None:
        notes.append("how often it repeats is left out")
    if options.quality is not None and encoding.codec == "ffv1":
        notes.append("`quality` changes nothing: FFV1 is lossless")
    return notes
