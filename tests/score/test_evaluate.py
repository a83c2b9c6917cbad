"""Scoring: the numbers are the metrics', the report is complete, and any runtime can be scored."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mssn.errors import DataError, MssnError
from mssn.image.compression import LEAST
from mssn.image.picture import Picture
from mssn.image.resize import imresize, shrink
from mssn.image.write import write
from mssn.runtime.bicubic import BicubicRuntime
from mssn.runtime.open import open_runtime
from mssn.runtime.plan import plan_for
from mssn.score.defects import compressed
from mssn.score.evaluate import evaluate, to_json
from mssn.score.metrics import psnr_y, ssim_y


@pytest.fixture
def folder(tmp_path, photo):
    (tmp_path / "hr").mkdir()
    write(tmp_path / "hr" / "1.png", Picture(photo))
    write(tmp_path / "hr" / "2.png", Picture(photo[:61, :83, :1]))  # grey, and no multiple of any scale
    return tmp_path / "hr"


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_scores_are_the_metrics_of_matlabs_bicubic(folder, photo, scale) -> None:
    report = evaluate(BicubicRuntime(scale), folder)
    assert [score.image for score in report.scores] == ["1.png", "2.png"]
    for score, picture in zip(report.scores, (photo, photo[:61, :83, :1].repeat(3, 2)), strict=True):
        hr = picture[: picture.shape[0] // scale * scale, : picture.shape[1] // scale * scale]
        sr = imresize(shrink(hr, scale), scale=scale)
        assert score.psnr == score.bicubic_psnr == psnr_y(sr, hr, scale)
        assert score.ssim == score.bicubic_ssim == ssim_y(sr, hr, scale)
    assert report.mean.psnr == pytest.approx(np.mean([score.psnr for score in report.scores]))


@pytest.mark.parametrize(
    ("runtime", "ending"), [("openvino", "onnx"), ("onnxruntime", "onnx"), ("pytorch", "safetensors")]
)
def test_any_runtime_can_be_scored_and_all_score_alike(exported, folder, runtime, ending) -> None:
    engine = open_runtime(plan_for(exported / f"mssn-s-x2.{ending}", runtime=runtime, precision="fp32"))
    reference = open_runtime(plan_for(exported / "mssn-s-x2.safetensors", runtime="pytorch"))
    seen = []
    report = evaluate(engine, folder, progress=lambda done, total: seen.append((done, total)))
    assert report.mean.psnr == pytest.approx(evaluate(reference, folder).mean.psnr, abs=0.005)
    assert seen == [(1, 2), (2, 2)]


def test_json_holds_what_is_needed_to_repeat_it(exported, folder) -> None:
    runtime = open_runtime(plan_for(exported / "mssn-s-x2.onnx"))
    report = evaluate(runtime, folder)
    data = json.loads(json.dumps(to_json([report], "some model")))
    assert (data["model"], data["scale"], data["runtime"]) == ("some model", 2, runtime.name)
    assert {"lr", "channel", "border", "ssim", "psnr_rgb"} == set(data["protocol"])
    assert {"mssn", "python", "numpy", "openvino"} <= set(data["versions"])
    assert "commit" in data
    assert data["data"]["hr"]["mean"]["psnr"] == report.mean.psnr
    assert [image["image"] for image in data["data"]["hr"]["images"]] == ["1.png", "2.png"]


def test_bad_folders_and_pictures_are_one_clear_error(tmp_path, photo) -> None:
    with pytest.raises(DataError, match="no folder"):
        evaluate(BicubicRuntime(2), tmp_path / "gone")
    (tmp_path / "hr").mkdir()
    with pytest.raises(DataError, match="hr"):
        evaluate(BicubicRuntime(2), tmp_path / "hr")
    write(tmp_path / "hr" / "small.png", Picture(photo[:10, :10]))
    with pytest.raises(DataError, match=r"no picture could be scored; the first: .*small\.png"):
        evaluate(BicubicRuntime(2), tmp_path / "hr")


def test_degraded_pictures_score_lower_and_say_so(folder, photo) -> None:
    clean = evaluate(BicubicRuntime(2), folder)
    reports = {
        how: evaluate(BicubicRuntime(2), folder, degrade=how)
        for how in ("jpeg:50", "jpeg:90", "webp:60", "double:50", "noise:5", "blur:0.8", "scan", "mix")
    }
    assert all(report.mean.psnr < clean.mean.psnr for report in reports.values())
    assert reports["jpeg:50"].mean.psnr < reports["jpeg:90"].mean.psnr
    assert reports["double:50"].mean.psnr < reports["jpeg:50"].mean.psnr
    assert evaluate(BicubicRuntime(2), folder, degrade="mix").mean.psnr == reports["mix"].mean.psnr
    lr = compressed(shrink(photo, 2), 50)
    assert reports["jpeg:50"].scores[0].psnr == psnr_y(imresize(lr, scale=2), photo, 2)
    data = to_json([reports["jpeg:50"]], "bicubic")
    assert data["protocol"]["degraded"] == "jpeg:50"
    assert "degraded" not in to_json([clean], "bicubic")["protocol"]


BAD = ["", "jpeg", "jpeg:0", "jpeg:75.5", "webp:x", "double", "noise:-1", "blur:nan", "scan:2", "rain"]


@pytest.mark.parametrize("how", BAD)
def test_unknown_degradations_are_reported(folder, how) -> None:
    with pytest.raises(DataError, match="cannot degrade by"):
        evaluate(BicubicRuntime(2), folder, degrade=how)


class Told(BicubicRuntime):
    """Darker the stronger it is told that pictures are degraded."""

    def __init__(self, strength: float) -> None:
        super().__init__(2)
        self.strength = strength

    def run(self, lr: np.ndarray) -> np.ndarray:
        return super().run(lr) * np.float32(1 - self.strength / 10)


@pytest.mark.parametrize(
    ("how", "strength", "told"),
    [
        ("jpeg:75", None, 0.65),
        ("noise:5", None, LEAST),
        ("none", 0.7, 0.7),
        ("jpeg:75", 0.02, LEAST),
        ("jpeg:30", 0.0, LEAST),
    ],
)
def test_a_network_is_told_what_the_file_would_tell_or_what_is_asked_for(folder, how, strength, told) -> None:
    opened = []

    def open_at(strength: float) -> Told:
        opened.append(strength)
        return Told(strength)

    report = evaluate(open_at, folder, degrade=how, strength=strength)
    assert set(opened) <= {told, LEAST}
    assert [score.strength for score in report.scores] == [told, told]
    assert report.mean.psnr == pytest.approx(evaluate(Told(told), folder, degrade=how).mean.psnr)
    means, images = (to_json([report], "told")["data"]["hr"][key] for key in ("mean", "images"))
    assert means["strength"] == pytest.approx(told)
    assert [image["strength"] for image in images] == [told, told]


def test_of_a_mix_each_picture_has_its_own_strength(folder) -> None:
    scores = evaluate(Told, folder, degrade="mix").scores
    assert len({score.strength for score in scores}) == 2


def test_who_is_told_nothing_has_no_strength(folder) -> None:
    report = evaluate(BicubicRuntime(2), folder, degrade="jpeg:75")
    assert "strength" not in to_json([report], "bicubic")["data"]["hr"]["mean"]
    with pytest.raises(MssnError, match="`strength` is for networks that are told"):
        evaluate(BicubicRuntime(2), folder, strength=0.5)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strengths_that_cannot_be_are_refused(folder, strength) -> None:
    with pytest.raises(MssnError, match="`strength` must be a number from 0 to 1"):
        evaluate(Told, folder, strength=strength)
