"""Validation pictures choose; benchmarks only stop a loss."""

from __future__ import annotations

import pytest
import scores
from scores import Measured

OLD = Measured("r", {"clean": 30.0, "halved": 28.0}, {"Set5": 37.0, "Set14": 33.0})


@pytest.mark.parametrize(
    ("clean", "halved", "set5", "set14", "ships"),
    [
        (30.1, 28.1, 37.1, 33.1, True),
        (30.1, 27.95, 37.0, 33.0, True),  # better on the mean
        (30.1, 28.1, 36.98, 32.98, True),  # what a benchmark may lose
        (30.1, 28.1, 37.0, 32.979, False),
        (30.1, 28.1, 38.0, 32.979, False),  # no gain elsewhere pays for it
        (30.0, 28.0, 37.0, 33.0, False),  # the same weights
        (29.9, 28.05, 38.0, 34.0, False),  # benchmarks do not choose
    ],
)
def test_what_ships(clean: float, halved: float, set5: float, set14: float, ships: bool) -> None:
    new = Measured("r", {"clean": clean, "halved": halved}, {"Set5": set5, "Set14": set14})
    assert (scores.why_not_ship(OLD, new) == "") == ships


@pytest.mark.parametrize(
    ("clean", "set14", "same"),
    [
        (30.0, 33.0, True),
        (29.995, 32.995, True),
        (31.0, 34.0, True),
        (29.9949, 33.0, False),
        (30.0, 32.9949, False),
    ],
)
def test_what_is_the_same_network(clean: float, set14: float, same: bool) -> None:
    new = Measured("r", {"clean": clean, "halved": 28.0}, {"Set5": 37.0, "Set14": set14})
    assert (scores.why_not_same(OLD, new) == "") == same


def test_drawn_pictures_choose_as_photographs_do() -> None:
    old = Measured("r", {"clean": 30.0, "halved": 28.0, "drawn": 26.0}, {})
    new = Measured("r", {"clean": 30.1, "halved": 28.1, "drawn": 25.7}, {})
    assert scores.why_not_ship(old, new).startswith("not better")
    assert scores.why_not_ship(new, old) == ""


def test_only_cells_that_are_named_may_lose() -> None:
    new = Measured("r", {"clean": 30.1, "halved": 28.0}, {"Set5": 36.9, "Set14": 32.9})
    assert "0.1000 dB lost on Set14" in scores.why_not_ship(OLD, new, ["Set5"])
    assert scores.why_not_ship(OLD, new, ["Set5", "Set14"]) == ""
    assert scores.lost(OLD, new) == {"Set5": -0.1, "Set14": -0.1}
    slightly = Measured("r", {"clean": 30.1, "halved": 28.0}, {"Set5": 36.98, "Set14": 33.2, "B100": 30})
    assert scores.lost(OLD, slightly) == {}


def test_the_reason_names_the_worst_cell() -> None:
    new = Measured("r", {"clean": 30.1, "halved": 28.0}, {"Set5": 36.97, "Set14": 32.5})
    assert scores.why_not_ship(OLD, new) == "0.5000 dB lost on Set14, more than 0.02"
