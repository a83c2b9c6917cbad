"""`mssn upscale`: enlarge files and folders."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.api import DEFAULT_MODEL, beside, load, upscale_file, writable
from mssn.cli.jobs import Job, check, collect, run
from mssn.cli.options import Ensemble, Model, PrecisionOption, Runtime, Scale, Threads
from mssn.errors import ImageError
from mssn.image.io import READABLE, WRITABLE

_ENDINGS = (*READABLE, *map(str.upper, READABLE))


def upscale(
    inputs: list[Path],
    /,
    *,
    output: Annotated[str | None, Parameter(name=["--output", "-o"])] = None,
    scale: Scale = None,
    model: Model = DEFAULT_MODEL,
    force: Annotated[bool, Parameter(name=["--force", "-f"], negative="")] = False,
    quality: Annotated[int | None, Parameter(name=["--quality", "-q"])] = None,
    runtime: Runtime = "openvino",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
    ensemble: Ensemble = False,
) -> int:
    """Enlarge pictures.

    Args:
        inputs: Pictures, or folders of pictures (searched recursively).
        output: A folder (existing, ending in /, or for several pictures) keeps names and formats inside
            it; else the file to write. Left out, photo.png becomes photo_x2.png beside it.
        scale: 2, 3 or 4; default 2, or what a weights file was trained for.
        model: mssn-s, mssn-m, mssn (mssn info says which ship), bicubic, or the path of a weights file.
        force: Overwrite existing files.
        quality: 1 to 100, for JPEG, WebP and AVIF.
        runtime: What runs the network.
        precision: auto takes bf16 where the processor has it, but fp32 for 16-bit pictures.
        threads: Processor cores to use; default all.
        ensemble: Take the mean over eight flips and turns: a little better, eight times as slow.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise ImageError(f"--quality must be 1 to 100, not {quality}")
    upscaler = load(model, scale, runtime=runtime, precision=precision, threads=threads, ensemble=ensemble)
    jobs = plan(inputs, output, upscaler.scale)
    check(jobs, force)

    def enlarge(job: Job) -> str:
        started = time.perf_counter()
        height, width = upscale_file(upscaler, job.source, job.target, force=force, quality=quality)
        enlarged = f"{width * upscaler.scale}x{height * upscaler.scale}"
        return f"{job.target}  {width}x{height} -> {enlarged}  {time.perf_counter() - started:.2f} s"

    return run(jobs, enlarge, "enlarged")


def plan(inputs: list[Path], output: str | None, scale: int) -> list[Job]:
    """What is to be written where.

    Raises:
        ImageError: The output cannot be what it must be.
        DataError: An input is missing, or a folder holds no pictures.
    """
    if output is None:
        found = collect(inputs)
        named = {path.resolve() for path in inputs}
        return [
            Job(source, beside(source, scale))
            for source, _ in found
            if source.resolve() in named or not _is_result(source)
        ]
    folder = Path(output)
    found = collect(inputs, leave_out=folder)
    many = len(found) > 1 or any(path.is_dir() for path in inputs)
    if not (many or output.endswith(("/", "\\")) or folder.is_dir()):
        if folder.suffix.lower() not in WRITABLE:
            known = " ".join(WRITABLE)
            raise ImageError(f"{output}: ends in no format that can be written ({known}); a folder ends in /")
        return [Job(found[0][0], folder)]
    if folder.exists() and not folder.is_dir():
        raise ImageError(f"{output}: is a file, but several pictures need a folder")
    return [Job(source, writable(folder / name)) for source, name in found]


def _is_result(path: Path) -> bool:
    """Whether a picture in a folder is what an earlier run without -o left there."""
    original = re.sub(r"_x\d+$", "", path.stem)
    return original != path.stem and any(path.with_name(original + ending).is_file() for ending in _ENDINGS)
