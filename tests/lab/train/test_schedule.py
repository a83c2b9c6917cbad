"""Schedules: the paper's steps, cosine, and time limits."""

from __future__ import annotations

import pytest

from mssn.lab.train.recipe import Recipe, load_recipe
from mssn.lab.train.schedule import learning_rate, progress


def test_step_schedule_as_printed() -> None:
    recipe = load_recipe("paper-mssn-s")
    expected = {0: 1e-3, 199_999: 1e-3, 200_000: 5e-4, 400_000: 2.5e-4, 999_999: 6.25e-5}
    for update, rate in expected.items():
        assert learning_rate(recipe, update, update / recipe.updates) == pytest.approx(rate)


def test_cosine_with_warm_up() -> None:
    recipe = Recipe(schedule="cosine", learning_rate=0.01, warmup=10, updates=100)
    assert learning_rate(recipe, 0, 0.0) == pytest.approx(0.001)
    assert learning_rate(recipe, 9, 0.0) == pytest.approx(0.01)
    assert learning_rate(recipe, 50, 0.5) == pytest.approx(0.005)
    assert learning_rate(recipe, 99, 1.0) == pytest.approx(0.0)


def test_warm_up_is_a_part_of_the_schedule() -> None:
    """Under a time limit a slow machine does few updates: they must not all be warm-up."""
    recipe = Recipe(schedule="cosine", learning_rate=0.01, warmup=100, updates=1000)
    assert learning_rate(recipe, 4, 0.05) == pytest.approx(0.01 * 0.5 * 0.99384, rel=1e-3)
    assert learning_rate(recipe, 9, 0.5) == pytest.approx(0.005)


def test_progress_is_the_share_of_updates_or_of_the_time_limit() -> None:
    assert progress(100, 25, 0, 0.0, None) == 0.25
    assert progress(100, 25, 0, 0.0, 0.5) == 0.5  # with a limit, the clock alone decides
    assert progress(100, 99, 0, 0.0, 0.5) == 0.5
    assert progress(100, 50, 50, 0.5, 0.5) == 0.75
    # Started again after a time-limited start that was half through at update 10, now without a limit.
    assert progress(100, 10, 10, 0.5, None) == 0.5
    assert progress(100, 55, 10, 0.5, None) == pytest.approx(0.75)
    assert progress(100, 100, 10, 0.5, None) == 1.0
    assert progress(100, 120, 100, 1.0, None) == 1.0
