"""ESPCN: three convolutions on the small picture; the first to end in a pixel shuffle.

Source: W. Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
Convolutional Neural Network", CVPR 2016, section 3.2: 5-3-3 with 64 and 32 filters and tanh.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class ESPCNConfig:
    """Shape of an ESPCN.

    Args:
        channels: Filters of the first two convolutions.
    """

    channels: tuple[int, int] = (64, 32)


class ESPCN(nn.Module):
    """Enlarges luma.

    Args:
        config: Shape.
        scale: Factor.
    """

    def __init__(self, config: ESPCNConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        first, second = config.channels
        self.first = nn.Conv2d(1, first, 5, padding=2)
        self.second = nn.Conv2d(first, second, 3, padding=1)
        self.last = nn.Conv2d(second, scale**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """N x 1 x H x W -> N x 1 x scale*H x scale*W."""
        x = torch.tanh(self.second(torch.tanh(self.first(x))))
        return F.pixel_shuffle(self.last(x), self.scale)
