"""Frames come with their own times, all of them, whatever is wrong with the file."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from film_clips import CASES, cut_to, make_clip

from mssn.errors import FilmError
from mssn.film.facts import probe
from mssn.film.plan import FilmOptions
from mssn.film.source import Source

# Milliseconds at which frames are shown, as ffprobe 5.1 reads them.
TIMES = {
    "vfr.mkv": [
        23,
        123,
        223,
        323,
        423,
        523,
        556,
        590,
        623,
        656,
        690,
        723,
        756,
        790,
        823,
        856,
        890,
        923,
        956,
        990,
    ],
    "many.mkv": list(range(2000)),
    "late_audio.mkv": list(range(0, 1000, 40)),
    "idx.mkv": list(range(0, 1000, 40)),
    "multi.mkv": list(range(7, 1000, 40)),
    "frag.mp4": list(range(80, 1080, 40)),
    "mjpeg.avi": list(range(0, 1000, 40)),
    "inter.mpg": list(range(540, 1540, 40)),
    "one.mp4": [0],
    "bad.mkv": [*range(0, 480, 40), *range(520, 1000, 40)],
}


def source(path: Path, **options: Any) -> Source:
    return Source(probe(path), FilmOptions(**options))


def times(path: Path, **options: Any) -> list[Fraction]:
    made = source(path, **options)
    frames: list[Any] = list(made)
    assert [frame.number for frame in frames] == list(range(len(frames))) and made.frames == len(frames)
    assert all(frame.frame.pts * frame.frame.time_base == frame.pts * made.time_base for frame in frames)
    found = [frame.pts * made.time_base for frame in frames]
    assert all(earlier < later for earlier, later in pairwise(found))
    return found


def gaps(found: list[Fraction]) -> list[Fraction]:
    return [later - earlier for earlier, later in pairwise(found)]


@pytest.mark.parametrize("name", TIMES)
def test_frames_keep_their_times(name) -> None:
    assert [round(time * 1000) for time in times(CASES / name)] == TIMES[name]


def test_fractions_stay_exact() -> None:
    assert times(CASES / "ntsc.mp4") == [Fraction(1001 * number, 24000) for number in range(25)]
    assert times(CASES / "f120.mp4") == [Fraction(number, 120) for number in range(60)]
    assert times(CASES / "v.gif") == [Fraction(tenths, 10) for tenths in (0, 4, 7, 8, 9)]


def test_frames_come_in_the_order_of_showing() -> None:
    brightness = [frame.frame.to_ndarray()[:48].mean() for frame in source(CASES / "idx.mkv")]
    assert len(brightness) == 25 and all(np.diff(brightness) > 0)


@pytest.mark.parametrize("ending", [".h264", ".avi"])
def test_without_times_of_showing_frames_follow_each_other(tmp_path, ending) -> None:
    """B-frames in a raw stream have no times, in AVI only those of decoding."""
    path = make_clip(tmp_path / f"clip{ending}", 30, 25, sound=False, options={"bf": "2"})
    assert set(gaps(times(path))) == {Fraction(1, 25)} and len(times(path)) == 30


def joined_streams(target: Path, *parts: Path) -> Path:
    """Transport streams one behind the other, as recorders leave them."""
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize("first", [10, 40, 300])
def test_a_clock_that_jumps_goes_on(tmp_path, sound, first) -> None:
    """Forward and back, by seconds and by minutes, also across the wrap of its 33 bits."""
    parts = []
    for number, offset in enumerate((first, 95_443.2, 50)):
        clip = make_clip(tmp_path / f"{number}.mp4", 25, 25, sound=sound, options={"bf": "2"})
        parts.append(moved(clip, tmp_path / f"{number}.ts", offset))
    whole = joined_streams(tmp_path / "joined.ts", *parts)
    found = times(whole)
    assert len(found) == 75
    # At a jump the picture waits for the end of the sound, which is a little longer.
    assert min(gaps(found)) > 0.035 and max(gaps(found)) < 0.2
    assert found[-1] - found[0] < 3.4


def moved(clip: Path, target: Path, seconds: float) -> Path:
    """The same film as a transport stream whose clock begins elsewhere."""
    with av.open(str(clip)) as container, av.open(str(target), "w", options={"mpegts_copyts": "1"}) as made:
        streams = {stream.index: made.add_stream_from_template(stream) for stream in container.streams}
        for packet in container.demux():
            if packet.pts is not None and packet.dts is not None:
                ticks = round(seconds / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                packet.stream = streams[packet.stream_index]
                made.mux(packet)
    return target


def test_sound_and_picture_are_corrected_alike(tmp_path) -> None:
    from mssn.film.clock import Clock

    clip = make_clip(tmp_path / "clip.mp4", 50, 25)
    parts = [moved(clip, tmp_path / f"{number}.ts", at) for number, at in enumerate((100, 7))]
    corrections: list[tuple[str, float]] = []
    with av.open(str(joined_streams(tmp_path / "joined.ts", *parts))) as container:
        clock = Clock(container)
        for packet in container.demux():
            if packet.pts is not None:
                before = packet.pts
                clock(packet)
                corrections.append(
                    (packet.stream.type, round(float((packet.pts - before) * packet.time_base), 3))
                )
    assert corrections[0][1] == 0.0 and corrections[-1][1] != 0.0
    # Nothing but these two: what stands of the first part behind the second's first packet keeps its own.
    assert len(set(corrections)) == 4 and {kind for kind, _ in corrections} == {"video", "audio"}


def test_what_is_ordinary_is_left_alone(tmp_path) -> None:
    from mssn.film.clock import Clock

    for path in sorted(CASES.glob("*.mkv")) + sorted(CASES.glob("*.mp4")) + [CASES / "inter.mpg"]:
        with av.open(str(path)) as container:
            clock = Clock(container)
            for packet in container.demux():
                before = packet.pts, packet.dts
                clock(packet)
                assert (packet.pts, packet.dts) == before, path


def test_another_size_in_the_middle_is_brought_to_the_first() -> None:
    made = source(CASES / "sizechange.ts")
    frames = list(made)
    assert len(frames) == 50 and {(f.frame.width, f.frame.height) for f in frames} == {(64, 48)}
    assert len(made.missing) == 1
    assert made.missing[0].startswith("25 frames of another size were brought to 64x48, from 1.0")
    assert max(gaps(times(CASES / "sizechange.ts"))) < 0.1


def test_interlaced_frames_become_whole_ones() -> None:
    made = source(CASES / "inter.mpg")
    frames = [frame.frame for frame in made]
    assert len(frames) == 25 and not any(frame.interlaced_frame for frame in frames)
    with av.open(str(CASES / "inter.mpg")) as container:
        stored = [frame.to_ndarray()[:48].astype(int) for frame in container.decode(video=0)]

    def combing(picture: np.ndarray) -> float:  # rows unlike both their neighbours
        return float(np.abs(2 * picture[1:-1] - picture[:-2] - picture[2:]).mean())

    before = np.mean([combing(picture) for picture in stored])
    after = np.mean([combing(frame.to_ndarray()[:48].astype(int)) for frame in frames])
    assert after < before / 2


def test_broken_packets_are_left_out_and_said() -> None:
    made = source(CASES / "bad.mkv")
    assert len(list(made)) == 24 and made.missing == ["1 broken packet was left out, at 0.48 s"]


@pytest.mark.parametrize(("name", "at_least"), [("multi.mkv", 8), ("frag.mp4", 20), ("mjpeg.avi", 12)])
def test_a_file_that_breaks_off_gives_what_is_there(tmp_path, name, at_least) -> None:
    made = source(cut_to(CASES / name, tmp_path / name, 0.6))
    assert at_least <= len(list(made)) < 26 and "the file breaks off" in made.missing[-1]


def test_nothing_to_decode_is_an_error(tmp_path) -> None:
    with pytest.raises(FilmError, match="cannot be read as a film"):
        probe(cut_to(CASES / "src.mp4", tmp_path / "src.mp4", 0.6))
    with pytest.raises(FilmError, match="not one frame can be decoded from 30 s on; it lasts 1 s"):
        list(source(CASES / "src.mp4", start=30))


def test_whole_files_miss_nothing() -> None:
    for path in sorted(CASES.iterdir()):
        if path.name not in ("bad.mkv", "sizechange.ts"):
            made = source(path)
            assert list(made) and made.missing == [], path


@pytest.mark.parametrize("ending", [".mkv", ".mp4", ".ts", ".avi"])
def test_a_part_has_the_frames_of_its_time(tmp_path, ending) -> None:
    """Also far behind the last key frame; and they are those that decoding from the beginning gives."""
    clip = make_clip(tmp_path / f"clip{ending}", 250, 25, options={"g": "60", "bf": "2"})
    whole = list(source(clip))
    made = source(clip, start=5.0, end=7.5)
    first = float(made.film.start)
    wanted = [one for one in whole if 5.0 - 1e-6 <= one.pts * made.time_base - first < 7.5 - 1e-6]
    frames = list(made)
    assert 61 <= len(wanted) <= 63
    assert [frame.pts for frame in frames] == [one.pts for one in wanted]
    assert all(
        np.array_equal(a.frame.to_ndarray(), b.frame.to_ndarray())
        for a, b in zip(frames, wanted, strict=True)
    )
    assert made.missing == []


def test_a_film_is_read_again_as_it_was(tmp_path) -> None:
    made = source(CASES / "bad.mkv")
    first, lost = [frame.frame.to_ndarray() for frame in made], made.missing
    assert all(np.array_equal(a, b.frame.to_ndarray()) for a, b in zip(first, made, strict=True))
    assert made.missing == lost
