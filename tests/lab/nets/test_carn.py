"""CARN and CARN-M: what their paper counts, and what they compute."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from mssn.lab import nets
from mssn.lab.complexity import count_parameters, mult_adds
from mssn.lab.nets.carn import CARN, CARNConfig


def all_scales(model: str, *, biases: bool) -> int:
    """Parameters of the network of the paper, which has the upsamplers of all three scales."""
    several = [nets.build(model, scale) for scale in (2, 3, 4)]
    named = dict(several[0].named_parameters())
    for scale, net in zip((3, 4), several[1:], strict=True):
        named |= {f"x{scale}.{name}": p for name, p in net.named_parameters() if name.startswith("upsample")}
    return sum(p.numel() for name, p in named.items() if biases or not name.endswith("bias"))


def test_counts_of_the_paper() -> None:
    assert all_scales("carn", biases=True) == 1_591_939  # printed 1,592K
    assert all_scales("carn-m", biases=False) == 412_032  # printed 412K


def test_one_scale_alone() -> None:
    assert [count_parameters(nets.build("carn-m", scale)) for scale in (2, 3, 4)] == [
        257_027,
        303_427,
        294_147,
    ]


@pytest.mark.parametrize(("model", "expected"), [("carn", 222.8), ("carn-m", 91.4)])
def test_mult_adds(model, expected) -> None:
    """Without biases, as the paper counts; it prints 222.8 and 91.2."""
    net = nets.build(model, 2)
    biases = 0
    for name, p in net.named_parameters():
        if name.endswith("bias"):
            biases += p.numel() * (720 * 1280 if name.startswith("exit") else 360 * 640)
    assert round((mult_adds(net, 2) - biases) / 1e9, 1) == expected


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (17, 31)])
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("shape", [{"groups": 4, "shared": True}, {}])
def test_odd_sizes(size, scale, shape) -> None:
    net = CARN(CARNConfig(channels=8, **shape), scale)
    assert net(torch.rand(2, 3, *size)).shape == (2, 3, size[0] * scale, size[1] * scale)


def test_every_weight_has_a_gradient() -> None:
    for shape in ({"groups": 4, "shared": True}, {}):
        net = CARN(CARNConfig(channels=8, **shape), 4)
        net(torch.rand(1, 3, 9, 9)).sum().backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


def test_a_block_joins_everything_before(monkeypatch) -> None:
    """Section 3.2 of the CARN paper, written out for one block."""
    block: Any = CARN(CARNConfig(channels=8, groups=4, shared=True), 2).body.parts[0]
    unit, joins = block.parts[0], block.joins
    x = torch.rand(1, 8, 6, 6)
    first = unit(x)
    one = F.relu(joins[0](torch.cat([x, first], 1)))
    second = unit(one)
    two = F.relu(joins[1](torch.cat([x, first, second], 1)))
    three = F.relu(joins[2](torch.cat([x, first, second, unit(two)], 1)))
    torch.testing.assert_close(block(x), three)


def test_other_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="2, 3 or 4"):
        CARN(CARNConfig(), 5)
