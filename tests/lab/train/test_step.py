"""One update: schedules as printed, losses by their definitions, a captured step, averaged weights."""

from __future__ import annotations

import pytest
import torch

from mssn.image.color import luma
from mssn.lab import nets
from mssn.lab.nets.layers import Conv2d
from mssn.lab.train.optimizers import optimizers
from mssn.lab.train.parallel import World
from mssn.lab.train.recipe import Recipe, load_recipe
from mssn.lab.train.step import EMA, Loss, Step, learning_rate, progress


def test_step_schedule_as_printed() -> None:
    recipe = load_recipe("paper-mssn-s")
    expected = {0: 1e-3, 199_999: 1e-3, 200_000: 5e-4, 400_000: 2.5e-4, 999_999: 6.25e-5}
    for update, rate in expected.items():
        assert learning_rate(recipe, update, update / recipe.updates) == pytest.approx(rate)


def test_cosine_with_warm_up() -> None:
    recipe = Recipe(schedule="cosine", learning_rate=0.01, warmup=10, updates=100)
    assert learning_rate(recipe, 0, 0.0) == pytest.approx(0.001)
    assert learning_rate(recipe, 9, 0.0) == pytest.approx(0.01)
    assert learning_rate(recipe, 50, 0.5) == pytest.approx(0.005)
    assert learning_rate(recipe, 99, 1.0) == pytest.approx(0.0)


def test_warm_up_is_a_part_of_the_schedule() -> None:
    """Under a time limit a slow machine does few updates: they must not all be warm-up."""
    recipe = Recipe(schedule="cosine", learning_rate=0.01, warmup=100, updates=1000)
    assert learning_rate(recipe, 4, 0.05) == pytest.approx(0.01 * 0.5 * 0.99384, rel=1e-3)
    assert learning_rate(recipe, 9, 0.5) == pytest.approx(0.005)


def test_progress_is_the_share_of_updates_or_of_the_time_limit() -> None:
    assert progress(100, 25, 0, 0.0, None) == 0.25
    assert progress(100, 25, 0, 0.0, 0.5) == 0.5  # with a limit, the clock alone decides
    assert progress(100, 99, 0, 0.0, 0.5) == 0.5
    assert progress(100, 50, 50, 0.5, 0.5) == 0.75
    # Started again after a time-limited start that was half through at update 10, now without a limit.
    assert progress(100, 10, 10, 0.5, None) == 0.5
    assert progress(100, 55, 10, 0.5, None) == pytest.approx(0.75)
    assert progress(100, 100, 10, 0.5, None) == 1.0
    assert progress(100, 120, 100, 1.0, None) == 1.0


@pytest.fixture
def pictures() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    sr, hr, taught = torch.rand(3, 2, 3, 8, 9, generator=generator).unbind()
    return sr, hr, taught


@pytest.mark.parametrize(("kind", "error"), [("l1", torch.abs), ("l2", torch.square)])
def test_mean_error_of_every_value(pictures, kind, error) -> None:
    sr, hr, _ = pictures
    assert Loss(kind)(sr, hr).item() == pytest.approx(error(sr - hr).mean().item())


def test_luma_is_the_error_of_the_y_that_is_scored(pictures) -> None:
    sr, hr, _ = pictures
    levels = [(255 * x).round().byte() for x in (sr, hr)]
    y = [torch.tensor(luma(x.permute(0, 2, 3, 1).numpy())) for x in levels]
    expected = (y[0] - y[1]).abs().mean().item() / 255
    assert Loss("l1", luma=1)(*(x / 255 for x in levels)).item() == pytest.approx(expected, rel=1e-4)


def test_shares_add_up(pictures) -> None:
    sr, hr, taught = pictures
    rgb, y = Loss("l1")(sr, hr), Loss("l1", luma=1)(sr, hr)
    assert Loss("l1", luma=0.3)(sr, hr).item() == pytest.approx((0.7 * rgb + 0.3 * y).item())
    both = 0.75 * Loss("l1")(sr, hr) + 0.25 * Loss("l1")(sr, taught)
    assert Loss("l1", distill=0.25)(sr, hr, taught).item() == pytest.approx(both.item())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_captured_equals_eager(optimizer) -> None:
    recipe = Recipe(optimizer=optimizer, clip=1.0, luma=0.5, weight_rms=0.2)
    losses = {}
    for captured in (False, True):
        torch.manual_seed(0)
        net = nets.build("mssn-s", 2, {"blocks": 1, "units": 2}).cuda()
        net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        step = Step(net, optimizers(net, recipe, captured=captured), recipe, World(), captures=captured)
        generator = torch.Generator("cuda").manual_seed(1)
        losses[captured] = []
        for number in range(12):
            lr = torch.rand(4, 3, 24, 24, generator=generator, device="cuda")
            hr = torch.rand(4, 3, 48, 48, generator=generator, device="cuda")
            losses[captured].append(step(lr, hr, 1e-3 * (1 + number % 3)).item())
        assert (step.captured is not None) == captured
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


def test_the_average_follows_its_definition() -> None:
    """m <- d m + (1 - d) w with d = min(decay, (1 + n) / (10 + n)) after n updates; the first is a copy."""
    net = torch.nn.Linear(3, 2)
    average = EMA(net, 0.3)
    expected: dict[str, torch.Tensor] = {}
    for n in range(8):
        with torch.no_grad():
            for p in net.parameters():
                p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(n)))
        average.update()
        decay = min(0.3, (1 + n) / (10 + n)) if n else 0.0
        for name, p in net.named_parameters():
            expected[name] = decay * expected.get(name, 0 * p.detach()) + (1 - decay) * p.detach()
    assert average.n_averaged.item() == 8
    for name, p in average.module.named_parameters():
        torch.testing.assert_close(p.detach(), expected[name])
