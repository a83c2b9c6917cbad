"""Films whose making is stopped at any moment: nothing half stands there, and the next run goes on."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from film_clips import make_clip, packets_of

from mssn import load
from mssn.film.run import upscale_film

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="signals as POSIX knows them"),
    pytest.mark.slow,  # whole processes
]
FRAMES = 250  # at 2.5 a second, so ten segments
CHILD = """
import sys
from pathlib import Path
from mssn import load
from mssn.errors import FilmError
from mssn.film.run import upscale_film

def tell(progress):
    print(progress.done, flush=True)

try:
    done = upscale_film(load("bicubic", 2, threads=1), Path(sys.argv[1]), Path(sys.argv[2]), None, tell)
except FilmError as error:
    sys.exit(f"refused: {error}")
print("made", done.frames, done.resumed, flush=True)
"""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Whole:
    """A film made in one go, its packets, and how long that took as a process."""

    source: Path
    packets: list
    seconds: float


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    source = make_clip(folder / "source.mkv", FRAMES, Fraction(5, 2))
    started = time.perf_counter()
    child = started_child(source, folder / "made.mkv")
    assert child.communicate()[0].endswith(f"made {FRAMES} 0\n")
    return Whole(source, packets_of(folder / "made.mkv"), time.perf_counter() - started)


def started_child(source: Path, target: Path, limit: int | None = None) -> subprocess.Popen:
    """A process that makes the film.

    Args:
        source: The film.
        target: What it makes.
        limit: Bytes that a file may have, as on a disk that is full.
    """

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    pipe = subprocess.PIPE
    command = [sys.executable, "-c", CHILD, source, target]
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=limited)


def stopped_at(child: subprocess.Popen, done: int, kind: signal.Signals) -> None:
    """Stop a process when so many frames are enlarged."""
    assert child.stdout is not None
    for line in child.stdout:
        if not line.startswith("made") and int(line) >= done:
            child.send_signal(kind)
            break
    child.communicate()


def made_after(whole: Whole, target: Path) -> int:
    """Make the film to its end, and return how many frames an earlier run had made."""
    child = started_child(whole.source, target)
    out, errors = child.communicate()
    assert child.returncode == 0, errors
    frames, resumed = map(int, out.splitlines()[-1].removeprefix("made ").split())
    assert frames == FRAMES
    assert packets_of(target) == whole.packets
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    return resumed


@pytest.mark.parametrize("kind", SIGNALS, ids=lambda kind: kind.name)
def test_stopped_at_nine_tenths_little_is_made_again(tmp_path, whole, kind) -> None:
    target = tmp_path / "made.mkv"
    stopped_at(started_child(whole.source, target), FRAMES * 9 // 10, kind)
    assert not target.exists()
    assert made_after(whole, target) >= 0.8 * FRAMES


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_stopped_at_any_moment_the_film_is_the_same(tmp_path, whole, seed) -> None:
    chance, target = random.Random(seed), tmp_path / "made.mkv"
    for _ in range(chance.randint(1, 3)):
        moment, kind = chance.uniform(0, 1.1 * whole.seconds), chance.choice(SIGNALS)
        print(f"seed {seed}: {kind.name} after {moment:.3f} s")
        child = started_child(whole.source, target)
        time.sleep(moment)
        child.send_signal(kind)
        child.communicate()
        if target.exists():
            assert packets_of(target) == whole.packets
            target.unlink()
    made_after(whole, target)


def test_a_full_disk_is_a_line_and_the_next_run_goes_on(tmp_path, whole) -> None:
    target = tmp_path / "made.mkv"
    sizes = [len(content) for stream, *_, content in whole.packets if stream == 0]
    child = started_child(whole.source, target, limit=int(sum(sizes) / 3))  # enough for segments, not for all
    _, errors = child.communicate()
    assert child.returncode == 1 and errors.startswith(f"refused: {target}: cannot be written"), errors
    assert errors.count("\n") == 1 and not target.exists()
    assert made_after(whole, target) == FRAMES


def test_a_disk_full_in_the_first_segment_leaves_nothing(tmp_path, whole) -> None:
    target = tmp_path / "made.mkv"
    child = started_child(whole.source, target, limit=1024)
    _, errors = child.communicate()
    assert child.returncode == 1 and errors.startswith("refused: ") and errors.count("\n") == 1, errors
    assert list(tmp_path.iterdir()) == []


def test_only_one_process_makes_a_film(tmp_path, whole) -> None:
    target = tmp_path / "made.mkv"
    first = started_child(whole.source, target)
    assert first.stdout is not None and first.stdout.readline() == "0\n"
    first.send_signal(signal.SIGSTOP)
    second = started_child(whole.source, target)
    _, errors = second.communicate()
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 1
    assert errors == (
        f"refused: {target}: is being made by another mssn; wait until it is done, or choose another output\n"
    )
    first.communicate()
    assert first.returncode == 0 and packets_of(target) == whole.packets


def test_another_setting_begins_anew(tmp_path, whole) -> None:
    target = tmp_path / "made.mkv"
    stopped_at(started_child(whole.source, target), FRAMES // 2, signal.SIGKILL)
    assert upscale_film(load("bicubic", 3), whole.source, target).resumed == 0
