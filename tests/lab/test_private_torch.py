"""What PyTorch calls private may go: without it the numbers are the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import mssn.lab
from mssn.lab import private_torch

PRIVATE = ["_foreach_copy_", "_foreach_add_", "_foreach_lerp_", "_foreach_lerp", "_weight_norm"]
SHAPES = [(3,), (2, 5), (4, 3, 3, 3)]


def tensors(seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in SHAPES]


@pytest.fixture(params=["private", "public"])
def way(request, monkeypatch) -> str:
    """With PyTorch's private functions, and without any of them."""
    for name in PRIVATE:
        if request.param == "public":
            monkeypatch.delattr(torch, name, raising=False)
        elif not hasattr(torch, name):
            pytest.skip(f"this PyTorch has no {name}")
    return request.param


def test_lists_are_copied_added_and_interpolated_one_by_one(way) -> None:
    a, b = tensors(1), tensors(2)
    targets = tensors(3)
    private_torch.copy_(targets, a)
    assert all(torch.equal(t, x) for t, x in zip(targets, a, strict=True))
    private_torch.add_(targets, b)
    assert all(torch.equal(t, x + y) for t, x, y in zip(targets, a, b, strict=True))
    between = private_torch.lerp(a, b, 0.3)
    for point, x, y in zip(between, a, b, strict=True):
        torch.testing.assert_close(point, 0.7 * x + 0.3 * y)
    moved = [x.clone() for x in a]
    private_torch.lerp_(moved, b, 0.3)
    assert all(torch.equal(m, p) for m, p in zip(moved, between, strict=True))
    assert all(torch.equal(x, y) for x, y in zip(a, tensors(1), strict=True))  # lerp leaves what it is given


def test_a_normalised_weight_and_its_gradients_are_the_definitions(way) -> None:
    generator = torch.Generator().manual_seed(4)
    direction = torch.randn(5, 3, 3, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    length = torch.randn(5, 1, 1, 1, generator=generator, dtype=torch.float64, requires_grad=True)
    ours = private_torch.weight_norm(direction, length)
    norms = direction.square().sum((1, 2, 3), keepdim=True).sqrt()
    theirs = length * direction / norms
    torch.testing.assert_close(ours, theirs)
    pull = torch.randn(ours.shape, generator=generator, dtype=torch.float64)
    for mine, expected in zip(
        torch.autograd.grad(ours, (direction, length), pull),
        torch.autograd.grad(theirs, (direction, length), pull),
        strict=True,
    ):
        torch.testing.assert_close(mine, expected)


def test_both_ways_give_the_same_bits(monkeypatch) -> None:
    """Where PyTorch has both, on a processor; a weight's length is rounded in another order."""
    results: list[list[Tensor]] = []
    for _ in range(2):
        averages = tensors(1)
        private_torch.lerp_(averages, tensors(2), 0.05)
        ahead = private_torch.lerp(tensors(3), averages, 0.95)
        private_torch.add_(ahead, averages)
        results.append([*averages, *ahead])
        for name in PRIVATE:
            monkeypatch.delattr(torch, name, raising=False)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_no_other_module_names_a_private_function() -> None:
    sources = Path(mssn.lab.__file__).parent.rglob("*.py")
    named = [path.name for path in sources if "torch._" in path.read_text("utf-8")]
    assert named == ["private_torch.py"]
