"""The networks: the paper's numbers are in test_complexity.py, their behaviour is here."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from networks import SWITCHES, TINY, scrambled

from mssn.errors import UnknownModelError
from mssn.image.compression import LEAST
from mssn.lab import nets
from mssn.lab.nets.mssn import MSSN, MSSNConfig

GOLDEN = Path(__file__).parents[2] / "golden"


def literal(net: MSSN, x: torch.Tensor) -> torch.Tensor:
    """Equations 1 to 5 written down as the paper prints them, every scale multiplied onto a feature map."""

    def weight(conv):
        if conv.gain is None:
            return conv.weight
        norm = conv.weight.pow(2).sum(dim=(1, 2, 3), keepdim=True).sqrt()
        return conv.gain.view(-1, 1, 1, 1) * conv.weight / norm

    x = (x - net.normalize.mean) / 0.5 if net.normalize is not None else x
    f0 = net.head(x)
    xn = f0
    blocks: Any = net.body
    for n, block in enumerate(blocks):
        xm = xn
        for unit in block.units:
            h = F.relu(F.conv2d(xm, weight(unit.expand)))
            h = F.conv2d(h, weight(unit.depthwise), padding=1, groups=h.shape[1])
            h = F.relu(h) if net.config.depthwise_relu else h
            h = F.conv2d(h, weight(unit.project))
            xm = unit.scales.residual * h + unit.scales.identity * xm
        xn = net.skips[n].residual * xm + net.skips[n].identity * f0 if net.config.share_source else xm
    sr = F.pixel_shuffle(net.tail(xn), net.scale) + F.pixel_shuffle(net.skip(x), net.scale)
    return sr * 0.5 + net.normalize.mean if net.normalize is not None else sr


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
def test_scales_carried_by_weights_equal_the_printed_equations(changes) -> None:
    config = MSSNConfig(**{**vars(TINY), **changes})
    net = scrambled(config).double()
    x = torch.rand(2, 3, 11, 9, dtype=torch.float64)
    torch.testing.assert_close(net(x), literal(net, x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
def test_gradient_reaches_every_parameter(changes) -> None:
    net = scrambled(MSSNConfig(**{**vars(TINY), **changes}))
    net(torch.rand(1, 3, 12, 12)).square().sum().backward()
    silent = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


def test_unit_alone_is_equation_5() -> None:
    unit: Any = scrambled().get_submodule("body.0.units.0")
    x = torch.rand(1, 4, 8, 8)
    h = F.relu(unit.depthwise(F.relu(unit.expand(x))))
    expected = unit.scales.residual * unit.project(h) + unit.scales.identity * x
    torch.testing.assert_close(unit(x), expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (17, 31)])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_odd_sizes(size, scale) -> None:
    net = MSSN(TINY, scale)
    assert net(torch.rand(2, 3, *size)).shape == (2, 3, size[0] * scale, size[1] * scale)


@pytest.mark.parametrize("model", ["mssn-s", "mssn-m", "mssn", "carn", "carn-m"])
def test_state_dict_names_never_change(model) -> None:
    """Weights, ours and imported, depend on these names: golden/state-dict-MODEL.txt must not be edited."""
    state = nets.build(model, 2).state_dict()
    lines = [f"{name} {'x'.join(map(str, tensor.shape)) or 'scalar'}" for name, tensor in state.items()]
    assert lines == (GOLDEN / f"state-dict-{model}.txt").read_text().splitlines()


def test_save_load_gives_equal_output(tmp_path) -> None:
    net, x = scrambled(), torch.rand(1, 3, 9, 9)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    other = MSSN(TINY, 2)
    other.load_state_dict(torch.load(tmp_path / "net.pt", weights_only=True))
    assert torch.equal(net(x), other(x))


def test_weight_norm_changes_nothing_at_the_start() -> None:
    torch.manual_seed(0)
    plain = MSSN(MSSNConfig(**{**vars(TINY), "weight_norm": False}), 2)
    torch.manual_seed(0)
    normalised = MSSN(TINY, 2)
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(normalised(x), plain(x))


def test_mean_follows_the_network_into_its_file() -> None:
    assert torch.allclose(
        MSSN(TINY, 2).state_dict()["normalize.mean"].flatten(), torch.tensor([0.4488, 0.4371, 0.4040])
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mssn-xl", 2), "unknown model 'mssn-xl'; known are: mssn-s, mssn-m, mssn"),
        (("mssn-s", 5), "mssn-s has no scale 5; it has: 2, 3, 4"),
        (("mssn-s", 2, {"width": 8}), "width"),
        (("mssn-s", 2, {"blocks": 0}), "blocks must be a whole number of at least 1, got 0"),
    ],
)
def test_unknown_networks_are_named(arguments, words) -> None:
    with pytest.raises(UnknownModelError, match=words):
        nets.build(*arguments)


def test_what_is_told_is_a_bias_of_the_source() -> None:
    """Each picture of a batch has its own strength; three planes are told that nothing bad is known."""
    torch.manual_seed(0)
    net = nets.build("mssn-s-photo", 2)
    assert isinstance(net, MSSN) and net.slope is not None
    with torch.no_grad():
        net.slope.uniform_(-1, 1)
    x = torch.rand(2, 3, 12, 15)
    strengths = torch.tensor([0.2, 0.9])
    told = torch.cat([x, strengths.view(2, 1, 1, 1).expand(2, 1, 12, 15)], dim=1)
    found = net(told)
    for number, strength in enumerate(strengths):
        other = copy.deepcopy(net)
        assert other.head.bias is not None and other.slope is not None
        with torch.no_grad():
            other.head.bias += strength * other.slope
            other.slope.zero_()
        assert torch.allclose(found[number], other(x)[number], atol=1e-5)
    least = torch.cat([x, torch.full((2, 1, 12, 15), LEAST)], dim=1)
    assert torch.allclose(net(x), net(least), atol=1e-6)
