"""Enlarge one picture file, or the content of one."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from mssn.atomic import present, sweep, try_writing
from mssn.errors import ImageError
from mssn.image.formats import TIFF
from mssn.image.kept import kept
from mssn.image.limits import refuse_oversize
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.scratch import ScratchArrays
from mssn.image.source import PictureFile, display_name
from mssn.image.write import check_format, to_bytes, write
from mssn.upscaling.along import copy_sidecars, copy_times
from mssn.upscaling.dial import in_words
from mssn.upscaling.jobs import Done, Job, Options
from mssn.upscaling.naming import suffix_for
from mssn.upscaling.progress import Progress
from mssn.upscaling.upscaler import Enlarged, Upscaler

_IN_FLIGHT = 4  # arrays held at once: one read ahead, one being enlarged and its result, one being written


class Task:
    """One job on its way: read, enlarged, written, each step by another thread."""

    def __init__(
        self, upscaler: Upscaler, job: Job, options: Options, file: PictureFile | None = None
    ) -> None:
        self.upscaler, self.job, self.options, self.file = upscaler, job, options, file
        self.started = time.perf_counter()
        self.scratch = ScratchArrays(options.memory // _IN_FLIGHT, job.target.parent)

    def read(self) -> Picture:
        source, target = self.job.source, self.job.target
        _check_target(target, self.options.force, source)
        file, self.file = self.file or PictureFile(source), None
        return _read(self.upscaler, file, target, target.suffix.lower(), self.options, self.scratch)

    def enlarge(self, picture: Picture, progress: Progress | None = None) -> Enlarged:
        large = self.upscaler.enlarge(picture, self.scratch, progress)
        return _noted(large, picture, self.options, self.job.target.suffix.lower())

    def write(self, picture: Picture, large: Enlarged) -> Done:
        source, target, options = self.job.source, self.job.target, self.options
        with self.scratch:
            write(target, large.picture, quality=options.quality)
        notes: tuple[str, ...] = ()
        if source.is_file():  # not from standard input
            if options.metadata == "keep":
                notes = copy_sidecars(source, target, force=options.force)
            if options.keep_times:
                copy_times(source, target)
        done = _done(self.job, picture, large, self.started)
        return replace(done, notes=(*done.notes, *notes))


def planned_size(
    upscaler: Upscaler, file: PictureFile, target: Path, options: Options
) -> tuple[tuple[int, int], tuple[int, int]]:
    """What is known before a picture is decoded.

    Args:
        upscaler: What is to enlarge.
        file: The picture, of which the header is read.
        target: The file to be written.
        options: How to read and write.

    Returns:
        (height, width) of what is enlarged, and of the result.

    Raises:
        ImageError: It cannot be read, or the result would be too large, for us or for its format.
    """
    before = file.size
    if options.crop is not None:
        options.crop.check(file.name, *before)
        before = options.crop.height, options.crop.width
    height, width = upscaler.result_size(*before)
    refuse_oversize(str(target), target.suffix.lower(), width, height)
    return before, (height, width)


def _read(
    upscaler: Upscaler,
    file: PictureFile,
    target: Path,
    suffix: str,
    options: Options,
    scratch: ScratchArrays | None = None,
) -> Picture:
    """Read what is to be enlarged, after a look at what would become of it."""
    planned_size(upscaler, file, target.with_suffix(suffix), options)
    picture = read(file, max_pixels=options.max_pixels, into=suffix, scratch=scratch)
    return picture if options.crop is None else options.crop.of(picture)


def _check_target(target: Path, force: bool, source: Path | None = None) -> None:
    """Refuse before the work what cannot or should not be written after it."""
    check_format(target.suffix.lower(), display_name(target))
    check_place(target, force, source)


def check_place(target: Path, force: bool, source: Path | None = None) -> None:
    """Make sure that a file can be written under a name, and may be.

    Args:
        target: The file.
        force: Whether one that is there may be replaced.
        source: What it is made from, which never may.

    Raises:
        ImageError: It cannot, or may not.
    """
    if not target.parent.is_dir():
        raise ImageError(f"{target.parent}: no such folder")
    try:
        there = present(target) is not None
        try_writing(target.parent)
    except OSError as error:
        raise ImageError(f"{display_name(target)}: cannot be written: {error.strerror}") from error
    if there:
        if source is not None and source.exists() and target.samefile(source):
            raise ImageError(f"{target}: would replace the original; choose another output")
        if not force:
            raise ImageError(f"{target}: exists already; use `force=True` to overwrite it")


def _noted(large: Enlarged, source: Picture, options: Options, suffix: str) -> Enlarged:
    """With the metadata that are wanted: those of the source and a note of what enlarged it, or none."""
    picture = large.picture
    if options.dpi == "scale":
        picture = _at_scaled_dpi(picture, source)
    others, model = picture.others, in_words(large.model, large.strength)
    if options.metadata == "strip":
        others = tuple(kept(page, suffix, model, "strip") for page in others)
    picture = replace(kept(picture, suffix, model, options.metadata), others=others)
    return replace(large, picture=picture)


def _at_scaled_dpi(large: Picture, small: Picture) -> Picture:
    """With a resolution that leaves every page as large on paper as it was."""
    others = tuple(_at_scaled_dpi(*pages) for pages in zip(large.others, small.others, strict=True))
    ratio = large.page_size[1] / small.page_size[1]
    return replace(large, dpi=None if small.dpi is None else small.dpi * ratio, others=others)


def _done(job: Job, picture: Picture, large: Enlarged, started: float) -> Done:
    before, after = ((p.page_size[1], p.page_size[0]) for p in (picture, large.picture))
    return Done(
        job,
        before,
        after,
        picture.pages + len(picture.others),
        picture.left_out,
        _cut(picture, job.target),
        large.model,
        large.steps,
        large.runtime,
        large.precision,
        large.strength,
        picture.compression,
        time.perf_counter() - started,
        large.picture.notes,
    )


def _cut(picture: Picture, target: Path) -> tuple[float, float] | None:
    if picture.pixels.dtype != np.float32 or target.suffix.lower() in TIFF:
        return None
    low, high = float(picture.pixels.min()), float(picture.pixels.max())
    return (low, high) if low < 0 or high > 1 else None


def upscale_file(
    upscaler: Upscaler,
    source: Path,
    target: Path,
    options: Options | None = None,
    progress: Progress | None = None,
    *,
    file: PictureFile | None = None,
) -> Done:
    """Enlarge one file into another; the target appears only when whole.

    Args:
        upscaler: What enlarges.
        source: Picture to read.
        target: Picture to write; its ending chooses the format.
        options: How to read and write.
        progress: Called with the share that is enlarged, 0 to 1; cancels by returning False.
        file: The source, if it is open already, or comes from no path.

    Raises:
        ImageError: It cannot be read or written, or the target exists.
        CancelledError: `progress` returned False; nothing is written.
    """
    sweep(target.parent)
    task = Task(upscaler, Job(source, target), options or Options(), file)
    with task.scratch:
        picture = task.read()
        return task.write(picture, task.enlarge(picture, progress))


def upscale_picture(
    upscaler: Upscaler,
    picture: Picture,
    target: Path,
    options: Options | None = None,
    progress: Progress | None = None,
) -> None:
    """Enlarge a picture that comes from no file into one; as `upscale_file`.

    Raises:
        ImageError: The target cannot be written, or exists.
        CancelledError: `progress` returned False; nothing is written.
    """
    options = options or Options()
    _check_target(target, options.force)
    height, width = upscaler.result_size(*picture.page_size)
    refuse_oversize(str(target), target.suffix.lower(), width, height)
    large = _noted(upscaler.enlarge(picture, progress=progress), picture, options, target.suffix.lower())
    write(target, large.picture, quality=options.quality)


def _opened(content: bytes | PictureFile) -> PictureFile:
    return content if isinstance(content, PictureFile) else PictureFile(content)


def upscale_bytes(
    upscaler: Upscaler,
    content: bytes | PictureFile,
    job: Job,
    options: Options | None = None,
    progress: Progress | None = None,
) -> tuple[bytes, Done]:
    """Enlarge the content of one picture file into that of another.

    Args:
        upscaler: What enlarges.
        content: A whole file; or one that is open already.
        job: Where it comes from, and the name that chooses the format to write; without an ending that is the
            format of the content, or PNG, moving WebP, where it can only be read.
        options: How to read and write; all of it in memory.
        progress: As for `upscale_file`.

    Raises:
        ImageError: It cannot be read, or not written in that format.
        CancelledError: `progress` returned False.
    """
    options, started, file = options or Options(), time.perf_counter(), _opened(content)
    suffix = job.target.suffix.lower() or suffix_for(file)
    picture = _read(upscaler, file, job.target, suffix, options)
    large = _noted(upscaler.enlarge(picture, progress=progress), picture, options, suffix)
    written = to_bytes(large.picture, suffix, quality=options.quality)
    return written, _done(job, picture, large, started)
