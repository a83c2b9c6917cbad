"""`mssn upscale`: enlarge files and folders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from mssn.api import DEFAULT_MODEL, load
from mssn.cli.jobs import check, collect
from mssn.cli.options import (
    Ensemble,
    Factor,
    Model,
    Number,
    PrecisionOption,
    Quality,
    Runtime,
    Threads,
    Whole,
    unused_quality,
    write_stdout,
)
from mssn.cli.progress import as_json, as_text, bar_of_one, report
from mssn.errors import ImageError, MssnError
from mssn.image.read import MAX_PIXELS
from mssn.image.source import PictureFile
from mssn.image.write import WRITABLE
from mssn.upscaling.files import MEMORY, Done, Job, Options, upscale_bytes, upscale_file, upscale_files
from mssn.upscaling.naming import beside, is_result, writable
from mssn.upscaling.size import Size
from mssn.upscaling.upscaler import Upscaler, Variant

_STREAM = Path("-")


def upscale(
    inputs: list[Path],
    /,
    *,
    output: Annotated[str | None, Parameter(name=["--output", "-o"])] = None,
    scale: Factor = None,
    size: str | None = None,
    model: Model = DEFAULT_MODEL,
    variant: Annotated[Variant, Parameter(name="--variant")] = "auto",
    force: Annotated[bool, Parameter(name=["--force", "-f"], negative="")] = False,
    quality: Quality = None,
    metadata: Literal["keep", "strip"] = "keep",
    skip_existing: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    max_megapixels: Number = MAX_PIXELS / 1e6,
    memory: Whole = MEMORY // 2**20,
    runtime: Runtime = "openvino",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
    ensemble: Ensemble = False,
) -> int:
    """Enlarge pictures.

    Args:
        inputs: Pictures, folders of pictures (searched recursively), or patterns ('holiday/**/*.jpg'); -
            reads one from standard input.
        output: A folder (existing, ending in /, or for several pictures) keeps names and formats inside
            it; else the file to write. Left out, photo.png becomes photo_x2.png beside it. - writes to
            standard output, in the format of the input; so does standard input without an output.
        scale: Any number; default 2, or what a weights file was trained for. There are networks for 2, 3 and
            4; others take the next larger one, or several in a row, and an antialiased shrink.
        size: Instead of a scale: 1920x1080 (fits in), 1920x or x1080 (one side), 1920x1080! (exactly).
        model: mssn-s, mssn-m, mssn (mssn info says which ship), bicubic, or the path of a weights file;
            mssn-s-photo is mssn-s --variant photo.
        variant: photo takes weights made for photographs as they are stored (soft, noisy, compressed), clean
            those for clean pictures; auto chooses for each file by how it is compressed, where the model has
            both.
        force: Overwrite existing files.
        quality: 1 to 100, for JPEG, WebP and AVIF.
        skip_existing: Leave out pictures whose result is there already, to go on after a stop.
        json: Print one JSON object a line for each picture instead of words (to standard error when the
            picture itself goes to standard output).
        metadata: keep EXIF and XMP, and note there what enlarged the picture, or strip them; the colour
            profile stays.
        max_megapixels: Refuse larger pictures: a small file may claim a size that fills the memory.
        memory: Mebibytes of pixels to hold in memory, roughly; the rest waits in files beside the result.
        runtime: What runs the network.
        precision: auto takes the fastest here that costs next to nothing; fp32 for 16-bit pictures.
        threads: Processor cores to use; default all.
        ensemble: Take the mean over eight flips and turns: a little better, eight times as slow.
    """
    options = Options(force, quality, metadata, max_megapixels, memory * 2**20)
    upscaler = load(
        model,
        scale,
        size=size,
        variant=variant,
        runtime=runtime,
        precision=precision,
        threads=threads,
        ensemble=ensemble,
    )
    if _STREAM in (*inputs, output and Path(output)):
        return _stream(upscaler, inputs, output, options, json=json)
    unreadable: list[str] = []
    passed: list[Path] = []
    jobs = plan(inputs, output, upscaler.target, unreadable, passed)
    check(jobs, force or skip_existing, ", or `skip_existing` to leave it as it is")
    if unused := unused_quality(quality, (job.target for job in jobs)):
        print(unused, file=sys.stderr)
    if passed:
        pictures = "1 picture" if len(passed) == 1 else f"{len(passed)} pictures"
        print(f"{pictures} passed over as results of earlier runs; name one to enlarge it", file=sys.stderr)
    for line in unreadable:
        print(f"mssn: {line}", file=sys.stderr)
    if skip_existing:
        there = [job for job in jobs if job.target.exists()]
        jobs = [job for job in jobs if not job.target.exists()]
        if there:
            results = "1 result is" if len(there) == 1 else f"{len(there)} results are"
            print(f"{results} there already, {len(jobs)} to make", file=sys.stderr)
    code = 1 if unreadable else 0
    if not jobs:
        return code
    if len(jobs) == 1:
        return _single(upscaler, jobs[0], options, json=json) or code
    return report(upscale_files(upscaler, jobs, options), len(jobs), json=json) or code


def _single(upscaler: Upscaler, job: Job, options: Options, *, json: bool) -> int:
    try:
        with bar_of_one() as progress:
            done = upscale_file(upscaler, job.source, job.target, options, progress)
    except MssnError as error:
        if json:
            print(as_json(Done(job, error=error)))
        raise
    print(as_json(done) if json else as_text(done))
    return 0


def _stream(
    upscaler: Upscaler, inputs: list[Path], output: str | None, options: Options, *, json: bool
) -> int:
    """From standard input, to standard output, or both."""
    if len(inputs) != 1 or inputs[0].is_dir():
        raise ImageError("- stands for one picture; name no other, and no folder")
    try:
        content = sys.stdin.buffer.read() if inputs[0] == _STREAM else inputs[0].read_bytes()
    except OSError as error:
        raise ImageError(f"{inputs[0]}: cannot be read: {error.strerror}") from error
    if output is None or Path(output) == _STREAM:
        large, done = upscale_bytes(upscaler, content, Job(inputs[0], _STREAM), options)
        write_stdout(large)
        if json:
            print(as_json(done), file=sys.stderr)
        return 0
    if output.endswith(("/", "\\")) or Path(output).is_dir():
        raise ImageError("standard input has no name to keep in a folder; give a file to write")
    target = _file_to_write(output)
    if not target.parent.is_dir():
        raise ImageError(f"{target.parent}: no such folder")
    done = upscale_file(upscaler, inputs[0], target, options, file=PictureFile(content))
    print(as_json(done) if json else as_text(done))
    return 0


def _file_to_write(output: str) -> Path:
    if Path(output).suffix.lower() not in WRITABLE:
        known = " ".join(WRITABLE)
        raise ImageError(f"{output}: ends in no format that can be written ({known}); a folder ends in /")
    return Path(output)


def plan(
    inputs: list[Path],
    output: str | None,
    size: Size,
    unreadable: list[str] | None = None,
    passed: list[Path] | None = None,
) -> list[Job]:
    """What is to be written where.

    Results are looked for where new ones come beside their originals, and a picture that is named itself is
    none. That opens each picture once more, to read its header.

    Args:
        inputs: Files, folders and patterns.
        output: As for `upscale`.
        size: What pictures become; part of the names beside their originals.
        unreadable: As for `mssn.cli.jobs.collect`.
        passed: Takes the results of earlier runs, which are passed over.

    Raises:
        ImageError: The output cannot be what it must be.
        DataError: An input is missing, or a folder holds no pictures.
    """
    if output is None:
        found = collect(inputs, unreadable=unreadable)
        named = {path.resolve() for path in inputs}
        sources = dict.fromkeys(source for source, _ in found)
        jobs = [Job(source, beside(source, size)) for source in sources]
        targets = {job.target for job in jobs}
        results = {
            job.source for job in jobs if job.source.resolve() not in named and is_result(job.source, targets)
        }
        if passed is not None:
            passed += results
        return [job for job in jobs if job.source not in results]
    folder = Path(output)
    found = collect(inputs, folder, unreadable, passed)
    many = len(found) > 1 or any(path.is_dir() for path in inputs)
    if not (many or output.endswith(("/", "\\")) or folder.is_dir()):
        return [Job(found[0][0], _file_to_write(output))]
    if folder.exists() and not folder.is_dir():
        raise ImageError(f"{output}: is a file, but several pictures need a folder")
    return [Job(source, writable(folder / name, source)) for source, name in found]
