"""DRRN: residual units that share their weights, used again and again.

Source: Y. Tai, J. Yang, X. Liu, "Image Super-Resolution via Deep Recursive Residual Network", CVPR 2017,
section 3. Weights are shared by all units of a block, so B1U9 and B1U25 have the same 297K. What Table 5 of
the MSSN paper prints of DRRN, 6,796.9G and its scores, is B1U25 without biases; B1U9 has 2,448.2G. The paper
puts batch normalisation before each convolution; it is left out here, as in networks since EDSR, and counts
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class DRRNConfig:
    """Shape of a DRRN with one recursive block.

    Args:
        channels: Filters.
        units: Uses of the residual unit (U).
    """

    channels: int = 128
    units: int = 25


class DRRN(nn.Module):
    """Adds to enlarged luma what it lacks.

    Args:
        config: Shape.
        scale: Factor it was enlarged by; changes nothing here.
    """

    def __init__(self, config: DRRNConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        channels = config.channels
        self.entry, self.exit = _conv(1, channels), _conv(channels, 1)
        self.unit = nn.ModuleList([_conv(channels, channels), _conv(channels, channels)])

    def forward(self, x: Tensor) -> Tensor:
        """N x 1 x H x W -> the same size."""
        source = self.entry(x)
        state = source
        for _ in range(self.config.units):
            out = state
            for conv in self.unit:
                out = conv(F.relu(out))
            state = out + source  # Eq. 4: every unit adds the block's input, not its own
        return x + self.exit(F.relu(state))


def _conv(before: int, after: int) -> nn.Conv2d:
    conv = nn.Conv2d(before, after, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return conv
