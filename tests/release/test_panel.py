"""The panel's numbers are those of the measured files, and of the conditions that they are named after."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import check
import degraded
import heldout
import numpy as np
import panel
import panel_cases
import panel_part
import pytest
import record
import scores
from networks import TINY, scrambled
from panel_cases import CONDITIONS, Case

from mssn.image.compression import LEAST
from mssn.image.resize import imresize
from mssn.lab.export.onnx import write_onnx
from mssn.models.meta import Meta
from mssn.score.evaluate import engine_for, evaluate
from mssn.score.metrics import overshoot, psnr_rgb, psnr_y
from mssn.upscaling.tiled import enlarge

NAME = "mssn-s-photo-x2"
FEW = [heldout.pair(k, 2) for k in range(3)]  # a page, a poster and code
CHOSEN = ("photographs none", "photographs jpeg:75", "drawn none", "scanned pages")


@pytest.fixture
def networks(
    package: Path, ship_files, trained: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> panel.Networks:
    """A told network beside clean weights, of which a few numbers are wanted."""
    ship_files("mssn-s-x2", NAME)
    shutil.copy(trained / "mssn-s-x2.onnx", package)
    net = scrambled(replace(TINY, told=True))
    meta = Meta("mssn-s-photo", 2, asdict(net.config), "rgb", halo=6, parameters=1)
    write_onnx(net, meta, package / f"{NAME}.onnx", half=True)
    rows = json.loads((package / "manifest.json").read_text())
    record.write_json(package / "manifest.json", [rows[0], rows[1] | {"told": True}])
    monkeypatch.setattr(heldout, "pairs", lambda scale: FEW)
    monkeypatch.setattr(panel_cases, "_EACH", 1)
    monkeypatch.setattr(panel, "DIAL", (0.0, LEAST / 2, LEAST, 1.0))
    monkeypatch.setattr(panel, "CONDITIONS", [row for row in CONDITIONS if set(row.parts) & set(CHOSEN)])
    panel_cases._originals.cache_clear()
    return panel.Networks(package / "mssn-s-x2.onnx", package / f"{NAME}.onnx", 1)


def kept() -> dict[str, Any]:
    return json.loads((record.RESULTS / "panel.json").read_text())["models"][NAME]


def test_the_numbers_are_those_of_scoring(networks: panel.Networks, job: record.Job) -> None:
    assert panel.told_names(["mssn-s-x2"]) == panel.told_names([NAME]) == [NAME]
    assert degraded.photo_names(["mssn-s-x2", NAME]) == []
    assert panel.measure(NAME, job) == "measured 7 numbers"
    numbers = kept()
    assert list(numbers["dial"]) == [*CHOSEN[:3], "screenshots", CHOSEN[3]]

    clean, told = (engine_for(record.weights_of(name), threads=1) for name in ("mssn-s-x2", NAME))
    for how in ("none", "jpeg:75"):
        found = numbers["photographs"][how]["B100"]
        by_default, by_clean = (evaluate(engine, "B100", degrade=how).mean for engine in (told, clean))
        assert found["default"] == pytest.approx(by_default.psnr, abs=1e-5)
        assert found["clean"] == pytest.approx(by_clean.psnr, abs=1e-5)
        assert found["bicubic"] == pytest.approx(by_clean.bicubic_psnr, abs=1e-5)

    # The one picture of each benchmark is smaller than the middle that is looked at.
    dial = numbers["dial"]["photographs jpeg:75"]
    assert dial["default"] == 0.65
    assert dial["at_default"]["psnr"] == pytest.approx(numbers["photographs"]["jpeg:75"]["B100"]["default"])
    assert dial["settings"]["0"]["psnr"] == pytest.approx(numbers["photographs"]["jpeg:75"]["B100"]["clean"])
    strong = evaluate(told, "B100", degrade="jpeg:75", strength=1.0).mean.psnr
    assert dial["settings"]["1"]["psnr"] == pytest.approx(strong, abs=1e-5)

    drawn = numbers["dial"]["drawn none"]
    assert drawn["default"] == LEAST
    assert drawn["at_default"] == drawn["settings"]["0.1"]
    runtime = networks.at(LEAST)
    made = [(enlarge(runtime, small), large) for small, large in FEW]
    assert drawn["at_default"]["psnr"] == pytest.approx(np.mean([psnr_rgb(*both, 2) for both in made]))
    shares = [overshoot(*both, 2, reach=2) for both in made]
    assert drawn["at_default"]["overshoot"] == pytest.approx(np.mean(shares), abs=1e-5)
    lanczos = [psnr_rgb(imresize(small, scale=2, kernel="lanczos3"), large, 2) for small, large in FEW]
    assert drawn["floor"]["psnr"] == pytest.approx(np.mean(lanczos), abs=1e-5)
    assert numbers["dial"]["screenshots"]["floor"]["psnr"] == pytest.approx(lanczos[2], abs=1e-5)


def test_what_is_known_is_not_measured_again(networks, job: record.Job, package, monkeypatch) -> None:
    monkeypatch.setattr(panel, "CONDITIONS", [panel.CONDITIONS[0], panel.CONDITIONS[2]])
    assert panel.measure(NAME, job, ["screenshots"]) == "measured 2 numbers"
    assert panel.measure(NAME, job) == "measured 2 numbers"
    assert list(kept()["dial"]) == [CHOSEN[0], "drawn none", "screenshots"], "in the panel's order"
    assert panel.measure(NAME, job) is None
    path = record.RESULTS / "panel.json"
    stored = json.loads(path.read_text())
    del stored["models"][NAME]["dial"]["screenshots"]
    stored["models"][NAME]["photographs"]["none"]["Set14"] |= {"clean": 1.0, "default": 2.0}
    record.write_json(path, stored)
    assert panel.measure(NAME, job) == "measured 2 numbers"
    assert kept()["photographs"]["none"]["Set14"]["default"] == 2.0

    assert not any("panel.json" in line for line in check.stale())
    net = scrambled(replace(TINY, told=True, blocks=1))
    meta = Meta("mssn-s-photo", 2, asdict(net.config), "rgb", halo=6, parameters=1)
    write_onnx(net, meta, package / f"{NAME}.onnx", half=True)
    assert sum(f"panel.json: {NAME} was measured of another file" in line for line in check.stale()) == 1
    assert panel.measure(NAME, job) == "measured 4 numbers"
    assert kept()["photographs"]["none"]["Set14"]["clean"] == 1.0, "of the clean weights, which are the same"
    assert kept()["photographs"]["none"]["Set14"]["default"] > 2.0


def test_the_dial_mixes_below_the_least_strength_only(networks: panel.Networks) -> None:
    picture = np.random.default_rng(2).random((1, 3, 9, 8), np.float32)
    clean, least, half = (networks.at(at).run(picture).clip(0, 1) for at in (0.0, LEAST, LEAST / 2))
    np.testing.assert_allclose(half, (clean + least) / 2, atol=1e-6)
    assert networks.at(0.3) is networks.at(0.3), "opened once"
    assert np.abs(networks.at(1.0).run(picture) - networks.at(0.3).run(picture)).max() > 1e-3


def test_all_pictures_of_a_condition_tell_the_same_strength(networks: panel.Networks) -> None:
    expected = {
        "photographs double:75": 0.65,
        "photographs hidden:75": 0.1,
        "drawn jpeg:90": 0.4,
        "scanned pages": 0.5,
    }
    for condition in CONDITIONS:
        cases: list[Case] = condition.cases(2)
        assert {case.scale for case in cases} == {2}
        assert len({case.strength for case in cases}) == 1
        assert all(case.large.shape == (*(2 * side for side in case.small.shape[:2]), 3) for case in cases)
        for part, kinds in condition.parts.items():
            assert any(case.kind in kinds for case in cases)
            if part in expected:
                assert panel.default_of(cases) == expected[part]


def test_the_middle_of_a_photograph_is_degraded_with_the_whole(networks, data, monkeypatch) -> None:
    monkeypatch.setattr(panel_cases, "_SIDE", 32)
    whole, middles = panel_cases.photographs("B100", "jpeg:50", 2)[0], panel_cases._middles("jpeg:50", 2)
    assert len(middles) == 3, "one of each benchmark here"
    assert np.array_equal(middles[0].small, whole.small[8:40, 12:44])
    assert np.array_equal(middles[0].large, whole.large[16:80, 24:88])


def test_other_weights_are_tried_and_nothing_is_written(networks, trained, capsys, monkeypatch) -> None:
    monkeypatch.setattr(panel, "CONDITIONS", panel.CONDITIONS[1:2])
    monkeypatch.setattr(
        "sys.argv", ["panel.py", NAME, "--photo", str(record.weights_of(NAME)), "--threads", "1"]
    )
    assert panel.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "dial photographs jpeg:75: default 0.65" in lines[0]
    assert not record.RESULTS.exists()
    monkeypatch.setattr("sys.argv", ["panel.py", "--photo", "a.onnx"])
    assert panel.main() == 2
    assert "name the one network that --photo stands for" in capsys.readouterr().err


def test_what_ships_is_chosen_by_scores_at_the_strength_of_each_file(networks: panel.Networks) -> None:
    found = scores.of_validation(record.weights_of(NAME), True, 1)
    for how in scores.COMPRESSED:
        (case,) = panel_cases.photographs("Set14", how, 2)
        made = enlarge(networks.at(panel.default_of([case])), case.small)
        assert found.cells[f"Set14 {how}"] == pytest.approx(psnr_y(made, case.large, 2), abs=1e-4)


def test_tables_say_what_was_measured(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(panel_part, "RESULTS", tmp_path)
    assert panel_part.photographs() == "No network that ships is told yet."
    photo = {"bicubic": 30.0, "clean": 30.5, "default": 31.25}
    dial = {"default": 0.65, "at_default": {"psnr": 31.2}, "floor": {"psnr": 30.0}}
    settings = {"0": {"psnr": 30.4}, "0.7": {"psnr": 31.24}}
    drawn = {
        "default": 0.1,
        "at_default": {"psnr": 29.9, "overshoot": 0.0034},
        "floor": {"psnr": 24.4, "overshoot": 0.035},
        "settings": {"0": {"psnr": 25.6, "overshoot": 0.056}},
    }
    numbers = {
        "dial": {
            "photographs double:75": dial | {"settings": settings},
            "drawn none": drawn,
            "scanned pages": drawn,
        },
        "photographs": {"double:75": {"Set14": photo, "B100": photo, "Urban100": photo | {"default": 32.0}}},
    }
    (tmp_path / "panel.json").write_text(json.dumps({"models": {NAME: numbers}}))
    assert panel_part.photographs().splitlines()[-1] == (
        "| twice JPEG 75 | 0.65 | +1.25 | +1.25 | +2.00 | **+1.50** | +0.50 | 0.7: +0.04 |"
    )
    assert panel_part.drawn().splitlines()[2:] == [
        "| drawn, clean | 0.10 | 24.40 | 25.60 | **29.90** | the default | 3.5 % / 5.6 % / 0.3 % |",
        "| scanned pages | 0.10 | 24.40 | 25.60 | **29.90** | the default | 3.5 % / 5.6 % / 0.3 % |",
    ]
