"""The loop: resumed equals uninterrupted, schedules are as printed, and trouble is survived."""

from __future__ import annotations

import math
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from mssn.errors import CheckpointError, TrainingError
from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.lab import private_torch
from mssn.lab.train.session import write_weights
from mssn.lab.train.step import Step, in_bf16


def same(a, b) -> bool:
    theirs = b.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in a.state_dict().items())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ema": 0.0, "precision": "fp32"},
        {"schedule": "step", "halve_every": 7},
        {
            "optimizer": "muon",
            "detail": 2,
            "weight_rms": 0.2,
            "stages": ({"after": 0.3, "batch": 6}, {"after": 0.7, "patch": 16}),
        },
    ],
)
def test_20_updates_equal_10_and_a_new_start_and_10(make, changes) -> None:
    whole, _ = make("whole", **changes)
    assert whole.run() is True
    first, _ = make("parts", **changes)
    assert first.run(stop_after=10) is False
    second, _ = make("parts", **changes)
    second.resume()
    assert second.status.update == 10
    assert second.run() is True
    assert second.status.update == 20
    assert same(second.net, whole.net)
    assert same(second.result, whole.result)
    assert second.status.psnr == whole.status.psnr


def test_training_learns(make) -> None:
    trainer, _ = make(updates=150, batch=8, learning_rate=1e-2, ema=0.9)
    losses = []
    trainer.run(watch=lambda status: losses.append(status.loss))
    assert losses[-1] < 0.5 * losses[0]
    assert trainer.status.psnr > 18


def test_watch_sees_speed_and_share_of_data(make) -> None:
    seen = []
    trainer, _ = make(updates=50, validate_every=25)
    trainer.run(
        watch=lambda status: seen.append((status.update, status.speed, status.data_share, status.psnr))
    )
    assert [update for update, *_ in seen] == [25, 50]
    assert all(speed > 0 and 0 < share < 1 for _, speed, share, _ in seen)
    first, second = (psnr for *_, psnr in seen)
    assert first is not None  # reported with its own update, not with the next one's
    assert first != second


def test_tensorboard_gets_the_curves(make) -> None:
    trainer, _ = make(updates=30)
    trainer.run()
    (events,) = trainer.checkpoint.parent.glob("events.out.tfevents.*")
    written = events.read_bytes()
    for curve in ("train/loss", "train/learning_rate", "train/speed", "train/data_share", "validation/psnr"):
        assert curve.encode() in written


def test_loss_that_is_no_number_stops_and_keeps_the_last_good_state(make) -> None:
    trainer, _ = make(updates=100)
    trainer.run(stop_after=30)
    good = torch.load(trainer.checkpoint, weights_only=True)
    with torch.no_grad():
        trainer.net.head.weight.fill_(math.nan)
    with pytest.raises(TrainingError, match=r"not a number any more between updates 30 and 50; resume from"):
        trainer.run()
    kept = torch.load(trainer.checkpoint, weights_only=True)
    assert kept["status"]["update"] == 30
    assert torch.equal(kept["net"]["head.weight"], good["net"]["head.weight"])


def test_weights_that_are_no_numbers_are_never_saved(make) -> None:
    trainer, _ = make(updates=20)
    trainer.run(stop_after=10)
    with torch.no_grad():
        trainer.net.head.weight[0] = math.inf
    with pytest.raises(TrainingError, match="the weights are not numbers any more at update 10"):
        trainer.save()
    kept = torch.load(trainer.checkpoint, weights_only=True)
    assert kept["net"]["head.weight"].isfinite().all()


def test_one_update_is_adam_on_the_clipped_gradient_of_the_mean_error(make) -> None:
    """Against the definitions: Kingma and Ba 2015, algorithm 1; L1 and L2 as means over all values."""
    for loss, error in (("l1", torch.abs), ("l2", torch.square)):
        trainer, _ = make(loss, loss=loss, clip=0.01, ema=0.0, precision="fp32", warmup=0, schedule="step")
        before = {n: p.detach().clone() for n, p in trainer.net.named_parameters()}
        lr, hr = trainer.patches.batch(np.arange(4))
        gradients = torch.autograd.grad(error(trainer.net(lr) - hr).mean(), trainer.net.parameters())
        norm = torch.cat([g.flatten() for g in gradients]).norm()
        assert norm > 0.01
        trainer.run(stop_after=1)
        for (name, parameter), gradient in zip(trainer.net.named_parameters(), gradients, strict=True):
            g = gradient * 0.01 / norm
            # The first moments, bias-corrected, are g and g^2.
            expected = before[name] - 5e-3 * g / (g.abs() + 1e-8)
            torch.testing.assert_close(parameter.detach(), expected, rtol=1e-3, atol=2e-5)


def test_bf16_is_another_computation_close_to_fp32(make) -> None:
    losses = {}
    for precision in ("bf16", "fp32"):
        trainer, _ = make(precision, precision=precision)
        trainer.run(stop_after=1)
        losses[precision] = trainer.status.loss
    assert losses["bf16"] != losses["fp32"]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.02)


@pytest.mark.parametrize("has", [True, False])
def test_auto_is_bf16_where_the_device_has_it(make, monkeypatch, has) -> None:
    """Elsewhere bf16 takes ten times as long as fp32."""
    monkeypatch.setattr(private_torch, "processor_has_bf16", lambda: has)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: has)
    assert in_bf16("auto", torch.device("cpu")) == in_bf16("auto", torch.device("cuda")) == has
    trainers = [make(name, precision=name)[0] for name in ("auto", "bf16" if has else "fp32")]
    for trainer in trainers:
        trainer.run(stop_after=2)
    assert trainers[0].status.loss == trainers[1].status.loss


@pytest.mark.parametrize(
    ("capabilities", "has"),
    [
        ({"avx2": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_bf16": True}, True),
        ({"neon": True, "arm_bf16": True}, True),
    ],
)
def test_a_processor_is_asked_for_bf16(monkeypatch, capabilities, has) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert private_torch.processor_has_bf16() == has
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # as in older versions
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has, raising=False)
    assert private_torch.processor_has_bf16() == has


def test_the_average_of_a_short_run_has_forgotten_the_start(make) -> None:
    trainer, _ = make(updates=200, batch=8, learning_rate=1e-2, ema=0.999)
    trainer.run()
    raw = trainer.average
    trainer.average = None
    shipped = trainer.status.psnr
    trainer._validate()
    assert raw is not None
    assert trainer.status.psnr == pytest.approx(shipped, abs=1.5)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals as POSIX knows them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_saves_and_leaves(make, number) -> None:
    trainer, _ = make(updates=10_000)
    handler = signal.getsignal(number)

    def press(status) -> None:  # a real one goes to a process of its own, in tests/cli/test_verbs.py
        if status.update == 25:
            now = signal.getsignal(number)
            assert callable(now)
            now(number, None)

    assert trainer.run(watch=press) is False
    assert trainer.status.update == 25
    assert torch.load(trainer.checkpoint, weights_only=True)["status"]["update"] == 25
    assert signal.getsignal(number) is handler


def test_time_limit_fits_the_schedule(make) -> None:
    trainer, _ = make(updates=10**9)
    rates = []
    assert trainer.run(time_limit=0.03, watch=lambda status: rates.append(status.learning_rate)) is True
    assert trainer.status.fraction == 1
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.1 * 5e-3


def test_resume_refuses_another_network(make) -> None:
    trainer, _ = make()
    trainer.run(stop_after=2)
    for changes in ({"scale": 3}, {"config": {"channels": 8, "expanded": 12, "blocks": 1}}, {"ema": 0.0}):
        other, _ = make(**changes)
        with pytest.raises(CheckpointError, match="does not fit this recipe"):
            other.resume()


def test_resume_refuses_other_pictures(make, folders, photo) -> None:
    trainer, _ = make()
    trainer.run(stop_after=2)
    write(Path(folders["train"][0]) / "one more.png", Picture(photo))
    other, _ = make()
    with pytest.raises(CheckpointError, match="it has learnt from other pictures; start anew with --init"):
        other.resume()


def test_a_teacher_pulls_the_pupil_towards_its_picture(make, tmp_path) -> None:
    large, meta = make("large", updates=30)
    large.run()
    write_weights(large, meta, tmp_path / "large.safetensors")
    losses = {}
    for name, teaching in (
        ("alone", {}),
        ("taught", {"teacher": str(tmp_path / "large.safetensors"), "distill": 1.0}),
    ):
        pupil, _ = make(name, updates=120, batch=8, learning_rate=1e-2, seed=5, **teaching)
        pupil.run()
        lr, _ = pupil.patches.batch(np.arange(8))
        losses[name] = (pupil.result(lr) - large.result(lr)).abs().mean().item()
    assert losses["taught"] < losses["alone"]


def test_stages_take_effect_in_the_loop(make) -> None:
    stages = ({"after": 0.5, "batch": 2, "patch": 16}, {"after": 0.75, "loss": "l2"})
    trainer, _ = make(updates=8, stages=stages)
    shapes = []
    update = Step._update
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Step, "_update", lambda s, lr, hr, *w: (shapes.append(tuple(lr.shape)), update(s, lr, hr, *w))[1]
        )
        trainer.run()
    assert shapes == [(4, 3, 12, 12)] * 4 + [(2, 3, 16, 16)] * 4
    assert trainer.status.samples == 4 * 4 + 4 * 2


def test_a_resumed_run_keeps_the_averages_and_takes_the_recipes_settings(make) -> None:
    trainer, _ = make()
    trainer.run(stop_after=5)
    other, _ = make(betas=(0.8, 0.99), epsilon=1e-6)
    other.resume()
    (adam,) = other.optimizers
    assert adam.param_groups[0]["betas"] == (0.8, 0.99)
    assert adam.param_groups[0]["eps"] == 1e-6
    for theirs, ours in zip(trainer.net.parameters(), other.net.parameters(), strict=True):
        state = trainer.optimizers[0].state[theirs]
        assert all(torch.equal(value, adam.state[ours][name]) for name, value in state.items())


def test_without_the_private_functions_of_pytorch_training_is_the_same(make, monkeypatch) -> None:
    changes = {"optimizer": "muon", "weight_rms": 0.2, "precision": "fp32"}
    usual, _ = make("usual", **changes)
    usual.run(stop_after=5)
    asked: list[str] = []
    monkeypatch.setattr(private_torch, "_private", asked.append)  # finds none
    plain, _ = make("plain", **changes)
    plain.run(stop_after=5)
    assert {"_foreach_lerp_", "_foreach_lerp", "_foreach_add_", "_foreach_copy_", "_weight_norm"} <= {*asked}
    for name, tensor in usual.result.state_dict().items():
        torch.testing.assert_close(plain.result.state_dict()[name], tensor, atol=1e-5, rtol=1e-4)
