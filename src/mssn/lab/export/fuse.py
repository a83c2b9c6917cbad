"""MSSN as it is shipped: every learnt scale and weight-norm gain fused into plain convolutions.

Eq. 4 and 5 multiply feature maps by learnt scales. Units have no biases and only ReLUs, so all scales
move into weights, and what is left is convolutions, ReLUs and sums (and a shift by the mean
before, a depth-to-space after). With x = s * z, s a scalar and z what is really computed:

* a unit, x <- mu_res * branch(x) + mu_x * x, becomes z <- z + branch'(z) and s <- mu_x * s, with the old
  s in the first pointwise weight of branch' and mu_res / (the new s) in the last;
* the share-source skip, x <- mu_res * x + mu_x * F0, becomes z <- z + (mu_x / s) * F0 and
  s <- mu_res * s first; the factor goes into a copy of the head, run on the picture again: three input
  channels are cheaper to read than F0, and no feature map has to be kept for later;
* what the strength adds to the head's bias is scaled in every copy as the bias is;
* the tail takes the last s;
* the skip convolution gives away the 1 in the middle of its kernels: each pixel of the picture is added, as
  it is, to all that it becomes. What the convolutions compute is then a small difference, which bfloat16
  holds more exactly than it would the whole value (8 bits: half a grey level; 0.01 dB). The picture joins
  as r * r copies of itself one behind the other, so the output channels stand in the order of ONNX's
  DepthToSpace in its mode DCR: place in the r x r square first, then colour.

Powers of two then bring all weights into the range of half precision (`mssn.lab.export.rescale`).
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

from mssn.image.compression import LEAST
from mssn.lab.export.rescale import FusedUnit, Head, bias_of, rescale
from mssn.lab.nets.blocks import MAWRU
from mssn.lab.nets.layers import Conv2d, Modules
from mssn.lab.nets.mssn import MSSN

C = TypeVar("C", bound=nn.Conv2d)


class FusedMSSN(nn.Module):
    """The same function as an `MSSN`, to rounding, without a single multiplication of a feature map.

    Args:
        net: A trained network; it is not changed.

    Attributes:
        shifts: The powers of two that its weights were multiplied by.
        told: Whether it is told how strongly a picture is degraded.
        strength: What it is told of pictures of three planes, 0..1.

    Raises:
        ValueError: A learnt scale is 0, which no weight can make up for, or its units are no MAWRUs.
    """

    minus_mean: Tensor

    def __init__(self, net: MSSN) -> None:
        super().__init__()
        self.scale, self.told, self.strength = net.scale, net.config.told, LEAST
        spread, mean = 1.0, torch.zeros(1, 3, 1, 1)
        if net.normalize is not None:
            spread, mean = net.normalize.spread, net.normalize.mean.double()
        self.register_buffer("minus_mean", -mean.float())
        self.heads = Modules[Head]([_head(net, 1 / spread, 1.0)])
        self.blocks = Modules[Modules[FusedUnit]]()
        s = torch.ones((), dtype=torch.float64)
        for index, block in enumerate(net.body):
            units = []
            for unit in block.units:
                if not isinstance(unit, MAWRU):
                    raise ValueError("only networks of MAWRUs can be fused")
                after = s * unit.scales.identity.double()
                _require_nonzero(after)
                units.append(
                    FusedUnit(
                        _plain(unit.expand, s),
                        _plain(unit.depthwise),
                        _plain(unit.project, unit.scales.residual.double() / after),
                        depthwise_relu=unit.depthwise_relu,
                    )
                )
                s = after
            self.blocks.append(Modules[FusedUnit](units))
            if net.skips:
                mu = net.skips[index]
                s = s * mu.residual.double()
                _require_nonzero(s)
                factor = mu.identity.double() / s
                self.heads.append(_head(net, factor / spread, factor))
        self.tail = _scaled(nn.Conv2d, net.tail, s * spread, spread)
        self.skip = _scaled(nn.Conv2d, net.skip, 1.0, spread)
        for conv in (self.tail, self.skip):
            _reorder(conv, net.scale)
        place = torch.arange(3 * net.scale**2)
        middle = self.skip.kernel_size[0] // 2
        self.skip.weight.data[place, place % 3, middle, middle] -= 1
        # One bias is enough for the sum.
        bias_of(self.tail).data += bias_of(self.skip).data
        self.skip.bias = None
        self.shifts = rescale(list(self.heads), self.units, self.tail)
        self.requires_grad_(False)
        self.eval()

    @property
    def units(self) -> list[FusedUnit]:
        """All units, in the order in which they run."""
        return [unit for block in self.blocks for unit in block]

    def forward(self, x: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 3 x scale*H x scale*W, not clamped.

        A fourth plane is the strength, as an `MSSN` takes it; without it, it is `strength`.
        """
        strength, x = x[:, 3:, :1, :1] if x.shape[1] > 3 else self.strength, x[:, :3]
        centred = x + self.minus_mean
        z = self.heads[0].at(centred, strength)
        for index, block in enumerate(self.blocks):
            for unit in block:
                z = unit(z)
            if len(self.heads) > 1:
                z = z + self.heads[index + 1].at(centred, strength)
        copies = torch.cat([x] * self.scale**2, dim=1)
        return depth_to_space(self.tail(z) + self.skip(centred) + copies, self.scale)


def depth_to_space(x: Tensor, scale: int) -> Tensor:
    """N x (scale*scale*C) x H x W -> N x C x scale*H x scale*W, as ONNX's DepthToSpace in mode DCR."""
    n, channels, height, width = x.shape
    x = x.reshape(n, scale, scale, channels // scale**2, height, width)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(n, -1, height * scale, width * scale)


def depth_to_space_order(scale: int) -> Tensor:
    """Where each output channel of a fused network stands among those of PyTorch's pixel shuffle.

    Mode DCR has the place in the square first, then the colour; a pixel shuffle the colour first.
    """
    return torch.arange(3 * scale**2).view(3, scale**2).T.flatten()


def fuse(net: nn.Module) -> nn.Module:
    """The network as it should be exported: an MSSN fused, of any other one the normalised weights."""
    if isinstance(net, MSSN) and net.config.unit == "mawru":
        return FusedMSSN(net)
    net = copy.deepcopy(net)
    for module in list(net.modules()):
        for name, part in module.named_children():
            if isinstance(part, Conv2d):
                setattr(module, name, _plain(part))
    return net


def _plain(conv: Conv2d, factor: Tensor | float = 1.0) -> nn.Conv2d:
    """A convolution of ours as PyTorch's own, times a number; computed in double precision."""
    weight = conv.weight.detach().double()
    if conv.gain is not None:
        norm = weight.flatten(1).norm(dim=1)
        weight = weight * (conv.gain.detach().double() / norm).view(-1, 1, 1, 1)
    out, per_group, size, _ = weight.shape
    plain = nn.Conv2d(
        per_group * conv.groups,
        out,
        size,
        padding=conv.padding,
        groups=conv.groups,
        bias=conv.bias is not None,
    )
    plain.weight.data = (weight * factor).detach().float()
    if conv.bias is not None:
        plain.bias = nn.Parameter(conv.bias.detach().clone())
    return plain


def _head(net: MSSN, weight_factor: Tensor | float, bias_factor: Tensor | float) -> Head:
    """A copy of a network's head, as `_scaled` makes it; what is added to the bias is scaled as the bias."""
    head = _scaled(Head, net.head, weight_factor, bias_factor)
    if net.slope is not None:
        head.slope = nn.Parameter((net.slope.detach().double() * bias_factor).float())
    return head


def _scaled(kind: type[C], conv: nn.Conv2d, weight_factor: Tensor | float, bias_factor: Tensor | float) -> C:
    """A copy of a convolution with weight and bias times a number each."""
    scaled = kind(conv.in_channels, conv.out_channels, conv.kernel_size, padding=conv.padding)  # pyright: ignore[reportArgumentType]
    scaled.weight.data = (conv.weight.detach().double() * weight_factor).float()
    bias_of(scaled).data = (bias_of(conv).detach().double() * bias_factor).float()
    return scaled


def _reorder(conv: nn.Conv2d, scale: int) -> None:
    """Put output channels from the order of PyTorch's pixel shuffle into that of mode DCR."""
    order = depth_to_space_order(scale)
    conv.weight.data = conv.weight.data[order]
    if conv.bias is not None:
        conv.bias.data = conv.bias.data[order]


def _require_nonzero(scale: Tensor) -> None:
    if abs(scale.item()) < 1e-12:
        raise ValueError("a learnt scale is 0; the network cannot be fused")
