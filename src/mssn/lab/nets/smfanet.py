"""SMFANet+: a strong small network whose pictures ours learn from.

Source: M. Zheng et al., "SMFANet: A Lightweight Self-Modulation Feature Aggregation Network for Efficient
Image Super-Resolution", ECCV 2024, section 3. Its authors published weights (Apache-2.0), which `mssn import`
reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_SHRINK = 8  # small pixels for each place of what looks at the whole picture


@dataclass(frozen=True)
class SMFANetConfig:
    """Shape of an SMFANet.

    Args:
        channels: Channels between blocks, an even number; a block has twice as many inside.
        blocks: Blocks.
    """

    channels: int = 48
    blocks: int = 12

    def __post_init__(self) -> None:
        if self.channels % 2:
            raise ValueError(f"channels must be even, not {self.channels}")


class Whole(nn.Module):
    """What the whole picture says of each place: coarse maxima and the variance, as factors.

    Args:
        channels: Channels in and out.
    """

    sees_everything = True

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.filter = _depthwise(channels, channels)
        self.mix = nn.Conv2d(channels, channels, 1)
        self.coarse = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.spread = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        height, width = x.shape[-2:]
        coarse = self.filter(F.adaptive_max_pool2d(x, (max(height // _SHRINK, 1), max(width // _SHRINK, 1))))
        # Of one pixel there is no variance.
        spread = x.var(dim=(-2, -1), keepdim=True) if height * width > 1 else torch.zeros_like(coarse)
        factors = F.gelu(self.mix(coarse * self.coarse + spread * self.spread))
        return F.interpolate(factors, size=(height, width), mode="nearest")


class Aggregation(nn.Module):
    """Self-modulation feature aggregation (SMFA): near features, and far ones as factors, added.

    Args:
        channels: Channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(channels, 2 * channels, 1)
        self.near = nn.Sequential(
            _depthwise(channels, 2 * channels),
            nn.Conv2d(2 * channels, 2 * channels, 1),
            nn.GELU(),
            nn.Conv2d(2 * channels, channels, 1),
        )
        self.whole = Whole(channels)
        self.leave = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        near, far = self.enter(x).chunk(2, dim=1)
        return self.leave(far * self.whole(far) + self.near(near))


class PartialFeedForward(nn.Module):
    """Partial convolution-based feed-forward (PCFN): a quarter of the wide channels is filtered.

    Args:
        channels: Channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.part = channels // 2
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.filter = nn.Conv2d(self.part, self.part, 3, padding=1)
        self.narrow = nn.Conv2d(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        x = F.gelu(self.widen(x))
        filtered = F.gelu(self.filter(x[:, : self.part]))
        return self.narrow(torch.cat([filtered, x[:, self.part :]], dim=1))


class Block(nn.Module):
    """Both of the above, each on features of length 1 at every pixel, each added to its input.

    Args:
        channels: Channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.aggregate = Aggregation(channels)
        self.feed_forward = PartialFeedForward(channels)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        x = x + self.aggregate(F.normalize(x))
        return x + self.feed_forward(F.normalize(x))


class SMFANet(nn.Module):
    """Enlarges RGB pictures by a fixed whole factor.

    Args:
        config: Shape.
        scale: Factor.
    """

    def __init__(self, config: SMFANetConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        self.head = nn.Conv2d(3, config.channels, 3, padding=1)
        self.body = nn.Sequential(*(Block(config.channels) for _ in range(config.blocks)))
        self.tail = nn.Conv2d(config.channels, 3 * scale**2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 3 x scale*H x scale*W, nominally in [0, 1], not clamped."""
        x = self.head(x)
        return F.pixel_shuffle(self.tail(x + self.body(x)), self.scale)


def _depthwise(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1, groups=before)
