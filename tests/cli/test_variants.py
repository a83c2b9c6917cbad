"""`mssn upscale --variant` and `--strength`: which weights enlarge which file, and how strongly."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import write

OF_THE_FILE = {  # what enlarges a file, where weights for photographs are told a strength, and where not
    "bad.jpg": ("mssn-s-photo 0.85 (JPEG, quality about 50)", "mssn-s-photo (JPEG, quality about 50)"),
    "good.jpg": ("mssn-s-photo 0.1 (JPEG, quality about 97)", "mssn-s (JPEG, quality about 97)"),
    "clean.png": ("mssn-s-photo 0.1", "mssn-s"),
}


@pytest.fixture
def files(tmp_path, photo) -> list[str]:
    for name, quality in (("bad.jpg", 50), ("good.jpg", 97), ("clean.png", None)):
        write(tmp_path / name, Picture(photo), quality=quality)
    return list(OF_THE_FILE)


def test_each_file_gets_the_weights_that_suit_it_and_says_so(mssn, shipped_told, files, tmp_path) -> None:
    expected = [words[not shipped_told] for words in OF_THE_FILE.values()]
    for options in ((), ("--dry-run", "-f")):
        reported = mssn("upscale", *files, "-o", "big/", *options)
        assert [line.split("  ")[2] for line in reported.out.splitlines()] == expected
    facts = json.loads(mssn("upscale", "bad.jpg", "--json", "--report", "report.jsonl").out)
    assert (facts["model"], facts["lossy"], facts["quality"]) == ("mssn-s-photo", True, 50)
    assert facts["steps"] == [["mssn-s-photo", 2]]
    assert facts["strength"] == (0.85 if shipped_told else 1)
    assert json.loads((tmp_path / "report.jsonl").read_text("utf-8"))["strength"] == facts["strength"]
    planned = json.loads(mssn("upscale", "bad.jpg", "-f", "--dry-run", "--json").out)
    assert (planned["model"], planned["strength"]) == (facts["model"], facts["strength"])
    name = "mssn-s-photo 0.85" if shipped_told else "mssn-s-photo"
    assert f'mssn:Model="{name}"'.encode() in (read(tmp_path / "bad_x2.jpg").xmp or b"")
    mssn("upscale", "bad.jpg", "-f", "--metadata", "strip")
    assert read(tmp_path / "bad_x2.jpg").xmp is None


def test_the_variant_can_be_chosen(mssn, shipped_told, photo, tmp_path) -> None:
    write(tmp_path / "a.png", Picture(photo))
    results = {}
    for name, options in {
        "clean": ["--variant", "clean"],
        "nothing": ["--strength", "0"],
        "clean twice": ["--variant", "clean", "--strength", "0"],
        "photo": ["--variant", "photo"],
        "named": ["-m", "mssn-s-photo"],
        "auto": [],
    }.items():
        assert mssn("upscale", "a.png", "-o", f"{name}.png", *options).code == 0
        results[name] = read(tmp_path / f"{name}.png").pixels
    assert np.array_equal(results["clean"], results["nothing"])
    assert np.array_equal(results["clean"], results["clean twice"])
    assert np.array_equal(results["photo" if shipped_told else "clean"], results["auto"])
    assert np.array_equal(results["photo"], results["named"])
    assert not np.array_equal(results["photo"], results["clean"])


def test_the_strength_of_every_file_can_be_chosen(mssn, shipped_told, files, tmp_path) -> None:
    """The line, the note in the XMP and the JSON say so."""
    for strength, told, untold in (
        ("0", "mssn-s", "mssn-s"),
        ("0.05", "mssn-s + mssn-s-photo 0.05", "mssn-s + mssn-s-photo 0.05"),
        (".5", "mssn-s-photo 0.5", "mssn-s + mssn-s-photo 0.5"),
        ("1", "mssn-s-photo", "mssn-s-photo"),
    ):
        name = told if shipped_told else untold
        reported = mssn("upscale", *files, "-o", "big/", "-f", "--strength", strength)
        assert [line.split("  ")[2].partition(" (")[0] for line in reported.out.splitlines()] == [name] * 3
        for file in files:
            assert f'mssn:Model="{name}"'.encode() in (read(tmp_path / "big" / file).xmp or b"")
        lines = mssn("upscale", *files, "-o", "big/", "-f", "--strength", strength, "--json").out.splitlines()
        assert [json.loads(line)["strength"] for line in lines] == [float(strength)] * 3


def test_a_file_that_is_told_has_the_dial(mssn, exported_photo, files) -> None:
    def enlarged_by(*options: object) -> list[str]:
        reported = mssn("upscale", *files, "-o", "big/", "-f", *options)
        assert reported.code == 0
        return [line.split("  ")[2].partition(" (")[0] for line in reported.out.splitlines()]

    name = "mssn-s-photo-x2.onnx"
    model = ("-m", exported_photo[True] / name)
    assert enlarged_by(*model) == [f"{name} {strength}" for strength in ("0.85", "0.1", "0.1")]
    assert enlarged_by(*model, "--strength", "0.7") == [f"{name} 0.7"] * 3
    assert enlarged_by(*model, "--strength", "0") == [f"{name} 0.1"] * 3
    assert enlarged_by("-m", exported_photo[False] / name) == [name] * 3


@pytest.mark.parametrize("strength", ["nan", "-0.1", "1.1", "inf", "half", ""])
def test_what_is_no_strength_is_refused(mssn, files, tmp_path, strength) -> None:
    failed = mssn("upscale", "bad.jpg", f"--strength={strength}")
    assert failed.code == 2
    assert "--strength" in failed.line
    assert not (tmp_path / "bad_x2.jpg").exists()


def test_where_there_is_no_dial_a_strength_is_refused(mssn, exported_photo, files) -> None:
    network = exported_photo[False] / "mssn-s-photo-x2.onnx"
    for options, words in (
        (("-m", "bicubic", "--strength", 0), "--strength is for networks; bicubic is none"),
        (("-m", network, "--strength", 0.5), "its network is not told a --strength; leave it out"),
        (("--variant", "clean", "--strength", 0.5), "a --strength above 0 contradicts the variant clean"),
        (("--variant", "photo", "--strength", 0), "a --strength of 0 contradicts the variant photo"),
        (("--variant", "photo", "--strength", 0, "-s", 3), "a --strength of 0 contradicts the variant photo"),
        (("-m", "mssn-s-photo", "--strength", 0), "for clean pictures take mssn-s"),
        (("-m", "mssn-s-photo", "--strength", 0, "-s", 3), "for clean pictures take mssn-s"),
        (("-m", "mssn-s-photo-photo"), "unknown model 'mssn-s-photo-photo'; known are: mssn-s,"),
    ):
        failed = mssn("upscale", "bad.jpg", *options)
        assert failed.code == 2
        assert words in failed.line


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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--strength", "0.5", "-s", "1"), "--strength says nothing about a scale of 1: no network runs"),
        (("--variant", "photo", "-s", "0.5"), "--variant says nothing about a scale of 0.5: no network runs"),
        (
            ("--variant", "photo", "--strength", "1", "-s", ".25"),
            "--variant and --strength say nothing about a scale of 0.25: no network runs",
        ),
    ],
)
def test_where_no_network_runs_the_dial_is_said_to_be_useless(mssn, photo, tmp_path, options, words) -> None:
    write(tmp_path / "a.png", Picture(photo))
    for more in ((), ("--dry-run", "-f")):
        result = mssn("upscale", "a.png", "-o", "b.png", *options, *more)
        assert (result.code, result.err.splitlines()[0]) == (0, words)
    assert mssn("upscale", "a.png", "-o", "b.png", "-f", "-s", "0.5").err == ""
    assert mssn("upscale", "a.png", "-o", "b.png", "-f", "-s", "1.5", "--strength", "0.5").err == ""


def test_the_photo_name_is_the_variant(mssn, photo, tmp_path) -> None:
    write(tmp_path / "a.jpg", Picture(photo[:40, :40]), quality=50)
    for scale in (2, 4, 6):
        mssn("upscale", "a.jpg", "-o", "one.png", "-f", "-s", scale, "-m", "mssn-s-photo")
        mssn("upscale", "a.jpg", "-o", "other.png", "-f", "-s", scale, "--variant", "photo")
        one, other = (read(tmp_path / name).pixels for name in ("one.png", "other.png"))
        assert np.array_equal(one, other)
