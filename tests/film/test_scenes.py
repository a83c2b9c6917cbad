"""Scenes: where they begin, how strongly each was compressed, and films that go on in their middle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from film_clips import CASES, decoded, film_of, make_clip, packets_of, scene

from mssn import load
from mssn.errors import CancelledError
from mssn.film import source as sources
from mssn.film.facts import probe
from mssn.film.pipeline import length
from mssn.film.plan import FilmOptions
from mssn.film.run import FilmDone, upscale_film
from mssn.film.scenes import JUDGED, Scenes, Shown
from mssn.film.segments import SegmentFolder
from mssn.film.source import Decoded, Place, Source
from mssn.image.compression import Compression

CLEAN, STRONG = Compression(kind="h264", quality=95), Compression(kind="h264", quality=40)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean scene of 40 frames, one strongly compressed of 40, a clean one of 30."""
    path = tmp_path_factory.mktemp("mixed") / "mixed.mkv"
    return film_of(path, (scene(1, 40), 14), (scene(2, 40), 40), (scene(3, 30), 15), g="20")


def test_each_scene_has_its_own_strength(mixed) -> None:
    frames = list(Source(probe(mixed), FilmOptions()))
    assert [one.number for one in frames if one.shown.begins] == [0, 40, 80]
    strengths = [one.compression.strength for one in frames]
    assert [len(set(part)) for part in (strengths[:40], strengths[40:80], strengths[80:])] == [1, 1, 1]
    assert strengths[0] == probe(mixed).video.compression.strength < 0.3
    assert strengths[40] > 0.5 and abs(strengths[80] - strengths[0]) < 0.1


def test_scenes_of_one_quality_are_judged_once(tmp_path) -> None:
    path = film_of(tmp_path / "a.mkv", (scene(1, 20), 24), (scene(2, 20), 25), (scene(3, 20), 23))
    film = probe(path)
    frames = list(Source(film, FilmOptions()))
    assert [one.number for one in frames if one.shown.begins] == [0, 20, 40]
    assert {one.compression for one in frames} == {film.video.compression}


def shown(parts: Sequence[tuple[int, int]], judged: dict[int, Compression | None]) -> list[Shown]:
    """Scenes of grey frames: (level, frames) of each; how those of a level are judged."""
    frames = []
    for level, number in parts:
        picture = np.full((48, 64, 3), level, np.uint8)
        frames += [
            av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="gray") for _ in range(number)
        ]

    def judge(some: Sequence[av.VideoFrame]) -> Compression | None:
        assert len(some) in (1, JUDGED)
        levels = {int(one.to_ndarray()[0, 0]) for one in some}
        assert len(levels) == 1  # frames of one scene
        return judged[levels.pop()]

    found = list(Scenes(CLEAN, judge)(iter(frames)))
    assert [one.frame for one in found] == frames
    return found


def test_a_scene_too_short_to_be_judged_keeps_the_strength_before() -> None:
    found = shown([(10, 20), (200, JUDGED - 1), (90, 20)], {10: STRONG, 200: CLEAN, 90: CLEAN})
    assert [one.compression for one in found] == [STRONG] * (20 + JUDGED - 1) + [CLEAN] * 20
    assert [number for number, one in enumerate(found) if one.begins] == [0, 20, 20 + JUDGED - 1]


def test_what_cannot_be_told_or_hardly_differs_changes_nothing() -> None:
    near = Compression(kind="h264", quality=91)
    assert 0 < near.strength - CLEAN.strength < 0.1
    found = shown([(10, 20), (200, 20), (90, 20)], {10: CLEAN, 200: None, 90: near})
    assert {one.compression for one in found} == {CLEAN}


def test_nothing_is_waited_for_where_nothing_can_be_told() -> None:
    taken: list[int] = []

    def frames() -> Iterator[av.VideoFrame]:
        for number in range(20):
            taken.append(number)
            yield av.VideoFrame.from_ndarray(np.zeros((48, 64), np.uint8), "gray")

    for told, late in ((None, 1), (CLEAN, JUDGED)):
        taken.clear()
        next(iter(Scenes(CLEAN, lambda some, told=told: told)(frames())))
        assert len(taken) == late


@pytest.mark.parametrize("pixels", ["gray", "yuv420p10le", "gray16be", "rgb24", "bgra", "gbrp"])
def test_frames_of_any_pixels_are_compared(pixels) -> None:
    """Noise of a few levels is no cut, another picture is."""
    rng = np.random.default_rng(1)
    frames = []
    for low in [20] * 6 + [220] * 6:
        grey = rng.integers(low, low + 9, (48, 66)).astype(np.uint8)
        frames.append(av.VideoFrame.from_ndarray(grey, "gray").reformat(format=pixels))
    found = list(Scenes(CLEAN, lambda some: None)(frames))
    assert [number for number, one in enumerate(found) if one.begins] == [0, 6]


def test_fast_motion_is_no_cut(tmp_path) -> None:
    rng = np.random.default_rng(4)
    wide = np.kron(rng.integers(0, 256, (9, 200, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    path = film_of(tmp_path / "a.mkv", ([wide[:, 12 * n : 12 * n + 96] for n in range(60)], 20))
    assert [one.number for one in Source(probe(path), FilmOptions()) if one.shown.begins] == [0]


def stopped(clip: Path, target: Path, at: int, model: str = "bicubic") -> FilmDone:
    """What a run reports that goes on behind one that was stopped."""
    with pytest.raises(CancelledError):
        upscale_film(load(model, 2), clip, target, FilmOptions(codec="ffv1"), lambda told: told.done < at)
    return upscale_film(load(model, 2), clip, target, FilmOptions(codec="ffv1"))


def test_a_film_gone_on_with_equals_one_made_in_one_go(mixed, tmp_path) -> None:
    """With the strength of each scene, in the middle of a scene, and as its report says."""
    options = FilmOptions(codec="ffv1")
    whole = upscale_film(load("mssn-s", 2), mixed, tmp_path / "whole.mkv", options)
    made = stopped(mixed, tmp_path / "made.mkv", 75, "mssn-s")
    assert 40 < made.resumed < 75
    assert packets_of(tmp_path / "made.mkv") == packets_of(tmp_path / "whole.mkv")
    assert made.strengths == whole.strengths and made.strength == whole.strength
    assert whole.strengths is not None and whole.strengths[0] < 0.3 and whole.strengths[1] > 0.5
    assert whole.strength == whole.strengths[0]  # of 70 frames of 110

    # The second scene is what its strength alone makes of it.
    told = load("mssn-s", 2, strength=whole.strengths[1])
    upscale_film(told, mixed, tmp_path / "told.mkv", options)
    pairs = list(zip(decoded(tmp_path / "whole.mkv"), decoded(tmp_path / "told.mkv"), strict=True))
    equal = [np.array_equal(one[1], other[1]) for one, other in pairs]
    assert equal == [False] * 40 + [True] * 40 + [False] * 30


def test_segments_end_where_scenes_begin(tmp_path, monkeypatch) -> None:
    """Each has a third of what is left at most; the first would have 37, the third 18."""
    film = film_of(
        tmp_path / "a.mkv", *((scene(seed, frames), 20) for seed, frames in enumerate((30, 40, 40)))
    )
    monkeypatch.setattr(SegmentFolder, "remove", lambda folder: None)
    upscale_film(load("bicubic", 2), film, tmp_path / "made.mkv", FilmOptions(codec="ffv1"))
    states = sorted(next(tmp_path.glob(".mssn-*.work")).glob("0*.json"))
    ends = [json.loads(state.read_text())["place"]["number"] for state in states]
    assert ends == [30, 57, 70, 86, 102, 110]


def test_what_is_asked_for_overrules_the_scenes(mixed, tmp_path) -> None:
    for number, wanted in enumerate(({"strength": 0.4}, {"variant": "clean"})):
        upscaler = load("mssn-s", 2, **wanted)  # type: ignore[arg-type]
        done = upscale_film(upscaler, mixed, tmp_path / f"{number}.mkv")
        assert done.strengths == (wanted.get("strength", 0.0),) * 2


def resumed(path: Path, number: int, **options: Any) -> tuple[list[Decoded], list[Decoded], int]:
    """A film's frames behind a number in one go, and those behind the place; how many that decoded."""
    film = probe(path)
    whole = list(Source(film, FilmOptions(**options)))
    count, times = 0, sources.Times

    class Counted(times):  # type: ignore[valid-type,misc]
        def __call__(self, frame: av.VideoFrame) -> int:
            nonlocal count
            count += 1
            return super().__call__(frame)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "Times", Counted)
        made = Source(film, FilmOptions(**options), whole[number - 1].place())
        rest = list(made)
    assert made.missing == [] and made.frames == len(whole)
    return whole[number:], rest, count


def same(one: Decoded, other: Decoded) -> bool:
    facts = [(each.pts, each.number, each.compression, each.shown.begins) for each in (one, other)]
    return facts[0] == facts[1] and np.array_equal(one.frame.to_ndarray(), other.frame.to_ndarray())


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
@pytest.mark.parametrize(("number", "most"), [(1, 200), (100, 150), (121, 150), (199, 40), (200, 40)])
def test_what_follows_a_place_is_decoded_from_a_key_frame(tmp_path, ending, number, most) -> None:
    path = make_clip(tmp_path / f"a{ending}", 200, options={"g": "30", "bf": "2"})
    whole, rest, count = resumed(path, number)
    assert len(whole) == len(rest) == 200 - number
    assert all(same(*pair) for pair in zip(whole, rest, strict=True))
    assert count <= most


@pytest.mark.parametrize("number", [29, 30, 31, 59, 61])
def test_groups_of_pictures_that_lean_on_each_other_are_no_gap(tmp_path, number) -> None:
    """Frames before a key frame in time, behind it in the file, need those of the group before."""
    params = "keyint=30:min-keyint=30:scenecut=0:open-gop=1:bframes=4:log-level=none"
    path = make_clip(tmp_path / "a.mkv", 100, encoder="libx265", options={"x265-params": params})
    whole, rest, count = resumed(path, number)
    assert all(same(*pair) for pair in zip(whole, rest, strict=True)) and count < 130


def test_a_part_goes_on_in_its_middle(tmp_path) -> None:
    path = make_clip(tmp_path / "a.mkv", 200, options={"g": "30", "bf": "2"})
    whole, rest, count = resumed(path, 60, start=2.0, end=6.0)
    assert len(whole) == 40 and count < 90
    assert all(same(*pair) for pair in zip(whole, rest, strict=True))


@pytest.mark.parametrize("name", ["bad.mkv", "inter.mpg", "sizechange.ts", "mjpeg.avi"])
def test_where_that_is_not_sure_all_is_decoded(name) -> None:
    """Something was left out, fields, a clock that may jump, no times of showing."""
    path = CASES / name
    film = probe(path)
    made = Source(film, FilmOptions())
    whole, lost = list(made), made.missing
    again = Source(film, FilmOptions(), whole[19].place())
    assert all(same(*pair) for pair in zip(whole, again, strict=True)) and again.missing == lost


def test_a_place_that_looks_otherwise_is_not_trusted(tmp_path) -> None:
    path = make_clip(tmp_path / "a.mkv", 60, options={"g": "10"})
    film = probe(path)
    whole = list(Source(film, FilmOptions()))
    place = whole[40].place()
    other = Place(**{**vars(place), "pixels": "0" * 64})
    assert [one.number for one in Source(film, FilmOptions(), other)] == list(range(60))
    assert [one.number for one in Source(film, FilmOptions(), place)] == list(range(41, 60))


@pytest.mark.parametrize("total", [1, 17, 100, 250, 1500, 180_000])
def test_a_run_killed_near_the_end_makes_little_again(total) -> None:
    """At most half as much as was left, beside segments of the fewest frames."""
    number, lengths = 0, []
    while number < total:
        lengths.append(length(125, total, number))
        assert 16 <= lengths[-1] <= 125
        assert lengths[-1] <= max(16, -(-(total - number) // 3))
        number += lengths[-1]
    assert len(lengths) <= total / 125 + 8
    assert length(125, None, 0) == length(125, total, total) == 125  # nothing is known of how many are left
