"""The blocks of the paper's model analysis: the counts of its Tables 1 and 2, and one contract for all."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
import torch

from mssn.errors import UnknownModelError
from mssn.lab import nets, weights
from mssn.lab.complexity import count_parameters, halo, mult_adds
from mssn.lab.export.onnx import write_onnx
from mssn.lab.nets.mssn import MSSN
from mssn.lab.weights import tensors_of
from mssn.models.meta import Meta
from mssn.runtime.base import RuntimeName
from mssn.runtime.open import open_runtime
from mssn.runtime.plan import plan_for

PLAIN = {"share_source": False, "adaptive_scales": False, "weight_norm": False}
TABLE_1 = {
    # name: (model, changes, parameters and Mult-Adds at x4 as printed, in thousands and 1e9)
    "m_v1": ("mssn-m", {"unit": "mobilenet-v1"}, 108, 6.2),
    "s_v1": ("mssn-m", {"unit": "shufflenet-v1", "expanded": 32}, 46, 2.7),
    "s_v2": ("mssn-m", {"unit": "shufflenet-v2"}, 71, 4.1),
    "m_v2_32": ("mssn-s", {}, 93, 5.4),
    "m_v2_64": ("mssn-m", {}, 314, 18.1),
}
SMALL = {
    "mobilenet-v1": ("mssn-s", {**PLAIN, "unit": "mobilenet-v1", "channels": 6, "blocks": 2}),
    "shufflenet-v1": (
        "mssn-s",
        {**PLAIN, "unit": "shufflenet-v1", "channels": 16, "expanded": 8, "blocks": 2},
    ),
    "shufflenet-v2": ("mssn-s", {**PLAIN, "unit": "shufflenet-v2", "channels": 8, "blocks": 2}),
    "with all": ("mssn-s", {"unit": "shufflenet-v2", "channels": 8, "blocks": 2}),
    "wdsr-a with awssc": ("wdsr-a", {"channels": 6, "blocks": 4, "share_source": True}),
    "wdsr-b with awssc": ("wdsr-b", {"channels": 6, "blocks": 4, "share_source": True}),
}


def small(name: str, scale: int = 2) -> torch.nn.Module:
    torch.manual_seed(1)
    model, changes = SMALL[name]
    return nets.build(model, scale, changes).eval()


@pytest.mark.parametrize("name", TABLE_1)
def test_counts_of_table_1(name) -> None:
    model, changes, thousands, giga = TABLE_1[name]
    net = nets.build(model, 4, PLAIN | changes)
    assert round(count_parameters(net) / 1e3) == thousands
    # S_v1 is our reading (ShuffleNetV1's docstring): 2.65 where 2.7 is printed.
    assert mult_adds(net, 4) / 1e9 == pytest.approx(giga, abs=0.06)


@pytest.mark.parametrize("model", ["wdsr-a", "wdsr-b"])
def test_share_source_costs_eight_numbers_in_table_2(model) -> None:
    plain, shared = (nets.build(model, 4, {"share_source": on}) for on in (False, True))
    assert count_parameters(shared) - count_parameters(plain) == 8


@pytest.mark.parametrize("model", ["wdsr-a", "wdsr-b"])
def test_a_share_source_of_nothing_changes_nothing(model) -> None:
    torch.manual_seed(0)
    shared = nets.build(model, 2, {"share_source": True, "channels": 6, "blocks": 4})
    plain = nets.build(model, 2, {"channels": 6, "blocks": 4})
    for mu in shared.skips:  # pyright: ignore[reportGeneralTypeIssues]
        mu.identity.data.zero_()
    plain.load_state_dict({k: v for k, v in shared.state_dict().items() if not k.startswith("skips")})
    x = torch.rand(1, 3, 9, 9)
    torch.testing.assert_close(shared(x), plain(x))


def test_shufflenet_v2_lets_half_of_its_channels_pass() -> None:
    net = small("shufflenet-v2")
    assert isinstance(net, MSSN)
    x = torch.rand(1, 8, 5, 5)
    unit: Any = net.body[0].get_submodule("units.0")
    assert torch.equal(unit(x)[:, ::2], x[:, :4])  # the shuffle puts them at every other place


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_contract(name, tmp_path) -> None:
    """Odd sizes, gradients, halo, every runtime, and back from its file."""
    net, (model, changes) = small(name), SMALL[name]
    for size in ((1, 1), (1, 7), (11, 6)):
        assert net(torch.rand(2, 3, *size)).shape == (2, 3, size[0] * 2, size[1] * 2)
    net(torch.rand(4, 3, 12, 12)).square().sum().backward()
    silent = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []

    reach = halo(net, 2)
    x = torch.rand(1, 3, 2 * reach + 5, 2 * reach + 5)
    with torch.no_grad():
        whole, part = net(x), net(x[:, :, 1:-1, 1:-1])
    middle, inner = slice(2 * (reach + 2), 2 * (reach + 3)), slice(2 * (reach + 1), 2 * (reach + 2))
    torch.testing.assert_close(whole[..., middle, middle], part[..., inner, inner], rtol=0, atol=1e-5)

    meta = Meta(
        model=model,
        scale=2,
        domain="rgb",
        config=asdict(net.config),  # pyright: ignore[reportArgumentType]
        halo=reach,
        parameters=count_parameters(net),
    )
    assert meta.config.items() >= changes.items()
    weights.save(tmp_path / "net.safetensors", tensors_of(net), meta)
    write_onnx(net, meta, tmp_path / "net.onnx")
    picture = np.random.default_rng(0).random((1, 3, 14, 9), np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(picture)).numpy()
    runtimes: list[tuple[RuntimeName, str]] = [
        ("openvino", "onnx"),
        ("onnxruntime", "onnx"),
        ("pytorch", "safetensors"),
    ]
    for runtime, file in runtimes:
        opened = open_runtime(plan_for(tmp_path / f"net.{file}", runtime=runtime, precision="fp32"))
        np.testing.assert_allclose(opened.run(picture), expected, rtol=0, atol=2e-5, err_msg=runtime)


@pytest.mark.parametrize(
    ("model", "changes", "words"),
    [
        ("mssn-s", {"unit": "resnet"}, "unit must be one of mawru, mobilenet-v1"),
        ("mssn-s", {"unit": "shufflenet-v1", "channels": 20}, "needs multiples of 8"),
        ("mssn-s", {"unit": "shufflenet-v2", "channels": 7}, "needs an even number"),
        ("wdsr-a", {"share_source": True, "blocks": 6}, "needs a multiple of 4 blocks"),
    ],
)
def test_shapes_that_cannot_be_are_named(model, changes, words) -> None:
    with pytest.raises(UnknownModelError, match=words):
        nets.build(model, 2, changes)
