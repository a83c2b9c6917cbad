"""Count what a network costs: parameters, Mult-Adds, and how far one output pixel sees.

Works on any module. A shared module counts on every call, as recursive networks need.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from mssn.lab.nets.layers import Conv2d
from mssn.lab.nets.luma import LumaNetwork

HD = (720, 1280)  # output size, rows x columns, for which the paper counts Mult-Adds


def count_parameters(net: nn.Module, *, gains: bool = False) -> int:
    """Number of trained weights and biases of a network.

    Args:
        net: Any module.
        gains: Count the weight-norm gains, too; the paper does so for MSSN, but not for MSSN-S and
            MSSN-M (they vanish when the network is exported).
    """
    total = sum(p.numel() for p in net.parameters() if p.requires_grad)
    if gains:
        return total
    return total - sum(m.gain.numel() for m in net.modules() if isinstance(m, Conv2d) and m.gain is not None)


def mult_adds(net: nn.Module, scale: int, *, output: tuple[int, int] = HD, biases: bool = True) -> int:
    """Multiplications (each with its addition) for one output picture.

    Args:
        net: Maps N x 3 x H x W; run on PyTorch's meta device, so nothing is computed. Of networks that work
            on luma alone, only what they do with it is counted.
        scale: Enlargement factor.
        output: Rows x columns of the output; the input is 1/scale of it, rounded down.
        biases: Count an addition for each bias; most papers but MSSN's do not.

    Returns:
        Sum over all convolutions of (weights + biases) x pixels at the resolution they run at.

    Source: paper sections IV-C and IV-D; the rounding reproduces its x3 numbers.
    """
    channels, size = 3, (output[0] // scale, output[1] // scale)
    if isinstance(net, LumaNetwork):
        channels, size, net = 1, output if net.enlarged else size, net.net
    shadow = copy.deepcopy(net).to("meta")
    count = _convolution if biases else _weights
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution: count})
    with counter, torch.no_grad():
        shadow(torch.empty(1, channels, *size, device="meta"))
    return counter.get_total_flops() // 2


def _convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any,
    transposed: bool, *args: Any, out_val: Tensor, **kwargs: Any,
) -> int:  # fmt: skip
    """FLOPs of a convolution, with the paper's one Mult-Add for each bias added."""
    flops = conv_flop_count(list(x.shape), list(weight.shape), list(out_val.shape), transposed)
    return flops + (0 if bias is None else 2 * out_val.numel())


def _weights(*args: Any, **kwargs: Any) -> int:
    """The same without its bias."""
    x, weight, _, *rest = args
    return _convolution(x, weight, None, *rest, **kwargs)


for count in (_convolution, _weights):
    count._get_raw = True  # pyright: ignore[reportFunctionMemberAccess]  (see FlopCounterMode)


def halo(net: nn.Module, scale: int) -> int:
    """How many pixels beyond its own an output pixel depends on, on each side, LR pixels.

    The receptive field is 2 * halo + 1 pixels wide. Found by following the gradient of one output pixel
    through a copy in which every number is positive, so that no ReLU hides a path, along one row: kernels
    are square. Channel attention (IMDN, RCAN) takes means of whole pictures and so sees everything; what it
    sees is left out here, as it is when a picture is cut into tiles.

    Args:
        net: Maps N x 3 x H x W to the `scale` times larger picture.
        scale: Enlargement factor.
    """
    shadow = copy.deepcopy(net).double().cpu()
    with torch.no_grad():
        for parameter in shadow.parameters():
            # A row of a kernel sums to 1: hundreds of layers must neither overflow nor vanish.
            parameter.fill_(parameter.shape[-1] / parameter[0].numel() if parameter.ndim == 4 else 1.0)
    for module in list(shadow.modules()):
        for name, part in module.named_children():
            if getattr(part, "sees_everything", False):
                setattr(module, name, nn.Identity())
    reach = 8
    while True:
        side = 2 * reach + 1
        x = torch.full((1, 3, 1, side), 2.0, dtype=torch.float64, requires_grad=True)
        middle = shadow(x)[..., reach * scale : (reach + 1) * scale].sum()
        (gradient,) = torch.autograd.grad(middle, x)
        seen = gradient.abs().sum(dim=(0, 1, 2)).nonzero()
        found = int((seen - reach).abs().max())
        if found < reach:
            return found
        reach *= 2
