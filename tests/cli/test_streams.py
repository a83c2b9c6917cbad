"""`mssn upscale`: standard input and output."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import numpy as np
from PIL import Image

import mssn as package
from mssn.image.picture import Picture
from mssn.image.read import read, read_rgb
from mssn.image.source import PictureFile
from mssn.image.write import to_bytes


def test_a_moving_picture_on_standard_input_stays_moving(net, tmp_path, photo) -> None:

    frames = [Image.fromarray(np.roll(photo, 9 * n, axis=0)) for n in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=80)
    command = [sys.executable, "-m", "mssn", "upscale", "-m", str(net), "-"]
    done = subprocess.run(command, input=(tmp_path / "a.gif").read_bytes(), capture_output=True, check=True)
    assert read(done.stdout, into=".webp").pages == 3


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
    assert (read(target).format, PictureFile(target).size) == ("webp", (42, 66))
    for given, arguments, words in (
        (one, ["-", "-o", target], b"exists already; use --force"),
        (b"", ["-"], b"standard input: the file is empty"),
        (b"no picture at all", ["-"], b"standard input: is not a picture but text"),
        (one, ["-", "two.jpg"], b"- stands for one picture"),
        (one, [pictures, "-o", "-"], b"- stands for one picture"),
        (one, ["gone.png", "-o", "-"], b"gone.png: cannot be read"),
        (one, ["-", "-o", "big.bmp"], b"ends in no format that can be written"),
    ):
        failed = subprocess.run([*command, *arguments], input=given, capture_output=True, cwd=tmp_path)
        assert (failed.returncode, failed.stdout) == (2, b"")
        assert words in failed.stderr and failed.stderr.count(b"\n") == 1


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


def test_a_picture_from_standard_input_is_reported_when_it_goes_to_a_file(
    mssn, photo, tmp_path, monkeypatch
) -> None:
    def said(*options: str) -> str:
        small = io.BytesIO(to_bytes(Picture(photo), ".jpg", quality=50))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(small))
        return mssn("upscale", "-", *options).out

    assert "(JPEG, quality about 50)" in said("-o", "a.png")
    assert json.loads(said("-o", "b.png", "--json"))["target"] == "b.png"
