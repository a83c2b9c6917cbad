"""A film's frames in Python: upright, in time, one when it is asked for."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

import mssn

av = pytest.importorskip("av")

from film_clips import CASES, drawn, make_clip  # noqa: E402

from mssn.errors import FilmError, ImageError  # noqa: E402
from mssn.film.frames import frame_at, turning  # noqa: E402


def lossless(path: Path, frames: int = 5, **kept) -> Path:
    return make_clip(path, frames, sound=False, encoder="ffv1", **kept)


def test_each_frame_comes_with_its_pixels_and_its_time() -> None:
    frames = list(mssn.upscale_frames(CASES / "v.gif", scale=2, model="bicubic"))
    assert [frame.time for frame in frames] == pytest.approx([0, 0.4, 0.7, 0.8, 0.9])
    with av.open(str(CASES / "v.gif")) as container:
        small = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for frame, pixels in zip(frames, small, strict=True):
        assert np.array_equal(frame.pixels, mssn.upscale(pixels, 2, model="bicubic"))


def test_depth_and_grey_and_transparency_come_along() -> None:
    def first(name: str) -> np.ndarray:
        return next(mssn.upscale_frames(CASES / name, model="bicubic")).pixels

    deep = first("ten.mkv")
    assert (deep.dtype, deep.shape[2]) == (np.uint16, 3)
    assert len(np.unique(deep)) > 256
    assert first("gray.mkv").shape == (96, 128, 1)
    clear = first("alpha.webm")
    assert clear.shape == (96, 128, 4)
    assert 120 < clear[:, :, 3].mean() < 132


def test_a_turned_film_is_shown_upright() -> None:
    """As another build of FFmpeg shows it, and not in any of the other seven ways."""
    frame = next(mssn.upscale_frames(CASES / "rot.mp4", model="bicubic", scale=1)).pixels.astype(int)
    command = ["ffmpeg", "-v", "error", "-i", str(CASES / "rot.mp4"), "-frames:v", "1", "-f", "rawvideo"]
    done = subprocess.run([*command, "-pix_fmt", "rgb24", "-"], capture_output=True, check=True)
    shown = np.frombuffer(done.stdout, np.uint8).reshape(64, 48, 3)
    assert frame.shape == shown.shape
    right, *wrong = (
        np.abs(way - shown).mean() for way in (frame, frame[::-1], frame[:, ::-1], frame[::-1, ::-1])
    )
    assert right < 10 < 3 * right < min(wrong)


@pytest.mark.parametrize(
    ("rotation", "shown"),
    [
        ((1, 0, 0, 0, 1, 0, 0, 0, 1), [[1, 2, 3], [4, 5, 6]]),
        ((0, 1, 0, -1, 0, 0, 0, 0, 1), [[4, 1], [5, 2], [6, 3]]),  # x goes down, y to the left
        ((-1, 0, 0, 0, -1, 0, 0, 0, 1), [[6, 5, 4], [3, 2, 1]]),
        ((0, -1, 0, 1, 0, 0, 0, 0, 1), [[3, 6], [2, 5], [1, 4]]),
        ((-1, 0, 0, 0, 1, 0, 0, 0, 1), [[3, 2, 1], [6, 5, 4]]),
        ((0, 1, 0, 1, 0, 0, 0, 0, 1), [[1, 4], [2, 5], [3, 6]]),
    ],
)
def test_every_way_of_turning(rotation, shown) -> None:
    pixels = np.arange(1, 7).reshape(2, 3, 1)
    assert turning(rotation)(pixels)[:, :, 0].tolist() == shown


def test_times_count_from_the_beginning_and_parts_are_taken_by_them() -> None:
    times = [frame.time for frame in mssn.upscale_frames(CASES / "vfr.mkv", model="bicubic")]
    assert times[0] == pytest.approx(0.023, abs=1e-3)
    part = [f.time for f in mssn.upscale_frames(CASES / "vfr.mkv", model="bicubic", start=0.3, end=0.6)]
    assert part == [time for time in times if 0.3 <= time < 0.6]


def test_frames_are_decoded_as_they_are_wanted(tmp_path) -> None:
    """A film without an end would do: what is not asked for is hardly read."""
    path = lossless(tmp_path / "long.mkv", 200)
    frames = mssn.upscale_frames(path, model="bicubic")
    first = next(frames)
    assert np.array_equal(first.pixels.shape, (96, 128, 3))
    frames.close()  # and its thread ends

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mssn-decode")]


def test_a_frame_belongs_to_whoever_got_it(tmp_path) -> None:
    """Drawn on, it changes none of the next ones, which may show the same."""
    with av.open(str(tmp_path / "still.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(drawn(0), "rgb24").reformat(format="bgr0")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    expected = next(mssn.upscale_frames(tmp_path / "still.mkv", model="bicubic")).pixels
    for frame in mssn.upscale_frames(tmp_path / "still.mkv", model="bicubic"):
        assert np.array_equal(frame.pixels, expected)
        frame.pixels[:] = 0


def test_arrays_come_back_as_arrays(photo) -> None:
    given = [photo, photo, photo[:, ::-1], photo[:, :, 0], photo.astype(np.uint16) * 257]
    made = list(mssn.upscale_frames(iter(given), model="bicubic"))
    for small, large in zip(given, made, strict=True):
        assert large.dtype == small.dtype
        assert np.array_equal(large, mssn.upscale(small, model="bicubic"))
    made[0][:] = 0
    assert made[1].any()


def test_a_buffer_that_is_used_again_and_again_is_no_still_film(photo) -> None:
    def filled():
        buffer = np.empty_like(photo)
        for level in (10, 200):
            buffer[:] = level
            yield buffer

    assert [int(a.mean()) for a in mssn.upscale_frames(filled(), model="bicubic")] == [10, 200]


def test_what_is_no_film_is_said_at_once(tmp_path) -> None:
    with pytest.raises(FilmError, match=r"gone.mkv: cannot be read as a film"):
        mssn.upscale_frames(tmp_path / "gone.mkv", model="bicubic")
    with pytest.raises(FilmError, match=r"no such pictures"):
        mssn.upscale_frames(tmp_path / "%d.png", model="bicubic")
    with pytest.raises(ImageError, match=r"one array is for"):
        mssn.upscale_frames(np.zeros((4, 4)), model="bicubic")
    with pytest.raises(ImageError, match=r"`start` and `end`"):
        mssn.upscale_frames(iter([]), model="bicubic", start=1)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("at", "shown"), [(0, 0), (0.399, 0), (0.4, 0.4), (0.69, 0.4), (0.75, 0.7), (0.95, 0.9), (None, 0.4)]
)
def test_the_frame_of_a_moment_is_the_last_that_began(at, shown) -> None:
    assert frame_at(CASES / "v.gif", at).time == pytest.approx(shown)


def test_a_moment_in_a_long_still_frame(tmp_path) -> None:
    path = lossless(tmp_path / "slides.mkv", 4, times=[0, 25, 50, 250])
    assert frame_at(path, 9.5).time == pytest.approx(2)
    assert frame_at(path, 10).time == pytest.approx(10)
    with pytest.raises(FilmError, match=r"is over after 10.04 s; `at` 11 is too late"):
        frame_at(path, 11)
