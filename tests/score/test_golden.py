"""Two tiny pictures prove every step of the scoring protocol, without any data set."""

from __future__ import annotations

import json

import numpy as np
import pytest
from golden import protocol

from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, imresize, shrink
from mssn.runtime.bicubic import BicubicRuntime
from mssn.score.evaluate import evaluate

GOLDEN = json.loads((protocol.FOLDER / "golden.json").read_text())


@pytest.mark.parametrize("scale", protocol.SCALES)
def test_bicubic_scores_are_the_golden_numbers(scale) -> None:
    report = evaluate(BicubicRuntime(scale), protocol.FOLDER)
    known = GOLDEN[f"x{scale}"]
    assert [score.image for score in (*report.scores, report.mean)] == list(known)
    for score in (*report.scores, report.mean):
        assert (round(score.psnr, 4), round(score.ssim, 6)) == tuple(known[score.image].values())[:2]
        assert (score.bicubic_psnr, score.bicubic_ssim) == (score.psnr, score.ssim)


@pytest.mark.parametrize("scale", protocol.SCALES)
@pytest.mark.parametrize("name", protocol.pictures())
def test_small_and_large_pictures_are_matlabs_to_the_pixel(name, scale) -> None:
    lr = shrink(crop_to_multiple(read_rgb(protocol.FOLDER / name), scale), scale)
    known = GOLDEN[f"x{scale}"][name]
    assert protocol.digest(lr) == known["lr"]
    assert protocol.digest(imresize(lr, scale=scale)) == known["sr"]


def test_golden_numbers_are_what_the_protocol_written_down_gives() -> None:
    assert protocol.golden(protocol.Protocol()) == GOLDEN
    for name, drawn in protocol.pictures().items():
        colours = drawn if drawn.ndim == 3 else drawn[:, :, None].repeat(3, axis=2)
        assert np.array_equal(read_rgb(protocol.FOLDER / name), colours)


@pytest.mark.parametrize("mistake", protocol.MISTAKES)
def test_no_step_can_be_got_wrong_unnoticed(mistake) -> None:
    """The scores alone, without the digests of the pictures, tell each mistake at x2."""
    wrong = protocol.golden(protocol.Protocol(**protocol.MISTAKES[mistake]), scales=(2,))
    changed = [
        key
        for row in wrong["x2"]
        for key in ("psnr", "ssim")
        if wrong["x2"][row][key] != GOLDEN["x2"][row][key]
    ]
    assert changed
