"""Options of `mssn upscale` for trials and for whoever has to account for the results."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import write
from mssn.version import __version__

FAST = ("-m", "bicubic")


def sha256(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(tmp_path, photo):
    made = tmp_path / "in"
    made.mkdir()
    for name in ("a.png", "b.jpg"):
        write(made / name, Picture(photo))
    (made / "c.png").write_text("no picture")
    return made


def test_dry_run_tells_and_makes_nothing(mssn, folder, tmp_path) -> None:
    result = mssn("upscale", folder, "-o", f"{tmp_path}/deep/out/", "--dry-run", "--report", "r.jsonl", *FAST)
    assert result.code == 1  # one of them would fail
    assert [line.split("  ") for line in result.out.splitlines()] == [
        [f"{tmp_path}/deep/out/a.png", "112x96 -> 224x192", "bicubic"],
        [f"{tmp_path}/deep/out/b.jpg", "112x96 -> 224x192", "bicubic (JPEG, quality about 95)"],
    ]
    said = result.err.splitlines()
    assert "c.png" in said[0]
    assert said[1].startswith("nothing was written: 2 pictures, 0.086 megapixels to make, about ")
    assert said[1].endswith(", 1 would fail")
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    result = mssn("upscale", folder, "-o", "out/", "--dry-run", "--json", *FAST)
    good, _, bad = [json.loads(line) for line in result.out.splitlines()]
    assert good["after"] == [224, 192]
    assert good["bytes"] > 0
    assert "error" in bad


def test_dry_run_refuses_what_the_run_would(mssn, folder) -> None:
    for arguments, words in (
        ((folder, "-o", "gone/deep"), "no such folder"),
        ((folder / "a.png", "-o", folder / "b.jpg"), "exists already"),
        (("-",), "for files"),
    ):
        result = mssn("upscale", *arguments, "--dry-run")
        assert result.code == 2
        assert words in result.line


def test_a_crop_is_named_after_its_place(mssn, folder, photo) -> None:
    assert mssn("upscale", folder / "a.png", "--crop", "8,9,20,10", *FAST).code == 0
    made = folder / "a_crop-8-9-20-10_x2.png"
    assert read(made).pixels.shape == (20, 40, 3)
    assert mssn("upscale", folder / "a.png", "--crop", "8,9,20,10", "--size", "30x30", *FAST).code == 0
    assert read(folder / "a_crop-8-9-20-10_30x15.png").pixels.shape == (15, 30, 3)
    for crop, words in (("1,2", "--crop is X,Y,W,H in pixels"), ("100,0,20,20", "reaches beyond its 112x96")):
        result = mssn("upscale", folder / "a.png", "--crop", crop, *FAST)
        assert result.code == 2
        assert words in result.line


def test_the_report_says_what_made_what(mssn, folder, tmp_path) -> None:
    report = tmp_path / "report.jsonl"
    options = ("--report", report, "--variant", "photo")
    assert mssn("upscale", folder, "-o", f"{tmp_path}/out/", *options).code == 1
    lines = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    assert [line["source"] for line in lines] == [str(folder / name) for name in ("a.png", "b.jpg", "c.png")]
    for line in lines[:2]:
        made = tmp_path / "out" / line["source"].split("/")[-1]
        assert line["target"] == str(made)
        assert line["source_sha256"] == sha256(folder / made.name)
        assert line["target_sha256"] == sha256(made)
        assert (line["model"], line["steps"]) == ("mssn-s-photo", [["mssn-s-photo", 2]])
        assert line["version"] == __version__
        assert {"precision", "runtime", "seconds"} <= set(line)
    assert "c.png" in lines[2]["error"]
    assert lines[2]["source_sha256"] == sha256(folder / "c.png")
    assert "target_sha256" not in lines[2]
    # Earlier lines stay, and the same input makes the same bytes.
    assert mssn("upscale", folder / "a.png", "-o", tmp_path / "again.png", *options).code == 0
    again = json.loads(report.read_text("utf-8").splitlines()[3])
    assert again["target_sha256"] == lines[0]["target_sha256"]


def test_a_report_that_cannot_be_written_is_known_before_the_work(mssn, folder, tmp_path) -> None:
    result = mssn("upscale", folder / "a.png", "--report", tmp_path / "gone" / "r", *FAST)
    assert result.code == 2
    assert "the report cannot be written" in result.line
    assert not (folder / "a_x2.png").exists()


def test_resolution_and_times(mssn, tmp_path) -> None:
    write(tmp_path / "a.png", Picture(np.zeros((8, 8, 3), np.uint8), dpi=200))
    assert mssn("upscale", "a.png", "--dpi", "scale", "--keep-times", *FAST).code == 0
    assert read(tmp_path / "a_x2.png").dpi == pytest.approx(400, rel=1e-3)
    assert (tmp_path / "a_x2.png").stat().st_mtime_ns == (tmp_path / "a.png").stat().st_mtime_ns


def test_a_report_replaces_no_picture(mssn, folder, tmp_path) -> None:
    """Nor anything else that is no report; and a run that is refused leaves none."""
    before = (folder / "a.png").read_bytes()
    (tmp_path / "notes.txt").write_text("mine")
    for name in (folder / "a.png", folder / "new.jpg", tmp_path / "notes.txt", "-"):
        result = mssn("upscale", folder / "a.png", "-o", tmp_path / "b.png", "--report", name, *FAST)
        assert result.code == 2
    assert (folder / "a.png").read_bytes() == before
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "b.png").exists() and not (folder / "new.jpg").exists()
    write(tmp_path / "b.png", Picture(np.zeros((8, 8, 3), np.uint8)))
    assert mssn("upscale", folder / "a.png", "-o", tmp_path / "b.png", "--report", "r.jsonl", *FAST).code == 2
    assert not (tmp_path / "r.jsonl").exists()


def test_names_may_begin_with_brackets(mssn, tmp_path) -> None:
    for name in ("[2020] x.png", '["a.png"].png'):
        write(tmp_path / name, Picture(np.zeros((8, 8, 3), np.uint8)))
        assert mssn("upscale", name, *FAST).code == 0
    assert mssn("upscale", "[2]*.png", "-o", "out/", *FAST).code == 2  # a pattern that finds nothing
    assert mssn("upscale", "[[]2*x.png", "-o", "out/", *FAST).code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["[2020] x.png"]


def test_a_dry_run_counts_pages(mssn, tmp_path) -> None:
    pages = Picture(np.zeros((30 * 8, 8, 3), np.uint8), pages=30)
    write(tmp_path / "a.tif", pages)
    result = mssn("upscale", "a.tif", "-o", "b.tif", "--dry-run", "--json", *FAST)
    assert json.loads(result.out)["pages"] == 30
    assert json.loads(mssn("upscale", "a.tif", "-o", "b.png", "--dry-run", "--json", *FAST).out)["pages"] == 1


def test_one_tiny_picture_does_not_change_an_estimate(mssn, tmp_path) -> None:
    write(tmp_path / "large.png", Picture(np.zeros((900, 900, 3), np.uint8)))
    alone = json.loads(mssn("upscale", "large.png", "-o", "out/", "--dry-run", "--json", *FAST).out)
    write(tmp_path / "tiny.png", Picture(np.zeros((1, 1, 3), np.uint8)))
    large, _ = mssn(
        "upscale", "large.png", "tiny.png", "-o", "out/", "--dry-run", "--json", *FAST
    ).out.splitlines()
    assert json.loads(large)["seconds"] < 5 * alone["seconds"] + 0.1


def test_a_pattern_of_the_shell_names_results_as_well(mssn, folder) -> None:
    """As `mssn upscale in/*` does when it is run twice."""
    (folder / "c.png").unlink()
    assert mssn("upscale", folder / "a.png", folder / "b.jpg", *FAST).code == 0
    names = [folder / name for name in ("a.png", "a_x2.png", "b.jpg", "b_x2.jpg")]
    result = mssn("upscale", *names, *FAST)
    assert result.code == 2
    assert "a_x2.png and 1 more: exists already" in result.line
    result = mssn("upscale", *names, "--skip-existing", *FAST)
    assert result.code == 0
    assert "2 files passed over as results of earlier runs" in result.err
    assert {path.name for path in folder.iterdir()} == {path.name for path in names}
