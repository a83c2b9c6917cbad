"""A run without a terminal says how it goes at least every 30 seconds, and saying so changes nothing."""

from __future__ import annotations

import pytest
import torch

from mssn.lab.train import log as log_module
from mssn.lab.train import loop
from mssn.lab.train.checkpoint import Status
from mssn.lab.train.log import SILENCE, Log


class Clock:
    """Time as a test wants it; stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(log_module, "time", made)
    monkeypatch.setattr(loop, "time", made)
    return made


def test_a_line_when_it_was_silent_for_long_and_after_each_validation(clock) -> None:
    said: list[str] = []
    log = Log(said.append, begun=0.25)
    status = Status(update=5, loss=0.125, speed=0.5, learning_rate=1e-3)
    clock.now, status.fraction = 10, 0.30
    log.watch(status)
    assert said == []
    clock.now, status.fraction = 20, 0.50
    log.watch(status)
    assert said == ["update 5  loss 0.12500  0.5 updates/s  0:00:40 left  data 0.0%  learning rate 1.00e-03"]
    clock.now, status.psnr = 21, 30.5
    log.watch(status)
    assert len(said) == 2 and "  30.500 dB  " in said[1]
    clock.now = 39
    log.watch(status)
    assert len(said) == 2
    clock.now = 41
    log.watch(status)
    assert len(said) == 3


def test_where_a_bar_shows_the_same_only_validations_are_lines(clock) -> None:
    said: list[str] = []
    log = Log(said.append, silence=float("inf"))
    clock.now = 1e6
    log.watch(Status())
    log.count("decoding", 1, 2)
    assert said == []
    log.watch(Status(psnr=30.0))
    assert len(said) == 1


@pytest.mark.parametrize(
    ("fraction", "left"), [(0.25, "?"), (0.5, "0:16:40"), (0.75, "0:04:10"), (1.0, "0:00:00")]
)
def test_the_time_left_is_arithmetic(clock, fraction, left) -> None:
    log = Log(print, begun=0.25)
    clock.now = 500.0
    assert log.left(fraction) == left


@pytest.mark.parametrize("validate_every", [0, 2, 10**9])
def test_updates_of_many_seconds_are_told_within_30(make, clock, validate_every, monkeypatch) -> None:
    trainer, _ = make(updates=40, validate_every=validate_every)
    real = trainer.patches.batch

    def slow(k):
        clock.now += 3
        return real(k)

    monkeypatch.setattr(trainer.patches, "batch", slow)
    times: list[float] = [0.0]
    log = Log(lambda line: times.append(clock.now))
    trainer.run(watch=log.watch)
    assert clock.now == 120
    assert max(b - a for a, b in zip(times, [*times[1:], clock.now], strict=True)) <= 30


def test_a_long_validation_is_told_too(make, clock, monkeypatch) -> None:
    trainer, _ = make(updates=4)
    trainer.validation = trainer.validation * 20
    real = loop.psnr_y

    def slow(*arguments):
        clock.now += 4
        return real(*arguments)

    monkeypatch.setattr(loop, "psnr_y", slow)
    times: list[float] = [0.0]
    trainer.run(watch=Log(lambda line: times.append(clock.now)).watch)
    assert clock.now == 4 * len(trainer.validation)
    assert max(b - a for a, b in zip(times, [*times[1:], clock.now], strict=True)) <= 30


def test_arms_of_an_experiment_are_told_only_when_it_was_silent_for_long(clock) -> None:
    said: list[str] = []
    log = Log(said.append)
    clock.now = 19
    log.pulse(Status(psnr=30.0))
    assert said == []
    clock.now = 21
    log.pulse(Status(psnr=30.0))
    assert len(said) == 1


def test_decoding_is_told_too(clock) -> None:
    said: list[str] = []
    log = Log(said.append)
    for done in range(1, 11):
        clock.now += 8
        log.count("decoding pictures", done, 10)
    assert said == [f"decoding pictures: {done} of 10" for done in (3, 6, 9)]
    assert SILENCE < 30


def test_looks_change_nothing_in_what_is_learnt(make, monkeypatch) -> None:
    usual, _ = make("usual", precision="fp32")
    usual.run()
    monkeypatch.setattr(loop, "_LOOK_SECONDS", 0.0)
    looks: list[int] = []
    watched, _ = make("watched", precision="fp32")
    watched.run(watch=lambda status: looks.append(status.update))
    assert set(looks) == set(range(1, 21))
    for ours, theirs in zip(usual.net.parameters(), watched.net.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert usual.status.psnr == watched.status.psnr
