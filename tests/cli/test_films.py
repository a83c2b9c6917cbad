"""`mssn upscale film.mkv`: names, options, folders, lines and exit codes; pixels are in tests/film."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from film_clips import film_of, make_clip, scene

from mssn.image.picture import Picture
from mssn.image.write import write

pytest.importorskip("av")
FILMS = Path(__file__).parent.parent / "cases" / "video"


@pytest.fixture
def film(tmp_path) -> Path:
    return Path(shutil.copy(FILMS / "src.mp4", tmp_path))


def size(path: Path) -> tuple[int, int, int]:
    """Width, height and frames, all decoded."""
    import av

    with av.open(str(path)) as container:
        frames = [(frame.width, frame.height) for frame in container.decode(video=0)]
    return *frames[0], len(frames)


def test_a_film_becomes_a_larger_one_beside_it(mssn, film) -> None:
    result = mssn("upscale", film, "--model", "bicubic")
    assert result.code == 0, result.err
    assert result.out.startswith(f"{film.parent / 'src_x2.mp4'}  64x48 -> 128x96  25 frames  bicubic  ")
    assert size(film.parent / "src_x2.mp4") == (128, 96, 25)
    assert [path.name for path in sorted(film.parent.iterdir())] == ["src.mp4", "src_x2.mp4"]


def test_times_are_kept_if_asked_for(mssn, film, tmp_path) -> None:
    os.utime(film, (1e9, 1e9))
    for name in ("new.mkv", "new.gif"):
        assert mssn("upscale", film, "-o", tmp_path / name, "-m", "bicubic", "--keep-times").code == 0
        assert (tmp_path / name).stat().st_mtime == 1e9


def test_sizes_that_are_no_whole_factor(mssn, film, tmp_path) -> None:
    assert mssn("upscale", film, "-m", "bicubic", "--size", "300x300", "-o", "out.mkv").code == 0
    assert size(tmp_path / "out.mkv") == (300, 225, 25) or size(tmp_path / "out.mkv") == (300, 224, 25)
    assert mssn("upscale", film, "-m", "bicubic", "--scale", "1.5", "-o", "other.mkv").code == 0
    assert size(tmp_path / "other.mkv") == (96, 72, 25)


@pytest.mark.parametrize("name", ["src.mp4", "inter.mpg", "odd.webm", "alpha.mov", "mjpeg.avi", "gray.mkv"])
def test_every_codec_says_which_weights_suit_it(mssn, shipped_told, tmp_path, name) -> None:
    shutil.copy(FILMS / name, tmp_path)
    planned = mssn("upscale", name, "--dry-run", "--json")
    assert planned.code == 0, planned.err
    assert json.loads(planned.out)["model"] in ("mssn-s", "mssn-s-photo")
    made = mssn("upscale", name, "--to", "0.1", "--json", "-o", "out.mkv")
    assert made.code == 0, made.err
    assert json.loads(made.out)["model"] == json.loads(planned.out)["model"]


def test_json_tells_what_became_of_it(mssn, film) -> None:
    line = json.loads(mssn("upscale", film, "-m", "bicubic", "--json", "--report", "r.jsonl").out)
    assert (line["frames"], line["before"], line["after"]) == (25, [64, 48], [128, 96])
    assert (line["model"], line["missing"], line["resumed"]) == ("bicubic", [], 0)
    assert (line["strength"], line["strengths"]) == (None, None)
    noted = json.loads((film.parent / "r.jsonl").read_text())
    assert noted["target"] == line["target"] and len(noted["target_sha256"]) == 64


def test_the_line_says_from_which_strength_to_which(mssn, tmp_path) -> None:
    """A clean scene and one that was strongly compressed."""
    film_of(tmp_path / "a.mkv", (scene(1, 20), 14), (scene(2, 12), 40))
    result = mssn("upscale", "a.mkv", "--json")
    line = json.loads(result.out)
    assert line["strength"] == line["strengths"][0] < 0.3 and line["strengths"][1] > 0.5
    least, most = line["strengths"]
    result = mssn("upscale", "a.mkv", "-o", "b.mkv")
    assert f"  mssn-s-photo {least} to {most}  " in result.out
    result = mssn("upscale", "a.mkv", "-o", "c.mkv", "--strength", "0.4")
    assert "  mssn-s-photo 0.4  " in result.out


def test_from_and_to(mssn, film, tmp_path) -> None:
    result = mssn("upscale", film, "-m", "bicubic", "--from", "0.2", "--to", "0:00.6", "-o", "part.mkv")
    assert result.code == 0, result.err
    assert size(tmp_path / "part.mkv") == (128, 96, 10)


def test_a_part_does_not_take_the_name_of_the_whole(mssn, film, tmp_path) -> None:
    result = mssn("upscale", film, "-m", "bicubic", "--from", "0:00.2", "--to", "0.6")
    assert result.code == 0, result.err
    assert size(tmp_path / "src_from-0.2_to-0.6_x2.mp4") == (128, 96, 10)
    whole = mssn("upscale", film, "-m", "bicubic", "--skip-existing")
    assert whole.code == 0 and size(tmp_path / "src_x2.mp4") == (128, 96, 25)
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "a.png", Picture(np.zeros((8, 8, 3), np.uint8)))
    shutil.copy(film, tmp_path / "in")
    assert mssn("upscale", "in", "-m", "bicubic", "--to", "0.1").code == 0
    names = sorted(path.name for path in (tmp_path / "in").iterdir())
    assert names == ["a.png", "a_x2.png", "src.mp4", "src_to-0.1_x2.mp4"]


def test_an_empty_film_is_called_so(mssn, tmp_path) -> None:
    (tmp_path / "e.mp4").touch()
    result = mssn("upscale", "e.mp4")
    assert (result.code, result.err) == (2, "mssn: e.mp4: the file is empty\n")


def test_a_dry_run_makes_nothing(mssn, film) -> None:
    result = mssn("upscale", film, "-m", "bicubic", "--dry-run")
    assert result.code == 0 and "64x48 -> 128x96  25 frames" in result.out
    assert "nothing was written: 1 film" in result.err
    assert [path.name for path in film.parent.iterdir()] == ["src.mp4"]


def test_a_turned_film_has_the_size_that_is_seen(mssn, tmp_path) -> None:
    shutil.copy(FILMS / "rot.mp4", tmp_path)
    command = ("upscale", "rot.mp4", "-m", "bicubic")
    for more in (["--dry-run"], ["-o", "a.mp4"]):
        result = mssn(*command, *more)
        assert result.code == 0 and "  48x64 -> 96x128  25 frames  " in result.out
    for more in (["--dry-run"], ["-o", "b.mp4"]):
        told = json.loads(mssn(*command, *more, "--json").out)
        assert (told["before"], told["after"], told["frames"]) == ([48, 64], [96, 128], 25)
    assert size(tmp_path / "a.mp4") == (128, 96, 25)  # stored


@pytest.mark.parametrize(
    ("name", "still", "codec"),
    [("a.mkv", False, "av1"), ("a.mp4", False, "h264"), ("a.mkv", False, "hevc"), ("a.mkv", True, "av1")],
)
def test_a_dry_run_knows_about_how_large_a_film_becomes(mssn, tmp_path, name, still, codec) -> None:
    make_clip(tmp_path / name, 100, still=still)
    command = ("upscale", name, "--codec", codec, "--json")
    planned = json.loads(mssn(*command, "--dry-run").out)
    made = json.loads(mssn(*command).out)
    large = Path(made["target"]).stat().st_size
    assert planned["frames"] == made["frames"] == 100
    assert large / 1.5 < planned["bytes"] < large * 1.5


def test_a_codec_that_is_none_is_answered_with_those_of_this_system(mssn, film) -> None:
    import av

    result = mssn("upscale", film, "--codec", "nonsense")
    named = result.err.split("must be one of ")[1].split(", not")[0].split(", ")
    assert {"av1", "h264", "hevc", "vp9", "ffv1", "prores"} <= set(named)
    for name in named[6:]:
        assert av.Codec(name, "w").name == name
    wheels = {"linux": "_videotoolbox", "win32": "_videotoolbox", "darwin": "_mf"}
    assert wheels[sys.platform] not in result.err


def test_films_and_pictures_of_a_folder(mssn, tmp_path, film) -> None:
    (tmp_path / "in").mkdir()
    film.rename(tmp_path / "in" / "film.mp4")
    write(tmp_path / "in" / "photo.png", Picture(np.zeros((8, 8, 3), np.uint8)))
    result = mssn("upscale", "in", "-m", "bicubic", "-o", "out/")
    assert result.code == 0, result.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["film.mp4", "photo.png"]
    again = mssn("upscale", "in", "-m", "bicubic", "-o", "out/", "--skip-existing")
    assert again.code == 0 and "2 results are there already" in again.err
    assert mssn("upscale", "in", "-m", "bicubic", "-o", "out/").code == 2


def test_an_earlier_result_is_not_enlarged_again(mssn, tmp_path, film) -> None:
    (tmp_path / "in").mkdir()
    film.rename(tmp_path / "in" / "film.mp4")
    assert mssn("upscale", "in", "-m", "bicubic").code == 0
    (tmp_path / "in" / "film_x2.mp4").rename(tmp_path / "in" / "renamed.mp4")
    result = mssn("upscale", "in", "-m", "bicubic")
    assert result.code == 0 and "1 file passed over as results of earlier runs" in result.err
    names = sorted(path.name for path in (tmp_path / "in").iterdir())
    assert names == ["film.mp4", "film_x2.mp4", "renamed.mp4"]


def test_a_container_that_cannot_hold_the_result_becomes_mkv(mssn, tmp_path) -> None:
    shutil.copy(FILMS / "inter.mpg", tmp_path)
    result = mssn("upscale", "inter.mpg", "-m", "bicubic")
    assert result.code == 0, result.err
    assert "inter_x2.mkv: takes the place of inter_x2.mpg: films are written as" in result.err
    assert (tmp_path / "inter_x2.mkv").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--crop", "0,0,8,8"], "--crop is for pictures"),
        (["--dpi", "scale"], "--dpi is for pictures"),
        (["--metadata", "strip"], "--metadata"),
        (["--codec", "mpeg9"], "--codec must be one of"),
        (["--from", "soon"], "--from must be a time"),
        (["--from", "1:75"], "--from must be a time"),
        (["--from", "1:20:00.5"], "src.mp4: not one frame can be decoded from 4800.5 s on; it lasts 1 s"),
        (["--from", "2", "--to", "1"], "--to"),
        (["-o", "out.gif2"], "out.gif2: a film becomes a film"),
        (["-o", "src.mp4"], "would replace the original"),
        (
            ["--max-megapixels", "0.003"],
            "64 x 48 pixels exceed the limit of 0.003 million (--max-megapixels)",
        ),
        (["--max-megapixels", "0.003", "-o", "f%d.png"], "64 x 48 pixels exceed the limit"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_made(mssn, film, options, complaint) -> None:
    result = mssn("upscale", film, "-m", "bicubic", *options)
    assert result.code == 2 and complaint in result.err, result.err
    assert len(result.err.splitlines()) == 1
    assert [path.name for path in film.parent.iterdir()] == ["src.mp4"]


def test_options_of_films_need_a_film(mssn, pictures) -> None:
    result = mssn("upscale", pictures / "one.png", "--codec", "av1")
    assert result.code == 2 and "--codec, --interlaced, --rate, --from and --to are for films" in result.err


def test_a_film_made_with_a_part_missing_ends_with_1(mssn, tmp_path) -> None:
    shutil.copy(FILMS / "bad.mkv", tmp_path)
    result = mssn("upscale", "bad.mkv", "-m", "bicubic")
    assert result.code == 1 and (tmp_path / "bad_x2.mkv").exists()
    (line,) = result.err.splitlines()
    assert line.startswith("mssn: ") and "bad_x2.mkv" in line and "broken" in line


def test_what_is_no_film_ends_with_2(mssn, tmp_path, film) -> None:
    content = film.read_bytes()
    for name, part in (
        ("short.mp4", content[: len(content) * 6 // 10]),
        ("text.mkv", b"hello " * 50),
        ("e.mov", b""),
    ):
        (tmp_path / name).write_bytes(part)
        result = mssn("upscale", name, "-m", "bicubic")
        assert result.code == 2 and name in result.err and len(result.err.splitlines()) == 1, result.err
    result = mssn("upscale", "short.mp4", film, "-m", "bicubic", "-o", "out/")  # and stops no other
    assert result.code == 1 and "short.mp4" in result.err and (tmp_path / "out" / "src.mp4").exists()


def test_a_film_may_be_called_like_numbered_pictures(mssn, tmp_path) -> None:
    shutil.copy(FILMS / "one.mp4", tmp_path / "a%03d.mp4")
    result = mssn("upscale", "a%03d.mp4", "-m", "bicubic")
    assert result.code == 0, result.err
    assert result.out.split("  ")[2] == "1 frame" and size(tmp_path / "a%03d_x2.mp4") == (128, 96, 1)


@pytest.mark.parametrize("ending", [".h264", ".divx", ".3g2", ".asf", ".M2T"])
def test_every_ending_of_films_is_one(mssn, tmp_path, ending) -> None:
    shutil.copy(FILMS / "mjpeg.avi", tmp_path / f"a{ending}")
    result = mssn("upscale", tmp_path, "-m", "bicubic", "--to", "0.1")
    assert result.code == 0, result.err
    assert size(tmp_path / "a_to-0.1_x2.mkv") == (128, 96, 3)


@pytest.mark.parametrize("name", ["src.mp4", "chap.mkv"])
def test_a_film_with_another_ending_says_what_it_lacks(mssn, tmp_path, name) -> None:
    shutil.copy(FILMS / name, tmp_path / "a.png")
    result = mssn("upscale", "a.png")
    assert result.code == 2 and "a.png: is not a picture but a video; films are known by their" in result.err


def test_pictures_that_are_to_be_a_film_need_a_pattern(mssn, tmp_path) -> None:
    for name in ("1.png", "2.png"):
        write(tmp_path / name, Picture(np.zeros((8, 8, 3), np.uint8)))
    result = mssn("upscale", "1.png", "2.png", "-o", "a.mkv", "--rate", "25")
    assert result.code == 2 and "a film is made of a pattern, such as 'frames/%06d.png'" in result.err


def test_a_name_with_a_dash_is_told_from_an_option(mssn, tmp_path) -> None:
    shutil.copy(FILMS / "one.mp4", tmp_path / "-dash.mp4")
    result = mssn("upscale", "-dash.mp4")
    assert result.code == 2 and result.err.endswith("recognized option; the file is ./-dash.mp4\n")
    assert mssn("upscale", "./-dash.mp4", "-m", "bicubic").code == 0
    assert "the file is" not in mssn("upscale", "-nothing.mp4").err
