"""SRCNN: three convolutions that correct a bicubic enlargement; the first network of its kind.

Source: C. Dong, C. C. Loy, K. He, X. Tang, "Image Super-Resolution Using Deep Convolutional Networks", TPAMI
2016, section 3; here its 9-5-5 form with 64 and 32 filters, which Table 5 of the MSSN paper prints as 57K and
52.7G: its weights alone. Trained without padding there; here zero padding keeps the size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class SRCNNConfig:
    """Shape of an SRCNN.

    Args:
        kernels: Sides of the three kernels.
        channels: Filters of the first two convolutions.
    """

    kernels: tuple[int, int, int] = (9, 5, 5)
    channels: tuple[int, int] = (64, 32)


class SRCNN(nn.Module):
    """Corrects enlarged luma.

    Args:
        config: Shape.
        scale: Factor it was enlarged by; changes nothing here.
    """

    def __init__(self, config: SRCNNConfig, scale: int) -> None:
        super().__init__()
        self.config, self.scale = config, scale
        widths = (1, *config.channels, 1)
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, kernel, padding=kernel // 2)
            for before, after, kernel in zip(widths, widths[1:], config.kernels, strict=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """N x 1 x H x W -> the same size."""
        for index, conv in enumerate(self.convs):
            x = conv(F.relu(x) if index else x)
        return x
