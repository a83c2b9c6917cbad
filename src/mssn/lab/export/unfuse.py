"""The way back from what ships: a network that can be trained on, from its fused convolutions.

Fusing (`mssn.lab.export.fuse`) loses nothing but the learnt scales, and of a normalised weight the length of
v, which has no effect. With the scales kept beside the folded weights, a network is rebuilt that computes the
same: each weight is divided by what was folded into it, and its length becomes the gain.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mssn.lab.export.fuse import FusedMSSN
from mssn.lab.nets.blocks import MAWRU, CascadingBlock, Scales
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
def unfuse(net: MSSN, folded: dict[str, Tensor], scales: dict[str, float]) -> None:
    """Give a network the function of a folded one.

    Args:
        net: A network of the same config and scale; changed. Directions that nothing reads (a gain or a scale
            of 0) stay as they were drawn.
        folded: State dict of the `FusedMSSN`.
        scales: What `learnt_scales` said of the network that was folded.

    Raises:
        ValueError: A tensor or a scale is missing, or of another network.
    """
    _require_fitting(net, folded, scales)
    for name, value in scales.items():
        net.get_parameter(name).fill_(value)
    spread = 1.0
    if net.normalize is not None:
        spread = net.normalize.spread
        net.normalize.mean.copy_(-folded["minus_mean"])
    net.head.weight.copy_(folded["heads.0.weight"].double() * spread)
    _bias(net.head).copy_(folded["heads.0.bias"])
    s = torch.ones((), dtype=torch.float64)
    for index, block in enumerate(net.body):
        assert isinstance(block, CascadingBlock)
        for number, unit in enumerate(block.units):
            assert isinstance(unit, MAWRU)
            after = s * unit.scales.identity.double()
            factors = {
                "expand": s,
                "depthwise": torch.ones(()),
                "project": unit.scales.residual.double() / after,
            }
            for part, factor in factors.items():
                _set(getattr(unit, part), folded[f"blocks.{index}.{number}.{part}.weight"], factor)
            s = after
        if net.skips:
            mu = net.skips[index]
            assert isinstance(mu, Scales)
            s = s * mu.residual.double()
    net.tail.weight.copy_(folded["tail.weight"].double() / (s * spread))
    _bias(net.tail).copy_(folded["tail.bias"].double() / spread)
    weight = folded["skip.weight"].double()
    middle, channels = weight.shape[-1] // 2, torch.arange(len(weight))
    weight[channels, channels // net.scale**2, middle, middle] += 1
    net.skip.weight.copy_(weight)
    _bias(net.skip).zero_()  # its share is in the tail's


def _require_fitting(net: MSSN, folded: dict[str, Tensor], scales: dict[str, float]) -> None:
    if scales.keys() != learnt_scales(net).keys():
        raise ValueError("its learnt scales are missing")
    expected: dict[str, Tensor] = dict(FusedMSSN(net).named_parameters())
    if net.normalize is not None:
        expected["minus_mean"] = net.normalize.mean
    for name, tensor in expected.items():
        if name not in folded or folded[name].shape != tensor.shape:
            raise ValueError(f"tensor {name} does not fit")


def _set(conv: Conv2d, folded: Tensor, factor: Tensor) -> None:
    """Make `factor` times a convolution's weight the folded one."""
    if factor == 0:
        return
    weight = folded.double() / factor
    if conv.gain is None:
        conv.weight.copy_(weight)
        return
    length = weight.flatten(1).norm(dim=1)
    used = length > 0
    conv.weight[used] = weight[used].float()
    conv.gain.copy_(length)


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias
