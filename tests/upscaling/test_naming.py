"""What results are called, and how they are known again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mssn.image.picture import Picture
from mssn.image.source import PictureFile
from mssn.image.write import write
from mssn.image.xmp import signed
from mssn.upscaling.naming import beside, is_result, suffix_for, writable
from mssn.upscaling.size import Factor, parse


@pytest.mark.parametrize(
    ("source", "size", "name"),
    [
        ("a.png", Factor(2), "a_x2.png"),
        ("a.b.JPG", Factor(2.5), "a.b_x2.5.JPG"),
        ("a.png", parse("1920x1080"), "a_1920x1080.png"),
        ("a.png", parse("x1080"), "a_x1080.png"),
        ("a.heic", Factor(2), "a_x2.heic"),
        ("a.jxl", Factor(2), "a_x2.jxl"),
        ("a.jfif", Factor(2), "a_x2.jfif"),
        ("a.JPE", Factor(2), "a_x2.JPE"),
        ("a.mpo", Factor(2), "a_x2.jpg"),
        ("a.bmp", Factor(2), "a_x2.png"),
        ("a.ppm", Factor(2), "a_x2.png"),
        ("no/such.gif", Factor(2), "such_x2.png"),
        ("none", Factor(1.5), "none_x1.5.png"),
        ("dot.", Factor(2), "dot._x2.png"),
    ],
)
def test_results_are_called_after_their_originals(source, size, name) -> None:
    assert beside(Path("in") / source, size) == (Path("in") / source).with_name(name)


def test_gifs_become_what_can_hold_them(tmp_path, photo) -> None:
    frames = [Image.fromarray(np.roll(photo, 9 * n, axis=0)) for n in range(2)]
    frames[0].save(tmp_path / "still.gif")
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    for name, ending in (("still", ".png"), ("moving", ".webp")):
        source = tmp_path / f"{name}.gif"
        assert writable(Path("out/b.gif"), source) == Path(f"out/b{ending}")
        assert beside(source, Factor(2), PictureFile(source)) == tmp_path / f"{name}_x2{ending}"
        assert suffix_for(PictureFile(source)) == ending
    write(tmp_path / "a.jpg", Picture(photo))
    assert suffix_for(PictureFile((tmp_path / "a.jpg").read_bytes())) == ".jpg"


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif", "avif"])
def test_the_note_decides_and_not_the_name(tmp_path, photo, ending) -> None:
    mine, theirs = tmp_path / f"holiday.{ending}", tmp_path / f"photo_x2.{ending}"
    write(mine, Picture(photo, xmp=signed(None, "mssn-s")))
    write(theirs, Picture(photo))
    write(tmp_path / f"photo.{ending}", Picture(photo))
    assert is_result(mine, ())
    assert not is_result(theirs, ())


def test_without_a_note_the_names_of_this_run_decide(tmp_path, photo) -> None:
    source = tmp_path / "photo_x2.png"
    write(source, Picture(photo))
    assert is_result(source, {source})
    assert not is_result(source, {tmp_path / "photo_x3.png"})


def test_what_is_no_picture_is_no_result(tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    assert not is_result(tmp_path / "a.png", ())
    assert not is_result(tmp_path / "gone.png", ())
