"""`mssn upscale`: bad input, and work that stops half way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import write
from mssn.upscaling import files as mssn_files


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("option", ["--scale", "--max-megapixels"])
def test_what_is_no_number_is_told_in_plain_words(mssn, pictures, option) -> None:
    line = mssn("upscale", pictures, option, "2,5").line
    assert line == f"mssn: Invalid value for {option}: takes a number, not '2,5'"


@pytest.mark.parametrize("output", [[], ["-o", "big/"]])
def test_a_picture_that_is_named_twice_is_enlarged_once(mssn, pictures, net, output) -> None:
    result = mssn("upscale", pictures, pictures / "one.png", "-m", net, *output)
    assert result.code == 0 and result.line.startswith("3 pictures in ")
    assert len(result.out.splitlines()) == 3


def test_a_folder_in_a_folder_that_is_named_too_is_enlarged_once(mssn, pictures, net) -> None:
    result = mssn("upscale", pictures, pictures / "deeper", "-m", net)
    assert (result.code, len(result.out.splitlines())) == (0, 3)


def test_existing_output_needs_force(mssn, pictures, net) -> None:
    (pictures / "one_x2.png").write_bytes(b"mine")
    result = mssn("upscale", pictures / "one.png", pictures / "two.jpg", "-m", net)
    assert result.code == 2
    told = "one_x2.png: exists already; use --force to overwrite, or --skip-existing to leave it as it is"
    assert told in result.line
    assert (pictures / "one_x2.png").read_bytes() == b"mine"
    assert not (pictures / "two_x2.jpg").exists()  # refused before any work
    assert mssn("upscale", pictures / "one.png", pictures / "two.jpg", "-m", net, "-f").code == 0


def test_the_original_is_never_replaced(mssn, pictures, net) -> None:
    before = (pictures / "one.png").read_bytes()
    result = mssn("upscale", pictures / "one.png", "-o", pictures, "-m", net, "--force")
    assert result.code == 2
    assert "would replace the original" in result.line
    assert (pictures / "one.png").read_bytes() == before


def test_no_input_is_ever_replaced_by_a_result_of_another(mssn, pictures, net) -> None:
    write(pictures / "one_x2.png", read(pictures / "two.jpg"))
    before = (pictures / "one_x2.png").read_bytes()
    result = mssn("upscale", pictures / "one.png", pictures / "one_x2.png", "-m", net, "--force")
    assert result.code == 2
    assert "would replace the original" in result.line
    assert (pictures / "one_x2.png").read_bytes() == before


def test_a_file_of_another_kind_does_not_make_a_picture_a_result(mssn, net, tmp_path, photo) -> None:
    (tmp_path / "p").mkdir()
    write(tmp_path / "p" / "a_x2.png", Picture(photo))
    (tmp_path / "p" / "a.txt").write_text("notes")
    assert mssn("upscale", "p", "-m", net).code == 0
    assert files(tmp_path / "p") == ["a.txt", "a_x2.png", "a_x2_x2.png"]
    assert mssn("upscale", "p", "-m", net, "-o", "p/big").code == 0
    again = mssn("upscale", "p", "-m", net, "-o", "p/big", "--force")  # big/ is not an input
    assert (again.code, again.out.count("\n")) == (0, 2)
    assert again.err.startswith("2 files passed over as results of earlier runs")
    assert files(tmp_path / "p" / "big") == ["a_x2.png", "a_x2_x2.png"]


def test_a_folder_named_like_a_model_changes_nothing(mssn, pictures, tmp_path) -> None:
    (tmp_path / "mssn-s").mkdir()
    assert mssn("upscale", pictures / "one.png").code == 0


def test_a_runtime_that_fails_half_way_leaves_nothing(mssn, pictures, net, monkeypatch) -> None:
    from mssn.errors import MssnError
    from mssn.runtime.openvino import OpenVINORuntime

    def fail(*_: object) -> None:
        raise MssnError("out of order")

    before = files(pictures)
    monkeypatch.setattr(OpenVINORuntime, "run_pixels", fail)
    assert mssn("upscale", "pictures/one.png", "-m", net).line == "mssn: pictures/one.png: out of order"
    assert files(pictures) == before


def test_a_broken_picture_among_others_is_skipped_and_reported(mssn, pictures, net, tmp_path) -> None:
    (pictures / "broken.png").write_bytes((pictures / "one.png").read_bytes()[:300])
    result = mssn("upscale", pictures, "-o", "big", "-m", net)
    assert result.code == 1
    lines = result.err.strip().splitlines()
    assert len(lines) == 2
    assert "broken.png" in lines[0]
    assert lines[1] == "mssn: 3 of 4 pictures enlarged, 1 failed"
    assert files(tmp_path / "big") == ["deeper/grey 16.png", "one.png", "two.jpg"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gone.png"], "gone.png: no such file or folder"),
        (["pictures", "gone.png", "-o", "big"], "gone.png: no such file or folder"),
        (["empty"], "empty"),
        (["text.png"], "text.png"),
        (["cut.jpg"], "cut.jpg"),
        (
            ["pictures/one.png", "--model", "mssn-xl"],
            "unknown model 'mssn-xl'; known are: mssn-s, mssn-m, mssn",
        ),
        (["pictures/one.png", "--size", "big"], "'big' is no size; sizes look like 1920x1080"),
        (["pictures/one.png", "--size", "9x9", "-s", "2"], "give a scale or a size, not both"),
        (["pictures/one.png", "--scale", "1e6"], "beyond the limit of 8 billion"),
        (["pictures/one.png", "--scale", "1e20"], "at most a million"),
        (["pictures/one.png", "--max-megapixels", "1e9"], "--max-megapixels must be above 0 and below"),
        (["pictures/one.png", "--memory", "-1"], "--memory must not be below 0"),
        (["pictures/one.png", "--max-megapixels", "0"], "--max-megapixels must be above 0"),
        (["pictures/one.png", "--scale", "two"], "--scale"),
        (
            ["pictures/one.png", "--scale", "0"],
            "--scale must be above 0 and at most a million, not 0",
        ),
        (
            ["pictures/one.png", "--scale", "-1", "-m", "bicubic"],
            "at most a million, not -1",
        ),
        (["x" * 300 + ".png"], "File name too long"),
        (["pictures/one.png", "--model", "text.onnx"], "text.onnx: not a readable .onnx file"),
        (["pictures/one.png", "--model", "gone.onnx"], "gone.onnx: no such weights file"),
        (["pictures/one.png", "-o", "big.bmp"], "big.bmp: ends in no format that can be written"),
        (["pictures", "-o", "text.png"], "text.png: is a file, but several pictures need a folder"),
        (["pictures/one.png", "-o", "text.png/"], "text.png/: is a file"),
        (
            ["pictures", "-o", "big.webp"],
            "big.webp: ends like a picture, but several need a folder",
        ),
        (["pictures/one.png", "pictures/two.jpg", "-o", "a.gif"], "a.gif: ends like a picture"),
        (["pictures/one.png", "-o", "new/big.png"], "new: no such folder; make it first"),
        (["pictures", "-o", "new/big"], "new: no such folder; end the output in / to have it made"),
        (["pictures/one.png", "-q", "101"], "--quality must be 1 to 100, not 101"),
        (["pictures/one.png", "--threads", "0"], "--threads must be at least 1, not 0"),
        (["pictures/one.png", "--runtime", "tensorflow"], "--runtime"),
        (["pictures/one.png", "--sale", "2"], "--sale"),
        ([], "INPUTS"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(mssn, pictures, tmp_path, arguments, words) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "text.onnx").write_text("no network")
    (tmp_path / "cut.jpg").write_bytes((pictures / "two.jpg").read_bytes()[:400])
    (pictures / "same").mkdir()
    (pictures / "same" / "one.png").write_bytes((pictures / "one.png").read_bytes())
    before = files(tmp_path)
    result = mssn("upscale", *arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.line.startswith("mssn: ")
    assert words.lower() in result.line.lower()
    assert files(tmp_path) == before


def test_a_full_disk_leaves_no_half_written_picture(mssn, pictures, net, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = files(pictures)
    monkeypatch.setattr(os, "replace", full)
    result = mssn("upscale", pictures / "one.png", "-m", net)
    assert result.code == 2
    assert "No space left on device" in result.line
    assert files(pictures) == before


def test_ctrl_c_leaves_quietly(mssn, pictures, net, monkeypatch) -> None:
    def press(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(mssn_files, "read", press)
    result = mssn("upscale", pictures / "one.png", "-m", net)
    assert (result.code, result.line) == (130, "mssn: stopped")


@pytest.mark.parametrize(
    ("word", "hint"),
    [("upscal", "did you mean 'upscale'?"), ("--versio", "one of upscale, compare"), ("a.png", "")],
)
def test_what_is_no_verb_is_reported_without_pytorch(word, hint) -> None:
    code = f"import sys; sys.modules['torch'] = None; sys.argv = ['mssn', {word!r}, 'x']"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import mssn.cli; mssn.cli.main()"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"'{word}' is nothing that mssn does" in done.stderr
    assert hint in done.stderr


def test_values_that_a_format_cannot_hold_are_reported(mssn, exported, tmp_path) -> None:
    bright = np.linspace(-0.5, 3, 20 * 24 * 3, dtype=np.float32).reshape(20, 24, 3)
    write(tmp_path / "hdr.tif", Picture(bright))
    model = ("-m", exported / "mssn-s-x2.onnx")
    cut = mssn("upscale", "hdr.tif", "-o", "hdr.png", *model)
    assert "values from -0.5 to 3 cut to 0..1 (a TIFF keeps them)" in cut.out
    assert json.loads(mssn("upscale", "hdr.tif", "-o", "a.jpg", "--json", *model).out)["cut"] == [-0.5, 3.0]
    assert "cut" not in mssn("upscale", "hdr.tif", "-o", "large.tif", *model).out


@pytest.mark.parametrize(
    "arguments",
    [("downscale", "a.png", "-o", "lr", "-s", "2.5"), ("compare", "a.png", "-s", "2.5")]
    + [("upscale", "a.png", option, "1.9") for option in ("--quality", "--threads", "--memory")],
)
def test_whole_numbers_are_not_cut_off(mssn, arguments) -> None:
    result = mssn(*arguments)
    assert result.code == 2
    assert "takes a whole number, not" in result.line


def test_a_file_named_twice_is_one(mssn, net, pictures) -> None:
    twice = mssn("upscale", pictures / "one.png", pictures / "one.png", "-o", "twice/", "-m", net)
    assert (twice.code, twice.err) == (0, "")


def test_patterns_find_nothing_hidden(mssn, exported, pictures) -> None:
    (pictures / "._one.png").write_text("not a picture")
    (pictures / ".trash").mkdir()
    (pictures / ".trash" / "old.png").write_text("not a picture")
    result = mssn("upscale", pictures / "**" / "*.png", "-o", "out", "-m", exported / "mssn-s-x2.onnx")
    assert result.code == 0
    assert "2 pictures" in result.err


def test_a_pipe_is_no_picture(mssn, exported, tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    result = mssn("upscale", "pipe.png", "-o", "a.png", "-m", exported / "mssn-s-x2.onnx")
    assert "is a pipe or a device, not a file; - reads standard input" in result.line


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may list every folder")
def test_a_locked_folder_is_named_and_passed_over(mssn, exported, pictures) -> None:
    (pictures / "locked").mkdir(mode=0)
    result = mssn("upscale", pictures, "-o", "out", "-m", exported / "mssn-s-x2.onnx")
    assert result.code == 1
    assert "locked: cannot be listed" in result.err
    assert "3 pictures" in result.err
