"""DRCN: one convolution used sixteen times, with a picture made after each use.

Source: J. Kim, J. K. Lee, K. M. Lee, "Deeply-Recursive Convolutional Network for Image Super-Resolution",
CVPR 2016, sections 3.1 and 3.2. Table 5 of the MSSN paper prints 1,774K and 17,974G: its weights alone, and
the two layers of the reconstruction run after each of the sixteen recursions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class DRCNConfig:
    """Shape of a DRCN.

    Args:
        channels: Filters.
        recursions: Uses of the shared convolution.
    """

    channels: int = 256
    recursions: int = 16


class DRCN(nn.Module):
    """Corrects enlarged luma.

    Args:
        config: Shape.
        scale: Factor it was enlarged by; changes nothing here.
    """

    def __init__(self, config: DRCNConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        channels = config.channels
        self.embed = nn.ModuleList([_conv(1, channels), _conv(channels, channels)])
        self.recursion = _conv(channels, channels)
        self.reconstruct = nn.ModuleList([_conv(channels, channels), _conv(channels, 1)])
        self.shares = nn.Parameter(torch.full((config.recursions,), 1 / config.recursions))
        with torch.no_grad():
            nn.init.dirac_(self.recursion.weight)  # section 4.3: the identity

    def forward(self, x: Tensor) -> Tensor:
        """N x 1 x H x W -> the same size: the weighted mean of all recursions' pictures."""
        return x + (self.shares.view(-1, 1, 1, 1, 1) * torch.stack(self.pictures(x))).sum(dim=0)

    def pictures(self, x: Tensor) -> list[Tensor]:
        """What each recursion finds lacking, N x 1 x H x W each; the paper supervises each (Eq. 11)."""
        state, found = x, []
        for conv in self.embed:
            state = F.relu(conv(state))
        for _ in range(self.config.recursions):
            state = F.relu(self.recursion(state))
            found.append(self.reconstruct[1](F.relu(self.reconstruct[0](state))))
        return found


def _conv(before: int, after: int) -> nn.Conv2d:
    conv = nn.Conv2d(before, after, 3, padding=1)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return conv
