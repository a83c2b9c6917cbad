"""One place of a picture, for a trial."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mssn.errors import ImageError
from mssn.image.picture import Picture


@dataclass(frozen=True)
class Crop:
    """A rectangle of an upright picture, in pixels.

    Args:
        x: Columns to its left.
        y: Rows above it.
        width: At least 1.
        height: At least 1.
    """

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Crop:
        """Read "X,Y,W,H".

        Raises:
            ImageError: The text is something else.
        """
        found = re.fullmatch(", ?".join(["([0-9]{1,9})"] * 4), text)
        sides = [int(side) for side in found.groups()] if found else []
        if not sides or not sides[2] or not sides[3]:
            raise ImageError(f"`crop` is X,Y,W,H in pixels, as in 200,100,300,300, not '{text}'")
        return cls(*sides)

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"

    def check(self, name: str, height: int, width: int) -> None:
        """Refuse a picture that does not hold all of it.

        Args:
            name: What the message calls the picture.
            height: Of a page, pixels.
            width: The same.

        Raises:
            ImageError: It reaches beyond the picture.
        """
        if self.x + self.width > width or self.y + self.height > height:
            raise ImageError(f"{name}: `crop` {self} reaches beyond its {width}x{height} pixels")

    def of(self, picture: Picture) -> Picture:
        """That place of each page; of pages that differ in size, of the first."""
        if picture.others:
            notes = (*picture.notes, f"a crop of the first of {1 + len(picture.others)} pages")
            picture = replace(picture, others=(), notes=notes)
        if picture.pages > 1:
            return picture.joined([self.of(page) for page in picture.split()])
        rows, columns = slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)
        return picture.each(lambda plane: plane[rows, columns].copy())
