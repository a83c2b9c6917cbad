"""Networks that enlarge luma alone, wrapped as networks of RGB pictures.

The early networks (SRCNN to LapSRN, and FALSR) were made for the Y of YCbCr; colour is enlarged with bicubic.
Wrapped this way they train, score, export and enlarge photographs like all others.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# ITU-R BT.601 as MATLAB's rgb2ycbcr has it, on [0, 1]: rows of Y, Cb, Cr.
_TO_YCBCR = ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214))
_OFFSET = (16.0, 128.0, 128.0)
_REACH = 2  # LR pixels that Keys' cubic kernel sees on each side


class LumaNetwork(nn.Module):
    """Y through the network, Cb and Cr by bicubic.

    Args:
        net: Maps N x 1 x H x W luma, 16/255..235/255, to the `scale` times larger one; or, if
            `enlarged`, the enlarged luma to a better one of the same size.
        scale: Factor.
        enlarged: The network takes luma that bicubic has enlarged already (SRCNN, VDSR, DRCN, DRRN).
    """

    to_ycbcr: Tensor
    to_rgb: Tensor
    offset: Tensor

    def __init__(self, net: nn.Module, scale: int, *, enlarged: bool) -> None:
        super().__init__()
        self.net, self.scale, self.enlarged = net, scale, enlarged
        self.bicubic = Bicubic(scale, channels=3)
        matrix = torch.tensor(_TO_YCBCR, dtype=torch.float64) / 255
        # Not kept in weights files: the same for all networks.
        for name, value in (("to_ycbcr", matrix), ("to_rgb", torch.linalg.inv(matrix))):
            self.register_buffer(name, value.float().view(3, 3, 1, 1), persistent=False)
        self.register_buffer("offset", (torch.tensor(_OFFSET) / 255).view(1, 3, 1, 1), persistent=False)

    @property
    def config(self) -> Any:
        """The network's own."""
        return self.net.config

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 3 x scale*H x scale*W, nominally in [0, 1], not clamped."""
        ycbcr = F.conv2d(x, self.to_ycbcr) + self.offset
        large = self.bicubic(ycbcr)
        y = self.net(large[:, :1] if self.enlarged else ycbcr[:, :1])
        return F.conv2d(torch.cat([y.to(large.dtype), large[:, 1:]], dim=1) - self.offset, self.to_rgb)


class Bicubic(nn.Module):
    """Enlarges by a whole factor as MATLAB's `imresize` does on floating point, border pixels repeated.

    Each of the scale x scale pixels that one becomes is a fixed 5x5 filter of it and its neighbours.

    Args:
        scale: Factor.
        channels: Channels of the pictures.
    """

    filters: Tensor

    def __init__(self, scale: int, channels: int) -> None:
        super().__init__()
        self.scale, self.channels = scale, channels
        phase = (torch.arange(scale, dtype=torch.float64) + 0.5) / scale - 0.5
        taps = _cubic(phase[:, None] - torch.arange(-_REACH, _REACH + 1, dtype=torch.float64))
        filters = torch.einsum("ai,bj->abij", taps, taps).reshape(scale**2, 1, *[2 * _REACH + 1] * 2)
        self.register_buffer("filters", filters.float().repeat(channels, 1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x scale*H x scale*W."""
        x = F.pad(x, [_REACH] * 4, mode="replicate")
        return F.pixel_shuffle(F.conv2d(x, self.filters, groups=self.channels), self.scale)


def _cubic(x: Tensor) -> Tensor:
    """Keys' cubic convolution kernel, a = -0.5."""
    x = x.abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, 0.0))
