"""What the panel is measured on: pictures to enlarge, what they should become, and how that is scored."""

from __future__ import annotations

from collections.abc import Callable
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
PHOTOGRAPHS += ("double:75", "hidden:75", "webp:80", "noise:5")
_ALL = tuple(kind.__name__ for kind in KINDS)
_SCREENS = ("code", "window", "chart", "table", "icons", "flow")  # kinds of scenes that a screen shows
_PAGES = ("page", "table", "drawing")  # kinds that are printed
# The dial is turned on so many photographs of each benchmark, on so many small pixels of their middle.
_EACH, _SIDE = 8, 160
Score = dict[str, float]


@dataclass(frozen=True)
class Case:
    """A picture to enlarge.

    Args:
        small: H x W x 3 uint8.
        large: What it should become.
        strength: What its file tells.
        kind: Of scene, or the benchmark it is from.
    """

    small: np.ndarray
    large: np.ndarray
    strength: float
    kind: str

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
        found.append(Case(lr, hr, strength, data))
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
            found.append(Case(lr[top : top + _SIDE, left : left + _SIDE], large, strength, data))
    return found


def _drawn(how: str, scale: int) -> list[Case]:
    """All held-out pictures."""
    make_small, found = by_name(how), list[Case]()
    for k, (small, large) in enumerate(heldout.pairs(scale)):
        lr, strength = make_small(large, scale, k, small)
        found.append(Case(lr, large, strength, _kind(k)))
    return found


def _scanned(scale: int) -> list[Case]:
    """Pages that are dark on light. What is scanned is the page itself, not a small picture of it."""
    make_small, found = by_name("scan"), list[Case]()
    for k, (_, large) in enumerate(heldout.pairs(scale)):
        if _kind(k) in _PAGES and not heldout.sheet(k).dark:
            lr, strength = make_small(large, scale, k)
            found.append(Case(lr, large, strength, _kind(k)))
    return found


def _kind(k: int) -> str:
    return KINDS[k % len(KINDS)].__name__


class Condition(NamedTuple):
    """What the dial is turned on.

    Args:
        parts: Name -> the kinds of pictures that count under it.
        cases: Makes the pictures for a scale; the file of each tells the same strength.
        score: Scores what is made of one.
        floor: What it is compared with.
    """

    parts: dict[str, tuple[str, ...]]
    cases: Callable[[int], list[Case]]
    score: Callable[[np.ndarray, Case], Score]
    floor: Callable[[Case], np.ndarray]


CONDITIONS = (
    *(
        Condition({f"photographs {how}": SETS}, partial(_middles, how), by_luma, bicubic)
        for how in PHOTOGRAPHS
    ),
    Condition({"drawn none": _ALL, "screenshots": _SCREENS}, partial(_drawn, "none"), by_colours, lanczos),
    *(
        Condition({f"drawn {how}": _ALL}, partial(_drawn, how), by_colours, lanczos)
        for how in ("jpeg:95", "jpeg:90", "jpeg:75")
    ),
    Condition({"scanned pages": _PAGES}, _scanned, by_colours, lanczos),
)
