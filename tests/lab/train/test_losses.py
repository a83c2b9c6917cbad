"""Losses by their definitions."""

from __future__ import annotations

import pytest
import torch

from mssn.image.color import luma
from mssn.lab.train.losses import Loss


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
