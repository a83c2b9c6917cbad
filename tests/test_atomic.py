"""Temporary files: scrap is swept away and nothing else; targets are replaced as `cp` would."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mssn.atomic import ABANDONED, FOLDER_ABANDONED, hold, part_of, present, replacing, sweep, work_folder
from mssn.image.scratch import ScratchArrays

posix = pytest.mark.skipif(os.name != "posix", reason="links, locks and permissions as POSIX knows them")


def put(path: Path, age: float) -> Path:
    path.write_bytes(b"")
    then = time.time() - age
    os.utime(path, (then, then))
    return path


@posix
def test_folders_of_work_stay_for_two_weeks_and_while_they_are_held(tmp_path) -> None:
    def folder(name: str, age: float) -> Path:
        path = work_folder(tmp_path / name)
        path.mkdir()
        for file in ("lock", "000000"):
            put(path / file, age)
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    old, held = folder("old.mkv", FOLDER_ABANDONED + 60), folder("held.mkv", FOLDER_ABANDONED + 60)
    young = folder("young.mkv", FOLDER_ABANDONED - 60)
    with open(held / "lock", "r+b") as lock:
        assert hold(lock)
        sweep(tmp_path)
    assert not old.exists() and sorted(tmp_path.iterdir()) == sorted([held, young])


def test_what_nobody_touched_for_a_day_is_swept_whoever_made_it(tmp_path) -> None:
    scrap = [part_of(tmp_path), tmp_path / ".mssn-00000000-1-ab.part"]  # the second as 0.1 called them
    for path in scrap:
        put(path, ABANDONED + 60)
    stay = [
        put(part_of(tmp_path), ABANDONED - 60),
        put(tmp_path / ".mssn-00000000-999999999-ab.part", 0),  # of a process that is none here: elsewhere
        put(tmp_path / "a.png", 10 * ABANDONED),
        put(tmp_path / ".other.part", 10 * ABANDONED),
    ]
    (tmp_path / ".mssn-folder.part").mkdir()
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([*stay, tmp_path / ".mssn-folder.part"])
    sweep(tmp_path / "gone")


@posix
def test_what_a_process_holds_stays_however_old(tmp_path) -> None:
    """Another process holds one file by `replacing` and one by `ScratchArrays`, until it is killed."""
    holder = (
        "import os, pathlib, sys\n"
        "from mssn.atomic import replacing\n"
        "from mssn.image.scratch import ScratchArrays\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with replacing(folder / 'a.png'), ScratchArrays(0, folder) as scratch:\n"
        "    array = scratch.empty((4, 4), 'uint8')\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", holder, tmp_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        old = time.time() - 2 * ABANDONED
        parts = list(tmp_path.glob(".mssn-*.part"))
        assert len(parts) == 2
        for path in parts:
            os.utime(path, (old, old))
        sweep(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted(parts)
        process.kill()
    sweep(tmp_path)
    assert not list(tmp_path.iterdir())


@posix
def test_only_one_holds_a_file(tmp_path) -> None:
    path = put(tmp_path / "a", 0)
    with open(path, "r+b") as one, open(path, "r+b") as other:
        assert hold(one) and not hold(other)
    with open(path, "r+b") as later:
        assert hold(later)


def test_scratch_files_go_with_their_block(tmp_path) -> None:
    with ScratchArrays(0, tmp_path) as scratch:
        array = scratch.empty((3, 5), np.uint16)
        array[:] = 7
        assert len(list(tmp_path.iterdir())) == 1 and array.sum() == 105
        del array
    assert not list(tmp_path.iterdir())


def test_a_name_appears_when_the_file_is_whole(tmp_path) -> None:
    with replacing(tmp_path / "a.png") as file:
        file.write(b"whole")
        assert not (tmp_path / "a.png").exists()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_what_the_umask_leaves(tmp_path, mask) -> None:
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "a"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path, mode) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(mode)
    with replacing(tmp_path / "a") as file:
        file.write(b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


@posix
def test_what_a_link_points_to_is_replaced_and_the_link_stays(tmp_path) -> None:
    (tmp_path / "disk").mkdir()
    real = tmp_path / "disk" / "real.png"
    real.write_bytes(b"old")
    real.chmod(0o600)
    (tmp_path / "middle").symlink_to("disk/real.png")  # relative, and of a link
    (tmp_path / "link.png").symlink_to(tmp_path / "middle")
    with replacing(tmp_path / "link.png") as file:
        file.write(b"new")
        assert len(list((tmp_path / "disk").iterdir())) == 2  # beside the file, which may be on another disk
    assert real.read_bytes() == b"new" and stat.S_IMODE(real.stat().st_mode) == 0o600
    assert (tmp_path / "link.png").is_symlink() and (tmp_path / "middle").is_symlink()


@posix
def test_where_no_file_can_be_written_is_told_before_it_is_tried(tmp_path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    (tmp_path / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("folder", "is a folder"),
        ("nowhere", "is a link to a file that is not there"),
        ("circle", "Too many levels of symbolic links"),
        ("pipe", "is a pipe or a device"),
        ("n" * 300, "File name too long"),
    ):
        for attempt in (present, lambda path: replacing(path).__enter__()):
            with pytest.raises(OSError, match=words):
                attempt(tmp_path / name)
    assert present(tmp_path / "new") is None
    assert len(list(tmp_path.iterdir())) == 4
