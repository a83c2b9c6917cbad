"""Enlarge many picture files, with reading, enlarging and writing overlapped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from mssn.atomic import sweep
from mssn.errors import MssnError
from mssn.image.picture import Picture
from mssn.upscaling.files import Task
from mssn.upscaling.jobs import Done, Job, Options, failure
from mssn.upscaling.upscaler import Upscaler

T = TypeVar("T")


def upscale_files(upscaler: Upscaler, jobs: Iterable[Job], options: Options | None = None) -> Iterator[Done]:
    """Enlarge many files: while one is enlarged, the next is read and the one before is written.

    A picture that fails stops no other, whatever it fails with. What a killed run left in the folders a day
    ago is removed. Left early, by Ctrl-C for instance, the iterator waits for the file that is being written
    (and still yields it, if it is the iterator that was interrupted); files are whole or not there.

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
    live: list[Task] = []  # in order, from the one that is written to the one that is read

    def begin() -> Future[Picture | MssnError] | None:
        """Start to read the next picture, if there is one."""
        for job in waiting:
            if job.target.parent not in swept:
                sweep(job.target.parent)
                swept.add(job.target.parent)
            live.append(Task(upscaler, job, options))
            return reader.submit(_try, job, live[-1].read)
        return None

    def written() -> Done:
        """What became of the first picture that is being written; waits for it."""
        done, task = writing.popleft().result(), live.pop(0)
        task.scratch.close()
        return Done(task.job, error=done) if isinstance(done, MssnError) else done

    writing: deque[Future[Done | MssnError]] = deque()
    try:
        reading = begin()
        while reading is not None:
            task, picture = live[-1], reading.result()
            reading = begin()
            large = _try(task.job, task.enlarge, picture)
            writing.append(writer.submit(_try, task.job, task.write, picture, large))
            del picture, large
            while len(writing) > 1 or (writing and reading is None):
                yield written()
    except (KeyboardInterrupt, SystemExit):
        while writing and not writing[0].cancel():  # what is written in spite of it must be told, too
            yield written()
        raise
    finally:
        try:
            for pool in (reader, writer):
                pool.shutdown(cancel_futures=True)
        finally:  # also if somebody is too impatient to wait
            for task in live:
                task.scratch.close()


def _try(job: Job, step: Callable[..., T], *arguments: Any) -> T | MssnError:
    """What a step returns, or why it failed; an earlier step's failure is handed on."""
    for argument in arguments:
        if isinstance(argument, MssnError):
            return argument
    try:
        return step(*arguments)
    except Exception as error:
        return _without_frames(failure(job, error))


def _without_frames(error: MssnError) -> MssnError:
    """The error without the frames it passed through, which would keep its file open."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error
