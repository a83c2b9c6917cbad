"""EDSR and MDSR, in their "baseline" form: plain residual blocks, no normalisation, enlarged at the end.

Source: B. Lim, S. Son, H. Kim, S. Nah, K. M. Lee, "Enhanced Deep Residual Networks for Single Image Super-
Resolution", CVPR Workshops 2017, section 3. Its baselines have 16 blocks of 64 channels: EDSR 1.37M
parameters at x2 (printed 1.5M for x4: 1,518K), MDSR, one network for three scales, 3.2M. An MDSR here has the
parts of one scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from mssn.lab.nets.layers import Normalize, Upsample


@dataclass(frozen=True)
class EDSRConfig:
    """Shape of an EDSR or MDSR.

    Args:
        channels: Channels everywhere.
        blocks: Residual blocks.
        own_blocks: 5x5 residual blocks that only this scale has, before the others (MDSR: 2).
    """

    channels: int = 64
    blocks: int = 16
    own_blocks: int = 0


class ResidualBlock(nn.Module):
    """Two convolutions with a ReLU between them, and their input added."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.first, self.second = (
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        return x + self.second(F.relu(self.first(x)))


class EDSR(nn.Module):
    """Enlarges RGB pictures by 2, 3 or 4.

    Args:
        config: Shape.
        scale: Factor; 4 takes two steps of 2.
    """

    def __init__(self, config: EDSRConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        channels = config.channels
        self.normalize = Normalize(spread=1.0)
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.own = nn.Sequential(*(ResidualBlock(channels, 5) for _ in range(config.own_blocks)))
        self.body = nn.Sequential(
            *(ResidualBlock(channels, 3) for _ in range(config.blocks)),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        self.upsample = Upsample(channels, scale)
        self.tail = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 3 x scale*H x scale*W, nominally in [0, 1], not clamped."""
        x = self.own(self.head(self.normalize(x)))
        return self.normalize.inverse(self.tail(self.upsample(x + self.body(x))))
