"""`mssn compare`: a picture is enlarged as `mssn upscale` would enlarge it, and scored."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mssn.api import load
from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import imresize, shrink
from mssn.image.write import write
from mssn.score.metrics import psnr_y


def test_compare_draws_original_bicubic_and_model(mssn, tmp_path, photo) -> None:
    write(tmp_path / "photo.png", Picture(imresize(photo, scale=2)))
    result = mssn("compare", "photo.png")
    assert result.code == 0
    assert "bicubic  PSNR" in result.out
    assert len({line.index("  PSNR") for line in result.out.splitlines() if "  PSNR" in line}) == 1
    drawing = read_rgb(tmp_path / "photo_compare.png")
    assert drawing.shape[1] == 3 * 480 + 2 * 8
    panels = [drawing[:, start : start + 480].astype(int) for start in (0, 488, 976)]
    assert all(np.abs(a - b).max() > 50 for a, b in itertools.pairwise(panels))
    assert "exists already" in mssn("compare", "photo.png").line
    assert "gone.png" in mssn("compare", "gone.png").line
    write(tmp_path / "dot.png", Picture(photo[:3, :3]))
    assert "dot.png" in mssn("compare", "dot.png").line


@pytest.fixture
def files(tmp_path, photo) -> None:
    large = Picture(imresize(photo, scale=2))
    write(tmp_path / "a.png", large)
    write(tmp_path / "a.jpg", large, quality=50)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("options", "told", "untold"),
    [
        ((), "mssn-s-photo 0.1", "mssn-s"),
        (("--strength", "0.5"), "mssn-s-photo 0.5", "mssn-s + mssn-s-photo 0.5"),
        (("--strength", "0"), "mssn-s", "mssn-s"),
        (("--variant", "clean"), "mssn-s", "mssn-s"),
        (("--variant", "photo"), "mssn-s-photo 0.1", "mssn-s-photo"),
        (("-m", "mssn-s-photo"), "mssn-s-photo 0.1", "mssn-s-photo"),
    ],
)
def test_the_small_picture_is_enlarged_as_upscale_does_it(
    mssn, shipped_told, tmp_path, options, told, untold
) -> None:
    """What is named is what `mssn upscale` names of it, and the score that of its pixels."""
    hr = read_rgb(tmp_path / "a.png")
    write(tmp_path / "small.png", Picture(shrink(hr, 2)))
    line = mssn("upscale", "small.png", "-o", "large.png", *options).out
    name = line.split("  ")[2]
    assert name == (told if shipped_told else untold)
    result = mssn("compare", "a.png", *options)
    assert (result.code, result.err) == (0, "")
    score = psnr_y(read_rgb(tmp_path / "large.png"), hr, 2)
    assert f"{name}  PSNR {score:6.2f} dB" in result.out


@pytest.mark.usefixtures("files")
def test_what_upscale_takes_for_the_file_itself_is_said(mssn, shipped_told) -> None:
    result = mssn("compare", "a.jpg")
    name = mssn("upscale", "a.jpg").out.split("  ")[2]
    assert name.endswith(" (JPEG, quality about 50)")
    assert result.line == (
        f"mssn upscale takes {name} for the file itself; the small picture was never stored like that and "
        "counts as a PNG"
    )
    assert ("mssn-s-photo 0.1  PSNR" if shipped_told else " mssn-s  PSNR") in result.out
    assert mssn("compare", "a.jpg", "-f", "--strength", "0.3").err == ""  # then both are enlarged alike


@pytest.mark.usefixtures("files")
def test_any_whole_scale_is_compared(mssn, tmp_path) -> None:
    result = mssn("compare", "a.png", "-s", "5", "--variant", "clean")
    hr = read_rgb(tmp_path / "a.png")
    hr = hr[: len(hr) // 5 * 5, : hr.shape[1] // 5 * 5]
    assert "-> x5\n" in result.out
    score = psnr_y(load(scale=5, variant="clean")(shrink(hr, 5)), hr, 5)
    assert f"mssn-s  PSNR {score:6.2f} dB" in result.out


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-s", "1"), "--scale must be at least 2, not 1"),
        (("-s", "0"), "--scale must be at least 2, not 0"),
        (("--strength", "1.1"), "--strength must be a number from 0 to 1, not 1.1"),
        (("-m", "bicubic", "--strength", "0.5"), "--strength is for networks; bicubic is none"),
        (("-m", "bicubic", "--variant", "photo"), "bicubic has no weights made for photographs"),
        (("--variant", "clean", "--strength", "0.5"), "a --strength above 0 contradicts the variant clean"),
        (("--variant", "photo", "--strength", "0"), "a --strength of 0 contradicts the variant photo"),
        (("-m", "mssn-s-photo", "--variant", "clean"), "for clean pictures take mssn-s"),
    ],
)
def test_what_it_refuses(mssn, tmp_path, options, words) -> None:
    result = mssn("compare", "a.png", *options)
    assert (result.code, words in result.line) == (2, True), result.err
    assert not (tmp_path / "a_compare.png").exists()
