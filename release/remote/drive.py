"""Train a plan on a bare machine: check what works, then one network after the other, saving all the time.

`train.sh` calls it: python -m remote.drive ROOM MINUTES PLAN OUTPUT. It ends with 0, with 2 for bad input, 1
if a network failed, and 130 after a request to stop; what was learnt till then lies in the output folder.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from remote import packed, plan, trial

from mssn.errors import DivergedError, MssnError, TrainingError
from mssn.lab.train.checkpoint import Status
from mssn.lab.train.log import Log
from mssn.lab.train.loop import Trainer
from mssn.lab.train.session import prepare, write_weights
from mssn.models.meta import Meta

LOG = "log.txt"
_SAVE = 15.0  # seconds between two savings; looks at the loss, which they wait for, are seconds apart
_TAIL = 3.0  # seconds kept at the end of each network, for its validation


class Diary:
    """Lines on standard error and in a file, each written whole.

    Args:
        path: The file; what was there goes.
        started: Time that all times count from, seconds since 1970.
    """

    def __init__(self, path: Path, started: float) -> None:
        self._path, self._started = path, started
        path.write_text("")

    def __call__(self, text: str) -> None:
        line = f"{time.time() - self._started:7.1f} s  " + text.replace("\n", " ")
        print(line, file=sys.stderr)
        with self._path.open("a") as file:
            file.write(line + "\n")


def drive(room: Path, minutes: float, path: Path, output: Path, started: float) -> int:
    """Train a plan in this time.

    Args:
        room: Where the archive was unpacked; it holds the plan, too, that "-" stands for.
        minutes: From `started` on.
        path: The plan.
        output: The folder of results.
        started: Seconds since 1970.

    Returns:
        The exit code.

    Raises:
        MssnError: The plan, or what it needs, is not usable.
    """
    entries = plan.read(room / "plan.toml" if str(path) == "-" else path)
    output.mkdir(parents=True, exist_ok=True)
    for scrap in output.glob(".mssn-*.part"):  # of a run that was killed
        scrap.unlink()
    for name in (entry.name for entry in entries):  # else an earlier run's weights might pass for this one's
        (output / f"{name}.safetensors").unlink(missing_ok=True)
    say = Diary(output / LOG, started)
    deadline, failed = started + 60 * minutes, 0
    for entry in entries:
        _init(entry, entries, room, output)  # a file that is missing is told now
    known = trial.named(os.environ["MSSN_WAY"]) if os.environ.get("MSSN_WAY") else None
    with ThreadPoolExecutor(1) as pool:  # the processor decodes while the device is tried
        first = pool.submit(packed.read, room / "data", entries[0].recipe)
        way = known or trial.choose(entries[0].recipe, say)
        trial.use(way)
        pictures = first.result()
    for number, entry in enumerate(entries):
        share = entry.minutes / sum(later.minutes for later in entries[number:])
        until = time.time() + (deadline - time.time()) * share
        try:
            if number:
                pictures = packed.read(room / "data", entry.recipe)
            init = _init(entry, entries, room, output)
            if not train(entry, init, pictures, room, output, until, way, say):
                say("stopped")
                return 130
        except (MssnError, RuntimeError) as error:
            say(f"{entry.name}: failed: {error}")
            failed = 1
    say("done")
    return failed


def _init(entry: plan.Entry, entries: list[plan.Entry], room: Path, output: Path) -> Path | None:
    """The file that a network starts from.

    Raises:
        TrainingError: It was not packed.
    """
    if not entry.init:
        return None
    if entry.init in [earlier.name for earlier in entries[: entries.index(entry)]]:
        return output / f"{entry.init}.safetensors"
    packed_file = room / "init" / plan.init_file(entry.init)
    if not packed_file.is_file():
        there = ", ".join(sorted(file.stem for file in packed_file.parent.iterdir())) or "none"
        raise TrainingError(f"init '{entry.init}' of {entry.name} is not packed; packed are: {there}")
    return packed_file


def train(
    entry: plan.Entry,
    init: Path | None,
    pictures: packed.Pictures,
    room: Path,
    output: Path,
    until: float,
    way: trial.Way,
    say: Callable[[str], None],
) -> bool:
    """Train one network; if captured updates fail, again with eager ones in the time that is left.

    Returns:
        Whether it was trained to the end; False after a request to stop.

    Raises:
        MssnError: It cannot be trained.
        RuntimeError: The device fails.
    """
    for number, captures in enumerate(dict.fromkeys([way.captures, False])):
        trainer, meta = prepare(
            entry.recipe,
            room / "runs" / f"{entry.name}-{number}",
            init=init,
            cache=room / "cache",
            device=way.device,  # pyright: ignore[reportArgumentType]
            say=say,
            pictures=pictures,
            captures=captures,
        )
        trainer.history = trainer.history.then(entry.command)
        commit = json.loads((room / "data" / packed.INDEX).read_text())["commit"]
        try:
            return _run(entry, trainer, replace(meta, commit=commit), output, until, say)
        except (DivergedError, RuntimeError) as error:
            if not captures or isinstance(error, DivergedError):
                raise
            say(f"{entry.name}: captured updates fail ({error}); eager ones from here on")
    raise AssertionError


def _run(
    entry: plan.Entry, trainer: Trainer, meta: Meta, output: Path, until: float, say: Callable[[str], None]
) -> bool:
    target = output / f"{entry.name}.safetensors"
    write_weights(trainer, meta, target)
    seconds = max(until - time.time() - _TAIL, 1.0)
    say(f"{entry.name}: {entry.recipe.model} x{entry.recipe.scale} for {seconds:.0f} s")
    log, saved = Log(lambda text: say(f"{entry.name}: {text}")), time.monotonic()

    def watch(status: Status) -> None:
        nonlocal saved
        log.watch(status)
        if time.monotonic() - saved > _SAVE:
            write_weights(trainer, meta, target)
            saved = time.monotonic()

    done = trainer.run(time_limit=seconds / 60, watch=watch)
    write_weights(trainer, meta, target)
    status = trainer.status
    say(f"{entry.name}: {status.update} updates, {status.samples} patches, {status.psnr or 0:.3f} dB")
    return done


def main() -> int:
    """Command line."""
    room, minutes, path, output = sys.argv[1:]
    try:
        return drive(Path(room), _minutes(minutes), Path(path), Path(output), _started())
    except (MssnError, OSError) as error:
        print(f"train.sh: {error}", file=sys.stderr)
        return 2
    finally:
        with suppress(OSError):
            shutil.rmtree(room)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < math.inf:
        raise TrainingError(f"MINUTES must be a number above 0, not '{text}'")
    return minutes


def _started() -> float:
    """When `train.sh` began, so that unpacking counts."""
    return float(os.environ.get("MSSN_STARTED", time.time()))


if __name__ == "__main__":
    sys.exit(main())
