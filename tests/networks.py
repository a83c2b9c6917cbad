"""Small networks that several tests share."""

from __future__ import annotations

import torch

from mssn.lab.nets.mssn import MSSN, MSSNConfig

TINY = MSSNConfig(channels=4, expanded=6, blocks=2, units=2)
SWITCHES = [
    {},
    {"share_source": False},
    {"adaptive_scales": False},
    {"weight_norm": False},
    {"normalize": False},
    {"depthwise_relu": False},
    {"told": True},
]


def scrambled(config: MSSNConfig = TINY, scale: int = 2) -> MSSN:
    """A small network whose learnt scales and gains are all different, one scale negative."""
    torch.manual_seed(3)
    net = MSSN(config, scale)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if "scales" in name or "skips" in name or name.endswith("gain"):
                parameter.mul_(torch.empty(parameter.shape).uniform_(0.6, 1.5))
        if net.slope is not None:
            net.slope.uniform_(-0.5, 0.5)
        if config.adaptive_scales:
            net.get_parameter("body.0.units.1.scales.identity").neg_()
    return net
