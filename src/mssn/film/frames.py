"""The frames of a film as upright pixels, and enlarged, one after the other."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypedDict, Unpack, overload

import numpy as np

from mssn.errors import FilmError, ImageError
from mssn.film.color import Converter
from mssn.film.facts import Film, Video, probe
from mssn.film.plan import FilmOptions
from mssn.film.repeats import FrameEnlarger
from mssn.film.source import Decoded, Source
from mssn.film.streams import plan_stream
from mssn.runtime.base import Precision, RuntimeName
from mssn.upscaling.dial import Variant
from mssn.upscaling.load import DEFAULT_MODEL, load
from mssn.upscaling.size import Sides
from mssn.upscaling.upscaler import Upscaler

_AHEAD = 3  # frames decoded while one is enlarged


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame of a film.

    Attributes:
        pixels: H x W x C, upright; C is 1 (grey), 2 (and transparency), 3 (R, G, B) or 4. uint8, or uint16
            where the film has more than 8 bits.
        time: When it is shown: seconds after the film's beginning.
    """

    pixels: np.ndarray
    time: float


class Frames:
    """The upright frames of a film, decoded ahead of whoever takes them.

    Args:
        film: Which.
        options: From when to when.
    """

    def __init__(self, film: Film, options: FilmOptions) -> None:
        options.check_size(film)
        self.film, self.source = film, Source(film, options)
        self.size = upright_size(film.video)
        self._converter = Converter(film.video, plan_stream(film, Path("-"), self.size, None))

    def __iter__(self) -> Iterator[tuple[Decoded, np.ndarray, np.ndarray | None]]:
        """Each frame, its pixels, and its transparency.

        Raises:
            FilmError: There is none.
        """
        turn = turning(self.film.video.rotation)
        for decoded in self.source:
            pixels, alpha = self._converter.to_rgb(decoded.frame)
            seen = alpha if self.film.video.alpha else None
            yield decoded, turn(pixels), None if seen is None else turn(seen)

    def seconds(self, decoded: Decoded) -> float:
        """When a frame is shown, after the film's beginning."""
        return float(decoded.pts * self.source.time_base - Fraction(self.film.start).limit_denominator(10**6))


class _Ways(TypedDict, total=False):
    """How frames are enlarged: what `load` takes."""

    size: str | Sides | None
    model: str | os.PathLike[str]
    variant: Variant
    strength: float | None
    precision: Precision
    runtime: RuntimeName
    ensemble: bool
    threads: int | None


class _Part(_Ways, total=False):
    """The same of a part of a film."""

    start: float | None
    end: float | None


@overload
def upscale_frames(
    frames: str | os.PathLike[str], scale: float | None = None, **how: Unpack[_Part]
) -> Generator[Frame, None, None]: ...
@overload
def upscale_frames(
    frames: Iterable[np.ndarray], scale: float | None = None, **how: Unpack[_Ways]
) -> Generator[np.ndarray, None, None]: ...
def upscale_frames(
    frames: Any,
    scale: float | None = None,
    *,
    size: str | Sides | None = None,
    model: str | os.PathLike[str] = DEFAULT_MODEL,
    variant: Variant = "auto",
    strength: float | None = None,
    precision: Precision = "auto",
    runtime: RuntimeName = "auto",
    ensemble: bool = False,
    threads: int | None = None,
    start: float | None = None,
    end: float | None = None,
) -> Generator[Any, None, None]:
    """Enlarge the frames of a film, one when it is asked for.

        for frame in mssn.upscale_frames("film.mkv", scale=2):
            frame.pixels, frame.time

    Args:
        frames: The path of a film, of a moving GIF, WebP or PNG, or of numbered pictures
            ("frames/%06d.png", taken for 25 a second); or NumPy arrays as `mssn.upscale` takes them, from
            whatever yields them.
        scale: Any number; default 2, or what a weights file was trained for.
        size: Instead of a scale; see `load`.
        model: See `load`.
        variant: See `load`.
        strength: See `load`.
        precision: See `load`.
        runtime: See `load`.
        ensemble: See `load`.
        threads: See `load`.
        start: Of a film: seconds after its beginning from which on frames are wanted.
        end: Of a film: seconds after its beginning until which they are.

    Returns:
        Of a film, each `Frame`: its pixels, upright, and when it is shown. Of arrays, the enlarged arrays.

    Raises:
        FilmError: It cannot be read.
        ImageError: An array is none that can be enlarged.
        MissingDependencyError: Films need PyAV.

    Examples:
        >>> small = (np.full((40, 60, 3), level, np.uint8) for level in (16, 128))
        >>> [(large.shape, int(large.mean())) for large in upscale_frames(small, model="bicubic")]
        [((80, 120, 3), 16), ((80, 120, 3), 128)]
    """
    upscaler = load(
        model,
        scale,
        size=size,
        variant=variant,
        strength=strength,
        runtime=runtime,
        precision=precision,
        threads=threads,
        ensemble=ensemble,
    )
    if isinstance(frames, str | os.PathLike):
        options = FilmOptions(start=start, end=end)
        return _of_film(upscaler, Frames(probe(Path(frames)), options))
    if start is not None or end is not None:
        raise ImageError("`start` and `end` are for films; arrays have no times")
    if isinstance(frames, np.ndarray) and frames.ndim < 3:
        raise ImageError("give a path, or arrays one after the other; one array is for `mssn.upscale`")
    return _of_arrays(upscaler, frames)


def _of_film(upscaler: Upscaler, frames: Frames) -> Generator[Frame, None, None]:
    """Each enlarged, while the next ones are decoded."""
    enlarge = FrameEnlarger(upscaler)
    with closing(_ahead(iter(frames))) as coming:
        for decoded, pixels, alpha in coming:
            large, opacity = enlarge(pixels, alpha, decoded.compression)
            # A copy, for the next frame may be the same, and this one is its taker's.
            planes = [large] if opacity is None else [large, opacity]
            yield Frame(np.concatenate(planes, axis=2), frames.seconds(decoded))


def _of_arrays(upscaler: Upscaler, arrays: Iterable[np.ndarray]) -> Generator[np.ndarray, None, None]:
    """Each enlarged; one that equals the array before is not computed again."""
    before = large = None
    for array in arrays:
        same = before is not None and before.dtype == array.dtype and np.array_equal(before, array)
        large = large if same and large is not None else upscaler(array)
        before = array.copy()  # whoever gives them may use one buffer for all
        yield large.copy()


def frame_at(path: Path, at: float | None, rate: Fraction | None = None) -> Frame:
    """The frame that is shown at a time.

    Args:
        path: A film, or what else `upscale_frames` takes.
        at: Seconds after the film's beginning; None: its middle, or its beginning where it does not tell how
            long it is.
        rate: Frames a second of what has no times.

    Raises:
        FilmError: It cannot be read, or is over by then.
    """
    film = probe(path, rate)
    if at is None:
        at = (film.duration or 0.0) / 2
    elif film.duration is not None and at >= film.duration:
        raise FilmError(f"{path}: is over after {film.duration:g} s; `at` {at:g} is too late")
    # A frame may be shown for long: where none begins shortly before that time, one further back is.
    for start in dict.fromkeys((max(0.0, at - _BEFORE), 0.0)):
        frames, found = Frames(film, FilmOptions(start=start or None)), None
        for decoded, pixels, _ in frames:
            late = frames.seconds(decoded) > at + 1e-6
            if found is None or not late:
                found = Frame(pixels, frames.seconds(decoded))
            if late:
                break
        if found is not None and (found.time <= at + 1e-6 or not start):
            return found
    raise FilmError(f"{path}: no frame can be decoded at {at:g} s")


_BEFORE = 2.0  # seconds


def _ahead(frames: Iterator[Any]) -> Generator[Any, None, None]:
    """The same, a few made ahead in a thread of their own."""
    coming = deque[Future[Any]]()
    with ThreadPoolExecutor(1, "mssn-decode") as reader:
        try:
            coming.extend(reader.submit(next, frames, None) for _ in range(_AHEAD))
            while (frame := coming.popleft().result()) is not None:
                coming.append(reader.submit(next, frames, None))
                yield frame
        finally:
            reader.shutdown(cancel_futures=True)


def upright_size(video: Video) -> tuple[int, int]:
    """Height and width of frames as they are shown."""
    rotation = video.rotation
    turned = rotation is not None and abs(rotation[0]) < abs(rotation[1])
    return (video.width, video.height) if turned else (video.height, video.width)


def turning(rotation: tuple[int, ...] | None) -> Callable[[np.ndarray], np.ndarray]:
    """What turns pixels, H x W x C, as a display matrix says: by quarters, and mirrored.

    Args:
        rotation: Nine numbers; a place (x, y) is shown at (x r[0] + y r[3], x r[1] + y r[4]).
    """
    if rotation is None:
        return lambda pixels: pixels
    along, across, back, down = (rotation[place] for place in (0, 1, 3, 4))
    turned = abs(along) < abs(across)
    rows, columns = (across, back) if turned else (down, along)
    step = slice(None, None, -1 if rows < 0 else 1), slice(None, None, -1 if columns < 0 else 1)

    def turn(pixels: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((pixels.swapaxes(0, 1) if turned else pixels)[step])

    return turn
