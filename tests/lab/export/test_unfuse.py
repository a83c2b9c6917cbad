"""Unfusing: from the fused weights back to a network that learns, and to the very same fused weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import SWITCHES, TINY, scrambled

from mssn.lab.export.fuse import FusedMSSN
from mssn.lab.export.rescale import Shifts
from mssn.lab.export.unfuse import learnt_scales, unfuse
from mssn.lab.nets.mssn import MSSN, MSSNConfig


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_unfusing_is_the_way_back(changes, scale) -> None:
    net = scrambled(MSSNConfig(**{**vars(TINY), **changes}), scale)
    fused = FusedMSSN(net)
    back = MSSN(net.config, scale)
    unfuse(back, fused.state_dict(), learnt_scales(net), fused.shifts)
    assert learnt_scales(back) == learnt_scales(net)
    for name, tensor in FusedMSSN(back).state_dict().items():
        torch.testing.assert_close(tensor, fused.state_dict()[name], rtol=1e-5, atol=1e-6)
    x = torch.rand(1, 3, 13, 10)
    torch.testing.assert_close(back(x), net(x), rtol=0, atol=1e-5)


def test_all_parameters_of_the_network_still_learn() -> None:
    net = scrambled()
    back = MSSN(TINY, 2)
    fused = FusedMSSN(net)
    unfuse(back, fused.state_dict(), learnt_scales(net), fused.shifts)
    back(torch.rand(1, 3, 13, 10)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in back.parameters())


def test_silent_directions_stay_as_they_were_drawn() -> None:
    net = scrambled()
    with torch.no_grad():
        net.get_parameter("body.0.units.0.scales.residual").zero_()
        net.get_parameter("body.1.units.0.depthwise.gain")[2] = 0
    back = MSSN(TINY, 2)
    drawn = {name: tensor.clone() for name, tensor in back.state_dict().items()}
    fused = FusedMSSN(net)
    unfuse(back, fused.state_dict(), learnt_scales(net), fused.shifts)
    name = "body.0.units.0.project.weight"
    assert torch.equal(back.state_dict()[name], drawn[name])
    name = "body.1.units.0.depthwise.weight"
    assert torch.equal(back.state_dict()[name][2], drawn[name][2])
    x = torch.rand(1, 3, 13, 10)
    torch.testing.assert_close(back(x), net(x), rtol=0, atol=1e-5)


def test_what_is_of_another_network_is_refused() -> None:
    net = scrambled()
    fused, scales, shifts = FusedMSSN(net).state_dict(), learnt_scales(net), FusedMSSN(net).shifts
    with pytest.raises(ValueError, match="learnt scales are missing"):
        unfuse(MSSN(TINY, 2), fused, {}, shifts)
    with pytest.raises(ValueError, match=r"tensor tail\.weight does not fit"):
        unfuse(MSSN(TINY, 3), fused, scales, shifts)
    lacking = {name: fused[name] for name in fused if name != "skip.weight"}
    with pytest.raises(ValueError, match=r"tensor skip\.weight does not fit"):
        unfuse(MSSN(TINY, 2), lacking, scales, shifts)
    for inside in (shifts.inside[:-1], shifts.inside[:, :, :-1]):
        with pytest.raises(ValueError, match="powers of two are of another network"):
            unfuse(MSSN(TINY, 2), fused, scales, replace(shifts, inside=inside))
    for text in ("", "no such thing", shifts.to_text()[:-8]):
        with pytest.raises(ValueError, match="powers of two cannot be read"):
            Shifts.from_text(text, len(shifts.inside))


def test_training_finds_the_weights_it_left() -> None:
    """Powers of two are taken out again: otherwise updates of one length would mean something else."""
    net = scrambled()
    fused = FusedMSSN(net)
    assert fused.shifts.features
    assert fused.shifts.inside.any()
    assert np.array_equal(Shifts.from_text(fused.shifts.to_text(), 4).inside, fused.shifts.inside)
    back = MSSN(TINY, 2)
    unfuse(back, fused.state_dict(), learnt_scales(net), fused.shifts)
    for layer in ("head", "tail"):
        torch.testing.assert_close(
            getattr(back, layer).weight, getattr(net, layer).weight, rtol=1e-5, atol=1e-9
        )
    for mine, theirs in zip(back.body[1].units, net.body[1].units, strict=True):
        for part in ("expand", "depthwise", "project"):
            torch.testing.assert_close(
                getattr(mine, part).gain, getattr(theirs, part).gain, rtol=1e-5, atol=0
            )
