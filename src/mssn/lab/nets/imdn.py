"""IMDN: blocks that set a quarter of their channels aside after each convolution.

Source: Z. Hui, X. Gao, Y. Yang, X. Wang, "Lightweight Image Super-Resolution with Information Multi-
distillation Network", ACM Multimedia 2019, sections 3.1 to 3.3. It prints 694K, 703K and 715K parameters. The
attention takes mean plus standard deviation of whole feature maps, so a picture cut into tiles comes out a
little different.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mssn.lab.nets.layers import channel_weights

_SLOPE = 0.05


@dataclass(frozen=True)
class IMDNConfig:
    """Shape of an IMDN.

    Args:
        channels: Channels between blocks; a quarter is set aside each time.
        blocks: Blocks.
        reduction: How many channels share one inside the attention.
    """

    channels: int = 64
    blocks: int = 6
    reduction: int = 16


class Attention(nn.Module):
    """Contrast-aware attention: 0..1 for each channel, from its mean plus deviation (section 3.3)."""

    sees_everything = True

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.weigh = channel_weights(channels, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        mean = x.mean(dim=(2, 3), keepdim=True)
        variance = (x - mean).square().mean(dim=(2, 3), keepdim=True)
        # Not of 0: a flat map must not give an endless gradient.
        return x * self.weigh(mean + torch.sqrt(variance + 1e-12))


class Block(nn.Module):
    """Information multi-distillation block (section 3.2).

    Args:
        config: Shape.
    """

    def __init__(self, config: IMDNConfig) -> None:
        super().__init__()
        channels, aside = config.channels, config.channels // 4
        rest = channels - aside
        self.parts = [aside, rest]
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1)
            for before, after in ((channels, channels), (rest, channels), (rest, channels), (rest, aside))
        )
        self.attention = Attention(channels, config.reduction)
        self.fuse = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        kept, rest = [], x
        for conv in self.convs[:-1]:
            aside, rest = torch.split(F.leaky_relu(conv(rest), _SLOPE), self.parts, dim=1)
            kept.append(aside)
        kept.append(self.convs[-1](rest))
        return x + self.fuse(self.attention(torch.cat(kept, dim=1)))


class IMDN(nn.Module):
    """Enlarges RGB pictures by a fixed whole factor.

    Args:
        config: Shape.
        scale: Factor.
    """

    def __init__(self, config: IMDNConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        channels = config.channels
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.fuse = nn.Conv2d(config.blocks * channels, channels, 1)
        self.smooth = nn.Conv2d(channels, channels, 3, padding=1)
        self.tail = nn.Conv2d(channels, 3 * scale**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 3 x scale*H x scale*W, nominally in [0, 1], not clamped."""
        source = self.head(x)
        state, seen = source, []
        for block in self.blocks:
            state = block(state)
            seen.append(state)
        fused = F.leaky_relu(self.fuse(torch.cat(seen, dim=1)), _SLOPE)
        return F.pixel_shuffle(self.tail(self.smooth(fused) + source), self.scale)
