"""`mssn upscale`: Y4M through pipes, numbered pictures, moving pictures; words and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("av")

from film_clips import CASES

UPSCALE = [sys.executable, "-m", "mssn", "upscale", "-m", "bicubic"]


def stream(name: str) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", str(CASES / name), "-f", "yuv4mpegpipe", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def frames(film: bytes | Path) -> tuple[int, int, int]:
    """Width, height and how many, as ffprobe reads them from a file or a pipe."""
    entries = "stream=width,height,nb_read_frames"
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", entries, "-of", "json"]
    if isinstance(film, Path):
        done = subprocess.run([*command, str(film)], capture_output=True, check=True)
    else:
        done = subprocess.run([*command, "-"], input=film, capture_output=True, check=True)
    found = json.loads(done.stdout)["streams"][0]
    return found["width"], found["height"], int(found["nb_read_frames"])


def test_pipes_on_both_sides() -> None:
    """Y4M is told by its first bytes; standard output holds nothing else."""
    done = subprocess.run(
        [*UPSCALE, "-", "-o", "-"], input=stream("src.mp4"), capture_output=True, check=True
    )
    assert done.stdout.startswith(b"YUV4MPEG2 W128 H96 F25:1 ")
    assert frames(done.stdout) == (128, 96, 25)
    assert done.stderr == b"Y4M does not tag its colours: these are BT.601\n"


def test_a_film_goes_to_standard_output() -> None:
    done = subprocess.run([*UPSCALE, CASES / "vfr.mkv", "-o", "-", "--json"], capture_output=True, check=True)
    assert frames(done.stdout)[:2] == (128, 96)
    facts = json.loads(done.stderr)
    assert (facts["frames"], facts["target"]) == (20, "-")
    assert {"audio left out"} < set(facts["notes"])


def test_a_stream_becomes_a_file(tmp_path) -> None:
    content = stream("src.mp4")
    done = subprocess.run([*UPSCALE, "-", "-o", "a.mkv"], input=content, capture_output=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"a.mkv  64x48 -> 128x96  25 frames")
    again = subprocess.run([*UPSCALE, "-", "-o", "a.mkv"], input=content, capture_output=True, cwd=tmp_path)
    assert (again.returncode, again.stderr.count(b"\n")) == (2, 1)
    assert b"a.mkv: exists already; use --force to overwrite, or --skip-existing" in again.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


def test_a_stream_that_breaks_off_is_made_and_said(tmp_path) -> None:
    content = stream("src.mp4")[:-100]
    done = subprocess.run([*UPSCALE, "-", "-o", "a.mkv"], input=content, capture_output=True, cwd=tmp_path)
    assert done.returncode == 1
    assert b"mssn: a.mkv: the stream breaks off within a frame" in done.stderr


def test_whoever_stops_reading_stops_it() -> None:
    command = f"{' '.join(UPSCALE)} {CASES / 'src.mp4'} -o - | head -c 10"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, env={**os.environ, "LC_ALL": "C"}
    )
    assert done.returncode == 2 and done.stdout == b"YUV4MPEG2 "
    assert done.stderr.count(b"\n") == 1 and b"standard output takes no more: Broken pipe" in done.stderr


def test_other_films_do_not_come_through_pipes(tmp_path) -> None:
    content = (CASES / "src.mp4").read_bytes()
    done = subprocess.run([*UPSCALE, "-", "-o", "a.mkv"], input=content, capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)
    assert b"it takes Y4M, as ffmpeg makes it with -f yuv4mpegpipe -" in done.stderr


def test_there_and_back_as_numbered_pictures(mssn, tmp_path) -> None:
    there = mssn("upscale", CASES / "src.mp4", "-m", "bicubic", "-o", "frames/%06d.png")
    assert there.code == 0, there.err
    assert there.out.startswith("frames/%06d.png  64x48 -> 128x96  25 frames  times, audio left out  bicubic")
    assert len(list((tmp_path / "frames").iterdir())) == 25
    refused = mssn("upscale", "frames/%06d.png", "-m", "bicubic", "-o", "film.mkv")
    assert refused.code == 2
    assert refused.line.endswith("say how many are shown a second, as in --rate 25")
    back = mssn("upscale", "frames/%06d.png", "-m", "bicubic", "-o", "film.mkv", "--rate", "24000/1001")
    assert back.code == 0, back.err
    assert frames(tmp_path / "film.mkv") == (256, 192, 25)


@pytest.mark.parametrize("target", ["frames/%06d.png", "%d.webp", "a.gif", "a.webp", "a.apng", "a.y4m", "-"])
def test_a_dry_run_of_frames_alone_makes_nothing(mssn, tmp_path, target) -> None:
    command = ("upscale", CASES / "src.mp4", "-m", "bicubic", "-o", target)
    planned = mssn(*command, "--dry-run", "--json")
    assert planned.code == 0, planned.err
    assert "nothing was written: 1 film, 0.307 megapixels" in planned.err
    told = json.loads(planned.out)
    assert (told["after"], told["frames"], told["target"]) == ([128, 96], 25, target)
    assert not list(tmp_path.iterdir())
    if target != "-":
        assert mssn(*command).code == 0
        size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
        assert size / 2 < told["bytes"] < size * 2
    line = mssn("upscale", CASES / "src.mp4", "-m", "bicubic", "-o", "b%d.png", "--dry-run").out
    assert line.startswith("b%d.png  64x48 -> 128x96  25 frames  bicubic")
    failing = mssn("upscale", CASES / "src.mp4", "-m", "bicubic", "-o", "%d.bmp", "--dry-run")
    assert failing.code == 1 and "frames cannot be written as .bmp" in failing.err


def test_a_dry_run_of_pictures_that_are_there(mssn, tmp_path) -> None:
    command = ("upscale", CASES / "src.mp4", "-m", "bicubic", "-o", "%d.png")
    assert mssn(*command).code == 0
    (tmp_path / "7.png").unlink()
    (tmp_path / "9.png").unlink()
    refused = mssn(*command, "--dry-run")
    assert refused.code == 1 and "1.png and 22 more: exists already" in refused.err
    assert "  2 frames  " in mssn(*command, "--dry-run", "--skip-existing").out
    assert len(list(tmp_path.iterdir())) == 23


def test_stopped_pictures_are_gone_on_with(mssn, tmp_path) -> None:
    command = ("upscale", CASES / "src.mp4", "-m", "bicubic", "-o", "%d.png")
    assert mssn(*command).code == 0
    (tmp_path / "25.png").unlink()
    kept = (tmp_path / "24.png").stat().st_mtime_ns
    refused = mssn(*command)
    assert refused.code == 2 and "1.png and 23 more: exists already" in refused.line
    assert mssn(*command, "--skip-existing").code == 0
    assert (tmp_path / "25.png").exists() and (tmp_path / "24.png").stat().st_mtime_ns == kept


def test_without_an_output_a_moving_gif_stays_a_picture(mssn, tmp_path) -> None:
    (tmp_path / "v.gif").write_bytes((CASES / "v.gif").read_bytes())
    result = mssn("upscale", "v.gif", "-m", "bicubic")
    assert (result.code, sorted(path.name for path in tmp_path.iterdir())) == (0, ["v.gif", "v_x2.webp"])
    for target in ("a.gif", "a.apng", "a.mkv"):
        assert mssn("upscale", "v.gif", "-m", "bicubic", "-o", target).code == 0
        assert frames(tmp_path / target) == (128, 96, 5)


def test_what_is_refused(mssn, tmp_path) -> None:
    film = CASES / "src.mp4"
    for arguments, words in (
        ((film, "-o", "a.jpg"), "a film becomes a film, a moving .gif, .webp or .png, or numbered pictures"),
        (("no/%d.png", "-o", "a.mkv", "--rate", "5"), "no/%d.png: no such pictures"),
        ((film, "-o", "%d.png", "--rate", "fast"), "--rate must be frames a second, 25 or 29.97"),
        ((film, "-o", "%d.png", "--rate", "25"), "has times of its own; leave --rate out"),
        ((film, "-o", "a/b/%d.png"), "a: no such folder; make it first"),
        (
            ("-", "-o", "a.mkv", "--dry-run"),
            "--dry-run is for files, and for films that go to standard output",
        ),
        ((film, "-o", "-", "--report", "a.jsonl"), "not for standard input or output"),
    ):
        result = mssn("upscale", *arguments, "-m", "bicubic")
        assert result.code == 2
        assert words in result.line
    assert not list(tmp_path.iterdir())
