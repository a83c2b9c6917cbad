"""`mssn compare film.mkv --at 12.5`: a frame of a film takes the place of a photograph."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.write import write

av = pytest.importorskip("av")

from film_clips import CASES, drawn, make_clip  # noqa: E402


@pytest.fixture
def film(tmp_path) -> Path:
    """Six drawn frames, half a second each."""
    return make_clip(tmp_path / "film.mkv", 6, 2, sound=False, encoder="ffv1")


def test_the_frame_is_drawn_as_a_picture_of_it_is(mssn, film, net, tmp_path) -> None:
    drawing = mssn("compare", film, "--at", "0:01.7", "-m", net)
    assert drawing.code == 0, drawing.err
    assert drawing.out.startswith("film.mkv at 1.50 s: 64x48 -> 32x24 -> x2\n")
    from mssn.film.frames import frame_at

    write(tmp_path / "film.png", Picture(frame_at(film, 1.7).pixels))
    picture = mssn("compare", "film.png", "-m", net, "-o", "other.png")
    scores = [re.findall(r"PSNR.*", result.out) for result in (drawing, picture)]
    assert len(scores[0]) == 2 and scores[0] == scores[1]
    assert np.array_equal(read_rgb(tmp_path / "film_compare.png"), read_rgb(tmp_path / "other.png"))


def test_what_upscale_takes_for_the_film_is_said(mssn, tmp_path) -> None:
    make_clip(tmp_path / "bad.mp4", 6, 2, sound=False)
    planned = mssn("upscale", "bad.mp4", "--dry-run").out
    assert mssn("compare", "bad.mp4").line.startswith(
        f"mssn upscale takes {planned.split('  ')[3].strip()} for the file itself; "
    )


def test_without_a_time_it_is_the_middle(mssn, film, net) -> None:
    assert mssn("compare", film, "-m", net).out.startswith("film.mkv at 1.50 s: ")


@pytest.mark.parametrize("name", ["ten.mkv", "gray.mkv", "rot.mp4"])
def test_deep_grey_and_turned_films(mssn, net, name) -> None:
    result = mssn("compare", CASES / name, "-m", net)
    assert result.code == 0, result.err
    size = {"ten.mkv": "128x96", "gray.mkv": "64x48", "rot.mp4": "48x64"}[name]
    assert f" s: {size} -> " in result.out


def test_rows_of_pictures_and_moving_ones(mssn, net, tmp_path) -> None:
    for number in range(1, 4):
        write(tmp_path / f"{number}.png", Picture(drawn(number)))
    assert mssn("compare", "%d.png", "--at", "0.05", "-m", net).out.startswith("%d.png at 0.04 s: ")
    assert mssn("compare", CASES / "v.gif", "--at", "0.75", "-m", net).out.startswith("v.gif at 0.70 s: ")


def test_what_it_refuses(mssn, film, net, tmp_path) -> None:
    write(tmp_path / "a.jpg", Picture(drawn(1)))
    for arguments, words in (
        ((film, "--at", "3.5"), "is over after 3 s; --at 3.5 is too late"),
        ((film, "--at", "soon"), "--at must be a time, 83.5 or 1:23.5 or 0:01:23.5, not 'soon'"),
        (("a.jpg", "--at", "1"), "--at is for films, which a.jpg is not"),
    ):
        result = mssn("compare", *arguments, "-m", net)
        assert result.code == 2
        assert words in result.line
