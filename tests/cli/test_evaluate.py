"""`mssn evaluate`: what it writes, and what it refuses before the work."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import asdict, replace

import numpy as np
import pytest
from networks import TINY, scrambled

from mssn.api import load_tiled
from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import imresize, shrink
from mssn.image.write import write
from mssn.lab.export.onnx import write_onnx
from mssn.models.meta import Meta
from mssn.score import evaluate as scoring
from mssn.score.defects import compressed
from mssn.score.metrics import psnr_rgb, psnr_y, ssim_y
from mssn.upscaling.tiled import enlarge


@pytest.fixture
def originals(tmp_path, photo):
    home = tmp_path / "set"
    (home / "deeper").mkdir(parents=True)
    write(home / "one.png", Picture(photo[:48, :60]))
    write(home / "one.jpg", Picture(photo[10:60, 10:71]))  # would share the name of the other
    write(home / "deeper" / "two.png", Picture(photo[:50, 20:70]))
    return home


def test_what_is_saved_is_what_was_scored(mssn, originals, exported, tmp_path) -> None:
    net = exported / "mssn-s-x2.onnx"
    files = ("--csv", "out/s.csv", "--save", "large", "--json", "s.json")
    command = ("evaluate", "-m", net, "-d", originals, *files)
    result = mssn(*command)
    assert (result.code, result.err) == (0, "")
    saved = sorted(str(p.relative_to(tmp_path / "large")) for p in (tmp_path / "large").rglob("*.png"))
    assert saved == ["set/deeper/two.png", "set/one.jpg.png", "set/one.png.png"]
    with (tmp_path / "out" / "s.csv").open() as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"one.png", "one.jpg", "two.png"}
    engine = load_tiled(net).runtime
    targets = {"one.jpg": "one.jpg.png", "one.png": "one.png.png", "deeper/two.png": "deeper/two.png"}
    for name, target in targets.items():
        hr = read_rgb(originals / name)
        hr = hr[: len(hr) // 2 * 2, : hr.shape[1] // 2 * 2]
        sr = read_rgb(tmp_path / "large" / "set" / target)
        assert np.array_equal(sr, enlarge(engine, shrink(hr, 2)))
        row = rows[name.rpartition("/")[2]]
        floor = imresize(shrink(hr, 2), scale=2)
        # Full precision: what is read back is the very number.
        assert float(row["psnr"]) == psnr_y(sr, hr, 2)
        assert float(row["ssim"]) == ssim_y(sr, hr, 2)
        assert float(row["psnr_rgb"]) == psnr_rgb(sr, hr, 2)
        assert float(row["bicubic_psnr_rgb"]) == psnr_rgb(floor, hr, 2)
    images = json.loads((tmp_path / "s.json").read_text())["data"]["set"]["images"]
    for image in images:
        assert repr(image["psnr_rgb"]) == rows[image["image"]]["psnr_rgb"]
    again = mssn(*command, "-f")
    assert (again.code, again.line) == (2, "mssn: --save large: exists and is not empty; name a new folder")


def test_the_mean_row_shows_means(mssn, originals, monkeypatch, tmp_path) -> None:
    ticks = iter(np.cumsum([0, 1, 10, 2, 10, 6]))  # three pictures of 1, 2 and 6 seconds
    monkeypatch.setattr(scoring.time, "perf_counter", lambda: float(next(ticks)))
    report = scoring.evaluate(load_tiled("bicubic", 2).runtime, originals)
    assert [score.seconds for score in report.scores] == [1, 2, 6]
    assert report.mean.seconds == 3
    for name in ("psnr", "ssim", "psnr_rgb", "bicubic_psnr_rgb"):
        assert getattr(report.mean, name) == pytest.approx(np.mean([getattr(s, name) for s in report.scores]))


def test_equal_pictures_are_infinitely_good_but_not_in_json(mssn, tmp_path) -> None:
    (tmp_path / "flat").mkdir()
    write(tmp_path / "flat" / "a.png", Picture(np.full((40, 40, 3), 90, np.uint8)))
    result = mssn("evaluate", "-m", "bicubic", "-s", 2, "-d", "flat", "--json", "s.json", "--csv", "s.csv")
    assert result.code == 0
    assert "inf" in result.out

    def refuse(word: str) -> None:
        raise AssertionError(word)

    found = json.loads((tmp_path / "s.json").read_text(), parse_constant=refuse)["data"]["flat"]
    assert found["mean"]["psnr"] is None and found["images"][0]["psnr_rgb"] is None
    assert found["mean"]["ssim"] == 1
    assert "inf" in (tmp_path / "s.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-d", "set", "stt"], "no folder stt or data/stt or data/benchmarks/stt; did you mean 'set'?"),
        (["-d", "set5"], "did you mean 'Set5'?"),
        (["-d", "urban-100"], "did you mean 'Urban100'?"),
        (["-d", "set", "--degrade", "jpg:75"], "cannot degrade by 'jpg:75'"),
        (["-d", "set", "--csv", "set"], "--csv set: is a folder; name a file"),
        (["-d", "set", "--json", "file/s.json"], "--json file/s.json: cannot be written"),
        (["-d", "set", "--save", "set"], "--save set: exists and is not empty"),
        (["-d", "set", "--save", "file"], "--save file: exists and is not empty"),
        (["-d", "set", "--save", "file/large"], "--save file/large: cannot be made (Not a directory)"),
        (["-d", "set", "set/deeper/../"], "two folders of one name"),
    ],
)
def test_what_is_wrong_is_told_before_the_work(
    mssn, originals, monkeypatch, tmp_path, arguments, words
) -> None:
    for name in ("Set5", "Urban100", "Set14"):
        (tmp_path / "data" / "benchmarks" / name).mkdir(parents=True)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MSSN_DATA", "data")
    monkeypatch.setattr(scoring, "evaluate", None)
    result = mssn("evaluate", "-m", "bicubic", *arguments)
    assert (result.code, words in result.line) == (2, True), result.err


def test_a_full_disk_is_no_broken_picture(mssn, originals, tmp_path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    result = mssn("evaluate", "-m", "bicubic", "-d", originals, "--save", "large")
    assert (result.code, "two.png: cannot be written: No space left on device" in result.line) == (2, True)
    assert not list((tmp_path / "large").rglob("*.*"))


def test_psnr_on_rgb_is_arithmetic() -> None:
    hr = np.full((8, 8, 3), 100, np.uint8)
    sr = hr.copy()
    sr[..., 1] += 3  # mean squared difference 9 / 3
    assert psnr_rgb(sr, hr, 2) == pytest.approx(10 * np.log10(255**2 / 3))
    sr[:2] = 0  # inside the border
    assert psnr_rgb(sr, hr, 2) == pytest.approx(10 * np.log10(255**2 / 3))
    assert psnr_rgb(hr, hr, 0) == np.inf
    with pytest.raises(ValueError, match="too small"):
        psnr_rgb(hr, hr, 4)


def test_nothing_is_overwritten_without_force(mssn, pictures, photo, tmp_path) -> None:
    (pictures / "scored").mkdir()
    write(pictures / "scored" / "a.png", Picture(photo))
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    for option in ("--json", "--csv"):
        result = mssn("evaluate", "-d", pictures / "scored", "-m", "bicubic", option, mine)
        assert result.code == 2
        assert "exists already; use --force to overwrite it" in result.line
        assert mine.read_text() == "mine"
        assert mssn("evaluate", "-d", pictures / "scored", "-m", "bicubic", option, mine, "-f").code == 0
        assert "a.png" in mine.read_text()
        mine.write_text("mine")


@pytest.fixture
def told(tmp_path):
    """A network that is told how strongly pictures are degraded."""
    net = scrambled(replace(TINY, told=True))
    meta = Meta("mssn-s-photo", 2, asdict(net.config), "rgb", halo=6, parameters=1)
    write_onnx(net, meta, tmp_path / "told.onnx")
    return tmp_path / "told.onnx"


def test_the_strength_is_said_and_may_be_set(mssn, originals, told, tmp_path) -> None:
    command = ("evaluate", "-m", told, "-d", originals, "--degrade", "jpeg:75", "-f", "--json", "s.json")
    scores = {}
    for asked, strength in ((), 0.65), (("--strength", "1"), 1.0), (("--strength", "0"), 0.1):
        result = mssn(*command, "--csv", "s.csv", *asked)
        assert (result.code, result.err) == (0, "")
        assert f"strength {strength:.2f}" in result.out
        images = json.loads((tmp_path / "s.json").read_text())["data"]["set"]["images"]
        assert {image["strength"] for image in images} == {strength}
        with (tmp_path / "s.csv").open() as file:
            assert {float(row["strength"]) for row in csv.DictReader(file)} == {strength}
        scores[strength] = images[0]["psnr"]
    hr = read_rgb(next(originals.rglob(images[0]["image"])))
    hr = hr[: len(hr) // 2 * 2, : hr.shape[1] // 2 * 2]
    sr = enlarge(load_tiled(told, strength=1.0).runtime, compressed(shrink(hr, 2), 75))
    assert scores[1.0] == psnr_y(sr, hr, 2)
    assert len(set(scores.values())) == 3


@pytest.mark.parametrize(
    ("model", "strength", "words"),
    [
        ("told.onnx", "2", "--strength must be a number from 0 to 1, not 2.0"),
        ("told.onnx", "nan", "Invalid value for --strength: takes a number, not 'nan'"),
        ("bicubic", "1.5", "--strength must be a number from 0 to 1, not 1.5"),
        (
            "bicubic",
            "0.5",
            "pictures are degraded; this one is not; leave it out, or take mssn-s with --variant photo",
        ),
    ],
)
def test_a_strength_that_makes_no_sense_is_one_line(mssn, originals, told, model, strength, words) -> None:
    result = mssn("evaluate", "-m", model, "-d", originals, "--strength", strength)
    assert (result.code, words in result.line) == (2, True), result.err


@pytest.mark.parametrize("model", ["mssn-s", "mssn-s-photo"])
def test_the_variant_photo_is_the_photo_name(mssn, originals, shipped_told, tmp_path, model) -> None:
    images = {}
    for name, options in {
        "named": ("-m", "mssn-s-photo"),
        "variant": ("-m", model, "--variant", "photo"),
    }.items():
        result = mssn("evaluate", "-d", originals, "--json", f"{name}.json", *options)
        assert (result.code, result.err) == (0, "")
        found = json.loads((tmp_path / f"{name}.json").read_text())
        assert found["model"] == "mssn-s-photo"
        images[name] = [{**image, "seconds": 0} for image in found["data"]["set"]["images"]]
        assert ("strength" in images[name][0]) == shipped_told
    assert images["named"] == images["variant"]


@pytest.mark.parametrize(
    ("model", "variant", "words"),
    [
        ("bicubic", "photo", "bicubic has no weights made for photographs; these have: mssn-s"),
        ("mssn-s-photo", "clean", "mssn-s-photo is made for photographs; for clean pictures take mssn-s"),
        ("told.onnx", "photo", "told.onnx: a weights file has no variants; leave --variant out"),
        ("mssn-s", "auto", '--variant. Choose from: "clean", "photo"'),
    ],
)
def test_variants_that_cannot_be_are_one_line(mssn, originals, told, model, variant, words) -> None:
    result = mssn("evaluate", "-d", originals, "-m", model, "--variant", variant)
    assert (result.code, words in result.line) == (2, True), result.err
