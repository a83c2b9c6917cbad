"""An update captured in a CUDA graph is the update."""

from __future__ import annotations

import warnings

import pytest
import torch

from mssn.lab import nets
from mssn.lab.nets.layers import Conv2d
from mssn.lab.train.optimizers import optimizers
from mssn.lab.train.parallel import World
from mssn.lab.train.recipe import Recipe
from mssn.lab.train.step import Step


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_captured_equals_eager(optimizer) -> None:
    recipe = Recipe(optimizer=optimizer, clip=1.0, luma=0.5, weight_rms=0.2)
    losses = {}
    for captured in (False, True):
        torch.manual_seed(0)
        net = nets.build("mssn-s", 2, {"blocks": 1, "units": 2}).cuda().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        step = Step(net, optimizers(net, recipe, captured=True), recipe, World())
        if not captured:
            step._captured = step._update
            warnings.filterwarnings("ignore", message=".*capturable=True")
        generator = torch.Generator("cuda").manual_seed(1)
        losses[captured] = []
        for number in range(12):
            lr = torch.rand(4, 3, 24, 24, generator=generator, device="cuda")
            hr = torch.rand(4, 3, 48, 48, generator=generator, device="cuda")
            losses[captured].append(step(lr, hr, 1e-3 * (1 + number % 3)).item())
        assert (step.graph is not None) == captured
    assert losses[True] == pytest.approx(losses[False], rel=1e-3)


@pytest.mark.parametrize("weight_norm", [True, False])
def test_only_normalised_weights_are_set_back_to_one_length(weight_norm) -> None:
    torch.manual_seed(0)
    net = nets.build("mssn-s", 2, {"blocks": 1, "weight_norm": weight_norm})
    recipe = Recipe(weight_rms=0.2, learning_rate=1e-2)
    step = Step(net, optimizers(net, recipe), recipe, World())
    for _ in range(3):
        step(torch.rand(2, 3, 16, 16), torch.rand(2, 3, 32, 32), 1e-2)
    for layer in (m for m in net.modules() if isinstance(m, Conv2d)):
        rms = layer.weight.flatten(1).square().mean(1).sqrt()
        assert torch.allclose(rms, torch.full_like(rms, 0.2)) == (layer.gain is not None)
    assert weight_norm == any(m.gain is not None for m in net.modules() if isinstance(m, Conv2d))


def test_the_teacher_is_only_asked() -> None:
    torch.manual_seed(0)
    net, teacher = nets.build("mssn-s", 2, {"blocks": 1}), nets.build("mssn-s", 2, {"blocks": 1})
    teacher.requires_grad_(False)
    before = {name: p.clone() for name, p in teacher.named_parameters()}
    recipe = Recipe(distill=1.0, teacher="large.safetensors", learning_rate=1e-2)
    step = Step(net, optimizers(net, recipe), recipe, World(), teacher)
    lr, hr = torch.rand(2, 3, 16, 16), torch.zeros(2, 3, 32, 32)
    losses = [step(lr, hr, 1e-2).item() for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]
    assert (net(lr) - teacher(lr)).abs().mean() < (net(lr) - hr).abs().mean()
    assert all(torch.equal(p, before[name]) for name, p in teacher.named_parameters())
