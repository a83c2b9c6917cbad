"""Enlarge picture files: one, or many with reading, enlarging and writing overlapped."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from mssn.atomic import sweep
from mssn.errors import ImageError, MssnError
from mssn.image.compression import LOSSLESS, Compression
from mssn.image.metadata import signed
from mssn.image.picture import Picture
from mssn.image.read import MAX_PIXELS, read
from mssn.image.scratch import ScratchArrays
from mssn.image.source import PictureFile
from mssn.image.write import check_quality, to_bytes, write
from mssn.upscaling.naming import suffix_for
from mssn.upscaling.progress import Progress
from mssn.upscaling.upscaler import Enlarged, Upscaler

T = TypeVar("T")
MEMORY = 2**30  # bytes of pixels to hold in memory
_IN_FLIGHT = 4  # arrays held at once: one read ahead, one being enlarged and its result, one being written


@dataclass(frozen=True)
class Options:
    """How files are read and written.

    Args:
        force: Overwrite an existing target, except the source itself.
        quality: 1 to 100 for JPEG, WebP and AVIF; None for a good one. See `mssn.image.write.write`.
        metadata: "keep" EXIF, XMP and IPTC, and note in the XMP what enlarged the picture, or "strip" them;
            the colour profile stays in any case.
        max_megapixels: Refuse larger sources, all pages together: a small file may claim a size that fills
            the memory. Above 0 and below a billion.
        memory: Bytes of pixels to hold in memory, roughly, 0 or more; what does not fit waits in a temporary
            file beside the target.

    Raises:
        ImageError: A value makes no sense.
    """

    force: bool = False
    quality: int | None = None
    metadata: Literal["keep", "strip"] = "keep"
    max_megapixels: float = MAX_PIXELS / 1e6
    memory: int = MEMORY

    def __post_init__(self) -> None:
        check_quality(self.quality)
        if self.memory < 0:
            raise ImageError("`memory` must not be below 0")
        if not 0 < self.max_megapixels < 1e9:
            raise ImageError(
                f"`max_megapixels` must be above 0 and below a billion, not {self.max_megapixels:g}"
            )

    @property
    def max_pixels(self) -> int:
        """The limit in pixels."""
        return int(self.max_megapixels * 1e6)


@dataclass(frozen=True)
class Job:
    """One picture to read and the file to write."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Done:
    """What became of a job.

    Attributes:
        job: The job.
        before: Width and height of a page of the source in pixels, upright.
        after: The same of the result.
        pages: Pages or frames that were enlarged.
        left_out: Pages or frames that were not, because the target's format cannot hold them.
        cut: The darkest and brightest value of a float picture that was cut to 0..1, because the target's
            format cannot hold more; None where nothing was.
        model: What enlarged it, "mssn-s-photo" for instance; see `mssn.upscaling.upscaler.Enlarged`.
        steps: (model, factor) of each network, in the order they ran.
        compression: How the source was compressed.
        seconds: From the first byte read to the last one written, waiting for other pictures included.
        notes: What of the source is not in the result, in short clauses: "damaged XMP left out".
        error: Why it failed; everything but the job is empty then.
    """

    job: Job
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    pages: int = 0
    left_out: int = 0
    cut: tuple[float, float] | None = None
    model: str = ""
    steps: tuple[tuple[str, int], ...] = ()
    compression: Compression = LOSSLESS
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: MssnError | None = None


class _Task:
    """One job on its way: read, enlarged, written, each step by another thread."""

    def __init__(
        self, upscaler: Upscaler, job: Job, options: Options, file: PictureFile | None = None
    ) -> None:
        self.upscaler, self.job, self.options, self.file = upscaler, job, options, file
        self.started = time.perf_counter()
        self.scratch = ScratchArrays(options.memory // _IN_FLIGHT, job.target.parent)

    def read(self) -> Picture:
        source, target = self.job.source, self.job.target
        if target.exists():
            if source.exists() and target.samefile(source):
                raise ImageError(f"{target}: would replace the original; choose another output")
            if not self.options.force:
                raise ImageError(f"{target}: exists already; use `force` to overwrite it")
        file, self.file = self.file or PictureFile(source), None
        limit = self.options.max_pixels
        return read(file, max_pixels=limit, into=target.suffix.lower(), scratch=self.scratch)

    def enlarge(self, picture: Picture, progress: Progress | None = None) -> Enlarged:
        return _noted(self.upscaler.enlarge(picture, self.scratch, progress), self.options)

    def write(self, picture: Picture, large: Enlarged) -> Done:
        with self.scratch:
            write(self.job.target, large.picture, quality=self.options.quality)
        return _done(self.job, picture, large, self.started)


def _noted(large: Enlarged, options: Options) -> Enlarged:
    """With the metadata that are wanted: those of the source and a note of what enlarged it, or none."""
    picture = large.picture
    if options.metadata == "strip":
        others = tuple(replace(page, exif=None, xmp=None, iptc=None) for page in picture.others)
        return replace(large, picture=replace(picture, exif=None, xmp=None, iptc=None, others=others))
    return replace(large, picture=replace(picture, xmp=signed(picture.xmp, large.model)))


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
        picture.compression,
        time.perf_counter() - started,
        large.picture.notes,
    )


def _cut(picture: Picture, target: Path) -> tuple[float, float] | None:
    if picture.pixels.dtype != np.float32 or target.suffix.lower() in (".tif", ".tiff"):
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
        progress: Called with the share that is enlarged, 0 to 1; cancels what is left by returning False.
        file: The source, if it is open already, or comes from no path.

    Raises:
        ImageError: It cannot be read or written, or the target exists.
        CancelledError: `progress` returned False; nothing is written.
    """
    sweep(target.parent)
    task = _Task(upscaler, Job(source, target), options or Options(), file)
    with task.scratch:
        picture = task.read()
        return task.write(picture, task.enlarge(picture, progress))


def upscale_files(upscaler: Upscaler, jobs: Iterable[Job], options: Options | None = None) -> Iterator[Done]:
    """Enlarge many files: while one is enlarged, the next is read and the one before is written.

    A picture that fails stops no other. What a killed run left in the folders is removed. Left early, by
    Ctrl-C for instance, the iterator waits for the file that is being written; files are whole or not there.

    Args:
        upscaler: What enlarges.
        jobs: What to do, in order.
        options: How to read and write.

    Yields:
        What became of each job, in order.
    """
    options = options or Options()
    reader, writer = ThreadPoolExecutor(1, "mssn-read"), ThreadPoolExecutor(1, "mssn-write")
    waiting = iter(jobs)
    swept: set[Path] = set()
    live: list[_Task] = []  # in order, from the one that is written to the one that is read

    def begin() -> Future[Picture | MssnError] | None:
        """Start to read the next picture, if there is one."""
        for job in waiting:
            if job.target.parent not in swept:
                sweep(job.target.parent)
                swept.add(job.target.parent)
            live.append(_Task(upscaler, job, options))
            return reader.submit(_try, live[-1].read)
        return None

    writing: deque[Future[Done | MssnError]] = deque()
    try:
        reading = begin()
        while reading is not None:
            task, picture = live[-1], reading.result()
            reading = begin()
            large = _try(task.enlarge, picture)
            writing.append(writer.submit(_try, task.write, picture, large))
            del picture, large
            while len(writing) > 1 or (writing and reading is None):
                done = writing.popleft().result()
                task = live.pop(0)
                task.scratch.close()
                yield Done(task.job, error=done) if isinstance(done, MssnError) else done
    finally:
        for pool in (reader, writer):
            pool.shutdown(cancel_futures=True)
        for task in live:
            task.scratch.close()


def _try(step: Callable[..., T], *arguments: Any) -> T | MssnError:
    """What a step returns, or why it failed; an earlier step's failure is handed on."""
    for argument in arguments:
        if isinstance(argument, MssnError):
            return argument
    try:
        return step(*arguments)
    except MssnError as error:
        return _without_frames(error)
    except MemoryError:
        return ImageError("a picture is too large for the memory; try `memory` 0, or another one")
    except OSError as error:
        return ImageError(f"{error.filename or 'a temporary file'}: {error.strerror or error}")


def _without_frames(error: MssnError) -> MssnError:
    """The error without the frames it passed through, which would keep its file open."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def upscale_bytes(
    upscaler: Upscaler, content: bytes, job: Job, options: Options | None = None
) -> tuple[bytes, Done]:
    """Enlarge the content of one picture file into that of another.

    Args:
        upscaler: What enlarges.
        content: A whole file.
        job: Where it comes from, and the name that chooses the format to write; without an ending that is the
            format of the content, or PNG, moving WebP, where it can only be read.
        options: How to read and write; all of it in memory.

    Raises:
        ImageError: It cannot be read, or not written in that format.
    """
    options, started, file = options or Options(), time.perf_counter(), PictureFile(content)
    suffix = job.target.suffix.lower() or suffix_for(file)
    picture = read(file, max_pixels=options.max_pixels, into=suffix)
    large = _noted(upscaler.enlarge(picture), options)
    written = to_bytes(large.picture, suffix, quality=options.quality)
    return written, _done(job, picture, large, started)
