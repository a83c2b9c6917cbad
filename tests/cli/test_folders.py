"""`mssn upscale` on folders: nothing is passed over in silence, nothing is lost, nobody's names meet."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mssn.image.picture import Picture
from mssn.image.read import read, read_rgb
from mssn.image.source import PictureFile
from mssn.image.write import write

BICUBIC = ("-m", "bicubic")


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def gif(path: Path, value: int) -> None:
    Image.fromarray(np.full((8, 9), value, np.uint8)).save(path)


def test_files_of_other_kinds_are_counted_by_their_endings(mssn, pictures) -> None:
    for name in ("notes.txt", "deeper/more.TXT", "song.mp3", "README", ".hidden", ".cache/x.txt", "one.xmp"):
        (pictures / name).parent.mkdir(exist_ok=True)
        (pictures / name).write_text("no picture")
    result = mssn("upscale", "pictures", "-o", "big", *BICUBIC)
    assert result.code == 0
    told = "4 files of other kinds passed over: .txt (2), .mp3 (1), no ending (1)"
    assert told in result.err.splitlines()
    assert len(files(pictures.parent / "big")) == 4  # one.xmp came along
    named = mssn("upscale", "pictures/one.png", "-o", "alone/", *BICUBIC)  # nobody asked about the folder
    assert (named.code, named.err) == (0, "")


def test_of_many_endings_some_are_named(mssn, pictures) -> None:
    for number in range(15):
        (pictures / f"a.{number:02}").touch()
    (line,) = [
        line for line in mssn("upscale", "pictures", *BICUBIC).err.splitlines() if "other kinds" in line
    ]
    assert line.startswith("15 files of other kinds passed over") and line.endswith(".09 (1) and 5 more")


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX knows them")
def test_linked_folders_are_named_and_not_entered(mssn, pictures, tmp_path) -> None:
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path / "elsewhere" / "other.png", Picture(np.zeros((8, 9, 3), np.uint8)))
    (pictures / "circle").symlink_to(pictures)
    (pictures / "away").symlink_to(tmp_path / "elsewhere")
    (pictures / "three.png").symlink_to(pictures / "one.png")
    result = mssn("upscale", "pictures", *BICUBIC)
    assert result.code == 0
    assert "2 linked folders passed over: pictures/" in result.err
    assert files(tmp_path / "elsewhere") == ["other.png"]
    assert (pictures / "three_x2.png").exists()  # a linked file is a picture like any other
    assert mssn("upscale", "pictures/away", *BICUBIC).code == 0  # a linked folder that is named is one
    assert files(tmp_path / "elsewhere") == ["other.png", "other_x2.png"]


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX knows them")
def test_a_pattern_follows_no_circles(mssn, pictures, tmp_path) -> None:
    for name in ("circle", "another", "deeper/back"):  # followed, they would lead to 3 ** 40 places
        (pictures / name).symlink_to(pictures)
    result = mssn("upscale", "pictures/**/*.png", "-o", "big/", *BICUBIC)
    assert result.code == 0
    assert files(tmp_path / "big") == ["deeper/grey 16.png", "one.png"]
    assert "3 linked folders passed over: pictures/another, pictures/circle" in result.err
    assert mssn("upscale", "pictures/cir*/*.jpg", "-o", "named/", *BICUBIC).code == 0
    assert files(tmp_path / "named") == ["circle/two.jpg"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("pictures/**", ["deeper/grey 16.png", "one.png", "two.jpg"]),
        ("pictures/**/*.[jp][pn]g", ["deeper/grey 16.png", "one.png", "two.jpg"]),
        ("pictures/**/deeper/**/*.png", ["deeper/grey 16.png"]),
        ("pict*/*.png", ["pictures/one.png"]),
        ("*/*/*", ["pictures/deeper/grey 16.png"]),
        ("pictures/???.*", ["one.png", "two.jpg"]),
        ("pictures/*/grey 16.png", ["deeper/grey 16.png"]),
        ("pictures/.*.png", [".named.png"]),
    ],
)
def test_patterns_find_what_a_shell_would(mssn, pictures, tmp_path, pattern, found) -> None:
    (pictures / ".named.png").write_bytes((pictures / "one.png").read_bytes())
    for given in (pattern, tmp_path / pattern):
        assert mssn("upscale", given, "-o", "big/", "--force", *BICUBIC).code == 0
        assert files(tmp_path / "big") == found


def test_a_picture_that_two_ways_lead_to_is_enlarged_once(mssn, pictures) -> None:
    result = mssn("upscale", "pictures", "pictures/deeper", pictures / "one.png", "-o", "big", *BICUBIC)
    assert result.code == 0
    assert files(pictures.parent / "big") == ["deeper/grey 16.png", "one.png", "two.jpg"]


def test_pictures_of_one_name_become_files_of_different_names(mssn, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    gif(tmp_path / "in" / "a.gif", 10)
    write(tmp_path / "in" / "a.png", Picture(np.full((8, 9, 3), 200, np.uint8)))
    result = mssn("upscale", "in", *BICUBIC)
    assert result.code == 0
    assert "in/a.gif becomes in/a.gif_x2.png, because in/a.png becomes in/a_x2.png" in result.err.splitlines()
    assert read_rgb(tmp_path / "in" / "a_x2.png").mean() == 200
    assert read_rgb(tmp_path / "in" / "a.gif_x2.png").mean() == 10
    again = mssn("upscale", "in", "--skip-existing", *BICUBIC)
    assert again.code == 0 and "2 results are there already, 0 to make" in again.err
    assert mssn("upscale", "in", "-o", "out", *BICUBIC).code == 0
    assert files(tmp_path / "out") == ["a.gif.png", "a.gif_x2.png", "a.png", "a_x2.png"]


def test_pictures_of_one_name_from_several_folders(mssn, tmp_path) -> None:
    for number, folder in enumerate(("one", "two", "deep/two")):
        (tmp_path / folder).mkdir(parents=True)
        write(tmp_path / folder / "a.png", Picture(np.full((8, 9, 3), 50 * number, np.uint8)))
    result = mssn("upscale", "one/a.png", "two/a.png", "deep/two/a.png", "-o", "out", *BICUBIC)
    assert result.code == 0
    told = "two/a.png becomes out/two_a.png, because one/a.png becomes out/a.png (1 more like it)"
    assert told in result.err.splitlines()
    means = {name: read_rgb(tmp_path / "out" / name).mean() for name in files(tmp_path / "out")}
    assert means == {"a.png": 0, "two_a.png": 50, "a_2.png": 100}


def test_downscale_keeps_them_apart_and_says_what_it_passes_over(mssn, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    gif(tmp_path / "in" / "a.gif", 10)
    write(tmp_path / "in" / "a.png", Picture(np.full((8, 9, 3), 200, np.uint8)))
    (tmp_path / "in" / "a.txt").touch()
    result = mssn("downscale", "in", "-o", "lr")
    assert result.code == 0
    assert files(tmp_path / "lr") == ["a.gifx2.png", "ax2.png"]
    assert (
        "1 file of other kinds passed over" in result.err and "in/a.gif becomes lr/a.gifx2.png" in result.err
    )


def test_an_original_called_like_a_result_is_not_overwritten(mssn, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "a.png", Picture(np.zeros((8, 9, 3), np.uint8)))
    write(tmp_path / "in" / "a_x2.png", Picture(np.full((6, 7, 3), 9, np.uint8)))
    for inputs in (["in"], ["in/a.*"]):
        result = mssn("upscale", *inputs, "--force", *BICUBIC)
        assert result.code == 2
        assert result.line.startswith("mssn: in/a_x2.png: has no note that mssn made it, so --force")
        assert PictureFile(tmp_path / "in" / "a_x2.png").size == (6, 7)
    assert mssn("upscale", "in/a.png", "--force", *BICUBIC).code == 0  # who names it means it
    assert PictureFile(tmp_path / "in" / "a_x2.png").size == (16, 18)
    assert mssn("upscale", "in", "--force", *BICUBIC).code == 0  # now it is a result


def test_a_name_too_long_is_the_trouble_of_one_picture(mssn, pictures) -> None:
    write(pictures / f"{'n' * 250}.png", Picture(np.zeros((8, 9, 3), np.uint8)))
    result = mssn("upscale", "pictures", *BICUBIC)
    assert result.code == 1
    lines = result.err.splitlines()
    assert len(lines) == 2 and lines[0].endswith("_x2.png: cannot be written: File name too long")
    assert lines[1] == "mssn: 3 of 4 pictures enlarged, 1 failed"
    assert (pictures / "one_x2.png").exists()


@pytest.mark.skipif(os.name != "posix", reason="links and names as POSIX knows them")
def test_odd_names_break_no_line_and_links_are_written_through(mssn, pictures, tmp_path) -> None:
    write(pictures / "new\nline \x1b[31m.png", Picture(np.zeros((8, 9, 3), np.uint8)))
    (pictures / "bro\nken.png").write_text("nothing")
    (tmp_path / "big").mkdir()
    (tmp_path / "kept.png").write_bytes(b"old")
    (tmp_path / "kept.png").chmod(0o640)
    (tmp_path / "big" / "one.png").symlink_to(tmp_path / "kept.png")
    result = mssn("upscale", "pictures", "-o", "big", "--force", *BICUBIC)
    assert result.code == 1
    assert len(result.out.splitlines()) == 4 and len(result.err.splitlines()) == 2
    assert "big/new\\nline \\x1b[31m.png" in result.out
    assert "bro" in result.err.splitlines()[0]
    assert (tmp_path / "big" / "one.png").is_symlink() and PictureFile(tmp_path / "kept.png").size == (40, 60)
    assert (tmp_path / "kept.png").stat().st_mode & 0o777 == 0o640


def test_a_size_names_the_file_by_what_it_became(mssn, pictures) -> None:
    assert mssn("upscale", "pictures", "--size", "120x120", *BICUBIC).code == 0
    names = ["deeper/grey 16.png", "deeper/grey 16_120x73.png"]
    assert files(pictures) == [*names, "one.png", "one_120x80.png", "two.jpg", "two_120x76.jpg"]
    for name in ("one_120x80.png", "two_120x76.jpg"):
        width, height = name.split("_")[1].split(".")[0].split("x")
        assert PictureFile(pictures / name).size == (int(height), int(width))


def test_hidden_pictures_are_counted(mssn, pictures) -> None:
    write(pictures / ".hidden.png", read(pictures / "one.png"))
    (pictures / ".DS_Store").write_text("no picture")
    result = mssn("upscale", pictures, "-o", "big/", "-m", "bicubic")
    assert result.code == 0
    assert "1 hidden file passed over; name one to use it" in result.err.splitlines()
    assert "DS_Store" not in result.err


def test_downscale_says_which_pages_it_leaves_out(mssn, pictures) -> None:
    one = read(pictures / "one.png").pixels[:20, :30]
    write(pictures / "pages.tif", Picture(np.concatenate([one, one, one]), pages=3))
    assert mssn("downscale", pictures / "pages.tif", "-o", "small").out.endswith("15x10  the first of 3\n")
