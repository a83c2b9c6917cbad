"""FALSR-A, -B and -C: cells that a search over networks put together, for luma at x2.

Source: X. Chu, B. Zhang, H. Ma, R. Xu, Q. Li, "Fast, Accurate and Lightweight Super-Resolution with Neural
Architecture Search", ICPR 2020 (arXiv:1901.07261); the cells are those of the inference graphs its authors
published. Those have 1,019,761, 323,153 and 424,945 weights and biases; Table 5 of the MSSN paper prints
1,021K, 326K and 408K, and 234.7G, 74.7G and 93.7G Mult-Adds.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mssn.lab.nets.layers import Modules

_WIDTH = 32  # channels of the first features and of the last


@dataclass(frozen=True)
class Cell:
    """What one cell does.

    Args:
        inputs: Numbers of what it is given, joined: 0 is the first features, n the output of cell n.
        kernel: Side of its kernels.
        channels: Channels out.
        repeats: Convolutions (or inverted residuals) in a row.
        groups: Groups of the convolutions.
        residual: The first convolution's output is added to the last one's.
        expanded: Channels inside an inverted residual; 0 for plain convolutions.
        enters: An inverted residual comes after a linear 1x1 convolution to its channels.
        adds: What that convolution gave is added at the end.
    """

    inputs: tuple[int, ...]
    kernel: int
    channels: int
    repeats: int
    groups: int = 1
    residual: bool = False
    expanded: int = 0
    enters: bool = False
    adds: bool = False


A = (
    Cell((0,), 3, 64, 4, residual=True),
    Cell((1,), 1, 48, 1),
    Cell((2,), 3, 64, 4, residual=True),
    Cell((2, 3), 3, 64, 4, residual=True),
    Cell((0, 2, 4), 3, 64, 4, residual=True),
    Cell((5,), 1, 64, 4),
    Cell((0, 2, 5, 6), 3, 64, 4, residual=True),
)
B = (
    Cell((0,), 3, 16, 1, expanded=32, enters=True),
    Cell((0, 1), 1, 48, 2, expanded=96, enters=True, adds=True),
    Cell((0, 1, 2), 1, 16, 2, residual=True),
    Cell((3,), 3, 32, 4, expanded=64, enters=True),
    Cell((2, 3, 4), 3, 64, 2),
    Cell((2, 4, 5), 3, 16, 4, groups=4),
    Cell((0, 1, 2, 6), 3, 16, 1),
)
C = (
    Cell((0,), 1, 32, 1, groups=2),
    Cell((0, 1), 1, 64, 4),
    Cell((2,), 3, 48, 4, expanded=96, enters=True),
    Cell((1, 3), 1, 32, 1, groups=2),
    Cell((0, 4), 1, 32, 1, groups=4),
    Cell((0, 5), 1, 48, 4),
    Cell((1, 6), 3, 16, 1),
)


@dataclass(frozen=True)
class FALSRConfig:
    """Shape of a FALSR.

    Args:
        variant: "a", "b" or "c".
    """

    variant: str = "a"

    def __post_init__(self) -> None:
        if self.variant not in _VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(_VARIANTS)}, got {self.variant!r}")


# Cells, and what the last convolution is given.
_VARIANTS: dict[str, tuple[tuple[Cell, ...], tuple[int, ...]]] = {
    "a": (A, tuple(range(8))),
    "b": (B, (1, 4, 6, 7)),
    "c": (C, (0, 2, 6, 7)),
}


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow, and the input added.

    Args:
        channels: Channels in and out.
        expanded: Channels inside.
        kernel: Side of the widening and narrowing kernels.
    """

    def __init__(self, channels: int, expanded: int, kernel: int) -> None:
        super().__init__()
        self.widen = _conv(channels, expanded, kernel)
        self.filter = _conv(expanded, expanded, 3, groups=expanded)
        self.narrow = _conv(expanded, channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H x W."""
        return x + self.narrow(F.relu(self.filter(F.relu(self.widen(x)))))


class CellNet(nn.Module):
    """One cell at work.

    Args:
        cell: What it does.
        channels: Channels in.
    """

    def __init__(self, cell: Cell, channels: int) -> None:
        super().__init__()
        self.cell = cell
        self.enter = _conv(channels, cell.channels, 1) if cell.enters else None
        before = cell.channels if cell.enters else channels
        self.layers = nn.ModuleList()
        for _ in range(cell.repeats):
            if cell.expanded:
                self.layers.append(InvertedResidual(cell.channels, cell.expanded, cell.kernel))
            else:
                self.layers.append(_conv(before, cell.channels, cell.kernel, groups=cell.groups))
            before = cell.channels

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C' x H x W."""
        if self.enter is not None:
            x = self.enter(x)
        entered = first = x
        for number, layer in enumerate(self.layers):
            x = layer(x) if self.cell.expanded else F.relu(layer(x))
            first = first if number else x
        if self.cell.residual:
            x = x + first
        return x + entered if self.cell.adds else x


class FALSR(nn.Module):
    """Doubles luma.

    Args:
        config: Which of the three.
        scale: 2.
    """

    def __init__(self, config: FALSRConfig, scale: int) -> None:
        super().__init__()
        if scale != 2:
            raise ValueError(f"scale must be 2, got {scale}")
        self.config, self.scale = config, scale
        cells, self.last = _VARIANTS[config.variant]
        self.entry = _conv(1, _WIDTH, 3)
        widths, nets = [_WIDTH], []
        for cell in cells:
            nets.append(CellNet(cell, sum(widths[n] for n in cell.inputs)))
            widths.append(cell.channels)
        self.cells = Modules(nets)
        self.join = _conv(sum(widths[n] for n in self.last), _WIDTH, 3)
        self.exit = _conv(_WIDTH // 4, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        """N x 1 x H x W -> N x 1 x 2*H x 2*W."""
        seen = [F.relu(self.entry(x))]
        for net in self.cells:
            seen.append(net(torch.cat([seen[n] for n in net.cell.inputs], dim=1)))
        joined = F.relu(self.join(torch.cat([seen[n] for n in self.last], dim=1)))
        return self.exit(F.pixel_shuffle(joined + seen[0], 2))


def _conv(before: int, after: int, kernel: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, padding=kernel // 2, groups=groups)
