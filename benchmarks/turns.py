"""Processes that enlarge when they are told to, and their times taken in turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PAUSE = 0.25  # seconds between two runs: what has just run may keep its threads awake for a while
DISTURBED = 0.08  # share of a run's time that other processes may have computed meanwhile
TICKS = 0.03  # seconds: how finely the system counts
SLOW = 3.0  # seconds: one that takes longer has two turns only


class StoppedError(Exception):
    """A contestant ended by itself."""


class Server:
    """A contestant that waits for pictures.

    Args:
        command: What starts it.
        cores: How many processor cores it may use.
    """

    def __init__(self, command: Sequence[str], cores: int) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the server
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        os.sched_setaffinity(self._process.pid, sorted(os.sched_getaffinity(0))[:cores])
        self.about: dict[str, Any] = {}

    def ready(self) -> None:
        """Wait until it is; what it then says of itself is in `about`.

        Raises:
            StoppedError: It ended.
        """
        self.about = self._answer()

    def run(self, source: Path, target: Path | None = None) -> dict[str, Any]:
        """Enlarge the picture in an .npy file.

        Returns:
            What it answered, and whether others were `disturbing` it.

        Raises:
            StoppedError: It ended.
        """
        pipe = self._process.stdin
        assert pipe is not None
        before, started = busy(), time.perf_counter()
        pipe.write(f"{source}\t{target}\n" if target else f"{source}\n")
        pipe.flush()
        answer = self._answer()
        # Reading a picture that is new to it is not in its own count, but is its own work.
        passed = time.perf_counter() - started
        others = busy() - before - answer["processor"] - (passed - answer["seconds"])
        return answer | {"disturbing": others > TICKS + DISTURBED * answer["seconds"]}

    def _answer(self) -> dict[str, Any]:
        pipe = self._process.stdout
        assert pipe is not None
        for line in pipe:
            if line.startswith("{"):  # libraries greet
                return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        last = (self._errors.read().strip().splitlines() or ["without a word"])[-1]
        raise StoppedError(f"ended with exit code {self._process.returncode}: {last}")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def in_turns(
    servers: Mapping[str, Server],
    pictures: Mapping[str, Path],
    baselines: Mapping[str, str],
    rounds: int,
    budget: float,
) -> dict[str, dict[str, Any]]:
    """Time servers one after another, round after round, so that all meet the machine in the same moods.

    Args:
        servers: Who is timed.
        pictures: What each of them enlarges.
        baselines: Which of the servers each is compared with.
        rounds: How often undisturbed, at most, after one run to warm up.
        budget: Seconds after which no further round begins.

    Returns:
        For each: median `seconds`, `best`, `runs`, `peak_mb`; its baseline's median in `baseline`, and in
        `times_as_long` the median of its shares of the baseline's time in the same round. Runs during which
        other processes computed do not count, unless there are no others: then `disturbed` is true.
    """
    end = time.monotonic() + budget

    def late() -> bool:
        return time.monotonic() > end

    def enough(known: dict[int, float]) -> bool:
        return len(known) >= (2 if max(known.values(), default=0) > SLOW else rounds)

    clean: dict[str, dict[int, float]] = {name: {} for name in servers}
    every: dict[str, dict[int, float]] = {name: {} for name in servers}
    peaks: dict[str, int] = {}
    for turn in range(10 * rounds):
        for name, server in servers.items():
            known, met = clean[name], every[name]
            if (met and late()) or (enough(known) and name not in baselines.values()):
                continue
            answer = server.run(pictures[name])
            peaks[name] = answer["peak_mb"]
            if turn:  # the first round warms up: some are only then made ready for this size
                met[turn] = answer["seconds"]
                if not answer["disturbing"]:
                    known[turn] = answer["seconds"]
            time.sleep(PAUSE)
        if (late() and all(every.values())) or all(map(enough, clean.values())):
            break
    results = dict[str, dict[str, Any]]()
    for name in every:
        known, base = (clean[key] or every[key] for key in (name, baselines[name]))
        pairs = [seconds / base[turn] for turn, seconds in known.items() if turn in base]
        median, usual = (statistics.median(times.values()) for times in (known, base))
        results[name] = {
            "seconds": round(median, 5),
            "best": round(min(known.values()), 5),
            "runs": len(known),
            "peak_mb": peaks[name],
            "baseline": round(usual, 5),
            "times_as_long": round(statistics.median(pairs) if pairs else median / usual, 3),
        }
        if not clean[name]:
            results[name]["disturbed"] = True
    return results


def busy() -> float:
    """Seconds that the cores of this machine have computed, or were taken away; Linux only."""
    user, nice, system, _, _, interrupts, soft, stolen, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")
