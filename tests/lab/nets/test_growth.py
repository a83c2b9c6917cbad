"""A grown network computes what the small one computes, and every new part can learn."""

from __future__ import annotations

import pytest
import torch

from mssn.lab import nets
from mssn.lab.nets.growth import can_grow, grow
from mssn.lab.nets.mssn import MSSN


def _build(model: str, scale: int, changes: dict | None = None) -> MSSN:
    net = nets.build(model, scale, changes)
    assert isinstance(net, MSSN)
    return net


def _lively(model: str, scale: int, **changes: object) -> MSSN:
    """A network as training would leave it: gains and scales away from where they start."""
    torch.manual_seed(3)
    net = _build(model, scale, changes)
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(1 + 0.2 * torch.randn_like(p))
    return net


@pytest.mark.parametrize(("small", "large"), [("mssn-s", "mssn-m"), ("mssn-m", "mssn"), ("mssn-s", "mssn")])
def test_equal_before_the_first_update(small: str, large: str) -> None:
    source = _lively(small, 2)
    target = _build(large, 2)
    grow(source, target)
    x = torch.rand(2, 3, 17, 23)
    assert torch.allclose(target(x), source(x), atol=1e-5)


def test_every_new_channel_learns_within_two_updates() -> None:
    source, target = _lively("mssn-s", 2), _build("mssn-m", 2)
    grow(source, target)
    before = {name: p.detach().clone() for name, p in target.named_parameters()}
    optimizer = torch.optim.SGD(target.parameters(), 1e-3)
    x, y = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 32, 32)
    for _ in range(2):
        optimizer.zero_grad()
        (target(x) - y).square().sum().backward()
        optimizer.step()
    still = [name for name, p in target.named_parameters() if torch.equal(p, before[name])]
    assert not still
    # Not only somewhere: nearly every inner channel that did not exist before has moved (some ReLUs sleep).
    for unit in range(4):
        name = f"body.0.units.{unit}.depthwise.weight"
        moved = (target.get_parameter(name) - before[name]).abs().flatten(1).sum(1)
        assert (moved[64:] > 0).float().mean() > 0.9


def test_new_blocks_learn() -> None:
    source, target = (
        _lively("mssn-m", 2, blocks=1, units=1),
        _build("mssn-m", 2, {"blocks": 2, "units": 2}),
    )
    grow(source, target)
    x = torch.rand(1, 3, 16, 16)
    assert torch.allclose(target(x), source(x), atol=1e-5)
    target(x).square().sum().backward()
    gradient = target.get_parameter("body.1.units.1.scales.residual").grad
    assert gradient is not None
    assert gradient.abs() > 0


def test_new_units_hold_what_old_ones_have_learnt() -> None:
    source = _lively("mssn-s", 2, blocks=1, units=2, channels=8, expanded=12)
    target = _build("mssn-s", 2, {"blocks": 2, "units": 3, "channels": 8, "expanded": 12})
    grow(source, target)
    for new, old in (("0.units.2", "0.units.1"), ("1.units.0", "0.units.0"), ("1.units.2", "0.units.1")):
        for part in ("expand.weight", "depthwise.gain", "project.weight"):
            mine = target.get_parameter(f"body.{new}.{part}")
            assert torch.equal(mine, source.get_parameter(f"body.{old}.{part}"))
        assert target.get_parameter(f"body.{new}.scales.residual") == 0
        assert target.get_parameter(f"body.{new}.scales.identity") == 1


def test_other_scale_keeps_its_own_ends() -> None:
    source, target = _lively("mssn-s", 2), _build("mssn-m", 3)
    tail = target.get_parameter("tail.weight").detach().clone()
    grow(source, target)
    assert torch.equal(target.get_parameter("tail.weight"), tail)
    assert torch.equal(target.get_parameter("head.weight")[:32], source.get_parameter("head.weight"))


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ({"channels": 8}, {"channels": 4}),
        ({"units": 2}, {"units": 1}),
        ({"weight_norm": True}, {"weight_norm": False}),
        ({"blocks": 1, "adaptive_scales": False}, {"blocks": 2, "adaptive_scales": False}),
        ({"units": 1, "adaptive_scales": False}, {"units": 2, "adaptive_scales": False}),
    ],
)
def test_what_does_not_grow_is_refused(small: dict, large: dict) -> None:
    source, target = _build("mssn-s", 2, small), _build("mssn-s", 2, large)
    assert not can_grow(source, target)
    with pytest.raises(ValueError, match="does not grow"):
        grow(source, target)


def test_a_told_network_starts_as_the_untold_one_and_learns_what_it_is_told() -> None:
    source, target = _lively("mssn-s", 2), _build("mssn-s-photo", 2)
    assert can_grow(source, target) and not can_grow(target, source)
    grow(source, target)
    x = torch.rand(2, 3, 17, 23)
    told = torch.cat([x, torch.full((2, 1, 17, 23), 0.7)], dim=1)
    assert torch.allclose(target(told), source(x), atol=1e-6)
    target(told).square().sum().backward()
    assert target.slope is not None and target.slope.grad is not None and target.slope.grad.abs().min() > 0
    with torch.no_grad():
        target.slope.uniform_(-1, 1)
    larger = _build("mssn-m-photo", 2)
    grow(target, larger)
    assert torch.allclose(larger(told), target(told), atol=1e-5)
