"""The parts that compute something in their own way compute what the definition says."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mssn.lab.nets.layers import Conv2d, depthwise


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (7, 5), (12, 16)])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_depthwise_and_its_gradients_are_pytorchs(size, kernel) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 6, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(6, 1, kernel, kernel, dtype=torch.float64, requires_grad=True)
    mine = depthwise(x, weight)
    theirs = F.conv2d(x, weight, padding=kernel // 2, groups=6)
    torch.testing.assert_close(mine, theirs)
    grad = torch.randn_like(mine)
    for a, b in zip(
        torch.autograd.grad(mine, (x, weight), grad),
        torch.autograd.grad(theirs, (x, weight), grad),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_depthwise_under_autocast_computes_in_bfloat16_and_returns_float_gradients() -> None:
    x, weight = torch.randn(1, 4, 8, 8, requires_grad=True), torch.randn(4, 1, 3, 3, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = depthwise(x, weight)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert x.grad is not None
    assert weight.grad is not None
    assert x.grad.dtype == weight.grad.dtype == torch.float32
    exact = F.conv2d(torch.ones(1, 4, 8, 8), weight.detach().flip(2, 3), padding=1, groups=4)
    torch.testing.assert_close(x.grad, exact, rtol=0.05, atol=0.05)


def test_weight_norm_splits_length_and_direction() -> None:
    conv = Conv2d(3, 5, 3)
    with torch.no_grad():
        conv.get_parameter("gain").copy_(torch.arange(1.0, 6.0))
        conv.weight.mul_(7)
    lengths = conv.effective_weight().flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.arange(1.0, 6.0))
    torch.testing.assert_close(conv.effective_weight(-2.0), -2 * conv.effective_weight())


def test_stretching_a_normalised_weight_changes_nothing_but_its_length() -> None:
    layer, x = Conv2d(6, 5, 3), torch.rand(1, 6, 8, 8)
    before = layer(x)
    layer.stretch(0.3)
    assert torch.allclose(layer.weight.square().mean((1, 2, 3)), torch.tensor(0.09))
    assert torch.allclose(layer(x), before, atol=1e-6)
    with pytest.raises(ValueError, match="only a normalised weight"):
        Conv2d(6, 5, 3, weight_norm=False).stretch(0.3)
