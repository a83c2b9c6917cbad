"""LapSRN: doubles the picture step by step, adding at each size what a plain enlargement lacks.

Source: W.-S. Lai, J.-B. Huang, N. Ahuja, M.-H. Yang, "Deep Laplacian Pyramid Networks for Fast and Accurate
Super-Resolution", CVPR 2017, section 3.1; ten convolutions a level. Table 5 of the MSSN paper prints 813K,
what the network has at x4 if its 4x4 upsampling kernels are counted as 3x3 (with them: 870K; one level, x2:
436K), and 29.9G at x2, a third of what ten convolutions of 64 channels cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

_SLOPE = 0.2


@dataclass(frozen=True)
class LapSRNConfig:
    """Shape of a LapSRN.

    Args:
        channels: Filters.
        layers: Convolutions a level, before the one that enlarges.
    """

    channels: int = 64
    layers: int = 10


class Level(nn.Module):
    """One doubling: of the features, and of the picture with what it lacks added.

    Args:
        config: Shape.
    """

    def __init__(self, config: LapSRNConfig) -> None:
        super().__init__()
        channels = config.channels
        layers: list[nn.Module] = []
        for _ in range(config.layers):
            layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.LeakyReLU(_SLOPE)]
        layers += [nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1), nn.LeakyReLU(_SLOPE)]
        self.features = nn.Sequential(*layers)
        self.lack = nn.Conv2d(channels, 1, 3, padding=1)
        self.enlarge = nn.ConvTranspose2d(1, 1, 4, stride=2, padding=1, bias=False)
        line = torch.tensor([0.25, 0.75, 0.75, 0.25])
        with torch.no_grad():
            self.enlarge.weight.copy_(torch.outer(line, line))  # section 3.3: starts bilinear, is learnt

    def forward(self, features: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """N x C x H x W and N x 1 x H x W -> both twice as large."""
        features = self.features(features)
        return features, self.enlarge(picture) + self.lack(features)


class LapSRN(nn.Module):
    """Enlarges luma.

    Args:
        config: Shape.
        scale: Factor, 2 or 4.
    """

    def __init__(self, config: LapSRNConfig, scale: int) -> None:
        super().__init__()
        if scale not in (2, 4):
            raise ValueError(f"scale must be 2 or 4, got {scale}")
        self.config, self.scale = config, scale
        self.entry = nn.Sequential(nn.Conv2d(1, config.channels, 3, padding=1), nn.LeakyReLU(_SLOPE))
        self.levels = nn.ModuleList(Level(config) for _ in range(scale // 2))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, a=_SLOPE)  # He et al.'s, as in its paper

    def forward(self, x: Tensor) -> Tensor:
        """N x 1 x H x W -> N x 1 x scale*H x scale*W."""
        features = self.entry(x)
        for level in self.levels:
            features, x = level(features, x)
        return x
