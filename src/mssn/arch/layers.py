"""Small parts that networks are built from."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv2d(nn.Module):
    """Bias-free convolution whose weight may be normalised: direction and length learnt apart.

    With weight normalisation the weight of output channel c is gain[c] * v[c] / |v[c]| (Salimans and
    Kingma 2016), and the gains start at |v[c]| so that the first output equals the plain convolution's.

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
        kernel_size: Odd side of the kernel; zero padding keeps the picture size.
        groups: Groups of channels; `in_channels` for a depthwise convolution.
        weight_norm: Learn direction and length apart (paper section III-C, "WN layer").
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        groups: int = 1,
        weight_norm: bool = True,
    ) -> None:
        super().__init__()
        self.groups = groups
        self.padding = kernel_size // 2
        weight = torch.empty(out_channels, in_channels // groups, kernel_size, kernel_size)
        # paper: not stated; PyTorch's own default, so that branches start small beside their inputs.
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
        self.weight = nn.Parameter(weight)
        self.gain = nn.Parameter(weight.flatten(1).norm(dim=1)) if weight_norm else None

    def effective_weight(self, scale: Tensor | float = 1.0) -> Tensor:
        """The weight the convolution really applies, times `scale`; out x in/groups x k x k."""
        if self.gain is None:
            return self.weight * scale
        gain = (self.gain * scale).view(-1, 1, 1, 1)
        return torch._weight_norm(self.weight, gain, 0)

    def forward(self, x: Tensor, scale: Tensor | float = 1.0) -> Tensor:
        """Convolve N x C x H x W; the result is multiplied by `scale`, through the weight."""
        return F.conv2d(x, self.effective_weight(scale), padding=self.padding, groups=self.groups)


class Normalize(nn.Module):
    """Moves RGB in [0, 1] to about [-1, 1] with mean 0, and back.

    paper: not stated; chosen because the family MSSN comes from (AWSRN, WDSR) subtracts the DIV2K mean
    and divides by 127.5 grey levels.
    """

    mean: Tensor
    MEAN = (0.4488, 0.4371, 0.4040)
    SPREAD = 0.5

    def __init__(self) -> None:
        super().__init__()
        # A buffer: it must follow the network to its device and into its file.
        self.register_buffer("mean", torch.tensor(self.MEAN).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[0, 1] -> about [-1, 1]."""
        return (x - self.mean) / self.SPREAD

    def inverse(self, x: Tensor) -> Tensor:
        """About [-1, 1] -> [0, 1]."""
        return x * self.SPREAD + self.mean
