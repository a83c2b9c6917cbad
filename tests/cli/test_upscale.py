"""`mssn upscale`: names, folders, and bad input."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mssn as package
from mssn.cli import progress
from mssn.errors import ImageError
from mssn.image.picture import Picture
from mssn.image.read import read, read_rgb, read_size
from mssn.image.write import to_bytes, write
from mssn.upscaling import files as mssn_files

# One entry: 0x010F, the maker, as text of 9 bytes at offset 26.
EXIF = b"Exif\0\0II" + struct.pack("<HIHHHIII", 42, 8, 1, 0x010F, 2, 9, 26, 0) + b"a camera\0"


@pytest.fixture
def net(exported) -> Path:
    return exported / "mssn-s-x2.onnx"


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_left_out_output_is_beside(mssn, pictures, net) -> None:
    result = mssn("upscale", pictures / "one.png", "--model", net)
    assert (result.code, result.err) == (0, "")
    assert "30x20 -> 60x40" in result.out
    expected = package.load(net)(read_rgb(pictures / "one.png"))
    assert np.array_equal(read(pictures / "one_x2.png").pixels, expected)


def test_the_default_model_is_mssn_s_x2(mssn, pictures) -> None:
    assert mssn("upscale", "pictures/one.png").code == 0
    expected = package.load("mssn-s", 2)(read_rgb(pictures / "one.png"))
    assert np.array_equal(read(pictures / "one_x2.png").pixels, expected)


def test_naming_a_file_writes_that_file_in_its_format(mssn, pictures, net, tmp_path) -> None:
    assert mssn("upscale", pictures / "one.png", "-o", "big.webp", "-m", net, "-q", 80).code == 0
    picture = read(tmp_path / "big.webp")
    assert (picture.format, picture.pixels.shape) == ("webp", (40, 60, 3))


@pytest.mark.parametrize("output", ["out/", "out", "new/folder/"])
def test_naming_a_folder_keeps_names(mssn, pictures, net, tmp_path, output) -> None:
    if output == "out":
        (tmp_path / "out").mkdir()
    assert mssn("upscale", pictures / "two.jpg", "-o", output, "-m", net).code == 0
    assert files(tmp_path / output) == ["two.jpg"]
    assert read_size(tmp_path / output / "two.jpg") == (42, 66)


def test_several_inputs_make_a_folder(mssn, pictures, net, tmp_path) -> None:
    result = mssn("upscale", pictures / "one.png", pictures / "two.jpg", "-o", "big", "-m", net)
    assert result.code == 0
    assert files(tmp_path / "big") == ["one.png", "two.jpg"]


def test_folders_keep_their_tree_depth_and_format(mssn, pictures, net, tmp_path) -> None:
    result = mssn("upscale", pictures, "-o", "big", "-m", net)
    assert result.code == 0
    assert result.line.startswith("3 pictures in ") and result.line.endswith(" megapixels/s")
    assert files(tmp_path / "big") == ["deeper/grey 16.png", "one.png", "two.jpg"]
    grey = read(tmp_path / "big" / "deeper" / "grey 16.png").pixels
    assert (grey.shape, grey.dtype) == ((44, 72, 1), np.uint16)
    assert result.out.count("\n") == 3
    assert "[3/3]" in result.out


def test_a_folder_enlarged_in_place_does_not_eat_its_own_results(mssn, pictures, net) -> None:
    before = files(pictures)
    assert mssn("upscale", pictures, "-m", net).code == 0
    assert files(pictures) == sorted([*before, "deeper/grey 16_x2.png", "one_x2.png", "two_x2.jpg"])
    again = mssn("upscale", pictures, "-m", net, "--force")
    assert again.code == 0
    assert "3 pictures passed over as results of earlier runs" in again.err.splitlines()[0]
    assert len(files(pictures)) == 6


def test_results_are_known_whatever_they_are_called_and_named_ones_are_enlarged(mssn, pictures, net) -> None:
    assert mssn("upscale", pictures / "one.png", "-m", net, "-o", pictures / "large.jpg").code == 0
    result = mssn("upscale", pictures, "-m", net)
    assert result.code == 0
    assert result.err.startswith("1 picture passed over as results of earlier runs")
    assert not (pictures / "large_x2.jpg").exists()
    named = mssn("upscale", pictures / "large.jpg", "-m", net)
    assert (named.code, named.err) == (0, "")
    assert read_size(pictures / "large_x2.jpg") == (80, 120)
    (pictures / "one.png").unlink()  # whose result is one_x2.png, which is passed over all the same
    assert mssn("upscale", pictures, "-m", net, "-f").err.startswith("5 pictures passed over")


def test_stripped_results_are_known_by_the_name_this_run_gives(mssn, pictures, net) -> None:
    strip = ("-m", net, "--metadata", "strip")
    assert mssn("upscale", pictures, *strip).code == 0
    again = mssn("upscale", pictures, *strip, "--skip-existing")
    assert again.code == 0
    assert "3 pictures passed over" in again.err and "3 results are there already, 0 to make" in again.err
    other = mssn("upscale", pictures, *strip, "-s", "3")  # no note, another name: pictures like any other
    assert other.code == 0
    assert (pictures / "one_x2_x3.png").exists()


def test_a_picture_called_like_a_result_is_enlarged(mssn, pictures, net) -> None:
    write(pictures / "one_x3.png", read(pictures / "two.jpg"))
    assert mssn("upscale", pictures, "-m", net).code == 0
    assert read_size(pictures / "one_x3_x2.png") == (42, 66)


def test_formats_that_can_only_be_read_become_png(mssn, net, tmp_path, photo) -> None:
    from PIL import Image

    Image.fromarray(photo).save(tmp_path / "a.gif")
    assert mssn("upscale", "a.gif", "-m", net).code == 0
    assert read_size(tmp_path / "a_x2.png") == (192, 224)


@pytest.mark.parametrize(
    ("arguments", "name", "size"),
    [
        (["-s", "2.5"], "one_x2.5.png", (50, 75)),
        (["-s", "5"], "one_x5.png", (100, 150)),
        (["-s", "0.5"], "one_x0.5.png", (10, 15)),
        (["--size", "100x100"], "one_100x100.png", (67, 100)),
        (["--size", "x100"], "one_x100.png", (100, 150)),
        (["--size", "100x100!"], "one_100x100.png", (100, 100)),
        (["-s", "1.5", "-m", "bicubic"], "one_x1.5.png", (30, 45)),
    ],
)
def test_any_factor_and_any_size(mssn, pictures, arguments, name, size) -> None:
    assert mssn("upscale", pictures / "one.png", *arguments).code == 0
    assert read_size(pictures / name) == size
    assert mssn("upscale", pictures, *arguments, "-o", "big").code == 0
    before = files(pictures)
    assert mssn("upscale", pictures, *arguments, "-f").code == 0  # its own results are nobody's input
    assert len(files(pictures)) == len(before) + 2


def test_alpha_and_orientation_come_along(mssn, net, tmp_path, photo) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo).save(tmp_path / "turned.jpg", exif=exif)
    write(tmp_path / "clear.png", Picture(photo, alpha=photo[:, :, :1]))
    assert mssn("upscale", "turned.jpg", "clear.png", "-m", net).code == 0
    assert read_size(tmp_path / "turned_x2.jpg") == (224, 192)
    alpha = read(tmp_path / "clear_x2.png").alpha
    assert alpha is not None
    assert alpha.shape == (192, 224, 1)


def test_json_lines_for_programs(mssn, pictures, net) -> None:
    (pictures / "broken.png").write_bytes(b"nothing")
    result = mssn("upscale", pictures, "-o", "big", "-m", net, "--json")
    reported = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == 1 and len(reported) == 4
    failed = [line for line in reported if "error" in line]
    assert [set(line) for line in failed] == [{"source", "target", "error"}]
    one = next(line for line in reported if line["source"].endswith("one.png"))
    assert (one["before"], one["after"], one["pages"], one["left_out"]) == ([30, 20], [60, 40], 1, 0)
    assert one["target"] == "big/one.png" and one["seconds"] > 0
    alone = mssn("upscale", pictures / "one.png", "-m", net, "--json")
    assert json.loads(alone.out)["after"] == [60, 40]
    alone = mssn("upscale", pictures / "broken.png", "-m", net, "--json")
    assert alone.code == 2
    assert "broken.png" in json.loads(alone.out)["error"] and "broken.png" in alone.line


def test_messages_name_arguments_and_the_command_line_their_options() -> None:
    error = ImageError("a.png: exists already; use `force`, or raise `max_megapixels`")
    reported = json.loads(
        progress.as_json(mssn_files.Done(mssn_files.Job(Path("a"), Path("b")), error=error))
    )
    assert reported["error"] == "a.png: exists already; use --force, or raise --max-megapixels"


def test_patterns_the_shell_left_alone(mssn, tmp_path, net, photo) -> None:
    for name in ("10.png", "2.png", "deep/er/3.png", "deep/4.jpg", "a[1].png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, Picture(photo[:20, :30]))
    result = mssn("upscale", "in/**/[0-9]*.png", "-o", "out/", "-m", net)
    assert result.code == 0
    assert files(tmp_path / "out") == ["10.png", "2.png", "deep/er/3.png"]
    assert [line.split("/")[-1].split()[0] for line in result.out.splitlines()] == [
        "2.png",
        "10.png",
        "3.png",
    ]
    assert mssn("upscale", "in/a[1].png", "-o", "one/", "-m", net).code == 0  # a name first of all
    assert files(tmp_path / "one") == ["a[1].png"]
    nothing = mssn("upscale", "in/*.webp", "-m", net)
    assert nothing.code == 2 and "as a pattern it finds none" in nothing.line
    assert mssn("upscale", "in/*.png", "-m", net).code == 0
    assert mssn("upscale", "in/*.png", "-m", net, "--skip-existing").code == 0  # results are nobody's input
    assert not list((tmp_path / "in").glob("*_x2_x2*"))


def test_a_picture_that_takes_long_has_a_bar(monkeypatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0)
    monkeypatch.setenv("TERM", "xterm")
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        with progress.bar_of_one() as tell:
            assert tell is not None
            tell(0.4)
        said = ""
        while " 40%" not in said:
            assert select.select([reader], [], [], 5)[0], said
            said += os.read(reader, 10_000).decode(errors="replace")
    os.close(reader)
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with progress.bar_of_one() as tell:
        assert tell is None


def test_skipping_does_not_skip_the_checks(mssn, pictures, net, tmp_path, photo) -> None:
    assert "would replace the original" in mssn("upscale", pictures, "-o", pictures, "--skip-existing").line
    write(pictures / "one.webp", Picture(photo))
    (pictures / "one.gif").write_bytes(b"GIF")
    assert mssn("upscale", pictures / "one.png", "-o", "big/", "-m", net).code == 0
    again = mssn(
        "upscale", pictures / "one.png", pictures / "two.jpg", "-o", "big/", "-m", net, "--skip-existing"
    )
    assert again.code == 0 and "1 results are there already, 1 to make" in again.err
    assert files(tmp_path / "big") == ["one.png", "two.jpg"]


def test_a_moving_picture_on_standard_input_stays_moving(net, tmp_path, photo) -> None:
    from PIL import Image

    frames = [Image.fromarray(np.roll(photo, 9 * n, axis=0)) for n in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=80)
    command = [sys.executable, "-m", "mssn", "upscale", "-m", str(net), "-"]
    done = subprocess.run(command, input=(tmp_path / "a.gif").read_bytes(), capture_output=True, check=True)
    assert read(done.stdout, into=".webp").pages == 3


def test_existing_output_needs_force(mssn, pictures, net) -> None:
    (pictures / "one_x2.png").write_bytes(b"mine")
    result = mssn("upscale", pictures / "one.png", pictures / "two.jpg", "-m", net)
    assert result.code == 2
    assert "one_x2.png: exists already; use --force to overwrite" in result.line
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
    assert again.err.startswith("2 pictures passed over as results of earlier runs")
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
    assert mssn("upscale", pictures / "one.png", "-m", net).line == "mssn: out of order"
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
        (["pictures/one.png", "--max-megapixels", "inf"], "--max-megapixels must be above 0 and below"),
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
        (["pictures/one.png", "pictures/same/one.png", "-o", "big"], "would both become big/one.png"),
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


def test_a_dash_is_standard_input_and_output(pictures, net, tmp_path) -> None:
    """Whole processes: bytes in, bytes out, and nothing else on standard output."""
    command = [sys.executable, "-m", "mssn", "upscale", "-m", str(net)]
    one, two = (pictures / "one.png").read_bytes(), (pictures / "two.jpg").read_bytes()
    filtered = subprocess.run([*command, "-"], input=one, capture_output=True, check=True)
    shown = subprocess.run([*command, pictures / "one.png", "-o", "-"], capture_output=True, check=True)
    expected = package.load(net)(read_rgb(pictures / "one.png"))
    assert filtered.stdout == shown.stdout and filtered.stderr == shown.stderr == b""
    assert np.array_equal(read(filtered.stdout).pixels, expected)
    target = tmp_path / "big.webp"
    subprocess.run([*command, "-", "-o", target], input=two, capture_output=True, check=True)
    assert (read(target).format, read_size(target)) == ("webp", (42, 66))
    for given, arguments, words in (
        (one, ["-", "-o", target], b"exists already; use --force"),
        (b"", ["-"], b"standard input: the file is empty"),
        (b"no picture at all", ["-"], b"standard input: is not a picture of a known kind"),
        (one, ["-", "two.jpg"], b"- stands for one picture"),
        (one, [pictures, "-o", "-"], b"- stands for one picture"),
        (one, ["gone.png", "-o", "-"], b"gone.png: cannot be read"),
        (one, ["-", "-o", "big.bmp"], b"ends in no format that can be written"),
    ):
        failed = subprocess.run([*command, *arguments], input=given, capture_output=True, cwd=tmp_path)
        assert (failed.returncode, failed.stdout) == (2, b"")
        assert words in failed.stderr and failed.stderr.count(b"\n") == 1


def test_the_limit_against_bombs_can_be_moved(mssn, pictures, net) -> None:
    result = mssn("upscale", pictures / "one.png", "-m", net, "--max-megapixels", "0.0005")
    assert result.code == 2
    assert "30 x 20 pixels exceed the limit of 0.0005 million (--max-megapixels)" in result.line
    assert mssn("upscale", pictures / "one.png", "-m", net, "--max-megapixels", "0.0006").code == 0


def test_a_moving_gif_becomes_webp_and_a_note_says_what_is_left_out(mssn, net, tmp_path, photo) -> None:
    from PIL import Image

    frames = [Image.fromarray(np.roll(photo, 9 * n, axis=0)) for n in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=80)
    result = mssn("upscale", "a.gif", "-m", net)
    assert "a_x2.webp  112x96 -> 224x192  3 pages" in result.out
    with Image.open(tmp_path / "a_x2.webp") as seen:
        assert getattr(seen, "n_frames", 1) == 3
    assert "the first of 3" in mssn("upscale", "a.gif", "-m", net, "-o", "first.jpg").out


def test_metadata_can_be_stripped(mssn, pictures, net) -> None:
    write(pictures / "exif.jpg", Picture(read_rgb(pictures / "one.png"), exif=EXIF))
    assert mssn("upscale", pictures / "exif.jpg", "-m", net).code == 0
    assert b"a camera" in (read(pictures / "exif_x2.jpg").exif or b"")
    assert mssn("upscale", pictures / "exif.jpg", "-m", net, "--metadata", "strip", "-f").code == 0
    assert b"a camera" not in (read(pictures / "exif_x2.jpg").exif or b"")


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


def test_a_full_disk_behind_standard_output_is_reported(exported, pictures) -> None:
    """Also without Python's buffer, where one call may write a part only."""
    command = f"{sys.executable} -m mssn upscale one.png -m {exported / 'mssn-s-x2.onnx'} -o -"
    for unbuffered in ("", "1"):
        done = subprocess.run(
            ["bash", "-c", f"ulimit -f 1; {command} > part.png"],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            cwd=pictures,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert "standard output takes no more" in done.stderr


def test_who_stops_reading_the_lines_does_not_stop_the_work(exported, pictures, tmp_path) -> None:
    command = f"{sys.executable} -m mssn upscale {pictures} -m {exported / 'mssn-s-x2.onnx'} -o {tmp_path}"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}/piped/ | true && {command}/full/ > /dev/full"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("standard output takes no more: No space left on device") == 1
    for folder in ("piped", "full"):
        assert len(list((tmp_path / folder).rglob("*.*"))) == 3


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


def test_all_clashes_are_named_and_a_file_named_twice_is_one(mssn, exported, pictures) -> None:
    for name in ("one", "two"):  # what GIFs become is PNG
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(pictures / f"{name}.gif")
    write(pictures / "two.png", Picture(np.zeros((8, 8, 3), np.uint8)))
    model = ("-m", exported / "mssn-s-x2.onnx")
    line = mssn("upscale", pictures, "-o", "out", *model).line
    assert line.count("would both become") == 2
    twice = mssn("upscale", pictures / "one.png", pictures / "one.png", "-o", "twice/", *model)
    assert (twice.code, twice.err) == (0, "")


def test_patterns_find_nothing_hidden(mssn, exported, pictures) -> None:
    (pictures / "._one.png").write_text("not a picture")
    (pictures / ".trash").mkdir()
    (pictures / ".trash" / "old.png").write_text("not a picture")
    result = mssn("upscale", pictures / "**" / "*.png", "-o", "out", "-m", exported / "mssn-s-x2.onnx")
    assert result.code == 0
    assert "2 pictures" in result.err


def test_a_pipe_is_told_from_a_picture(mssn, exported, tmp_path) -> None:
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


def test_each_file_gets_the_weights_that_suit_it_and_says_so(mssn, photo, tmp_path) -> None:
    for name, quality in (("bad.jpg", 50), ("good.jpg", 97), ("clean.png", None)):
        write(tmp_path / name, Picture(photo), quality=quality)
    reported = mssn("upscale", "bad.jpg", "good.jpg", "clean.png", "-o", "big/")
    first, second, third = reported.out.splitlines()
    assert "  mssn-s-photo (JPEG, quality about 50)  " in first
    assert "  mssn-s (JPEG, quality about 97)  " in second
    assert "  mssn-s  " in third
    facts = json.loads(mssn("upscale", "bad.jpg", "--json").out)
    assert (facts["model"], facts["lossy"], facts["quality"]) == ("mssn-s-photo", True, 50)
    assert facts["steps"] == [["mssn-s-photo", 2]]
    assert b'mssn:Model="mssn-s-photo"' in (read(tmp_path / "bad_x2.jpg").xmp or b"")
    mssn("upscale", "bad.jpg", "-f", "--metadata", "strip")
    assert read(tmp_path / "bad_x2.jpg").xmp is None


def test_the_variant_can_be_chosen(mssn, photo, tmp_path) -> None:
    write(tmp_path / "a.png", Picture(photo))
    results = {}
    for name, options in {
        "clean": ["--variant", "clean"],
        "photo": ["--variant", "photo"],
        "named": ["-m", "mssn-s-photo"],
        "auto": [],
    }.items():
        assert mssn("upscale", "a.png", "-o", f"{name}.png", *options).code == 0
        results[name] = read(tmp_path / f"{name}.png").pixels
    assert np.array_equal(results["clean"], results["auto"])
    assert np.array_equal(results["photo"], results["named"])
    assert not np.array_equal(results["photo"], results["clean"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--variant", "scans"], "auto"),
        (
            ["--variant", "photo", "-m", "bicubic"],
            "bicubic has no weights made for photographs; these have: mssn-s",
        ),
        (["--variant", "clean", "-m", "mssn-s-photo"], "for clean pictures take mssn-s"),
    ],
)
def test_variants_that_cannot_be_are_reported(mssn, photo, tmp_path, options, words) -> None:
    write(tmp_path / "a.png", Picture(photo))
    failed = mssn("upscale", "a.png", *options)
    assert failed.code == 2
    assert words in failed.err
    assert not (tmp_path / "a_x2.png").exists()


def test_where_no_network_runs_bicubic_is_named(mssn, photo, tmp_path) -> None:
    write(tmp_path / "a.jpg", Picture(photo), quality=50)
    for options in (["-s", "0.5"], ["-s", "1"], ["--size", "60x100!"]):
        reported = json.loads(mssn("upscale", "a.jpg", "-o", "b.jpg", "-f", "--json", *options).out)
        assert (reported["model"], reported["steps"]) == ("bicubic", [])
        assert b'mssn:Model="bicubic"' in (read(tmp_path / "b.jpg").xmp or b"")


def test_the_photo_name_is_the_variant(mssn, photo, tmp_path) -> None:
    write(tmp_path / "a.jpg", Picture(photo[:40, :40]), quality=50)
    for scale in (2, 4, 6):
        mssn("upscale", "a.jpg", "-o", "one.png", "-f", "-s", scale, "-m", "mssn-s-photo")
        mssn("upscale", "a.jpg", "-o", "other.png", "-f", "-s", scale, "--variant", "photo")
        one, other = (read(tmp_path / name).pixels for name in ("one.png", "other.png"))
        assert np.array_equal(one, other)


def test_a_picture_from_standard_input_is_reported_when_it_goes_to_a_file(
    mssn, photo, tmp_path, monkeypatch
) -> None:
    def said(*options: str) -> str:
        small = io.BytesIO(to_bytes(Picture(photo), ".jpg", quality=50))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(small))
        return mssn("upscale", "-", *options).out

    assert "mssn-s-photo (JPEG, quality about 50)" in said("-o", "a.png")
    assert json.loads(said("-o", "b.png", "--json"))["target"] == "b.png"
