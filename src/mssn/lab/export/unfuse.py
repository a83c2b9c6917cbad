"""The way back from what ships: a network that can be trained on, from its fused convolutions.

Fusing (`mssn.lab.export.fuse`) loses nothing but the learnt scales and the powers of two, and of a normalised
weight the length of v, which has no effect. With both kept beside the fused weights, a network is rebuilt
that computes the same: each weight is divided by what was fused into it, and its length becomes the gain.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mssn.lab.export.fuse import FusedMSSN, depth_to_space_order
from mssn.lab.export.rescale import Shifts, bias_of
from mssn.lab.nets.blocks import MAWRU, Scales
from mssn.lab.nets.layers import Conv2d
from mssn.lab.nets.mssn import MSSN


def learnt_scales(net: nn.Module) -> dict[str, float]:
    """Every mu of a network by the name of its parameter; none of a network without them."""
    return {
        f"{name}.{key}": value.item()
        for name, module in net.named_modules()
        if isinstance(module, Scales)
        for key, value in module.named_parameters()
    }


@torch.no_grad()
def unfuse(net: MSSN, fused: dict[str, Tensor], scales: dict[str, float], shifts: Shifts | None) -> None:
    """Give a network the function of a fused one.

    Args:
        net: A network of the same config and scale; changed. Directions that nothing reads (a gain or a scale
            of 0) stay as they were drawn.
        fused: State dict of the `FusedMSSN`.
        scales: What `learnt_scales` said of the network that was fused.
        shifts: The `FusedMSSN`'s; None of one that has none, as in files of format 1, whose output channels
            also stand in the order of PyTorch's pixel shuffle.

    Raises:
        ValueError: A tensor or a scale is missing, or of another network.
    """
    _require_fitting(net, fused, scales)
    fused = dict(fused) if shifts is None else _without_shifts(fused, shifts, net)
    for name, value in scales.items():
        net.get_parameter(name).fill_(value)
    spread = 1.0
    if net.normalize is not None:
        spread = net.normalize.spread
        net.normalize.mean.copy_(-fused["minus_mean"])
    # What the first head is multiplied by in each of its copies.
    copies = [torch.ones((), dtype=torch.float64)]
    s = torch.ones((), dtype=torch.float64)
    for index, block in enumerate(net.body):
        for number, unit in enumerate(block.units):
            if not isinstance(unit, MAWRU):
                raise ValueError("only networks of MAWRUs come back")
            after = s * unit.scales.identity.double()
            factors = {
                "expand": s,
                "depthwise": torch.ones(()),
                "project": unit.scales.residual.double() / after,
            }
            for part, factor in factors.items():
                _set(getattr(unit, part), fused[f"blocks.{index}.{number}.{part}.weight"], factor)
            s = after
        if net.skips:
            mu = net.skips[index]
            s = s * mu.residual.double()
            copies.append(mu.identity.double() / s)
    # The largest copy has lost least to half precision; in format 1 the first one is exact.
    best = 0 if shifts is None else max(range(len(copies)), key=lambda copy: abs(copies[copy].item()))
    net.head.weight.copy_(fused[f"heads.{best}.weight"].double() * spread / copies[best])
    bias_of(net.head).copy_(fused[f"heads.{best}.bias"].double() / copies[best])
    if net.slope is not None:
        net.slope.copy_(fused[f"heads.{best}.slope"].double() / copies[best])
    net.tail.weight.copy_(fused["tail.weight"].double() / (s * spread))
    bias_of(net.tail).copy_(fused["tail.bias"].double() / spread)
    weight = fused["skip.weight"].double()
    middle, channels = weight.shape[-1] // 2, torch.arange(len(weight))
    weight[channels, channels // net.scale**2, middle, middle] += 1
    net.skip.weight.copy_(weight)
    bias_of(net.skip).zero_()  # its share is in the tail's


def _require_fitting(net: MSSN, fused: dict[str, Tensor], scales: dict[str, float]) -> None:
    if scales.keys() != learnt_scales(net).keys():
        raise ValueError("its learnt scales are missing")
    expected: dict[str, Tensor] = dict(FusedMSSN(net).named_parameters())
    if net.normalize is not None:
        expected["minus_mean"] = net.normalize.mean
    for name, tensor in expected.items():
        if name not in fused or fused[name].shape != tensor.shape:
            raise ValueError(f"tensor {name} does not fit")


def _without_shifts(fused: dict[str, Tensor], shifts: Shifts, net: MSSN) -> dict[str, Tensor]:
    """The fused weights as format 1 has them: without powers of two, channels in a pixel shuffle's order."""
    back = {name: tensor.double() for name, tensor in fused.items()}
    order = depth_to_space_order(net.scale).argsort()
    for name in ("tail.weight", "tail.bias", "skip.weight"):
        back[name] = back[name][order]
    back["tail.weight"] *= 2.0**shifts.features
    sizes = [len(block.units) for block in net.body]
    units = [f"blocks.{index}.{number}" for index, size in enumerate(sizes) for number in range(size)]
    if len(units) != len(shifts.inside):
        raise ValueError("its powers of two are of another network")
    for name in back:
        if name.startswith("heads."):
            back[name] *= 2.0**-shifts.features
    for unit, exponents in zip(units, shifts.inside, strict=True):
        expand, depthwise = (2.0 ** -torch.from_numpy(part).double() for part in exponents)
        weights = {part: f"{unit}.{part}.weight" for part in ("expand", "depthwise", "project")}
        if any(len(factor) != len(back[weights["expand"]]) for factor in (expand, depthwise)):
            raise ValueError("its powers of two are of another network")
        back[weights["expand"]] *= expand.view(-1, 1, 1, 1)
        back[weights["depthwise"]] *= depthwise.view(-1, 1, 1, 1)
        back[weights["project"]] /= (expand * depthwise).view(1, -1, 1, 1)
    return back


def _set(conv: Conv2d, fused: Tensor, factor: Tensor) -> None:
    """Make `factor` times a convolution's weight the fused one."""
    if factor == 0:
        return
    weight = fused.double() / factor
    if conv.gain is None:
        conv.weight.copy_(weight)
        return
    length = weight.flatten(1).norm(dim=1)
    used = length > 0
    conv.weight[used] = weight[used].float()
    conv.gain.copy_(length)
