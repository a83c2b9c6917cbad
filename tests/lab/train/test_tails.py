"""Tail and skip that are solved for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mssn.lab.nets.mssn import MSSN, MSSNConfig
from mssn.lab.train.session import write_weights
from mssn.lab.train.tails import fit_tail

SMALL = MSSNConfig(channels=6, expanded=8, blocks=1, units=2)


def patches_of(net: MSSN, side: int, planes: int = 3, noise: float = 0.0) -> Any:
    """Patches whose truth is what a network makes of them."""

    def batch(k: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        random = torch.Generator().manual_seed(int(k[0]))
        small = torch.rand(len(k), planes, side, side, generator=random)
        with torch.no_grad():
            large = net(small)
        return small, large + noise * torch.randn(large.shape, generator=random)

    return SimpleNamespace(patch=side, batch=batch)


def twins(scale: int, config: MSSNConfig) -> tuple[MSSN, MSSN]:
    """Two networks that differ in tail and skip alone."""
    torch.manual_seed(3)
    one, other = MSSN(config, scale).eval(), MSSN(config, scale).eval()
    rest = {n: t for n, t in one.state_dict().items() if not n.startswith(("tail.", "skip."))}
    other.load_state_dict({**other.state_dict(), **rest})
    return one, other


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
def test_a_tail_that_made_the_truth_is_found_again(scale, told, normalize) -> None:
    truth, net = twins(scale, MSSNConfig(**{**vars(SMALL), "told": told, "normalize": normalize}))
    x = torch.rand(1, 3 + told, 20, 24)
    assert F.mse_loss(net(x), truth(x)) > 1e-3
    assert fit_tail(net, patches_of(truth, 16, 3 + told)) == 240
    torch.testing.assert_close(net(x), truth(x), atol=2e-3, rtol=0)


def test_no_other_tail_has_a_smaller_error_on_the_patches() -> None:
    truth, net = twins(2, SMALL)
    patches = patches_of(truth, 12, noise=0.1)
    fit_tail(net, patches)
    batches = [patches.batch(np.arange(n * 8, n * 8 + 8)) for n in range(30)]

    def error() -> float:
        with torch.no_grad():
            return float(torch.stack([F.mse_loss(net(x), y) for x, y in batches]).mean())

    best = error()
    for layer in (net.tail, net.skip):
        for step in (0.01, -0.01):
            with torch.no_grad():
                layer.weight += step
                assert error() > best
                layer.weight -= step


@pytest.mark.parametrize("side", [1, 2, 5])
def test_the_smallest_patches_will_do(side) -> None:
    truth, net = twins(2, SMALL)
    fit_tail(net, patches_of(truth, side))
    assert all(t.isfinite().all() for t in net.state_dict().values())


def test_another_scale_starts_far_better_than_with_a_random_tail(make, tmp_path) -> None:
    trainer, meta = make()
    trainer.run(stop_after=20)
    write_weights(trainer, meta, tmp_path / "w.safetensors")
    rescaled, _ = make("x3", scale=3, init=tmp_path / "w.safetensors")
    anew, _ = make("anew", scale=3)

    def error(trainer) -> float:
        small, large = trainer.patches.batch(np.arange(1000, 1032))
        with torch.no_grad():
            return float(F.mse_loss(trainer.net(small), large))

    assert error(rescaled) < 0.2 * error(anew)
