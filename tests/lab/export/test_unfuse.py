"""Unfolding: from the folded weights back to a network that learns, and to the very same folded weights."""

from __future__ import annotations

import pytest
import torch
from networks import SWITCHES, TINY, scrambled

from mssn.lab.export.fuse import FusedMSSN
from mssn.lab.export.unfuse import learnt_scales, unfuse
from mssn.lab.nets.mssn import MSSN, MSSNConfig


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_unfolding_is_the_way_back(changes, scale) -> None:
    net = scrambled(MSSNConfig(**{**vars(TINY), **changes}), scale)
    folded = FusedMSSN(net)
    back = MSSN(net.config, scale)
    unfuse(back, folded.state_dict(), learnt_scales(net))
    assert learnt_scales(back) == learnt_scales(net)
    for name, tensor in FusedMSSN(back).state_dict().items():
        torch.testing.assert_close(tensor, folded.state_dict()[name], rtol=1e-5, atol=1e-6)
    x = torch.rand(1, 3, 13, 10)
    torch.testing.assert_close(back(x), net(x), rtol=0, atol=1e-5)


def test_all_parameters_of_the_network_still_learn() -> None:
    net = scrambled()
    back = MSSN(TINY, 2)
    unfuse(back, FusedMSSN(net).state_dict(), learnt_scales(net))
    back(torch.rand(1, 3, 13, 10)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in back.parameters())


def test_silent_directions_stay_as_they_were_drawn() -> None:
    net = scrambled()
    with torch.no_grad():
        net.get_parameter("body.0.units.0.scales.residual").zero_()
        net.get_parameter("body.1.units.0.depthwise.gain")[2] = 0
    back = MSSN(TINY, 2)
    drawn = {name: tensor.clone() for name, tensor in back.state_dict().items()}
    unfuse(back, FusedMSSN(net).state_dict(), learnt_scales(net))
    name = "body.0.units.0.project.weight"
    assert torch.equal(back.state_dict()[name], drawn[name])
    name = "body.1.units.0.depthwise.weight"
    assert torch.equal(back.state_dict()[name][2], drawn[name][2])
    x = torch.rand(1, 3, 13, 10)
    torch.testing.assert_close(back(x), net(x), rtol=0, atol=1e-5)


def test_what_is_of_another_network_is_refused() -> None:
    net = scrambled()
    folded, scales = FusedMSSN(net).state_dict(), learnt_scales(net)
    with pytest.raises(ValueError, match="learnt scales are missing"):
        unfuse(MSSN(TINY, 2), folded, {})
    with pytest.raises(ValueError, match=r"tensor tail\.weight does not fit"):
        unfuse(MSSN(TINY, 3), folded, scales)
    with pytest.raises(ValueError, match=r"tensor skip\.weight does not fit"):
        unfuse(MSSN(TINY, 2), {name: folded[name] for name in folded if name != "skip.weight"}, scales)
