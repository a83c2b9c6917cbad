"""How large pictures are to become."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, TypeGuard

from mssn.checks import is_number, is_whole
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
        if not is_number(self.factor):
            raise ImageError(f"`scale` must be a number, not {self.factor!r}")
        if not 0 < self.factor <= 1e6:
            raise ImageError(f"`scale` must be above 0 and at most a million, not {float(self.factor):g}")
        factor = int(self.factor) if is_whole(self.factor) else float(self.factor)
        object.__setattr__(self, "factor", factor)

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
Sides = tuple[int | None, int | None]
"""Width and height in pixels; one of them may be None."""
_MOST = 10**7  # pixels of a side; no format here holds more


def target_of(scale: float | None, size: str | Sides | None) -> Size | None:
    """What a scale or a size ask for; None if neither is given.

    Raises:
        ImageError: Both are given, or one makes no sense.
    """
    if size is None:
        return None if scale is None else Factor(scale)
    if scale is not None:
        raise ImageError("give a scale or a size, not both")
    return parse(size)


def parse(size: str | Sides) -> Box:
    """Read "1920x1080" (fits in), "1920x", "x1080" (one side given) or "1920x1080!" (exactly, stretched).

    Args:
        size: Such a text, or width and height, one of which may be None.

    Raises:
        ImageError: It is nothing of these.

    Examples:
        >>> parse("1920x1080").of(height=600, width=800)
        (1080, 1440)
        >>> parse((None, 1080)).of(height=600, width=800)
        (1080, 1440)
        >>> parse("1920x1080!").of(height=600, width=800)
        (1080, 1920)
    """
    if isinstance(size, str):
        found = re.fullmatch(r"([1-9][0-9]{0,18})?[xX]([1-9][0-9]{0,18})?(!?)", size)
        if found is None or not (found[1] or found[2]) or (found[3] and not (found[1] and found[2])):
            raise ImageError(f"'{size}' is no size; sizes look like 1920x1080, 1920x, x1080 or 1920x1080!")
        sides, exact = found.group(1, 2), bool(found[3])
    else:
        if not _are_sides(size):
            raise ImageError(
                f"{size!r} is no size; as numbers it is (width, height), of which one may be None"
            )
        sides, exact = size, False
    width, height = (int(side) if side else None for side in sides)
    if max(width or 0, height or 0) > _MOST:
        raise ImageError(f"{size!r} is too large; a side has at most {_MOST:,} pixels")
    return Box(width, height, exact=exact)


def _are_sides(size: Any) -> TypeGuard[Sides]:
    if type(size) not in (tuple, list):
        return False
    sides: list[Any] = [*size]
    return (
        len(sides) == 2
        and sides != [None, None]
        and all(side is None or (is_whole(side) and side > 0) for side in sides)
    )
