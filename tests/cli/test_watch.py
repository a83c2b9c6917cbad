"""`mssn watch`: what comes into a folder is enlarged, once, when it is whole."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from film_clips import make_clip

from mssn.cli import watch as verb
from mssn.cli.watching import FAILED, PATIENCE, SETTLED, Watched
from mssn.errors import DataError, ImageError
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import to_bytes, write

PNG = to_bytes(Picture(np.zeros((4, 6, 3), np.uint8)), ".png")


class Time:
    """A clock that a test moves, and what happens while `mssn watch` sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.steps: list = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if not self.steps:
            raise KeyboardInterrupt
        self.steps.pop(0)()


@pytest.fixture
def time(monkeypatch) -> Time:
    time = Time()
    monkeypatch.setattr(verb.time, "sleep", time.sleep)
    monkeypatch.setattr("mssn.cli.watching.time.monotonic", time)
    monkeypatch.setattr(verb, "Watched", lambda *arguments: Watched(*arguments, clock=time))
    return time


@pytest.fixture
def watch(mssn, tmp_path, time):
    (tmp_path / "in").mkdir()

    def run(*steps, rounds: int = 6, options: tuple[str, ...] = ()):
        time.steps = [*steps, *[lambda: None] * rounds]
        return mssn("watch", "in", "-o", "out", "-m", "bicubic", *options)

    return run


def test_what_comes_is_enlarged_and_keeps_its_place(watch, tmp_path) -> None:
    (tmp_path / "in/a.png").write_bytes(PNG)

    def more() -> None:
        (tmp_path / "in/deeper").mkdir()
        (tmp_path / "in/deeper/b.jpg").write_bytes(to_bytes(Picture(np.zeros((3, 3, 3), np.uint8)), ".jpg"))
        (tmp_path / "in/.hidden.png").write_bytes(PNG)
        (tmp_path / "in/c.png.part").write_bytes(PNG)

    result = watch(more)
    assert result.code == 130
    assert {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")} == {
        "a.png",
        "deeper/b.jpg",
    }
    assert read(tmp_path / "out/a.png").page_size == (8, 12)
    assert len(result.out.splitlines()) == 2
    assert "stopped: 2 results were made; the same command goes on" in result.err


def test_half_written_files_wait(watch, tmp_path, time) -> None:
    path, seen = tmp_path / "in/a.png", []

    def grow(size: int):
        def step() -> None:
            path.write_bytes(PNG[:size])
            seen.append((tmp_path / "out/a.png").exists())

        return step

    sizes = [0, *range(10, len(PNG), 10), len(PNG)]
    result = watch(*map(grow, sizes))
    assert not any(seen) and (tmp_path / "out/a.png").exists()
    assert "mssn: " not in result.err.replace("mssn: stopped", "")


def test_a_file_that_stalls_half_way_is_not_set_aside(watch, tmp_path) -> None:
    path = tmp_path / "in/a.png"
    path.write_bytes(PNG[:60])
    result = watch(*[lambda: None] * 10, lambda: path.write_bytes(PNG))
    assert "tried again in 30 s" in result.err and (tmp_path / "out/a.png").exists()
    assert not (tmp_path / "in" / FAILED).exists()


def test_restarts_redo_nothing(watch, tmp_path) -> None:
    (tmp_path / "in/a.png").write_bytes(PNG)
    assert len(watch().out.splitlines()) == 1
    made = (tmp_path / "out/a.png").stat().st_mtime_ns
    again = watch()
    assert again.out == "" and (tmp_path / "out/a.png").stat().st_mtime_ns == made
    os.utime(tmp_path / "in/a.png", (2**32, 2**32))
    newer = watch()
    assert newer.out == "" and newer.err.count("is newer than out/a.png; remove that") == 1
    (tmp_path / "out/a.png").unlink()
    assert len(watch().out.splitlines()) == 1


def test_failures_are_set_aside_with_the_reason(watch, tmp_path) -> None:
    (tmp_path / "in/deeper").mkdir()
    (tmp_path / "in/deeper/bad.png").write_bytes(b"hello")
    (tmp_path / "in/good.png").write_bytes(PNG)
    result = watch(rounds=int(SETTLED + PATIENCE) + 6, options=("--json",))
    aside = tmp_path / "in" / FAILED / "deeper/bad.png"
    assert aside.read_bytes() == b"hello" and not (tmp_path / "in/deeper/bad.png").exists()
    assert "not a picture but text" in Path(f"{aside}.txt").read_text()
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [("error" in line, Path(line["source"]).name) for line in lines] == [
        (False, "good.png"),
        (True, "bad.png"),
    ]
    assert result.err.count("tried again") == 1 and result.err.count("moved into") == 1
    assert "bad" not in watch(rounds=40).err  # what was set aside stays there


def test_a_full_disk_is_no_fault_of_the_file(watch, tmp_path, monkeypatch) -> None:
    import errno

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "in/a.png").write_bytes(PNG)
    monkeypatch.setattr("mssn.upscaling.files.write", full)
    result = watch()
    assert result.code == 2 and "No space left" in result.err
    assert (tmp_path / "in/a.png").exists()


def test_names_that_would_meet_are_kept_apart(watch, tmp_path) -> None:
    (tmp_path / "in/a.png").write_bytes(PNG)
    write(tmp_path / "a.tif", Picture(np.zeros((2, 2, 3), np.uint8)))
    from PIL import Image

    Image.new("RGB", (3, 3)).save(tmp_path / "in/a.bmp")
    watch()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.bmp.png", "a.png"]
    assert watch().out == ""


def test_films_too(watch, tmp_path) -> None:
    make_clip(tmp_path / "in/a.mkv", 4, sound=False)
    result = watch()
    assert (tmp_path / "out/a.mkv").exists() and "64x48 -> 128x96  4 frames" in result.out
    assert watch().out == ""


def test_a_film_whose_container_does_not_fit_is_looked_at_once(watch, tmp_path, monkeypatch) -> None:
    film = make_clip(tmp_path / "film.mkv", 4, sound=False)
    shutil.copy(film, tmp_path / "in/a.ts")  # what becomes of it goes into .mkv
    options = ("--codec", "ffv1")
    assert "a.mkv" in watch(options=options).out
    looks = []
    monkeypatch.setattr(verb, "held", lambda *a, **k: looks.append(a) or _held(*a, **k))
    assert watch(rounds=12, options=options).out == "" and len(looks) == 1


_held = verb.held


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none", "-o", "out"), "none: is no folder to watch"),
        (("in", "-o", "in"), "in: is the folder that is watched"),
        (("in", "-o", "in/a.png"), "in/a.png: cannot be made"),
        (("in", "-o", "."), ".: holds the folder that is watched"),
        (("in", "-o", "in/failed"), "in/failed: is where failures are set aside"),
        (("in", "-o", "in/failed/deeper"), "is where failures are set aside"),
        (("in",), "--output"),
        (("in", "-o", "out", "--quality", "0"), "--quality must be 1 to 100"),
    ],
)
def test_what_makes_no_sense_is_one_line(mssn, tmp_path, arguments, words) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(PNG)
    result = mssn("watch", *arguments)
    assert result.code == 2 and words in result.line


def test_a_dial_that_does_nothing_is_said_to(watch) -> None:
    result = watch(rounds=1, options=("-s", "0.5", "--variant", "clean"))
    assert "--variant says nothing about a scale of 0.5: no network runs\n" in result.err


def test_a_folder_that_goes_is_said(watch, tmp_path) -> None:
    result = watch(lambda: shutil.rmtree(tmp_path / "in"))
    assert result.code == 2 and "in: the folder that is watched is gone" in result.err


def test_results_inside_the_folder_are_nobody_s_input(tmp_path, time) -> None:
    (tmp_path / "in/out").mkdir(parents=True)
    (tmp_path / "in/a.png").write_bytes(PNG)
    (tmp_path / "in/out/b.png").write_bytes(PNG)
    watched = Watched(tmp_path / "in", tmp_path / "in/out", print, time)
    watched.ready()
    time.now += 5
    assert [job.source.name for job in watched.ready()] == ["a.png"]
    with pytest.raises(ImageError):
        Watched(tmp_path / "in", tmp_path / "in", print)
    with pytest.raises(DataError):
        Watched(tmp_path / "none", tmp_path, print)


def test_a_file_that_is_renamed_while_it_waits_is_made_under_its_new_name(
    watch, tmp_path, monkeypatch
) -> None:
    (tmp_path / "in/a.png").write_bytes(PNG)
    (tmp_path / "in/b.png").write_bytes(PNG)
    upscale_files = verb.upscale_files

    def renaming(*arguments):
        if (tmp_path / "in/a.png").exists():
            (tmp_path / "in/a.png").rename(tmp_path / "in/c.png")
        return upscale_files(*arguments)

    monkeypatch.setattr(verb, "upscale_files", renaming)
    result = watch()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.png", "c.png"]
    assert "mssn: " not in result.err.replace("mssn: stopped", "")


def test_what_cannot_be_set_aside_stays_and_others_go_on(watch, tmp_path, monkeypatch) -> None:
    (tmp_path / "in/bad.png").write_bytes(b"hello")
    (tmp_path / "in" / FAILED).write_text("a file in the place of the folder")
    later = lambda: (tmp_path / "in/good.png").write_bytes(PNG)  # noqa: E731
    rounds = int(SETTLED + PATIENCE) + 4
    result = watch(*[lambda: None] * rounds, later, rounds=2 * rounds, options=("--json",))
    assert result.code == 130 and (tmp_path / "out/good.png").exists()
    assert (tmp_path / "in/bad.png").read_bytes() == b"hello"
    assert result.err.count("it stays there, because it cannot be moved into in/failed (File exists)") == 1
    assert result.err.count("bad.png") == 2  # and before that, that it is tried again
    assert len(result.out.splitlines()) == 2


def test_what_stays_is_tried_again_once_it_changes(watch, tmp_path) -> None:
    (tmp_path / "in/bad.png").write_bytes(b"hello")
    (tmp_path / "in" / FAILED).write_text("")
    rounds = int(SETTLED + PATIENCE) + 4
    watch(*[lambda: None] * rounds, lambda: (tmp_path / "in/bad.png").write_bytes(PNG))
    assert (tmp_path / "out/bad.png").exists()


def test_an_empty_file_is_said_once_and_waits(watch, tmp_path) -> None:
    (tmp_path / "in/a.png").write_bytes(b"")
    fill = lambda: (tmp_path / "in/a.png").write_bytes(PNG)  # noqa: E731
    result = watch(*[lambda: None] * int(2 * PATIENCE), fill)
    assert result.err.count("in/a.png is empty; it waits for its content") == 1
    assert (tmp_path / "out/a.png").exists()


def test_a_folder_that_cannot_be_listed_is_said(mssn, tmp_path, monkeypatch) -> None:
    (tmp_path / "in").mkdir()

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("mssn.cli.watching.os.scandir", refuse)
    result = mssn("watch", "in", "-o", "out", "-m", "bicubic")
    assert result.code == 2
    assert "in: the folder that is watched cannot be listed: Permission denied" in result.err


def test_a_folder_for_results_that_cannot_be_written_is_said(mssn, tmp_path, monkeypatch) -> None:
    (tmp_path / "in").mkdir()

    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(verb, "try_writing", refuse)
    assert mssn("watch", "in", "-o", "out").line == "mssn: out: cannot be written into (Permission denied)"


def test_a_file_in_the_place_of_a_folder_for_results_is_one_line(watch, tmp_path) -> None:
    (tmp_path / "in/sub").mkdir()
    (tmp_path / "in/sub/a.png").write_bytes(PNG)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sub").write_text("")
    result = watch()
    assert result.code == 2 and "mssn: out/sub: cannot be made (File exists)" in result.err
