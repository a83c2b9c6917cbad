"""MSSN, the Mobile Share-Source Network, and its ablations.

Source: J. Du et al., "Lightweight Image Super-Resolution with Mobile Share-Source Network", section III:
Eq. 1 (feature extraction), Eq. 2 and 4 (cascading blocks with the adaptive weighted share-source skip
connection, AWSSC), Eq. 3 (reconstruction), Eq. 5 (the residual unit, in `mssn.lab.nets.blocks`).

What the text leaves open is fixed by the parameter and Mult-Adds counts of its tables: a 3x3 head and
tail with bias, a 5x5 skip convolution with bias straight from the picture, units without bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mssn.image.compression import LEAST
from mssn.lab.nets.blocks import MAWRU, CascadingBlock, MobileNetV1, Scales, ShuffleNetV1, ShuffleNetV2
from mssn.lab.nets.layers import Modules, Normalize

UNITS = ("mawru", "mobilenet-v1", "shufflenet-v1", "shufflenet-v2")


@dataclass(frozen=True)
class MSSNConfig:
    """Shape of an MSSN and its ablation switches.

    Args:
        channels: Channels between units (C; 32 for MSSN-S, else 64).
        expanded: Channels inside a unit (E; 64, 128, 256 for S, M and MSSN).
        blocks: Cascading blocks (CB; 4, 4, 6).
        units: Units in a cascading block (4 in the paper).
        share_source: The AWSSC of Eq. 4; off: blocks are simply stacked (MSSN-NA of Table 3).
        adaptive_scales: Learn every mu; off: all are 1.
        weight_norm: Normalise the weights inside the units.
        normalize: Subtract the DIV2K mean and scale to about [-1, 1] inside the network.
        depthwise_relu: A ReLU after the depthwise convolution of a MAWRU, too.
        unit: One of `UNITS`, for Table 1. MobileNetV2's block is "mawru" without adaptive scales and weight
            norm; the others have no adaptive scales, and "mobilenet-v1" and "shufflenet-v2" no E.
        told: The network is told how strongly the picture is degraded, a number from 0 to 1: ours, for
            photographs as they are stored.
    """

    channels: int = 32
    expanded: int = 64
    blocks: int = 4
    units: int = 4
    share_source: bool = True
    adaptive_scales: bool = True
    weight_norm: bool = True
    normalize: bool = True
    depthwise_relu: bool = True
    unit: str = "mawru"
    told: bool = False

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(UNITS)}, got '{self.unit}'")
        if self.told and self.unit != "mawru":
            raise ValueError("only a network of MAWRUs can be told a strength")
        for name in ("channels", "expanded", "blocks", "units"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")


class MSSN(nn.Module):
    """Enlarges RGB pictures by a fixed whole factor.

    Args:
        config: Shape and switches.
        scale: Factor, at least 1 (2, 3 or 4 in the paper).
    """

    def __init__(self, config: MSSNConfig, scale: int) -> None:
        super().__init__()
        if scale < 1:
            raise ValueError(f"scale must be at least 1, got {scale}")
        self.config, self.scale, self.told = config, scale, config.told
        self.normalize = Normalize() if config.normalize else None
        self.head = nn.Conv2d(3, config.channels, 3, padding=1)
        # Times the strength it joins the head's bias, and so reaches every block: each is given a share of
        # the source (Eq. 4). After K. Zhang et al., "FFDNet", 2018, where it is a plane of the picture.
        self.slope = nn.Parameter(torch.zeros(config.channels)) if config.told else None
        self.body = Modules(
            CascadingBlock([_unit(config) for _ in range(config.units)]) for _ in range(config.blocks)
        )
        adaptive = config.adaptive_scales
        self.skips = Modules(
            Scales(adaptive=adaptive) for _ in range(config.blocks if config.share_source else 0)
        )
        self.tail = nn.Conv2d(config.channels, 3 * scale**2, 3, padding=1)
        self.skip = nn.Conv2d(3, 3 * scale**2, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 3 x scale*H x scale*W, nominally in [0, 1], not clamped.

        A network that is told takes N x 4 x H x W: the fourth plane is one number, the strength. Of three
        planes nothing bad is known.
        """
        strength, x = x[:, 3:, :1, :1] if x.shape[1] > 3 else LEAST, x[:, :3]
        x = x if self.normalize is None else self.normalize(x)
        source = self.head(x)
        if self.slope is not None:
            source = source + strength * self.slope.view(1, -1, 1, 1)
        x = self.tail(self.features(source)) + self.skip(x)
        # Eq. 3 shuffles the two parts apart; one shuffle of their sum is the same.
        x = F.pixel_shuffle(x, self.scale)
        return x if self.normalize is None else self.normalize.inverse(x)

    def features(self, source: Tensor) -> Tensor:
        """The nonlinear mapping (Eq. 2 and 4): N x C x H x W -> N x C x H x W."""
        x = source
        for index, block in enumerate(self.body):
            x, product = block(x)
            if not self.skips:
                x = x * product
                continue
            mu = self.skips[index]
            x = (mu.residual * product) * x + mu.identity * source
        return x


def _unit(config: MSSNConfig) -> nn.Module:
    weight_norm = config.weight_norm
    if config.unit == "mobilenet-v1":
        return MobileNetV1(config.channels, weight_norm=weight_norm)
    if config.unit == "shufflenet-v1":
        return ShuffleNetV1(config.channels, config.expanded, weight_norm=weight_norm)
    if config.unit == "shufflenet-v2":
        return ShuffleNetV2(config.channels, weight_norm=weight_norm)
    return MAWRU(
        config.channels,
        config.expanded,
        weight_norm=weight_norm,
        adaptive_scales=config.adaptive_scales,
        depthwise_relu=config.depthwise_relu,
    )
