"""`mssn upscale`: enlarge files and folders."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.api import DEFAULT_MODEL, beside, load, upscale_file, writable
from mssn.cli.options import Model, PrecisionOption, Runtime, Threads
from mssn.errors import ImageError, MssnError
from mssn.image.io import WRITABLE, find_images


@dataclass(frozen=True)
class Job:
    """One file to enlarge."""

    source: Path
    target: Path


def upscale(
    inputs: list[Path],
    /,
    *,
    output: Annotated[str | None, Parameter(name=["--output", "-o"])] = None,
    scale: Annotated[int | None, Parameter(name=["--scale", "-s"])] = None,
    model: Model = DEFAULT_MODEL,
    force: Annotated[bool, Parameter(name=["--force", "-f"], negative="")] = False,
    quality: Annotated[int | None, Parameter(name=["--quality", "-q"])] = None,
    runtime: Runtime = "openvino",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
) -> int:
    """Enlarge pictures.

    Args:
        inputs: Pictures, or folders of pictures (searched recursively).
        output: A folder (existing, ending in /, or for several pictures) keeps names and formats inside
            it; else the file to write. Left out, photo.png becomes photo_x2.png beside it.
        scale: 2, 3 or 4; default 2, or what a weights file was trained for.
        model: mssn-s (fast), mssn-m, mssn (best), bicubic, or the path of a weights file.
        force: Overwrite existing files.
        quality: 1 to 100, for JPEG, WebP and AVIF.
        runtime: What runs the network.
        precision: auto takes bf16 where the processor has it.
        threads: Processor cores to use; default all.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"--quality must be 1 to 100, not {quality}")
    upscaler = load(model, scale, runtime=runtime, precision=precision, threads=threads)
    jobs = plan(inputs, output, upscaler.scale)
    check(jobs, force)
    failed = 0
    for number, job in enumerate(jobs, 1):
        started = time.perf_counter()
        try:
            size = upscale_file(upscaler, job.source, job.target, force=force, quality=quality)
        except MssnError as error:
            if len(jobs) == 1:
                raise
            failed += 1
            print(f"mssn: {error}", file=sys.stderr)
            continue
        height, width = size
        seconds = time.perf_counter() - started
        place = f"[{number}/{len(jobs)}] " if len(jobs) > 1 else ""
        enlarged = f"{width * upscaler.scale}x{height * upscaler.scale}"
        print(f"{place}{job.target}  {width}x{height} -> {enlarged}  {seconds:.2f} s", flush=True)
    if failed:
        print(
            f"mssn: {len(jobs) - failed} of {len(jobs)} pictures enlarged, {failed} failed", file=sys.stderr
        )
    return 1 if failed else 0


def plan(inputs: list[Path], output: str | None, scale: int) -> list[Job]:
    """What is to be written where.

    Raises:
        ImageError: An input is missing, or the output cannot be what it must be.
        DataError: A folder holds no pictures.
    """
    found: list[tuple[Path, Path]] = []  # a picture, and its name inside an output folder
    for path in inputs:
        if path.is_dir():
            pictures = [p for p in find_images(path) if not _is_result(p, scale)]
            found += [(picture, picture.relative_to(path)) for picture in pictures]
        elif path.exists():
            found.append((path, Path(path.name)))
        else:
            raise ImageError(f"{path}: no such file or folder")
    if output is None:
        return [Job(source, beside(source, scale)) for source, _ in found]
    folder = Path(output)
    many = len(found) > 1 or any(path.is_dir() for path in inputs)
    if not (many or output.endswith(("/", "\\")) or folder.is_dir()):
        if folder.suffix.lower() not in WRITABLE:
            known = " ".join(WRITABLE)
            raise ImageError(f"{output}: ends in no format that can be written ({known}); a folder ends in /")
        return [Job(found[0][0], folder)]
    if folder.exists() and not folder.is_dir():
        raise ImageError(f"{output}: is a file, but several pictures need a folder")
    return [Job(source, writable(folder / name)) for source, name in found]


def check(jobs: list[Job], force: bool) -> None:
    """Refuse before the work what would be refused after it.

    Raises:
        ImageError: Two pictures would be written to one file, or files exist already.
    """
    targets: dict[Path, Path] = {}
    for job in jobs:
        if job.target in targets:
            other = targets[job.target]
            raise ImageError(f"{other} and {job.source} would both become {job.target}; enlarge them apart")
        targets[job.target] = job.source
    existing = [job.target for job in jobs if job.target.exists()]
    if existing and not force:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise ImageError(f"{existing[0]}{more}: exists already; use --force to overwrite")
    for job in jobs:
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImageError(f"{job.target.parent}: cannot be made ({error.strerror})") from error


def _is_result(path: Path, scale: int) -> bool:
    """Whether a picture in a folder is what an earlier run without -o left there."""
    ending = f"_x{scale}"
    original = path.stem.removesuffix(ending)
    return path.stem.endswith(ending) and any(
        sibling.stem == original and sibling.is_file()
        for sibling in path.parent.glob(f"{_literal(original)}.*")
    )


def _literal(name: str) -> str:
    import glob

    return glob.escape(name)
