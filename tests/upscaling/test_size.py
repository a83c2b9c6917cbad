"""What a size means."""

from __future__ import annotations

import pytest

from mssn.errors import ImageError
from mssn.upscaling.size import Box, Factor, parse


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("1920x1080", (640, 360), (1920, 1080)),
        ("1920x1080", (640, 480), (1440, 1080)),
        ("1920x1080", (1000, 100), (1920, 192)),
        ("1000x", (300, 200), (1000, 667)),
        ("x1000", (300, 200), (1500, 1000)),
        ("1920X1080!", (10, 10), (1920, 1080)),
        ("5x5", (1000, 10), (5, 1)),
    ],
)
def test_boxes(text, before, after) -> None:
    assert parse(text).of(before[1], before[0]) == (after[1], after[0])


@pytest.mark.parametrize("text", ["", "x", "big", "100", "0x5", "-3x5", "5x5x5", "10x!", "x10!", "1e3x5"])
def test_what_is_no_size(text) -> None:
    with pytest.raises(ImageError, match=r"is no size; sizes look like 1920x1080, 1920x, x1080 or"):
        parse(text)


@pytest.mark.parametrize("size", ["99999999x1", "x99999999", "1" * 19 + "x", (10**8, None)])
def test_sides_have_an_end(size) -> None:
    with pytest.raises(ImageError, match=r"is too large; a side has at most 10,000,000 pixels"):
        parse(size)


def test_factors() -> None:
    assert Factor(2.5).of(3, 4) == (8, 10)
    assert Factor(0.01).of(3, 4) == (1, 1)
    for factor in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ImageError, match="`scale` must be above 0"):
            Factor(factor)


def test_names_for_files() -> None:
    assert [str(size) for size in (Factor(2), Factor(2.5), Box(1920, None), Box(5, 6, exact=True))] == [
        "x2",
        "x2.5",
        "1920x",
        "5x6",
    ]
