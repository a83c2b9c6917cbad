"""How large pictures are to become."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from mssn.errors import ImageError


@dataclass(frozen=True)
class Factor:
    """So many times as wide and as high.

    Args:
        factor: Above 0, at most a million.

    Raises:
        ImageError: It is not.
    """

    factor: float

    def __post_init__(self) -> None:
        if not isinstance(self.factor, int | float):  # pyright: ignore[reportUnnecessaryIsInstance] (callers without types)
            raise ImageError(f"`scale` must be a number, not {self.factor!r}")
        if not 0 < self.factor <= 1e6:
            raise ImageError(f"`scale` must be above 0 and at most a million, not {self.factor:g}")

    def __str__(self) -> str:
        return f"x{self.factor:g}"

    def of(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) a picture becomes; at least one pixel, rounded to the nearest."""
        return max(1, _rounded(height * self.factor)), max(1, _rounded(width * self.factor))


def _rounded(length: float) -> int:
    return math.floor(length + 0.5)  # halves up, as everyone expects; round() takes the even number


@dataclass(frozen=True)
class Box:
    """As large as fits into a box, or exactly as large.

    Args:
        width: Pixels; None: whatever the height makes it.
        height: The same.
        exact: Stretch to the box instead of keeping the proportions.
    """

    width: int | None
    height: int | None
    exact: bool = False

    def __str__(self) -> str:
        return f"{self.width or ''}x{self.height or ''}"

    def of(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) a picture becomes; at least one pixel, rounded to the nearest."""
        if self.exact and self.width and self.height:
            return self.height, self.width
        factor = min((self.width or math.inf) / width, (self.height or math.inf) / height)
        return max(1, _rounded(height * factor)), max(1, _rounded(width * factor))


Size = Factor | Box


def parse(text: str) -> Box:
    """Read "1920x1080" (fits in), "1920x", "x1080" (one side given) or "1920x1080!" (exactly, stretched).

    Raises:
        ImageError: The text is nothing of these.

    Examples:
        >>> parse("1920x1080").of(height=600, width=800)
        (1080, 1440)
        >>> parse("x1080").of(height=600, width=800)
        (1080, 1440)
        >>> parse("1920x1080!").of(height=600, width=800)
        (1080, 1920)
    """
    found = re.fullmatch(r"([1-9]\d{0,6})?x([1-9]\d{0,6})?(!?)", text.strip().lower())
    if found is None or not (found[1] or found[2]) or (found[3] and not (found[1] and found[2])):
        raise ImageError(f"'{text}' is no size; sizes look like 1920x1080, 1920x, x1080 or 1920x1080!")
    return Box(*(int(side) if side else None for side in found.group(1, 2)), exact=bool(found[3]))
