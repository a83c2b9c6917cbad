"""Averaged weights: what a run validates and ships."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


class EMA(AveragedModel):
    """A copy of a network that follows it as an exponential moving average.

    The decay rises to its full value over the first updates, (1 + n) / (10 + n), so that even a short
    run's average has forgotten the random start.

    Args:
        net: The network in training.
        decay: Full decay, below 1.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        super().__init__(net)
        self.decay = decay
        self._pairs: tuple[list[Tensor], list[Tensor]] = (
            [*self.module.parameters()],
            [*net.parameters()],
        )

    @torch.no_grad()
    def update(self) -> None:
        """Take one step towards the network.

        `update_parameters` would move the count to the GPU and back, and so wait for it at every call.
        """
        mine, theirs = self._pairs
        n = int(self.n_averaged)
        if n == 0:
            torch._foreach_copy_(mine, theirs)
        else:
            torch._foreach_lerp_(mine, theirs, 1 - min(self.decay, (1 + n) / (10 + n)))
        self.n_averaged += 1
