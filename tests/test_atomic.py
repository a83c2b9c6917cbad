"""Temporary files of processes that are gone are swept away; all others stay."""

from __future__ import annotations

import subprocess
import sys

from mssn.atomic import part_of, replacing, sweep


def test_only_what_dead_processes_left_is_swept(tmp_path) -> None:
    leave = "import pathlib, sys, mssn.atomic; mssn.atomic.part_of(pathlib.Path(sys.argv[1])).touch()"
    subprocess.run([sys.executable, "-c", leave, tmp_path], check=True)
    assert len(list(tmp_path.iterdir())) == 1
    stay = [
        part_of(tmp_path),
        *(tmp_path / name for name in (".mssn-00000000-1-ab.part", ".mssn-x.part", "a.png")),
    ]
    for path in stay:
        path.touch()
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(stay)


def test_a_name_appears_when_the_file_is_whole(tmp_path) -> None:
    with replacing(tmp_path / "a.png") as file:
        file.write(b"whole")
        assert not (tmp_path / "a.png").exists()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"whole"]
