"""Residual units and the cascade they are stacked in.

A unit's branch has no biases and only ReLUs, so it is positively homogeneous, and the two learnt scales
of Eq. 5 never have to touch a feature map: `MAWRU` and `CascadingBlock` carry them in the weights. See
`CascadingBlock.forward` for the algebra.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mssn.arch.layers import Conv2d


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

    Args:
        channels: Channels in and out (C).
        expanded: Channels inside (E).
        weight_norm: Normalise the weights of the three convolutions.
        adaptive_scales: Learn mu_res and mu_x.
    """

    def __init__(
        self, channels: int, expanded: int, *, weight_norm: bool = True, adaptive_scales: bool = True
    ) -> None:
        super().__init__()
        self.expand = Conv2d(channels, expanded, 1, weight_norm=weight_norm)
        self.depthwise = Conv2d(expanded, expanded, 3, groups=expanded, weight_norm=weight_norm)
        self.project = Conv2d(expanded, channels, 1, weight_norm=weight_norm)
        self.scales = Scales(adaptive=adaptive_scales)

    def branch(self, x: Tensor, scale_in: Tensor | float = 1.0, scale_out: Tensor | float = 1.0) -> Tensor:
        """scale_out * PW2(ReLU(DW(ReLU(PW1(scale_in * x))))), the scales carried by PW1 and PW2."""
        # In place: no gradient needs what a ReLU overwrites, and memory is what a step waits for.
        x = F.relu(self.expand(x, scale_in), inplace=True)
        x = F.relu(self.depthwise(x), inplace=True)
        return self.project(x, scale_out)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W (Eq. 5)."""
        return self.branch(x, scale_out=self.scales.residual) + self.scales.identity * x


class CascadingBlock(nn.Module):
    """Several residual units in a row (CB in the paper).

    Args:
        units: The units, first to last.
    """

    def __init__(self, units: list[MAWRU]) -> None:
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
            z and p; the block's output in the paper's sense is p * z.
        """
        z, product = x, 1.0
        for unit in self.units:
            assert isinstance(unit, MAWRU)
            before, product = product, product * unit.scales.identity
            z = z + unit.branch(z, before, unit.scales.residual / product)
        return z, product
