"""Which pictures `mssn upscale` makes of which, decided before the work."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from mssn.cli.films import NEW
from mssn.cli.jobs import PassedOver, collect
from mssn.cli.streams import tell
from mssn.errors import FilmError, ImageError
from mssn.film.inputs import MOVING, Numbered, is_pattern, may_move
from mssn.image.formats import FILMS, READABLE, WRITABLE
from mssn.upscaling.crop import Crop
from mssn.upscaling.jobs import Job
from mssn.upscaling.naming import apart, beside, file_to_write, film_to_write, is_result, writable
from mssn.upscaling.size import Size

_ENDINGS = (*READABLE, *FILMS)


def plan(
    inputs: list[Path],
    output: str | None,
    size: Size,
    passed: PassedOver,
    *,
    force: bool = False,
    crop: Crop | None = None,
    part: str = "",
) -> tuple[list[Job], list[tuple[Job, Job]]]:
    """What is to be written where.

    Results are looked for where new ones come beside their originals, and a picture that is named itself is
    none. That opens each picture once more, to read its header.

    Args:
        inputs: Files, folders and patterns.
        output: As for `upscale`.
        size: What pictures become; part of the names beside their originals.
        passed: Takes what is in the folders but is not enlarged.
        force: Existing files are to be overwritten.
        crop: The place that is enlarged; part of the names, too.
        part: What names the part of films that is enlarged; see `beside`.

    Returns:
        The jobs, and those whose results could not get their usual names, as `apart` returns them.

    Raises:
        ImageError: The output cannot be what it must be, or a picture that is no result would be overwritten.
        DataError: An input is missing, or a folder holds no pictures.
    """
    if output is None:
        found = _found(inputs, passed)
        named = {path.resolve() for path in inputs}
        sources = [source for source, _ in found]
        parts = [part if source.suffix.lower() in FILMS else "" for source in sources]
        jobs = [Job(s, beside(s, size, crop=crop, part=p)) for s, p in zip(sources, parts, strict=True)]
        targets = {job.target for job in jobs}
        searched = [job for job in jobs if job.source.resolve() not in named]
        results = {job.source for job in searched if _is_result(job.source, targets)}
        # A shell's pattern names a picture and its earlier result alike.
        results |= {job.source for job in jobs if job.source in targets and _is_result(job.source, ())}
        passed.results += results
        if force:
            _require_marked([job.target for job in searched if job.source not in results])
        return apart([job for job in jobs if job.source not in results])
    folder, ends = Path(output), output.endswith(("/", "\\"))
    if folder.exists() and not folder.is_dir() and ends:
        raise ImageError(f"{output}: is a file, and no folder to write into")
    found = _found(inputs, passed, folder)
    many = len(found) > 1 or any(path.is_dir() for path in inputs)
    if not ends and not folder.is_dir():
        if not many:
            return [Job(found[0][0], target_of(found[0][0], output))], []
        if folder.exists():
            raise ImageError(f"{output}: is a file, but several pictures need a folder")
        if folder.suffix.lower() in {*READABLE, *WRITABLE, *FILMS}:
            what = "film" if folder.suffix.lower() in FILMS else "picture"
            more = "; a film is made of a pattern, such as 'frames/%06d.png'" if what == "film" else ""
            raise ImageError(
                f"{output}: ends like a {what}, but several need a folder; "
                f"end it in / if it is to be one{more}"
            )
        if not folder.parent.is_dir():
            raise ImageError(f"{folder.parent}: no such folder; end the output in / to have it made")
    return apart([Job(source, writable(folder / name, source)) for source, name in found])


def _found(inputs: list[Path], passed: PassedOver, leave_out: Path | None = None) -> list[tuple[Path, Path]]:
    """As `collect`; a pattern of numbered pictures is one thing."""
    rows = [path for path in inputs if is_pattern(path)]
    for path in rows:
        Numbered(path).row()
    others = [path for path in inputs if path not in rows]
    return [*collect(others, passed, leave_out, _ENDINGS), *((path, Path(path.name)) for path in rows)]


def target_of(source: Path, output: str, *, film: bool = False) -> Path:
    """The one file, or pattern, that an output names.

    Args:
        source: What becomes it.
        output: As for `upscale`.
        film: The source is a film, whatever its name.

    Raises:
        MssnError: It cannot become that, or there is no such folder.
    """
    path = Path(output)
    ending = path.suffix.lower()
    moves = film or is_pattern(source) or source.suffix.lower() in FILMS
    if is_pattern(path):
        if not moves and not may_move(source):
            raise FilmError(f"{output}: numbers the frames of a film, which {source.name} is not")
        if not path.parent.parent.is_dir():
            raise ImageError(f"{path.parent.parent}: no such folder; make it first")
        return path
    if ending in NEW or (moves and ending in MOVING):
        if not moves and not may_move(source):
            raise FilmError(f"{output}: a moving picture is made of films, GIF, WebP and PNG")
        return _in_folder(path)
    if moves and ending not in FILMS:
        raise FilmError(
            f"{output}: a film becomes a film, a moving .gif, .webp or .png, or numbered pictures "
            f"({path.stem}/%06d.png)"
        )
    return (film_to_write if moves or ending in FILMS else file_to_write)(output)


def _in_folder(path: Path) -> Path:
    if not path.parent.is_dir():
        raise ImageError(f"{path.parent}: no such folder; make it first")
    return path


def tell_renamed(renamed: list[tuple[Job, Job]]) -> None:
    """Say which results have other names than expected, and why."""
    if renamed:
        job, first = renamed[0]
        more = f" ({len(renamed) - 1} more like it)" if len(renamed) > 1 else ""
        tell(f"{job.source} becomes {job.target}, because {first.source} becomes {first.target}{more}")


def _is_result(source: Path, targets: Collection[Path]) -> bool:
    if source.suffix.lower() not in FILMS:
        return is_result(source, targets)
    from mssn.film.mark import is_marked  # here, so that pictures need no PyAV

    return source in targets or is_marked(source)


def _require_marked(targets: list[Path]) -> None:
    """Refuse to overwrite, in folders that are searched, what may be an original called like a result."""
    for target in targets:
        if os.path.exists(target) and not _is_result(target, ()):
            raise ImageError(
                f"{target}: has no note that mssn made it, so `force=True` does not overwrite it; "
                "name its original itself to do so, or choose another output"
            )
