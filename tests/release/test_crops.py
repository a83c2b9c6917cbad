"""The crops that teach are cut where the list says, and pairs are made of them."""

from __future__ import annotations

import json
from pathlib import Path

import crops
import numpy as np
import pytest

from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import shrink
from mssn.image.write import write
from mssn.upscaling.tiled import enlarge


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A photograph of 96x112 whose crops of 24x24 are listed: one of it, and one of its half."""
    pixels = np.random.default_rng(3).integers(0, 256, (96, 112, 3), dtype=np.uint8)
    (tmp_path / "train" / "a").mkdir(parents=True)
    write(tmp_path / "train" / "a" / "b.png", Picture(pixels))
    (tmp_path / "list.json").write_text(json.dumps({"a/b.png": [[0, 5, 70], [1, 20, 30]]}))
    monkeypatch.setenv("MSSN_DATA", str(tmp_path))
    monkeypatch.setattr(crops, "LIST", tmp_path / "list.json")
    monkeypatch.setattr(crops, "SIDE", 24)
    return pixels


def test_crops_lie_where_the_list_says(train: np.ndarray, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("sys.argv", ["crops.py", str(tmp_path / "out")])
    assert crops.main() == 0
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["00000.png", "00001.png"]
    assert np.array_equal(read_rgb(tmp_path / "out" / "00000.png"), train[5:29, 70:94])
    assert np.array_equal(read_rgb(tmp_path / "out" / "00001.png"), shrink(train, 2)[20:44, 30:54])


def test_pairs_are_the_shrunk_truth_and_the_teachers_answer(
    train: np.ndarray, tmp_path: Path, exported: Path, monkeypatch
) -> None:
    teacher = exported / "net.safetensors"
    monkeypatch.setattr("sys.argv", ["crops.py", str(tmp_path / "out"), "--teacher", str(teacher)])
    assert crops.main() == 0
    small, large = (read_rgb(tmp_path / "out" / kind / "00000.png") for kind in ("small", "large"))
    assert np.array_equal(small, shrink(np.ascontiguousarray(train[5:29, 70:94]), 2))
    runtime = crops.load_tiled(teacher, runtime="pytorch").runtime
    assert np.array_equal(large, enlarge(runtime, small))


def test_what_is_missing_is_one_line(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MSSN_DATA", str(tmp_path))
    (tmp_path / "train").mkdir()
    monkeypatch.setattr("sys.argv", ["crops.py", str(tmp_path / "out")])
    assert crops.main() == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_list_is_what_the_weights_learnt_from() -> None:
    places = json.loads(crops.LIST.read_text())
    assert sum(map(len, places.values())) == 2290
    assert all(sum(halved == kind for halved, _, _ in of) <= 7 for of in places.values() for kind in (0, 1))
