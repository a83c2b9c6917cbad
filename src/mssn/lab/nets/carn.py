"""CARN and CARN-M: cascades of residual blocks, each joined with all before it.

Source: N. Ahn, B. Kang, K.-A. Sohn, "Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual
Network", ECCV 2018, section 3; CARN-M, the "mobile" one, has grouped convolutions and blocks that share their
units (section 3.3). Its tables print 1,592K and 412K parameters: those of a network with the upsamplers of
all three scales, CARN-M's without biases. A network here has one upsampler. Mult-Adds are printed without
biases: 222.8 and 91.2 billion at x2; counted that way these networks have 222.8 and 91.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mssn.lab.nets.layers import Normalize


@dataclass(frozen=True)
class CARNConfig:
    """Shape of a CARN.

    Args:
        channels: Channels everywhere (64).
        groups: Groups of the 3x3 convolutions; 4 in CARN-M, whose units end in a 1x1 convolution, else 1.
        shared: The three units of a block are one and the same (CARN-M).
    """

    channels: int = 64
    groups: int = 1
    shared: bool = False


class ResidualUnit(nn.Module):
    """Two convolutions, a third of 1x1 where they are grouped, and a sum."""

    def __init__(self, config: CARNConfig) -> None:
        super().__init__()
        channels, groups = config.channels, config.groups
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1, groups=groups) for _ in range(2)
        )
        if groups > 1:
            self.convs.append(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        out = x
        for index, conv in enumerate(self.convs):
            out = conv(out if index == 0 else F.relu(out))
        return F.relu(out + x)


class Cascade(nn.Module):
    """Parts in a row; each is given a 1x1 convolution of all that came before it.

    Args:
        parts: What is joined; may be one module several times.
        channels: Channels in and out of each.
    """

    def __init__(self, parts: list[nn.Module], channels: int) -> None:
        super().__init__()
        self.count = len(parts)
        self.parts = nn.ModuleList(dict.fromkeys(parts))
        self.joins = nn.ModuleList(nn.Conv2d((n + 2) * channels, channels, 1) for n in range(self.count))

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        seen = x
        for index, join in enumerate(self.joins):
            part = self.parts[min(index, len(self.parts) - 1)]
            seen = torch.cat([seen, part(x)], dim=1)
            x = F.relu(join(seen))
        return x


class CARN(nn.Module):
    """Enlarges RGB pictures by 2, 3 or 4.

    Args:
        config: Shape.
        scale: Factor; 4 takes two steps of 2.
    """

    def __init__(self, config: CARNConfig, scale: int) -> None:
        super().__init__()
        if scale not in (2, 3, 4):
            raise ValueError(f"scale must be 2, 3 or 4, got {scale}")
        self.config, self.scale = config, scale
        channels = config.channels
        self.normalize = Normalize(spread=1.0)
        self.entry = nn.Conv2d(3, channels, 3, padding=1)
        self.body = Cascade([_block(config) for _ in range(3)], channels)
        self.factors = (2, 2) if scale == 4 else (scale,)
        self.upsample = nn.ModuleList(
            nn.Conv2d(channels, channels * factor**2, 3, padding=1, groups=config.groups)
            for factor in self.factors
        )
        self.exit = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 3 x scale*H x scale*W, nominally in [0, 1], not clamped."""
        x = self.body(self.entry(self.normalize(x)))
        for factor, conv in zip(self.factors, self.upsample, strict=True):
            x = F.pixel_shuffle(F.relu(conv(x)), factor)
        return self.normalize.inverse(self.exit(x))


def _block(config: CARNConfig) -> Cascade:
    units = [ResidualUnit(config)] * 3 if config.shared else [ResidualUnit(config) for _ in range(3)]
    return Cascade(list(units), config.channels)
