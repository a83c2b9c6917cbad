"""Folders that go with their process."""

from __future__ import annotations

import os
import subprocess
import sys

from mssn.cluster.held import held_folder

_KILLED = """
import os, sys
from pathlib import Path
from mssn.cluster.held import held_folder
with held_folder("of-a-test-", Path(sys.argv[1])) as folder:
    (folder / "picture").write_text("half")
    os.kill(os.getpid(), 9)
"""


def old(folder):
    os.utime(folder, (0, 0))


def test_a_folder_is_gone_after_the_block(tmp_path):
    with held_folder("of-a-test-", tmp_path) as folder:
        (folder / "picture").write_text("half")
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_and_what_lives_stays(tmp_path):
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    with held_folder("of-a-test-", tmp_path):
        assert left.exists()  # too young to tell from one that is being made
    with held_folder("of-a-test-", tmp_path) as living:
        old(left)
        old(living)
        (tmp_path / "of-a-test").mkdir()
        with held_folder("of-a-test-", tmp_path):
            assert not left.exists()
            assert living.exists()
        assert (tmp_path / "of-a-test").exists()
