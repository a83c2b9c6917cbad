"""Which pictures become which files: shared by every verb that writes pictures."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from mssn.cli.options import Lines, in_options
from mssn.errors import DataError, ImageError, MssnError
from mssn.image.read import counting_order, find_images
from mssn.upscaling.jobs import Job


def collect(
    inputs: list[Path],
    leave_out: Path | None = None,
    unreadable: list[str] | None = None,
    passed: list[Path] | None = None,
) -> list[tuple[Path, Path]]:
    """The pictures meant by files and folders, each with its name inside an output folder.

    Args:
        inputs: Pictures, folders of pictures (searched recursively), or patterns with * ? [] and ** that the
            shell has left alone; of what a pattern finds the folders below its fixed part are kept.
        leave_out: The output folder; pictures already in it are nobody's input when a folder is searched.
        unreadable: Takes a line for each sub-folder that cannot be listed; without it, that is an error.
        passed: Takes the pictures that were passed over because they are in the output folder.

    Raises:
        DataError: An input does not exist, a folder holds no pictures, or a pattern finds no file.
    """
    found: list[tuple[Path, Path]] = []
    for path in dict.fromkeys(inputs):  # who names a file twice means it once
        if path.is_dir():
            out = leave_out.resolve() if leave_out and leave_out.resolve() != path.resolve() else None
            for picture in find_images(path, unreadable):
                if out is None or out not in picture.resolve().parents:
                    found.append((picture, picture.relative_to(path)))
                elif passed is not None:
                    passed.append(picture)
        elif path.exists():
            found.append((path, Path(path.name)))
        elif any(character in str(path) for character in "*?["):
            found += _matches(path)
        else:
            raise DataError(f"{path}: no such file or folder")
    return list(dict.fromkeys(found))  # a folder and a picture in it name that picture twice, too


def _matches(pattern: Path) -> list[tuple[Path, Path]]:
    """Files that a pattern finds, each with its name below the pattern's fixed part."""
    fixed = pattern
    while any(character in str(fixed) for character in "*?["):
        fixed = fixed.parent
    # As in a shell and in folders, * finds nothing hidden.
    below = glob.glob(str(pattern.relative_to(fixed)), root_dir=fixed, recursive=True)
    files = [fixed / name for name in below if (fixed / name).is_file()]
    if not files:
        raise DataError(f"{pattern}: no such file or folder, and as a pattern it finds none")
    return [(path, path.relative_to(fixed)) for path in sorted(files, key=counting_order)]


def check(jobs: list[Job], force: bool, otherwise: str = "") -> None:
    """Refuse before the work what would be refused, or regretted, after it; make the folders.

    Args:
        jobs: What is to be done.
        force: Existing targets are fine.
        otherwise: What else than `force` a verb offers for them, the end of a sentence.

    Raises:
        ImageError: A target is one of the inputs, two pictures would become one file, a target exists
            already, or its folder cannot be made.
    """
    if not jobs:
        raise DataError("nothing to do: every picture found is the result of an earlier run")
    sources = {_key(job.source): job.source for job in jobs}
    targets: dict[str, Job] = {}
    clashes: list[str] = []
    for job in jobs:
        key = _key(job.target)
        if key in sources:
            raise ImageError(
                f"{job.target}: would replace the original {sources[key]}; choose another output"
            )
        if key in targets:
            clashes.append(f"{targets[key].source} and {job.source} would both become {job.target}")
        targets[key] = job
    if clashes:
        raise ImageError(f"{'; '.join(clashes)}; take them one by one")
    existing = [job.target for job in jobs if job.target.exists()]
    if existing and not force:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise ImageError(f"{existing[0]}{more}: exists already; use `force` to overwrite{otherwise}")
    for job in jobs:
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImageError(f"{job.target.parent}: cannot be made ({error.strerror})") from error


def run(jobs: Iterable[Job], work: Callable[[Job], str], done: str) -> int:
    """Do all jobs; a picture that fails among several is reported and skipped.

    Args:
        jobs: What to do.
        work: Does one job and returns the line to print for it.
        done: What the summary calls a finished picture.

    Returns:
        Exit code: 0, or 1 if some of several failed.

    Raises:
        MssnError: The only job failed.
    """
    jobs = list(jobs)
    failed, lines = 0, Lines()
    for number, job in enumerate(jobs, 1):
        try:
            line = work(job)
        except MssnError as error:
            if len(jobs) == 1:
                raise
            failed += 1
            print(f"mssn: {in_options(error)}", file=sys.stderr)
            continue
        lines.say(f"[{number}/{len(jobs)}] {line}" if len(jobs) > 1 else line)
    if failed:
        total = len(jobs)
        print(f"mssn: {total - failed} of {total} pictures {done}, {failed} failed", file=sys.stderr)
    return 1 if failed or lines.failure else 0


def _key(path: Path) -> str:
    """Equal for names of one file: links followed, case ignored where the system ignores it."""
    return os.path.normcase(os.path.realpath(path))
