"""AWSRN: residual units with learnt weights, and four kernel sizes at the end; what MSSN grew out of.

Source: C. Wang, Z. Li, J. Shi, "Lightweight Image Super-Resolution with Adaptive Weighted Learning Network",
2019 (arXiv:1904.02358), sections 3.2 (local fusion block) and 3.3 (adaptive weighted multi-scale
reconstruction). The counts of the MSSN paper's Table 5 are met to every printed digit: parameters with
biases, gains and learnt weights, Mult-Adds of the weights alone, at the exact 1/scale of 1280x720. They fix
what the text leaves open: a 3x3 skip convolution straight from the picture, and two blocks of 16 channels in
AWSRN-SD.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mssn.lab.nets.blocks import Scales
from mssn.lab.nets.layers import Conv2d, Normalize

_KERNELS = (3, 5, 7, 9)


@dataclass(frozen=True)
class AWSRNConfig:
    """Shape of an AWSRN.

    Args:
        channels: Channels between units (32; SD: 16).
        expanded: Channels inside a unit (128).
        blocks: Local fusion blocks (AWSRN 4, M 3, S 1, SD 2).
        units: Units in a block (4).
    """

    channels: int = 32
    expanded: int = 128
    blocks: int = 4
    units: int = 4


class Unit(nn.Module):
    """Adaptive weighted residual unit: residual * conv(ReLU(conv(x))) + identity * x.

    Args:
        config: Shape.
    """

    def __init__(self, config: AWSRNConfig) -> None:
        super().__init__()
        self.widen = Conv2d(config.channels, config.expanded, 3, bias=True)
        self.narrow = Conv2d(config.expanded, config.channels, 3, bias=True)
        self.scales = Scales()

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        branch = self.narrow(F.relu(self.widen(x)))
        return self.scales.residual * branch + self.scales.identity * x


class FusionBlock(nn.Module):
    """Units in a row; a 3x3 convolution of all their outputs, and the block's input.

    Args:
        config: Shape.
    """

    def __init__(self, config: AWSRNConfig) -> None:
        super().__init__()
        self.units = nn.ModuleList(Unit(config) for _ in range(config.units))
        self.fuse = Conv2d(config.units * config.channels, config.channels, 3, bias=True)
        self.scales = Scales()

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        state, seen = x, []
        for unit in self.units:
            state = unit(state)
            seen.append(state)
        return self.scales.residual * self.fuse(torch.cat(seen, dim=1)) + self.scales.identity * x


class AWSRN(nn.Module):
    """Enlarges RGB pictures by a fixed whole factor.

    Args:
        config: Shape.
        scale: Factor.
    """

    def __init__(self, config: AWSRNConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        self.normalize = Normalize()
        out = 3 * scale**2
        self.head = Conv2d(3, config.channels, 3, bias=True)
        self.body = nn.Sequential(*(FusionBlock(config) for _ in range(config.blocks)))
        self.tails = nn.ModuleList(Conv2d(config.channels, out, kernel, bias=True) for kernel in _KERNELS)
        self.shares = nn.Parameter(torch.full((len(_KERNELS),), 1 / len(_KERNELS)))
        self.skip = Conv2d(3, out, 3, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 3 x scale*H x scale*W, nominally in [0, 1], not clamped."""
        x = self.normalize(x)
        features = self.body(self.head(x))
        out = self.skip(x)
        for share, tail in zip(self.shares, self.tails, strict=True):
            out = out + share * tail(features)
        return self.normalize.inverse(F.pixel_shuffle(out, self.scale))
