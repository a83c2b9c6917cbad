"""How far a training run is, and the learning rate there."""

from __future__ import annotations

import math

from mssn.lab.train.recipe import Recipe


def progress(updates: int, update: int, first: int, begun: float, in_time: float | None) -> float:
    """Share of the schedule that is done, 0..1.

    Args:
        updates: Updates of the whole schedule.
        update: Updates done.
        first: Updates that were done when this start began.
        begun: Share of the schedule that was done then.
        in_time: Share of this start's time limit that is used up; None without a limit.

    Returns:
        With a time limit, what was left of the schedule spread over it: the clock alone decides. Else
        update / updates, or, after a start whose clock ran ahead of that, what was left then spread over
        the updates that are left.
    """
    if in_time is not None:
        return min(1.0, begun + (1 - begun) * in_time)
    if begun > first / updates:
        return min(1.0, begun + (1 - begun) * (update - first) / max(1, updates - first))
    return min(1.0, update / updates)


def learning_rate(recipe: Recipe, update: int, fraction: float) -> float:
    """The rate of the update after `update` updates, `fraction` of the schedule being done.

    Source: step schedule, paper section IV-B; its halvings are places on the schedule, so that they
    move together when a time limit shortens it.
    """
    # Under a time limit, an update may be worth many of the schedule's; warm-up is a part of the schedule.
    place = max(update + 1, fraction * recipe.updates)
    warm = min(1.0, place / recipe.warmup) if recipe.warmup else 1.0
    if recipe.schedule == "cosine":
        return warm * recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * fraction))
    # The small nudge keeps 200,000 of 1,000,000 from rounding to just below a halving.
    halvings = int(fraction * recipe.updates / recipe.halve_every + 1e-9)
    return warm * recipe.learning_rate * 0.5**halvings
