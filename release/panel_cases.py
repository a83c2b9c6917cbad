"""What the panel is measured on: pictures to enlarge, what they should become, and how that is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import heldout
import numpy as np
from heldout_kinds import KINDS

from mssn.image.find import find_images
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, imresize
from mssn.score.degrade import by_name
from mssn.score.folders import locate
from mssn.score.metrics import overshoot, psnr_rgb, psnr_y

SETS = ("Set14", "B100", "Urban100")
PHOTOGRAPHS = ("none", "jpeg:98", "jpeg:95", "jpeg:92", "jpeg:90", "jpeg:85", "jpeg:75", "jpeg:50", "jpeg:30")
PHOTOGRAPHS += ("double:75", "webp:80", "noise:5")
_ALL = tuple(kind.__name__ for kind in KINDS)
_SCREENS = ("code", "window", "chart", "table", "icons", "flow")  # kinds of scenes that a screen shows
_PAGES = ("page", "table", "drawing")  # kinds that are printed
_EACH, _SIDE = (
    8,
    256,
)  # of each benchmark the dial is turned on so many, on so many small pixels of the middle
Score = dict[str, float]


@dataclass(frozen=True)
class Case:
    """A picture to enlarge.

    Args:
        small: H x W x 3 uint8.
        large: What it should become.
        strength: What its file tells.
    """

    small: np.ndarray
    large: np.ndarray
    strength: float

    @property
    def scale(self) -> int:
        """Factor between the two."""
        return len(self.large) // len(self.small)


def by_luma(sr: np.ndarray, case: Case) -> Score:
    """Of photographs."""
    return {"psnr": psnr_y(sr, case.large, case.scale)}


def by_colours(sr: np.ndarray, case: Case) -> Score:
    """Of drawn pictures."""
    scale = case.scale
    return {
        "psnr": psnr_rgb(sr, case.large, scale),
        "overshoot": overshoot(sr, case.large, scale, reach=scale),
    }


def bicubic(case: Case) -> np.ndarray:
    """What photographs are compared with."""
    return imresize(case.small, scale=case.scale)


def lanczos(case: Case) -> np.ndarray:
    """What drawn pictures are compared with."""
    return imresize(case.small, scale=case.scale, kernel="lanczos3")


def photographs(data: str, how: str, scale: int) -> list[Case]:
    """All of a benchmark, degraded."""
    make_small, found = by_name(how), list[Case]()
    for number, hr in enumerate(_originals(data, scale), 1):
        lr, strength = make_small(hr, scale, number)
        found.append(Case(lr, hr, strength))
    return found


@cache
def _originals(data: str, scale: int) -> list[np.ndarray]:
    return [crop_to_multiple(read_rgb(path), scale) for path in find_images(locate(data))]


def _middles(how: str, scale: int) -> list[Case]:
    """The middle of some photographs of each benchmark, spread evenly over it; degraded as a whole."""
    make_small, found = by_name(how), list[Case]()
    for data in SETS:
        pictures = _originals(data, scale)
        for number in np.linspace(0, len(pictures) - 1, _EACH).round().astype(int):
            hr = pictures[number]
            lr, strength = make_small(hr, scale, int(number) + 1)
            top, left = (max(0, (side - _SIDE) // 2) for side in lr.shape[:2])
            large = hr[top * scale : (top + _SIDE) * scale, left * scale : (left + _SIDE) * scale]
            found.append(Case(lr[top : top + _SIDE, left : left + _SIDE], large, strength))
    return found


def _drawn(how: str, kinds: Sequence[str], scale: int) -> list[Case]:
    make_small, found = by_name(how), list[Case]()
    for k, (small, large) in _of_kinds(kinds, scale):
        lr, strength = make_small(large, scale, k, small)
        found.append(Case(lr, large, strength))
    return found


def _scanned(scale: int) -> list[Case]:
    """Pages that are dark on light. What is scanned is the page itself, not a small picture of it."""
    found: list[Case] = []
    for k, (_, large) in _of_kinds(_PAGES, scale):
        if not heldout.sheet(k).dark:
            lr, strength = by_name("scan")(large, scale, k)
            found.append(Case(lr, large, strength))
    return found


def _of_kinds(kinds: Sequence[str], scale: int) -> list[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    pairs = enumerate(heldout.pairs(scale))
    return [(k, pair) for k, pair in pairs if KINDS[k % len(KINDS)].__name__ in kinds]


class Condition(NamedTuple):
    """One that the dial is turned on.

    Args:
        cases: Makes the pictures for a scale; the file of each tells the same strength.
        score: Scores what is made of one.
        floor: What it is compared with.
    """

    cases: Callable[[int], list[Case]]
    score: Callable[[np.ndarray, Case], Score]
    floor: Callable[[Case], np.ndarray]


CONDITIONS: dict[str, Condition] = {
    **{f"photographs {how}": Condition(partial(_middles, how), by_luma, bicubic) for how in PHOTOGRAPHS},
    **{
        f"drawn {how}": Condition(partial(_drawn, how, _ALL), by_colours, lanczos)
        for how in ("none", "jpeg:95", "jpeg:90", "jpeg:75")
    },
    "screenshots": Condition(partial(_drawn, "none", _SCREENS), by_colours, lanczos),
    "scanned pages": Condition(_scanned, by_colours, lanczos),
}
