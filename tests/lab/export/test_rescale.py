"""Powers of two: the function stays, weights come into the range of half precision, and files keep them."""

from __future__ import annotations

import base64
import itertools
import zlib
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import SWITCHES, TINY, scrambled
from torch import Tensor, nn

from mssn.errors import WeightsError
from mssn.lab.complexity import count_parameters
from mssn.lab.export import onnx as exporting
from mssn.lab.export import rescale as rescaling
from mssn.lab.export.fuse import FusedMSSN, fuse
from mssn.lab.export.rescale import FusedUnit, Shifts, rescale, round_to_half
from mssn.lab.nets.mssn import MSSN, MSSNConfig
from mssn.lab.weights import load_network
from mssn.models.meta import Meta

EXTREME = st.lists(st.integers(-12, 12), min_size=TINY.expanded, max_size=TINY.expanded)


def stretched(net: MSSN, exponents: list[int], tail: float = 1.0) -> MSSN:
    """With the channels inside one unit and the tail multiplied, as training may leave them."""
    factors = (2.0 ** torch.tensor(exponents)).view(-1, 1, 1, 1)
    with torch.no_grad():
        unit = net.body[0].units[0]
        conv = unit.get_submodule("expand")
        of = conv.get_parameter("gain").view(-1, 1, 1, 1) if net.config.weight_norm else conv.weight
        assert isinstance(of, Tensor)
        of.mul_(factors)
        net.tail.weight.mul_(tail)
    return net


def unscaled(net: MSSN, monkeypatch: pytest.MonkeyPatch) -> FusedMSSN:
    with monkeypatch.context() as patch:
        patch.setattr("mssn.lab.export.fuse.rescale", lambda *_: None)
        return FusedMSSN(net)


def exponents_of(sizes: Tensor) -> np.ndarray:
    """E of m * 2**e, m in 0.5..1, of numbers as half precision rounds them."""
    return np.frexp(sizes.detach().numpy().astype(np.float16).astype(np.float32))[1]


def largest(unit: FusedUnit) -> list[np.ndarray]:
    """The exponents of the largest weights of each hidden channel, of its three convolutions."""
    weights = unit.expand.weight, unit.depthwise.weight, unit.project.weight.transpose(0, 1)
    return [exponents_of(weight.flatten(1).abs().amax(1)) for weight in weights]


@settings(max_examples=25, deadline=None)
@given(exponents=EXTREME, tail=st.integers(-15, 5), changes=st.sampled_from(SWITCHES))
def test_the_function_stays_and_sizes_come_together(exponents, tail, changes) -> None:
    net = stretched(scrambled(MSSNConfig(**{**vars(TINY), **changes})), exponents, 2.0**tail)
    with pytest.MonkeyPatch.context() as patch:
        before = unscaled(net, patch)
    after = FusedMSSN(net)
    x = torch.rand(1, 3, 9, 8)
    assert torch.equal(after(x), before(x)), "powers of two round nothing"
    for unit in after.units:
        expand, depthwise, project = largest(unit)
        assert np.array_equal(expand, depthwise)
        assert ((project - expand >= 0) & (project - expand <= 2)).all()
    tail_size, *heads = (exponents_of(conv.weight.abs().max()) for conv in (after.tail, *after.heads))
    assert tail_size - min(heads) in (0, 1)


def test_a_channel_that_adds_nothing_is_silenced_and_stays_finite() -> None:
    net = FusedMSSN(scrambled())
    unit = net.units[0]
    with torch.no_grad():
        unit.expand.weight[0] = 0
        unit.project.weight[:, 1] = 0
        unit.depthwise.weight[2] *= 2.0**-60
    shifts = rescale(list(net.heads), net.units, net.tail)
    assert torch.equal(unit.project.weight[:, :3], torch.zeros(TINY.channels, 3, 1, 1))
    assert unit.project.weight[:, 3:].abs().min() > 0
    assert all(parameter.isfinite().all() for parameter in net.parameters())
    assert np.abs(shifts.inside).max() < 100


def test_rescaling_twice_shifts_nothing_more() -> None:
    net = FusedMSSN(scrambled())
    again = rescale(list(net.heads), net.units, net.tail)
    assert again.features in (-1, 0, 1)
    assert not again.inside.any()


def test_sizes_are_those_that_half_precision_rounds_to() -> None:
    """What rounds up to the next power of two has its exponent, before and after rounding."""
    below = torch.tensor([1 - 2.0**-13, 1 - 2.0**-12 - 2.0**-14, 1.0, 0.75])
    exponents = rescaling._exponents(below)
    assert exponents.tolist() == [1, 0, 1, 0]
    assert torch.equal(rescaling._exponents(below.half().float()), exponents)


def test_shifts_survive_as_text() -> None:
    inside = np.random.default_rng(0).integers(-300, 301, (4, 2, 6))
    text = Shifts(-7, inside).to_text()
    assert text.isascii() and len(text.splitlines()) == 1
    back = Shifts.from_text(text, 4)
    assert back.features == -7
    assert np.array_equal(back.inside, inside)


@pytest.mark.parametrize(
    ("exponents", "words"),
    [([301] * 9, "far too large"), ([0] * 2**20, "far too long"), ([0] * 8, "reshape"), ([], "")],
)
def test_hostile_shifts_are_refused(exponents, words) -> None:
    packed = np.array(exponents, "<i2").tobytes()
    text = base64.b64encode(zlib.compress(packed)).decode()
    with pytest.raises(ValueError, match=f"powers of two cannot be read .*{words}"):
        Shifts.from_text(text, 2)


def test_rounding_leaves_normal_halves_and_zeros() -> None:
    net = nn.Conv2d(1, 4, 1, bias=False)
    tiny = 2.0**-14
    with torch.no_grad():
        net.weight.copy_(torch.tensor([tiny, tiny * 0.9999, -tiny / 2, 1 / 3]).view(4, 1, 1, 1))
    round_to_half(net)
    assert net.weight.flatten().tolist() == [tiny, tiny, 0, float(np.float16(1 / 3))]


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
@pytest.mark.parametrize("scale", [2, 3])
def test_file_to_network_to_file_is_the_same_to_the_byte(tmp_path, changes, scale) -> None:
    net = stretched(scrambled(MSSNConfig(**{**vars(TINY), **changes}), scale), [-9, 0, 3, -2, 7, 1], 1e-4)
    meta = described(net)
    write(net, meta, tmp_path / "first.onnx")
    back, meta = load_network(tmp_path / "first.onnx")
    write(back, meta, tmp_path / "second.onnx")
    assert (tmp_path / "first.onnx").read_bytes() == (tmp_path / "second.onnx").read_bytes()


def test_weights_that_never_come_to_rest_are_an_error(tmp_path, monkeypatch) -> None:
    rounds = itertools.count(1)

    def restless(net: nn.Module) -> None:
        for parameter in net.parameters():
            parameter.data.fill_(next(rounds))

    monkeypatch.setattr(exporting, "round_to_half", restless)
    net = scrambled()
    with pytest.raises(WeightsError, match="mssn-s x2: its weights do not come to rest in half precision"):
        write(net, described(net), tmp_path / "net.onnx")
    assert not any(tmp_path.iterdir())


def described(net: MSSN) -> Meta:
    return Meta("mssn-s", net.scale, asdict(net.config), "rgb", 6, count_parameters(net))


def write(net: nn.Module, meta: Meta, path) -> None:
    assert isinstance(fuse(net), FusedMSSN)
    exporting.write_onnx(net, meta, path, half=True)
