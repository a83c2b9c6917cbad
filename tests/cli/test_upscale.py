"""`mssn upscale`: names, folders, sizes, and what is said of each picture."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mssn as package
from mssn.cli import progress
from mssn.errors import ImageError
from mssn.image.picture import Picture
from mssn.image.read import read, read_rgb
from mssn.image.source import PictureFile
from mssn.image.write import write
from mssn.upscaling.jobs import Done, Job

# One entry: 0x010F, the maker, as text of 9 bytes at offset 26.
EXIF = b"Exif\0\0II" + struct.pack("<HIHHHIII", 42, 8, 1, 0x010F, 2, 9, 26, 0) + b"a camera\0"


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
    assert PictureFile(tmp_path / output / "two.jpg").size == (42, 66)


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


def test_a_folder_enlarged_in_place_does_not_enlarge_its_own_results(mssn, pictures, net) -> None:
    before = files(pictures)
    assert mssn("upscale", pictures, "-m", net).code == 0
    assert files(pictures) == sorted([*before, "deeper/grey 16_x2.png", "one_x2.png", "two_x2.jpg"])
    again = mssn("upscale", pictures, "-m", net, "--force")
    assert again.code == 0
    assert "3 files passed over as results of earlier runs" in again.err.splitlines()[0]
    assert len(files(pictures)) == 6


def test_results_are_known_whatever_they_are_called_and_named_ones_are_enlarged(mssn, pictures, net) -> None:
    assert mssn("upscale", pictures / "one.png", "-m", net, "-o", pictures / "large.jpg").code == 0
    result = mssn("upscale", pictures, "-m", net)
    assert result.code == 0
    assert result.err.startswith("1 file passed over as results of earlier runs")
    assert not (pictures / "large_x2.jpg").exists()
    named = mssn("upscale", pictures / "large.jpg", "-m", net)
    assert (named.code, named.err) == (0, "")
    assert PictureFile(pictures / "large_x2.jpg").size == (80, 120)
    (pictures / "one.png").unlink()  # whose result is one_x2.png, which is passed over all the same
    assert mssn("upscale", pictures, "-m", net, "-f").err.startswith("5 files passed over")


def test_stripped_results_are_known_by_the_name_this_run_gives(mssn, pictures, net) -> None:
    strip = ("-m", net, "--metadata", "strip")
    assert mssn("upscale", pictures, *strip).code == 0
    again = mssn("upscale", pictures, *strip, "--skip-existing")
    assert again.code == 0
    assert "3 files passed over" in again.err and "3 results are there already, 0 to make" in again.err
    other = mssn("upscale", pictures, *strip, "-s", "3")  # no note, another name: pictures like any other
    assert other.code == 0
    assert (pictures / "one_x2_x3.png").exists()


def test_a_picture_called_like_a_result_is_enlarged(mssn, pictures, net) -> None:
    write(pictures / "one_x3.png", read(pictures / "two.jpg"))
    assert mssn("upscale", pictures, "-m", net).code == 0
    assert PictureFile(pictures / "one_x3_x2.png").size == (42, 66)


def test_formats_that_can_only_be_read_become_png(mssn, net, tmp_path, photo) -> None:

    Image.fromarray(photo).save(tmp_path / "a.gif")
    assert mssn("upscale", "a.gif", "-m", net).code == 0
    assert PictureFile(tmp_path / "a_x2.png").size == (192, 224)


@pytest.mark.parametrize(
    ("arguments", "name", "size"),
    [
        (["-s", "2.5"], "one_x2.5.png", (50, 75)),
        (["-s", "5"], "one_x5.png", (100, 150)),
        (["-s", "0.5"], "one_x0.5.png", (10, 15)),
        (["--size", "100x100"], "one_100x67.png", (67, 100)),
        (["--size", "x100"], "one_150x100.png", (100, 150)),
        (["--size", "100x100!"], "one_100x100.png", (100, 100)),
        (["-s", "1.5", "-m", "bicubic"], "one_x1.5.png", (30, 45)),
    ],
)
def test_any_factor_and_any_size(mssn, pictures, arguments, name, size) -> None:
    assert mssn("upscale", pictures / "one.png", *arguments).code == 0
    assert PictureFile(pictures / name).size == size
    assert mssn("upscale", pictures, *arguments, "-o", "big").code == 0
    before = files(pictures)
    assert mssn("upscale", pictures, *arguments, "-f").code == 0  # its own results are nobody's input
    assert len(files(pictures)) == len(before) + 2


def test_alpha_and_orientation_come_along(mssn, net, tmp_path, photo) -> None:

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo).save(tmp_path / "turned.jpg", exif=exif)
    write(tmp_path / "clear.png", Picture(photo, alpha=photo[:, :, :1]))
    assert mssn("upscale", "turned.jpg", "clear.png", "-m", net).code == 0
    assert PictureFile(tmp_path / "turned_x2.jpg").size == (224, 192)
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
    reported = json.loads(progress.as_json(Done(Job(Path("a"), Path("b")), error=error)))
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
        with progress.bar_of_one(Path("a.png")) as tell:
            tell(0.4)
        said = ""
        while " 40%" not in said:
            assert select.select([reader], [], [], 5)[0], said
            said += os.read(reader, 10_000).decode(errors="replace")
    os.close(reader)
    monkeypatch.setattr("sys.stderr", log := io.StringIO())
    with progress.bar_of_one(Path("a.png")) as tell:
        tell(0.4)
    assert log.getvalue() == ""  # soon done, and no terminal


def test_skipping_does_not_skip_the_checks(mssn, pictures, net, tmp_path, photo) -> None:
    assert "would replace the original" in mssn("upscale", pictures, "-o", pictures, "--skip-existing").line
    write(pictures / "one.webp", Picture(photo))
    (pictures / "one.gif").write_bytes(b"GIF")
    assert mssn("upscale", pictures / "one.png", "-o", "big/", "-m", net).code == 0
    again = mssn(
        "upscale", pictures / "one.png", pictures / "two.jpg", "-o", "big/", "-m", net, "--skip-existing"
    )
    assert again.code == 0 and "1 result is there already, 1 to make" in again.err
    assert files(tmp_path / "big") == ["one.png", "two.jpg"]


def test_the_limit_against_bombs_can_be_moved(mssn, pictures, net) -> None:
    result = mssn("upscale", pictures / "one.png", "-m", net, "--max-megapixels", "0.0005")
    assert result.code == 2
    assert "30 x 20 pixels exceed the limit of 0.0005 million (--max-megapixels)" in result.line
    assert mssn("upscale", pictures / "one.png", "-m", net, "--max-megapixels", "0.0006").code == 0


def test_a_moving_gif_becomes_webp_and_a_note_says_what_is_left_out(mssn, net, tmp_path, photo) -> None:

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
