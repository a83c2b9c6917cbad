"""Consistency is the PSNR of a result, shrunk again, against what was enlarged; measured once of a file."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import consistency
import consistency_part
import panel_cases
import pytest
import record
from networks import TINY, scrambled

from mssn.api import load_tiled
from mssn.image.resize import shrink
from mssn.lab.export.onnx import write_onnx
from mssn.models.meta import Meta
from mssn.score.metrics import psnr_rgb
from mssn.upscaling.tiled import enlarge


@pytest.fixture
def both(package: Path, ship_files, trained: Path, data: Path) -> tuple[str, str]:
    """Clean weights, and others that are told a strength."""
    clean, photo = "mssn-s-x2", "mssn-s-photo-x2"
    ship_files(clean, photo)
    shutil.copy(trained / f"{clean}.onnx", package)
    net = scrambled(replace(TINY, told=True))
    meta = Meta("mssn-s-photo", 2, asdict(net.config), "rgb", halo=6, parameters=1)
    write_onnx(net, meta, package / f"{photo}.onnx", half=True)
    rows = json.loads((package / "manifest.json").read_text())
    record.write_json(package / "manifest.json", [rows[0], rows[1] | {"told": True}])
    panel_cases._originals.cache_clear()
    return clean, photo


def test_networks_are_measured_at_every_strength_that_they_are_told(both, job: record.Job) -> None:
    clean, photo = both
    for name in both:
        assert consistency.measure(name, job) is not None
        assert consistency.measure(name, job) is None, "known of this file"
    found = json.loads((record.RESULTS / "consistency.json").read_text())["models"]
    assert list(found[clean]) == ["any"]
    assert list(found[photo]) == ["0.1", "0.5", "1"]
    assert found[photo]["0.1"] != found[photo]["1"]

    runtime = load_tiled(record.weights_of(clean), threads=1).runtime
    (small,) = [case.small for case in panel_cases.photographs("Set14", "none", 2)]
    again = shrink(enlarge(runtime, small), 2)
    expected = round(psnr_rgb(again, small, 0), 3)
    assert found[clean]["any"] == {"mean": expected, "worst": expected}


def test_the_table_has_a_row_for_each_model_and_scale(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(consistency_part, "RESULTS", tmp_path)
    score = {"mean": 54.63, "worst": 50.04}
    models = {
        "mssn-s-x2": {"any": score},
        "mssn-x3": {"any": score},
        "mssn-x4": {"any": score},
        "mssn-s-photo-x2": {"0.1": score, "0.5": score, "1": score | {"worst": 31.31}},
        "mssn-photo-x4": {"any": score},
    }
    (tmp_path / "consistency.json").write_text(json.dumps({"models": models}))
    assert consistency_part.consistency().splitlines()[2:] == [
        "| mssn-s x2 | 54.6 / 50.0 | 54.6 / 50.0 | 54.6 / 50.0 | 54.6 / 31.3 |  |",
        "| mssn x3 | 54.6 / 50.0 |  |  |  |  |",
        "| mssn x4 | 54.6 / 50.0 |  |  |  | 54.6 / 50.0 |",
    ]
