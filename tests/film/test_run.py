"""Films from end to end: frames, times, names and what is refused, read back with another build of FFmpeg."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from film_clips import CASES, decoded, frame_times, make_clip, packets_of, probed

from mssn import load
from mssn.errors import CancelledError, FilmError
from mssn.film.plan import FilmOptions
from mssn.film.run import FilmProgress, upscale_film
from mssn.upscaling.upscaler import Upscaler


@pytest.fixture(scope="module")
def upscaler() -> Upscaler:
    return load("bicubic", 2)


@pytest.mark.parametrize(
    ("name", "frames", "tolerance"),
    [
        ("vfr.mkv", 20, 0.001),
        ("vfr.mp4", 20, 0.0001),
        ("ntsc.mp4", 25, 0.0001),
        ("f120.mp4", 60, 0.0001),
        ("late_audio.mkv", 25, 0.001),
        ("src.mp4", 25, 0.0001),
        ("one.mp4", 1, 0.0001),
        ("idx.mkv", 25, 0.001),
        ("frag.mp4", 25, 0.0001),
    ],
)
def test_every_frame_keeps_its_time(tmp_path, upscaler, name, frames, tolerance) -> None:
    target = tmp_path / name
    told: list[FilmProgress] = []
    done = upscale_film(upscaler, CASES / name, target, None, told.append)
    assert (done.frames, done.missing, done.resumed) == (frames, (), 0)
    before, after = frame_times(CASES / name), frame_times(target)
    assert len(after) == frames and np.abs(np.subtract(after, before)).max() <= tolerance
    assert [one.done for one in told] == [*range(frames + 1), frames]  # the last when all is encoded
    assert all(one.total is None or one.done <= one.total for one in told)
    assert told[-1].total == frames and told[-1].left == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_two_thousand_frames_of_a_header_without_a_rate(tmp_path, upscaler) -> None:
    done = upscale_film(upscaler, CASES / "many.mkv", tmp_path / "many.mkv")
    assert done.frames == 2000
    assert [round(1000 * time) for time in frame_times(tmp_path / "many.mkv")] == list(range(2000))


def test_brightness_rises_frame_by_frame(tmp_path, upscaler) -> None:
    upscale_film(upscaler, CASES / "idx.mkv", tmp_path / "idx.mkv", FilmOptions(codec="ffv1"))
    brightness = [picture[:96].mean() for _, picture in decoded(tmp_path / "idx.mkv")]
    assert len(brightness) == 25 and all(np.diff(brightness) > 0)


def test_what_was_lost_comes_back_with_the_result(tmp_path, upscaler) -> None:
    done = upscale_film(upscaler, CASES / "bad.mkv", tmp_path / "bad.mkv")
    assert done.missing == ("1 broken packet was left out, at 0.48 s",)
    assert len(frame_times(tmp_path / "bad.mkv")) == 24 and frame_times(tmp_path / "bad.mkv")[-1] == 0.96


def test_one_size_comes_out_of_two(tmp_path, upscaler) -> None:
    done = upscale_film(upscaler, CASES / "sizechange.ts", tmp_path / "one.mkv")
    times = frame_times(tmp_path / "one.mkv")
    assert done.after == (128, 96) and len(times) == 50 and all(np.diff(times) > 0)
    assert len(done.missing) == 1


def test_a_part_begins_at_its_beginning(tmp_path, upscaler) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 100, 25, options={"bf": "2"})
    done = upscale_film(upscaler, clip, tmp_path / "part.mp4", FilmOptions(start=1.0, end=2.0))
    assert done.frames == 25
    assert np.allclose(frame_times(tmp_path / "part.mp4"), np.arange(25) / 25, atol=0.0011)


def test_segments_show_nowhere(tmp_path, upscaler) -> None:
    """A film of many segments has the frames, times and sound of its source; so has one that is lossless."""
    clip = make_clip(tmp_path / "clip.mkv", 120, Fraction(25), options={"bf": "3"})
    target = tmp_path / "made.mkv"
    done = upscale_film(load("bicubic", 1), clip, target, FilmOptions(codec="ffv1"))
    assert done.frames == 120
    pairs = list(zip(decoded(clip), decoded(target), strict=True))
    assert len(pairs) == 120 and all(before[0] == after[0] for before, after in pairs)
    # In luma; colours that no R, G, B reaches come back as others.
    apart = [np.abs(np.subtract(before[1][:48], after[1][:48], dtype=int)).mean() for before, after in pairs]
    assert max(apart) < 2
    sounds = [[one[3] for one in packets_of(path) if one[0] == 1] for path in (clip, target)]
    assert sounds[0] == sounds[1] and len(sounds[0]) > 30


def test_a_still_film_stays_still(tmp_path) -> None:
    """Every frame is the same, frame for frame, and networks compute one of them."""
    clip = tmp_path / "clip.mkv"
    make_clip(clip, 40, 25, still=True, encoder="ffv1", sound=False)
    done = upscale_film(load("mssn-s", 2), clip, tmp_path / "made.mkv", FilmOptions(codec="ffv1"))
    frames = [picture for _, picture in decoded(tmp_path / "made.mkv")]
    assert len(frames) == 40 and all(np.array_equal(frame, frames[0]) for frame in frames)
    assert done.computed == pytest.approx(1 / 40)


@pytest.mark.skipif(os.name != "posix", reason="links and devices as POSIX knows them")
def test_the_source_is_never_replaced(tmp_path, upscaler) -> None:
    clip = make_clip(tmp_path / "clip.mkv", 5, sound=False)
    (tmp_path / "soft.mkv").symlink_to(clip)
    (tmp_path / "hard.mkv").hardlink_to(clip)
    before = clip.read_bytes()
    for name in ("clip.mkv", "soft.mkv", "hard.mkv"):
        with pytest.raises(FilmError, match="would replace the original"):
            upscale_film(upscaler, clip, tmp_path / name, FilmOptions(force=True))
    with pytest.raises(FilmError, match="is a pipe or a device"):
        upscale_film(upscaler, clip, Path("/dev/full"), FilmOptions(force=True))
    assert clip.read_bytes() == before


def test_what_is_there_stays_unless_forced(tmp_path, upscaler) -> None:
    clip, target = make_clip(tmp_path / "clip.mkv", 5, sound=False), tmp_path / "made.mkv"
    target.write_bytes(b"mine")
    with pytest.raises(FilmError, match="exists already; use `force=True`"):
        upscale_film(upscaler, clip, target)
    assert target.read_bytes() == b"mine"
    upscale_film(upscaler, clip, target, FilmOptions(force=True))
    assert len(frame_times(target)) == 5


@pytest.mark.parametrize(
    "name",
    ["-y.mkv", "%03d.mkv", "a:b?c#d=e&f.mkv", 'it\'s "it".mkv', "Übergröße 映画.mkv", "n" * 250 + ".mkv"],
)
def test_any_name_will_do(tmp_path, monkeypatch, upscaler, name) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "from").mkdir()
    source = make_clip(tmp_path / "clip.mkv", 5, sound=False).rename(tmp_path / "from" / name)
    upscale_film(upscaler, source.relative_to(tmp_path), Path(name))
    assert len(list(decoded(Path(f"file:{name}")))) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["from", name])


def test_who_follows_may_cancel_and_the_next_call_goes_on(tmp_path, upscaler) -> None:
    clip, target = make_clip(tmp_path / "clip.mkv", 100, sound=False), tmp_path / "made.mkv"
    with pytest.raises(CancelledError, match="goes on from here"):
        upscale_film(upscaler, clip, target, None, lambda progress: progress.done < 90)
    assert not target.exists()
    done = upscale_film(upscaler, clip, target)
    assert done.frames == 100 and 60 <= done.resumed < 90


def test_another_source_or_setting_begins_anew(tmp_path, upscaler) -> None:
    clip, target = make_clip(tmp_path / "clip.mkv", 100, sound=False), tmp_path / "made.mkv"

    def stop() -> None:
        with pytest.raises(CancelledError):
            upscale_film(upscaler, clip, target, None, lambda progress: progress.done < 90)

    stop()
    assert upscale_film(load("bicubic", 3), clip, target).resumed == 0
    target.unlink()
    stop()
    assert upscale_film(upscaler, clip, target, FilmOptions(quality=30)).resumed == 0
    target.unlink()
    stop()
    make_clip(clip, 101, sound=False)
    assert upscale_film(upscaler, clip, target).resumed == 0


def test_the_same_setting_reads_the_same_in_every_process(tmp_path, upscaler) -> None:
    """What a folder is told from another by must not depend on the order of sets or addresses in memory."""
    import subprocess
    import sys

    script = (
        "import sys; from pathlib import Path; from mssn import load; from mssn.film import run\n"
        "made = run._Making(load('mssn-s', 2), *map(Path, sys.argv[1:]), run.FilmOptions(), None).making()\n"
        "print(made)"
    )
    clip = make_clip(tmp_path / "clip.mkv", 5)
    printed = {
        subprocess.run(
            [sys.executable, "-c", script, clip, tmp_path / "made.mkv"],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1


def test_a_box_is_one_of_the_film_as_it_is_shown(tmp_path) -> None:
    done = upscale_film(load("bicubic", size="96x128"), CASES / "rot.mp4", tmp_path / "made.mp4")
    assert (done.before, done.after) == ((48, 64), (96, 128))  # as it is shown; it is stored lying
    stream = probed(tmp_path / "made.mp4", "-show_streams")["streams"][0]
    assert (stream["width"], stream["height"]) == (128, 96)


def test_a_segment_that_the_disk_lost_is_made_again(tmp_path, upscaler) -> None:
    clip, target = make_clip(tmp_path / "clip.mkv", 100, sound=False), tmp_path / "made.mkv"
    upscale_film(upscaler, clip, tmp_path / "whole.mkv")
    with pytest.raises(CancelledError):
        upscale_film(upscaler, clip, target, None, lambda progress: progress.done < 90)
    folder = next(tmp_path.glob(".mssn-*.work"))
    segment = next(folder.glob("000001-*"))
    segment.write_bytes(segment.read_bytes()[:-200])
    assert upscale_film(upscaler, clip, target).resumed == 34
    assert packets_of(target) == packets_of(tmp_path / "whole.mkv")
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory as Linux tells it")
def test_memory_does_not_grow_with_length(tmp_path) -> None:
    """Also without Python's search for garbage, as the command line runs."""
    import gc

    clip = make_clip(tmp_path / "clip.mkv", 5000, 25)
    pages: list[int] = []

    def watch(progress: FilmProgress) -> None:
        pages.append(int(Path("/proc/self/statm").read_text().split()[1]))

    gc.collect()
    gc.disable()
    try:
        upscale_film(load("mssn-s", 2), clip, tmp_path / "made.mkv", None, watch)
    finally:
        gc.enable()
    second, last = max(pages[500:1000]), max(pages[4500:])
    print(f"{second} and {last} pages")
    assert last < 1.05 * second
