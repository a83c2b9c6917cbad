"""`mssn upscale --variant`: which weights enlarge which file."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import write


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
