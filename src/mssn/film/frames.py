"""The frames of a film as upright pixels, and enlarged, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mssn.errors import FilmError
from mssn.film.color import Converter
from mssn.film.facts import Film, Video, probe
from mssn.film.plan import FilmOptions
from mssn.film.repeats import FrameEnlarger
from mssn.film.source import Decoded, Source
from mssn.film.streams import plan_stream
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
            clear = alpha is None or not self.film.video.alpha
            yield decoded, turn(pixels), None if clear else turn(alpha)

    def seconds(self, decoded: Decoded) -> float:
        """When a frame is shown, after the film's beginning."""
        return float(decoded.pts * self.source.time_base - Fraction(self.film.start).limit_denominator(10**6))


def frames_of_film(upscaler: Upscaler, path: Path, options: FilmOptions) -> Iterator[Frame]:
    """Enlarge a film's frames, while the next ones are decoded.

    Args:
        upscaler: What enlarges.
        path: A film, a moving GIF, WebP or PNG, or a pattern of numbered pictures.
        options: From when to when, and the rate of what has no times.

    Raises:
        FilmError: It cannot be read.
        MissingDependencyError: PyAV is not installed.
    """
    return _enlarged(upscaler, Frames(probe(path, options.rate), options))


def _enlarged(upscaler: Upscaler, frames: Frames) -> Iterator[Frame]:
    enlarge = FrameEnlarger(upscaler, frames.film.video.compression)
    with closing(_ahead(iter(frames))) as coming:
        for decoded, pixels, alpha in coming:
            large, opacity = enlarge(pixels, alpha)
            # A copy, for the next frame may be the same, and this one is its taker's.
            planes = [large] if opacity is None else [large, opacity]
            yield Frame(np.concatenate(planes, axis=2), frames.seconds(decoded))


def frames_of_arrays(upscaler: Upscaler, arrays: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Enlarge arrays, one when it is asked for; one that equals the array before is not computed again.

    Args:
        upscaler: What enlarges.
        arrays: Pictures as it takes them.
    """
    before = large = None
    for array in arrays:
        same = before is not None and before.dtype == array.dtype and np.array_equal(before, array)
        large = large if same and large is not None else upscaler(array)
        before = array.copy()  # whoever gives them may use one buffer for all
        yield large.copy()


def frame_at(path: Path, at: float | None, rate: Fraction | None = None) -> Frame:
    """The frame that is shown at a time.

    Args:
        path: As above.
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


def _ahead(frames: Iterator[Any]) -> Iterator[Any]:
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
