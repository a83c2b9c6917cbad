"""Which pictures become which files: shared by every verb that writes pictures."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from mssn.atomic import try_writing
from mssn.cli.options import Lines, in_options
from mssn.cli.streams import tell
from mssn.errors import DataError, ImageError
from mssn.image.find import counting_order, find_images
from mssn.image.formats import READABLE
from mssn.upscaling.jobs import Job, failure
from mssn.upscaling.naming import key

OTHERWISE = ", or `skip_existing` to leave it as it is"
_MOST = 10  # endings and folders to name in a line


@dataclass
class PassedOver:
    """What lies in the folders that were named, and is not used.

    Attributes:
        unreadable: A line for each sub-folder that cannot be listed.
        results: Results of earlier runs.
        strangers: Files that do not end like a picture.
        links: Linked folders.
        hidden: Hidden pictures.
    """

    unreadable: list[str] = field(default_factory=list)
    results: list[Path] = field(default_factory=list)
    strangers: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)

    def tell(self) -> int:
        """Say so, in a line for each kind; the exit code, which is 1 if some folder could not be listed."""
        if self.results:
            files = _counted(self.results, "file")
            tell(f"{files} passed over as results of earlier runs; name one to use it all the same")
        tell_strangers(Counter(path.suffix.lower() or "no ending" for path in self.strangers))
        if self.hidden:
            tell(f"{_counted(self.hidden, 'hidden file')} passed over; name one to use it")
        tell_links(sorted(self.links))
        for line in self.unreadable:
            tell(f"mssn: {line}")
        return 1 if self.unreadable else 0


def tell_strangers(endings: Counter[str]) -> None:
    """Say how many files of other kinds are passed over, if there are some, by their endings."""
    if endings:
        order = sorted(endings, key=lambda ending: (-endings[ending], ending))
        named = [f"{ending} ({endings[ending]})" for ending in order]
        files = _counted(range(endings.total()), "file")
        tell(f"{files} of other kinds passed over: {_some(named)}")


def tell_links(folders: Sequence[object]) -> None:
    """Say which linked folders are passed over, if there are some."""
    if folders:
        counted = _counted(folders, "linked folder")
        tell(f"{counted} passed over: {_some(folders)}; name one to use what is in it")


def _counted(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'s' if len(things) > 1 else ''}"


def _some(things: Sequence[object]) -> str:
    more = f" and {len(things) - _MOST} more" if len(things) > _MOST else ""
    return ", ".join(map(str, things[:_MOST])) + more


def collect(
    inputs: list[Path],
    passed: PassedOver,
    leave_out: Path | None = None,
    endings: Sequence[str] = READABLE,
) -> list[tuple[Path, Path]]:
    """The pictures meant by files and folders, each with its name inside an output folder.

    Args:
        inputs: Pictures, folders of pictures (searched recursively), or patterns with * ? [] and ** that the
            shell has left alone; of what a pattern finds the folders below its fixed part are kept.
        passed: Takes what is in the folders but is not meant.
        leave_out: The output folder; pictures already in it are nobody's input when a folder is searched.
        endings: What counts as a picture in a folder.

    Returns:
        Each picture once, however many of the inputs lead to it.

    Raises:
        DataError: An input does not exist, a folder holds no pictures, or a pattern finds no file.
    """
    found: list[tuple[Path, Path]] = []
    others: list[Path] = []
    for path in inputs:
        if path.is_dir():
            out = leave_out.resolve() if leave_out and leave_out.resolve() != path.resolve() else None
            for picture in find_images(path, passed.unreadable, others, endings):
                if out is None or out not in picture.resolve().parents:
                    found.append((picture, picture.relative_to(path)))
                else:
                    passed.results.append(picture)
        elif path.exists():
            found.append((path, Path(path.name)))
        elif any(character in str(path) for character in "*?["):
            found += _matches(path, passed)
        else:
            raise DataError(f"{path}: no such file or folder")
    for path in dict.fromkeys(others):
        if path.is_dir():
            passed.links.append(path)
        elif path.name.startswith("."):
            passed.hidden.append(path)
        elif path.suffix.lower() != ".xmp":  # which goes with its picture
            passed.strangers.append(path)
    once: dict[str, tuple[Path, Path]] = {}
    for picture, name in found:
        once.setdefault(_place(picture), (picture, name))
    return list(once.values())


def _place(picture: Path) -> str:
    """Where a picture, or a link to one, lies: equal whatever way leads there."""
    return os.path.join(key(picture.parent), os.path.normcase(picture.name))


def _matches(pattern: Path, passed: PassedOver) -> list[tuple[Path, Path]]:
    """Files that a pattern finds, each with its name below the pattern's fixed part."""
    parts = pattern.parts
    first = next(place for place, part in enumerate(parts) if any(sign in part for sign in "*?["))
    fixed = Path(*parts[:first])
    files = sorted(set(_found(fixed, parts[first:], passed)), key=counting_order)
    if not files:
        raise DataError(f"{pattern}: no such file or folder, and as a pattern it finds none")
    return [(path, path.relative_to(fixed)) for path in files]


def _found(folder: Path, parts: Sequence[str], passed: PassedOver) -> Iterator[Path]:
    """Files below a folder that the parts of a pattern find; as in a shell, * finds nothing hidden.

    Not by `glob`, whose ** follows links to folders, also in circles.
    """
    part, rest = parts[0], parts[1:]
    try:
        entries = [e for e in os.scandir(folder) if part.startswith(".") or not e.name.startswith(".")]
    except OSError as error:
        passed.unreadable.append(f"{folder}: cannot be listed: {error.strerror}")
        return
    if part == "**":
        yield from _found(folder, rest or ["*"], passed)
    for entry in entries:
        path = folder / entry.name
        if part == "**":
            if entry.is_dir() and not entry.is_symlink():
                yield from _found(path, parts, passed)
            elif entry.is_dir() and path not in passed.links:
                passed.links.append(path)
        elif fnmatch(entry.name, part):
            if rest and entry.is_dir():
                yield from _found(path, rest, passed)
            elif not rest and entry.is_file():
                yield path


def check(jobs: list[Job], force: bool, otherwise: str = "", *, make: bool = True) -> None:
    """Refuse before the work what would be refused, or regretted, after it; make the folders.

    Args:
        jobs: What is to be done.
        force: Existing targets are fine.
        otherwise: What else than `force=True` a verb offers for them, the end of a sentence.
        make: Make the folders; else only look.

    Raises:
        ImageError: A target is one of the inputs, exists already, or its folder cannot be written to.
    """
    if not jobs:
        raise DataError("nothing to do: every picture found is the result of an earlier run")
    sources = {key(job.source): job.source for job in jobs}
    for job in jobs:
        if (original := sources.get(key(job.target))) is not None:
            raise ImageError(f"{job.target}: would replace the original {original}; choose another output")
    existing = [job.target for job in jobs if os.path.exists(job.target)]
    if existing and not force:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise ImageError(f"{existing[0]}{more}: exists already; use `force=True` to overwrite{otherwise}")
    for folder in dict.fromkeys(job.target.parent for job in jobs):
        try:
            if make:
                folder.mkdir(parents=True, exist_ok=True)
            if folder.is_dir():
                try_writing(folder)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # that is the trouble of this picture alone
                raise ImageError(f"{folder}: cannot be written to ({error.strerror})") from error


def run(jobs: Iterable[Job], work: Callable[[Job], str], done: str) -> int:
    """Do all jobs; a picture that fails among several, with whatever, is reported and skipped.

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
        except Exception as error:
            told = failure(job, error)
            if len(jobs) == 1:
                if told is error:
                    raise
                raise told from error
            failed += 1
            tell(f"mssn: {in_options(told)}")
            continue
        except (KeyboardInterrupt, SystemExit) as stop:
            if len(jobs) > 1:
                whole = f"{number - 1 - failed} of {len(jobs)} pictures are {done}"
                stop.add_note(f"{whole}; the same command with --force starts over")
            raise
        lines.say(f"[{number}/{len(jobs)}] {line}" if len(jobs) > 1 else line)
    if failed:
        total = len(jobs)
        tell(f"mssn: {total - failed} of {total} pictures {done}, {failed} failed")
    return 1 if failed or lines.failure else 0
