"""The weights in the package are as good as they say, through the runtime that users get."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mssn.api import load_tiled
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, shrink
from mssn.lab.export.fuse import fuse
from mssn.lab.export.onnx import round_to_half
from mssn.lab.weights import load_network
from mssn.models import info
from mssn.runtime.open import open_runtime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.runtime.plan import plan_for
from mssn.score.evaluate import evaluate
from mssn.upscaling.tiled import enlarge

SHIPPED = [row for row in info.list_models() if row.weights]
PHOTO = [row for row in SHIPPED if row.model.endswith(info.PHOTO)]
DEGRADED = Path(__file__).parents[2] / "paper" / "results" / "degraded.json"
# What a model must reach on Set5 to be worth shipping, dB.
BARS = {
    ("mssn-s", 2): 37.65,
    ("mssn-s", 3): 33.9,
    ("mssn-s", 4): 31.7,
    ("mssn-m", 2): 37.75,
    ("mssn-m", 3): 34.0,
    ("mssn-m", 4): 31.85,
    ("mssn", 2): 37.78,
    ("mssn", 3): 34.1,
    ("mssn", 4): 31.95,
}
# Units whose ReLUs are all closed: they cost time and give nothing. What ships should have none; these were
# grown from an MSSN x2 that had five, and will learn anew.
DEAD_UNITS = {("mssn", 3): 4, ("mssn", 4): 4}


@pytest.mark.parametrize("row", SHIPPED, ids=lambda row: f"{row.model}-x{row.scale}")
def test_the_network_read_back_is_the_one_that_runs(row) -> None:
    net, meta = load_network(row.path)
    runtime = OpenVINORuntime(row.path, precision="fp32")
    assert runtime.meta == meta
    assert meta.scores
    assert meta.data
    assert meta.updates >= 30_000
    assert meta.licence == "MIT"
    folded = fuse(net)
    round_to_half(folded)  # as the file stores its weights
    x = torch.from_numpy(np.random.default_rng(0).random((1, 3, 40, 52), np.float32))
    with torch.no_grad():
        np.testing.assert_allclose(runtime.run(x.numpy()), folded(x).numpy(), rtol=0, atol=1e-5)
        np.testing.assert_allclose(runtime.run(x.numpy()), net(x).numpy(), rtol=0, atol=2e-3)


@pytest.mark.parametrize("row", SHIPPED, ids=lambda row: f"{row.model}-x{row.scale}")
def test_losses_of_precisions_are_known(row) -> None:
    assert row.loss.keys() == {"bf16", "int8"}
    assert row.loss["bf16"] <= 0.02
    assert row.int8 is None or row.loss["int8"] <= 0.1


@pytest.mark.parametrize("row", SHIPPED, ids=lambda row: f"{row.model}-x{row.scale}")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_set5_scores_are_those_in_the_file(row, precision, benchmarks) -> None:
    mean = evaluate(
        open_runtime(plan_for(row.model, row.scale, precision=precision)), benchmarks / "Set5"
    ).mean
    # They were scored in what auto took: bf16.
    known = row.scores["Set5"]["psnr"] + (row.loss["bf16"] if precision == "fp32" else 0)
    assert mean.psnr == pytest.approx(known, abs=0.005)
    assert mean.ssim == pytest.approx(row.scores["Set5"]["ssim"], abs=0.0005)
    assert mean.psnr > mean.bicubic_psnr + 2


@pytest.mark.parametrize("row", SHIPPED, ids=lambda row: f"{row.model}-x{row.scale}")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_tiled_equals_whole(row, precision) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (150, 170, 3)).astype(np.uint8)
    runtime = load_tiled(row.model, row.scale, precision=precision).runtime
    whole, tiled = (enlarge(runtime, picture, tile=tile).astype(int) for tile in (1000, 96))
    assert np.abs(whole - tiled).max() <= (1 if precision == "fp32" else 4)
    assert (whole != tiled).mean() < 0.05


@pytest.mark.parametrize("row", SHIPPED, ids=lambda row: f"{row.model}-x{row.scale}")
def test_flat_colours_stay_flat_up_to_the_border(row) -> None:
    enlarger = load_tiled(row.model, row.scale)
    for colour in itertools.product((0, 128, 255), repeat=3):
        large = enlarger(np.full((20, 24, 3), colour, np.uint8)).astype(int)
        assert np.abs(large - colour).max() <= (6 if row in PHOTO else 1), colour


@pytest.mark.parametrize(
    "row", [row for row in SHIPPED if row.int8], ids=lambda row: f"{row.model}-x{row.scale}"
)
def test_int8_is_of_the_same_weights_and_equal_in_both_runtimes(row, benchmarks) -> None:
    one = open_runtime(plan_for(row.model, row.scale, precision="int8"))
    other = open_runtime(plan_for(row.model, row.scale, precision="int8", runtime="onnxruntime"))
    exact = open_runtime(plan_for(row.model, row.scale, precision="fp32"))
    assert one.meta == replace(exact.meta, precision="int8")
    hr = read_rgb(benchmarks / "Set5" / "butterfly.png")
    lr = shrink(crop_to_multiple(hr, row.scale), row.scale)
    ours, theirs, floats = (enlarge(runtime, lr).astype(int) for runtime in (one, other, exact))
    apart = np.abs(ours - theirs)
    # Sums in another order flip a rounding here and there, and later layers carry it on.
    assert (apart <= 1).mean() > 0.997
    assert apart.max() <= 4
    assert np.abs(ours - floats).mean() < 1
    psnr = -10 * np.log10(np.mean((ours - floats) ** 2) / 255**2)
    assert psnr > 45, "int8 stays far closer to float32 than float32 is to the truth"
    assert row.loss["int8"] <= 0.1


@pytest.mark.parametrize("row", PHOTO, ids=lambda row: f"{row.model}-x{row.scale}")
def test_scores_on_compressed_pictures_are_those_in_the_results(row, benchmarks) -> None:
    known = json.loads(DEGRADED.read_text())["models"][f"{row.model}-x{row.scale}"]["jpeg:75"]["Set14"]
    runtime = open_runtime(plan_for(row.model, row.scale))
    mean = evaluate(runtime, benchmarks / "Set14", degrade="jpeg:75").mean
    assert mean.psnr == pytest.approx(known["photo"], abs=0.02)  # in int8, too
    assert mean.bicubic_psnr == pytest.approx(known["bicubic"], abs=0.001)


@pytest.mark.parametrize(("model", "scale"), BARS)
def test_set5_reaches_the_bar(model, scale) -> None:
    (row,) = [row for row in SHIPPED if (row.model, row.scale) == (model, scale)]
    assert row.scores["Set5"]["psnr"] >= BARS[model, scale]


@pytest.mark.parametrize("row", SHIPPED, ids=lambda row: f"{row.model}-x{row.scale}")
def test_every_unit_is_of_use(row) -> None:
    net, _ = load_network(row.path)
    scales = [abs(float(unit.scales.residual.detach())) for block in net.body for unit in block.units]
    assert sum(scale < 1e-3 for scale in scales) == DEAD_UNITS.get((row.model, row.scale), 0)


def test_all_shipped_files_together_stay_small() -> None:
    total = sum(path.stat().st_size for path in info.FOLDER.iterdir())
    assert total < 25_000_000
