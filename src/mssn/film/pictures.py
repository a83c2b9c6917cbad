"""A film's frames as numbered pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mssn.errors import FilmError
from mssn.film.facts import Film
from mssn.film.inputs import Numbered, is_pattern
from mssn.film.plan import FilmOptions
from mssn.image.formats import WRITABLE
from mssn.image.limits import refuse_oversize
from mssn.image.picture import Picture
from mssn.image.png import Chunk
from mssn.image.write import write

_USUAL = (
    (0, 1, 2, 5, 6),
    (0, 1, 2, 4, 5, 6, 13),
)  # primaries and transfers that programs take for those of a picture


class PictureWriter:
    """Writes frames under the names of a pattern, each when it is whole.

    Args:
        film: Where they come from.
        target: The pattern; its ending chooses the format.
        size: Height and width of the results.
        options: Quality, and whether files that are there are replaced.
        keep: Leave pictures that are there as they are.

    Raises:
        ImageError: The format cannot be written, or cannot hold such a size.
        FilmError: Pictures are there already, or are those that are read.
    """

    def __init__(
        self, film: Film, target: Path, size: tuple[int, int], options: FilmOptions, *, keep: bool
    ) -> None:
        self._film, self._pictures, self._options = film, Numbered(target), options
        suffix = target.suffix.lower()
        if suffix not in WRITABLE:
            raise FilmError(f"{target}: frames cannot be written as {suffix or 'files without an ending'}")
        refuse_oversize(str(target), suffix, size[1], size[0])
        there, self._first = self._pictures.there(), 1
        if is_pattern(film.path):
            sources = Numbered(film.path)
            self._first = sources.row().start
            if sources.path(1).absolute() == self._pictures.path(1).absolute():
                raise FilmError(f"{target}: would replace the originals; choose another output")
        if there and not (options.force or keep):
            first = self._pictures.path(there[0])
            more = f" and {len(there) - 1} more" if len(there) > 1 else ""
            raise FilmError(
                f"{first}{more}: exists already; use `force=True` to overwrite, or `skip_existing` to go on"
            )
        self._there = set(there) if keep else set[int]()
        self._old = there
        self._colours = _colours(film)

    def has(self, number: int) -> bool:
        """Whether the picture of a frame is there and stays.

        Args:
            number: Of the frame, counted from 0.
        """
        return self._first + number in self._there

    def write(self, number: int, pixels: np.ndarray, alpha: np.ndarray | None) -> None:
        """Write the picture of a frame.

        Args:
            number: Of the frame, counted from 0.
            pixels: H x W x 1 or 3.
            alpha: H x W x 1, or None.

        Raises:
            ImageError: It cannot be written.
        """
        video = self._film.video
        bits = video.depth if video.depth in (10, 12) else None
        picture = Picture(pixels, alpha=alpha, bits=bits, colours=self._colours)
        write(self._pictures.path(self._first + number), picture, quality=self._options.quality)

    def left(self, frames: int) -> list[str]:
        """What to say of pictures that are none of the film's, if there are any.

        Args:
            frames: How many the film has.
        """
        more = [number for number in self._old if not 0 <= number - self._first < frames]
        if not more:
            return []
        example = self._pictures.path(more[-1]).name
        return [f"{len(more)} pictures of an earlier run lie among them, such as {example}"]


def _colours(film: Film) -> tuple[Chunk, ...]:
    """The tag of a PNG or AVIF that says what its colours are, where they are not those of every picture."""
    colours = film.video.colours
    if colours.primaries in _USUAL[0] and colours.transfer in _USUAL[1]:
        return ()
    return ((b"cICP", bytes((colours.primaries, colours.transfer, 0, 1))),)
