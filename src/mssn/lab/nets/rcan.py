"""RCAN: groups of residual blocks that weigh their channels; the large network others are measured against.

Source: Y. Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks", ECCV
2018, section 3: ten groups of twenty blocks, 64 channels, reduction 16; 16M parameters are printed (15,592K
at x4).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from mssn.lab.nets.layers import Normalize, Upsample, channel_weights


@dataclass(frozen=True)
class RCANConfig:
    """Shape of an RCAN.

    Args:
        channels: Channels everywhere.
        groups: Residual groups.
        blocks: Blocks in a group.
        reduction: How many channels share one inside the attention.
    """

    channels: int = 64
    groups: int = 10
    blocks: int = 20
    reduction: int = 16


class Attention(nn.Module):
    """Multiplies every channel by a number in 0..1 found from the means of all (section 3.3)."""

    sees_everything = True

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.weigh = channel_weights(channels, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        return x * self.weigh(x.mean(dim=(2, 3), keepdim=True))


class Residual(nn.Module):
    """Layers in a row, and their input added.

    Args:
        layers: First to last.
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        return x + self.body(x)


class RCAN(nn.Module):
    """Enlarges RGB pictures by 2, 3 or 4.

    Args:
        config: Shape.
        scale: Factor; 4 takes two steps of 2.
    """

    def __init__(self, config: RCANConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        channels = config.channels
        self.normalize = Normalize(spread=1.0)
        self.head = _conv(3, channels)
        self.body = Residual(*(_group(config) for _ in range(config.groups)), _conv(channels, channels))
        self.upsample = Upsample(channels, scale)
        self.tail = _conv(channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 3 x scale*H x scale*W, nominally in [0, 1], not clamped."""
        x = self.body(self.head(self.normalize(x)))
        return self.normalize.inverse(self.tail(self.upsample(x)))


def _group(config: RCANConfig) -> Residual:
    channels = config.channels
    blocks = [
        Residual(
            _conv(channels, channels),
            nn.ReLU(),
            _conv(channels, channels),
            Attention(channels, config.reduction),
        )
        for _ in range(config.blocks)
    ]
    return Residual(*blocks, _conv(channels, channels))


def _conv(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1)
