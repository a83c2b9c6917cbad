"""Residual units, those of Figure 5 that the paper tries in their place, and the cascade they are stacked in.

A MAWRU's branch has no biases and only ReLUs, so it is positively homogeneous, and the two learnt scales
of Eq. 5 never have to touch a feature map: `MAWRU` and `CascadingBlock` carry them in the weights. See
`CascadingBlock.forward` for the algebra.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mssn.lab.nets.layers import Conv2d

_GROUPS = 8  # of ShuffleNetV1


class Scales(nn.Module):
    """The two adaptive weights of a residual sum, `residual` * branch + `identity` * input; both start at 1.

    Args:
        adaptive: Learn them; else both stay 1 and are neither parameters nor in the state dict.
    """

    residual: Tensor
    identity: Tensor

    def __init__(self, *, adaptive: bool = True) -> None:
        super().__init__()
        for name in ("residual", "identity"):
            if adaptive:
                self.register_parameter(name, nn.Parameter(torch.ones(())))
            else:
                self.register_buffer(name, torch.ones(()), persistent=False)


class MAWRU(nn.Module):
    """Mobile adaptive weighted residual unit: widen, filter each channel, narrow, add.

    Eq. 5: x_m = mu_res * PW2(ReLU(DW(ReLU(PW1(x))))) + mu_x * x.
    paper: position of the activations not stated; chosen as in MobileNetV2, on which the unit is based.
    Without the second it would be nearer to WDSR-B; the experiment "activation" compares.

    Args:
        channels: Channels in and out (C).
        expanded: Channels inside (E).
        weight_norm: Normalise the weights of the three convolutions.
        adaptive_scales: Learn mu_res and mu_x.
        depthwise_relu: Apply the ReLU after the depthwise convolution.
    """

    def __init__(
        self,
        channels: int,
        expanded: int,
        *,
        weight_norm: bool = True,
        adaptive_scales: bool = True,
        depthwise_relu: bool = True,
    ) -> None:
        super().__init__()
        self.expand = Conv2d(channels, expanded, 1, weight_norm=weight_norm)
        self.depthwise = Conv2d(expanded, expanded, 3, groups=expanded, weight_norm=weight_norm)
        self.project = Conv2d(expanded, channels, 1, weight_norm=weight_norm)
        self.scales = Scales(adaptive=adaptive_scales)
        self.depthwise_relu = depthwise_relu

    def branch(self, x: Tensor, scale_in: Tensor | float = 1.0, scale_out: Tensor | float = 1.0) -> Tensor:
        """scale_out * PW2(ReLU(DW(ReLU(PW1(scale_in * x))))), the scales carried by PW1 and PW2."""
        # In place: no gradient needs what a ReLU overwrites, and memory is what a step waits for.
        x = F.relu(self.expand(x, scale_in), inplace=True)
        x = self.depthwise(x)
        x = F.relu(x, inplace=True) if self.depthwise_relu else x
        return self.project(x, scale_out)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W (Eq. 5)."""
        return self.branch(x, scale_out=self.scales.residual) + self.scales.identity * x


class MobileNetV1(nn.Module):
    """Filter each channel, then mix them; a ReLU after both and, as there, no sum with the input.

    Figure 5 (a); A. Howard et al., "MobileNets", 2017, figure 3, without batch norm.

    Args:
        channels: Channels in and out.
        weight_norm: Normalise the weights.
    """

    def __init__(self, channels: int, *, weight_norm: bool) -> None:
        super().__init__()
        # With small first weights the picture fades to nothing over sixteen of these, and none ever learns.
        self.depthwise = Conv2d(channels, channels, 3, groups=channels, weight_norm=weight_norm, slope=0)
        self.pointwise = Conv2d(channels, channels, 1, weight_norm=weight_norm, slope=0)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        x = F.relu(self.depthwise(x), inplace=True)
        return F.relu(self.pointwise(x), inplace=True)


class ShuffleNetV1(nn.Module):
    """Narrow in groups, shuffle, filter each channel, widen in groups, add, ReLU.

    Figure 5 (c); X. Zhang et al., "ShuffleNet", CVPR 2018, figure 2 (b), without batch norm.
    paper: groups and width inside not stated; 8 groups and half of 64 channels come to the 46K of Table 1
    (45,936), and to 2.65G where 2.7G is printed.

    Args:
        channels: Channels in and out, a multiple of 8.
        expanded: Channels inside, a multiple of 8.
        weight_norm: Normalise the weights.

    Raises:
        ValueError: The channels cannot be grouped.
    """

    def __init__(self, channels: int, expanded: int, *, weight_norm: bool) -> None:
        super().__init__()
        if channels % _GROUPS or expanded % _GROUPS:
            raise ValueError(f"shufflenet-v1 needs multiples of {_GROUPS}, not {channels} and {expanded}")
        self.narrow = Conv2d(channels, expanded, 1, groups=_GROUPS, weight_norm=weight_norm)
        self.depthwise = Conv2d(expanded, expanded, 3, groups=expanded, weight_norm=weight_norm)
        self.widen = Conv2d(expanded, channels, 1, groups=_GROUPS, weight_norm=weight_norm)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        inside = F.channel_shuffle(F.relu(self.narrow(x), inplace=True), _GROUPS)
        return F.relu(x + self.widen(self.depthwise(inside)))


class ShuffleNetV2(nn.Module):
    """Half of the channels pass; the others are mixed, filtered each, mixed again; then all are shuffled.

    Figure 5 (d); N. Ma et al., "ShuffleNet V2", ECCV 2018, figure 3 (c), without batch norm.

    Args:
        channels: Channels in and out, an even number.
        weight_norm: Normalise the weights.

    Raises:
        ValueError: The channels cannot be halved.
    """

    def __init__(self, channels: int, *, weight_norm: bool) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"shufflenet-v2 needs an even number of channels, not {channels}")
        half = channels // 2
        self.first = Conv2d(half, half, 1, weight_norm=weight_norm)
        self.depthwise = Conv2d(half, half, 3, groups=half, weight_norm=weight_norm)
        self.second = Conv2d(half, half, 1, weight_norm=weight_norm)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        passed, x = x.chunk(2, dim=1)
        x = self.depthwise(F.relu(self.first(x), inplace=True))
        x = F.relu(self.second(x), inplace=True)
        return F.channel_shuffle(torch.cat((passed, x), dim=1), 2)


class CascadingBlock(nn.Module):
    """Several units of one kind in a row (CB in the paper).

    Args:
        units: The units, first to last.
    """

    def __init__(self, units: Sequence[nn.Module]) -> None:
        super().__init__()
        self.units = nn.ModuleList(units)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | float]:
        """Run the cascade without multiplying a single feature map by a scale.

        With p_m = mu_x^1 * ... * mu_x^m and z_m = x_m / p_m, Eq. 5 becomes
        z_m = z_{m-1} + (mu_res / p_m) * branch(p_{m-1} * z_{m-1}), and both factors fit into the
        branch's pointwise weights. Exact for any sign of the scales, as long as no p_m is 0.

        Args:
            x: N x C x H x W.

        Returns:
            z and p; the block's output in the paper's sense is p * z. Other units than MAWRU: p is 1.
        """
        z, product = x, 1.0
        for unit in self.units:
            if not isinstance(unit, MAWRU):
                z = unit(z)
                continue
            before, product = product, product * unit.scales.identity
            z = z + unit.branch(z, before, unit.scales.residual / product)
        return z, product
