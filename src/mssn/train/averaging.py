"""Averaged weights: what a run validates and ships."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import PARAM_LIST, AveragedModel


def averaged(net: nn.Module, decay: float) -> AveragedModel:
    """A copy of a network that follows it as an exponential moving average.

    The decay rises to its full value over the first updates, (1 + n) / (10 + n), so that even a short
    run's average has forgotten the random start.

    Args:
        net: The network in training.
        decay: Full decay, below 1.
    """

    @torch.no_grad()
    def follow(average: PARAM_LIST, present: PARAM_LIST, seen: torch.Tensor | int) -> None:
        n = int(seen)  # kept on the CPU: no waiting for a GPU
        torch._foreach_lerp_(average, present, 1 - min(decay, (1 + n) / (10 + n)))

    return AveragedModel(net, multi_avg_fn=follow)
