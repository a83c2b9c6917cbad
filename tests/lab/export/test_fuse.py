"""Fusing: the exported form equals the trained one."""

from __future__ import annotations

import pytest
import torch
from networks import SWITCHES, TINY, scrambled
from torch import nn

from mssn.lab.export.fuse import FusedMSSN, fuse
from mssn.lab.export.rescale import Head
from mssn.lab.nets.layers import Conv2d
from mssn.lab.nets.mssn import MSSN, MSSNConfig


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_fused_equals_trained(changes, scale) -> None:
    net = scrambled(MSSNConfig(**{**vars(TINY), **changes}), scale)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    x = torch.rand(1, 3, 13, 10)
    torch.testing.assert_close(FusedMSSN(net)(x), net(x), rtol=0, atol=1e-5)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_fused_network_holds_plain_convolutions_only() -> None:
    kinds = {type(m) for m in FusedMSSN(scrambled()).modules() if not list(m.children())}
    assert kinds == {nn.Conv2d, Head}
    assert Conv2d not in kinds


def test_a_scale_of_zero_is_refused_not_divided_by() -> None:
    net = scrambled()
    with torch.no_grad():
        net.get_parameter("skips.0.residual").zero_()
    with pytest.raises(ValueError, match="a learnt scale is 0"):
        FusedMSSN(net)


def test_other_networks_only_lose_their_gains() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 1), Conv2d(4, 4, 3, groups=4), nn.Sequential(Conv2d(4, 2, 3, bias=True))
    )
    fused = fuse(net)
    assert {type(module) for module in fused.modules()} == {nn.Sequential, nn.Conv2d}
    x = torch.rand(1, 3, 7, 6)
    torch.testing.assert_close(fused(x), net(x), rtol=0, atol=1e-6)
    assert any(isinstance(module, Conv2d) for module in net.modules()), "the network itself is not changed"
    assert isinstance(fuse(MSSN(TINY, 2)), FusedMSSN)
