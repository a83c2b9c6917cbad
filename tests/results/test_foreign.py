"""Other authors' weights score here as with their authors' code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mssn.lab.foreign import read_foreign
from mssn.lab.pytorch import PyTorchRuntime
from mssn.score.evaluate import evaluate

# What an independent scorer made of the authors' code with these weights: PSNR, SSIM.
SCORES = {
    ("Set5", 2): (37.678, 0.9595),
    ("Set5", 3): (34.058, 0.9248),
    ("Set14", 2): (33.303, 0.9152),
    ("Set14", 3): (30.102, 0.8377),
}


@pytest.fixture(scope="module")
def carn_m() -> Path:
    path = Path(os.environ.get("MSSN_CHECKPOINTS", "")) / "carn_m.pth"
    if not path.is_file():
        pytest.skip("needs MSSN_CHECKPOINTS with carn_m.pth, the weights published by CARN's authors")
    return path


@pytest.mark.parametrize(("data", "scale"), SCORES)
def test_carn_m_scores_as_its_authors_code_does(carn_m, benchmarks, data, scale) -> None:
    """The outside proof of network, resize and metrics."""
    net, meta = read_foreign(carn_m, "carn-m", scale)
    mean = evaluate(PyTorchRuntime(net, scale, meta.halo), benchmarks / data).mean
    psnr, ssim = SCORES[data, scale]
    assert mean.psnr == pytest.approx(psnr, abs=0.005)
    assert mean.ssim == pytest.approx(ssim, abs=0.0005)


@pytest.mark.parametrize(("data", "psnr"), [("Set5", 38.185), ("Set14", 33.916)])
def test_the_teacher_scores_as_its_authors_weights_do(benchmarks, data, psnr) -> None:
    """What an independent scorer made of its authors' code with these weights."""
    path = Path(os.environ.get("MSSN_CHECKPOINTS", "")) / "smfanet_plus_df2k_x2.pth"
    if not path.is_file():
        pytest.skip("needs MSSN_CHECKPOINTS with smfanet_plus_df2k_x2.pth, published by SMFANet's authors")
    net, meta = read_foreign(path, "smfanet-plus", 2)
    mean = evaluate(PyTorchRuntime(net, 2, meta.halo), benchmarks / data).mean
    assert mean.psnr == pytest.approx(psnr, abs=0.01)
