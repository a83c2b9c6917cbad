"""Schedules: the paper's steps, cosine, and time limits."""

from __future__ import annotations

import pytest

from mssn.train.recipe import Recipe, load_recipe
from mssn.train.schedule import learning_rate, progress


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


def test_progress_never_runs_backwards_and_always_arrives() -> None:
    assert progress(100, 25, 0, 0.0, 0.0) == 0.25
    assert progress(100, 25, 0, 0.0, 0.5) == 0.5  # the clock runs ahead of the updates
    # Started again after a time-limited start that was half through at update 10, now without a limit.
    assert progress(100, 10, 10, 0.5, 0.0) == 0.5
    assert progress(100, 55, 10, 0.5, 0.0) == pytest.approx(0.75)
    assert progress(100, 100, 10, 0.5, 0.0) == 1.0
    assert progress(100, 120, 100, 1.0, 0.0) == 1.0
