"""VDSR: twenty convolutions that find what a bicubic enlargement lacks.

Source: J. Kim, J. K. Lee, K. M. Lee, "Accurate Image Super-Resolution Using Very Deep Convolutional
Networks", CVPR 2016, section 3. Table 5 of the MSSN paper prints 665K and 612.6G: its weights alone, without
1,217 biases.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class VDSRConfig:
    """Shape of a VDSR.

    Args:
        channels: Filters of all convolutions but the last.
        layers: Convolutions.
    """

    channels: int = 64
    layers: int = 20


class VDSR(nn.Module):
    """Adds to enlarged luma what it lacks.

    Args:
        config: Shape.
        scale: Factor it was enlarged by; changes nothing here.
    """

    def __init__(self, config: VDSRConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        widths = [1, *[config.channels] * (config.layers - 1), 1]
        convs = [nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(widths)]
        for conv in convs:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")  # section 4.2: He et al.'s
        self.convs = nn.ModuleList(convs)

    def forward(self, x: Tensor) -> Tensor:
        """N x 1 x H x W -> the same size."""
        lack = x
        for index, conv in enumerate(self.convs):
            lack = conv(F.relu(lack) if index else lack)
        return x + lack
