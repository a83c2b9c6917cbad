"""WDSR-A and WDSR-B: few channels between residual blocks, many before each ReLU, and no layer at full size.

Source: J. Yu et al., "Wide Activation for Efficient and Accurate Image Super-Resolution", 2018
(arXiv:1808.08718), sections 3.1 (A), 3.2 (B: two 1x1 convolutions and one 3x3 instead of two 3x3) and 3.3
(weight normalisation); here with 16 blocks of 32 channels, as the MSSN paper's Table 2 uses them. All
convolutions are weight-normalised. That table adds MSSN's share-source skip (AWSSC, Eq. 4) to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from mssn.lab.nets.blocks import Scales
from mssn.lab.nets.layers import Conv2d, Modules, Normalize

_CASCADE = 4  # blocks before a share-source skip, as in MSSN: +8 parameters for 16 blocks


@dataclass(frozen=True)
class WDSRConfig:
    """Shape of a WDSR.

    Args:
        channels: Channels between blocks.
        expansion: How many times as many come before a block's ReLU (A: 4, B: 6).
        blocks: Residual blocks.
        low_rank: What share of the channels the 3x3 convolution of a B block works on (0.8); 0 for A blocks.
        share_source: Add the first features again after every fourth block, both weighted (AWSSC).
    """

    channels: int = 32
    expansion: int = 4
    blocks: int = 16
    low_rank: float = 0.0
    share_source: bool = False

    def __post_init__(self) -> None:
        if self.share_source and self.blocks % _CASCADE:
            raise ValueError(f"share_source needs a multiple of {_CASCADE} blocks, not {self.blocks}")


class Block(nn.Module):
    """Widen, ReLU, narrow, and the input added.

    Args:
        config: Shape.
    """

    def __init__(self, config: WDSRConfig) -> None:
        super().__init__()
        channels, wide = config.channels, config.channels * config.expansion
        if config.low_rank:
            linear = int(channels * config.low_rank)
            self.widen = Conv2d(channels, wide, 1, bias=True)
            self.narrow = nn.Sequential(
                Conv2d(wide, linear, 1, bias=True), Conv2d(linear, channels, 3, bias=True)
            )
        else:
            self.widen = Conv2d(channels, wide, 3, bias=True)
            self.narrow = nn.Sequential(Conv2d(wide, channels, 3, bias=True))

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        return x + self.narrow(F.relu(self.widen(x)))


class WDSR(nn.Module):
    """Enlarges RGB pictures by a fixed whole factor.

    Args:
        config: Shape.
        scale: Factor.
    """

    def __init__(self, config: WDSRConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        self.normalize = Normalize()
        self.head = Conv2d(3, config.channels, 3, bias=True)
        self.body = nn.Sequential(*(Block(config) for _ in range(config.blocks)))
        self.skips = Modules(Scales() for _ in range(config.blocks // _CASCADE if config.share_source else 0))
        self.tail = Conv2d(config.channels, 3 * scale**2, 3, bias=True)
        self.skip = Conv2d(3, 3 * scale**2, 5, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 3 x scale*H x scale*W, nominally in [0, 1], not clamped."""
        x = self.normalize(x)
        x = self.tail(self.features(self.head(x))) + self.skip(x)
        return self.normalize.inverse(F.pixel_shuffle(x, self.scale))

    def features(self, source: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        x = source
        for number, block in enumerate(self.body, start=1):
            x = block(x)
            if self.skips and number % _CASCADE == 0:
                mu = self.skips[number // _CASCADE - 1]
                x = mu.residual * x + mu.identity * source
        return x
