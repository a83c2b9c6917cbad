"""What a job does: looked at before it waits, then read, enlarged and written; all of it in threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mssn.app.asked import Engines
from mssn.app.limits import Limits
from mssn.app.refused import RefusedError
from mssn.app.ticket import Ticket
from mssn.errors import CancelledError, FilmError, ImageError, MissingDependencyError, MssnError
from mssn.image.source import PictureFile
from mssn.upscaling.files import planned_size
from mssn.upscaling.jobs import Done, Job, failure
from mssn.upscaling.naming import beside, suffix_for
from mssn.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from mssn.film.plan import FilmOptions
    from mssn.film.run import FilmDone, FilmProgress

T = TypeVar("T")
# What holds a whole film. FFmpeg also reads lists of other files, which an upload must not name.
_WHOLE = {
    *("3gp", "apng", "asf", "av1", "avi", "flv", "gif", "h264", "hevc", "ivf", "m4v", "matroska", "mjpeg"),
    *("mov", "mp4", "mpeg", "mpegts", "mpegvideo", "mxf", "nut", "obu", "ogg", "vc1", "vvc", "webm"),
    "yuv4mpegpipe",
}


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Do something in a thread of its own; one that hangs does not keep Python from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    threading.Thread(target=_run, args=(loop, future, work, arguments), name="mssn-app", daemon=True).start()
    try:
        return await future
    finally:
        # An error refers to the frames that it came through, and so to all files that are open there. Where
        # a frame refers back to it, they would stay open until Python looks for such circles.
        del future


def _run(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], work: Callable[..., T], arguments: Any
) -> None:
    result, error = None, None
    try:
        result = work(*arguments)
    except BaseException as raised:
        error = raised
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(_settle, future, result, error)
    del future, error  # as above


def _settle(future: asyncio.Future[T], result: Any, error: BaseException | None) -> None:
    if not future.done():
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def look(ticket: Ticket, engines: Engines, limits: Limits) -> None:
    """Refuse what cannot be done before it is tried, and name the result.

    Raises:
        RefusedError: The options make no sense, it is no picture, or would become too large.
    """
    asked = ticket.asked
    try:
        upscaler = engines(asked)
    except MssnError as error:
        raise RefusedError(400, "bad-request", ticket.words(str(error))) from error
    if asked.film is not None:
        _look_at_film(ticket, upscaler, asked.film, limits)
        return
    try:
        file = PictureFile(ticket.source, asked.name)
        height, width = file.size
    except ImageError as error:
        raise _no_picture(ticket, error) from error
    _refuse_many(height * width, limits, f"{asked.name}: {width}x{height} pixels")
    try:
        if asked.options.crop is not None:
            asked.options.crop.check(asked.name, height, width)
    except ImageError as error:
        raise RefusedError(400, "bad-request", ticket.words(str(error))) from error
    _name(ticket, beside(ticket.source, upscaler.target, file, asked.options.crop), file)
    try:
        before, after = planned_size(upscaler, file, ticket.target, asked.options)
        pages = file.pages_into(ticket.target.suffix.lower())
    except ImageError as error:
        raise RefusedError(413, "too-large", ticket.words(str(error))) from error
    _refuse_far(before, after, limits, asked.name)
    behind = f" on {pages} pages" if pages > 1 else ""
    for sides in (before, after):
        about = f"{asked.name}: {sides[1]}x{sides[0]} pixels{behind}"
        _refuse_many(pages * sides[0] * sides[1], limits, about)


def _name(ticket: Ticket, target: Path, file: PictureFile | None) -> None:
    asked = ticket.asked
    if asked.ending is not None:
        target = target.with_suffix(asked.ending)
    elif file is not None and not asked.suffix:  # then the content tells the format
        target = target.with_suffix(suffix_for(file))
    stem = asked.name if not asked.suffix else asked.name[: -len(asked.suffix)]
    ticket.target = target
    name = stem + target.name.removeprefix("source")
    if target.suffix == asked.suffix:  # as it was written, in capitals perhaps
        name = name.removesuffix(asked.suffix) + asked.name[-len(asked.suffix) :]
    ticket.name = name


def _refuse_many(pixels: int, limits: Limits, about: str) -> None:
    if pixels > limits.megapixels * 1e6:
        raise RefusedError(
            413, "too-large", f"{about} are too many; the limit is {limits.megapixels:g} megapixels"
        )


def _refuse_far(before: tuple[int, int], after: tuple[int, int], limits: Limits, name: str) -> None:
    """A size may ask for more than any scale does."""
    if any(new > limits.scale * old for old, new in zip(before, after, strict=True)):
        sides = " to ".join(f"{width}x{height}" for height, width in (before, after))
        raise RefusedError(
            413, "too-large", f"{name}: {sides} pixels is more than {limits.scale:g} times; ask for less"
        )


def _no_picture(ticket: Ticket, error: ImageError) -> RefusedError:
    words = ticket.words(str(error))
    if "damaged" in words:
        return RefusedError(422, "not-a-picture", words)
    known = "not a picture" not in words and "is empty" not in words
    return RefusedError(415, "unsupported" if known else "not-a-picture", words)


def _look_at_film(ticket: Ticket, upscaler: Upscaler, options: FilmOptions, limits: Limits) -> None:
    from mssn.film.asked import fitting
    from mssn.film.facts import probe
    from mssn.film.size import result_size

    asked = ticket.asked
    try:
        film = probe(ticket.source, options.rate)
        if not _WHOLE & set(film.container.split(",")):
            raise FilmError(f"{asked.name}: is a list of other files ({film.container}), and no film")
        height, width = result_size(upscaler, film.video)
    except MissingDependencyError as error:
        raise RefusedError(415, "unsupported", ticket.words(str(error))) from error
    except FilmError as error:
        raise RefusedError(415, "not-a-picture", ticket.words(str(error))) from error
    except ImageError as error:
        raise RefusedError(413, "too-large", ticket.words(str(error))) from error
    _refuse_far((film.video.height, film.video.width), (height, width), limits, asked.name)
    for sides in ((film.video.height, film.video.width), (height, width)):
        _refuse_many(sides[0] * sides[1], limits, f"{asked.name}: frames of {sides[1]}x{sides[0]} pixels")
    _name(ticket, beside(ticket.source, upscaler.target), None)
    if ticket.target.suffix in (".apng", ".gif", ".webp", ".y4m"):
        return
    try:
        target, why = fitting(upscaler, ticket.source, ticket.target, options, named=asked.ending is not None)
    except MssnError as error:
        raise RefusedError(400, "bad-request", ticket.words(str(error))) from error
    if why is not None:
        ticket.name = str(Path(ticket.name).with_suffix(target.suffix))
        ticket.target = target


def make_film(ticket: Ticket, engines: Engines, pause: Callable[[], None]) -> dict[str, Any]:
    """Enlarge a film; what is to be told of it.

    Args:
        ticket: The job.
        engines: What enlarges.
        pause: Called after each frame; returns when it may go on.

    Raises:
        MssnError: It cannot be made.
    """
    from mssn.film.results import make

    def progress(film: FilmProgress) -> bool:
        pause()
        return ticket.progress(film.done / film.total if film.total else 0.0)

    assert ticket.asked.film is not None
    upscaler = engines(ticket.asked)
    done = make(upscaler, ticket.source, ticket.target, ticket.asked.film, progress)
    notes = [*done.notes, *done.missing]
    return {**_told(ticket, done), "frames": done.frames, "notes": notes}


def about(ticket: Ticket, done: Done) -> dict[str, Any]:
    """What is to be told of a picture that was enlarged."""
    notes = list(done.notes)
    if done.left_out:
        notes.append(f"the first of {1 + done.left_out} pages")
    if done.cut is not None:
        notes.append(f"values from {done.cut[0]:.3g} to {done.cut[1]:.3g} cut to 0..1 (a TIFF keeps them)")
    more = {"pages": done.pages, "runtime": done.runtime, "precision": done.precision, "notes": notes}
    return {**_told(ticket, done), **more}


def _told(ticket: Ticket, done: Done | FilmDone) -> dict[str, Any]:
    sizes = {
        key: dict(zip(("width", "height"), getattr(done, key), strict=True)) for key in ("before", "after")
    }
    return {
        "name": ticket.name,
        **sizes,
        "model": done.model,
        "strength": done.strength,
        "seconds": round(done.seconds, 3),
        "bytes": ticket.target.stat().st_size,
    }


def why_failed(ticket: Ticket, error: BaseException) -> RefusedError:
    """Why a job failed, in one line, whatever was raised."""
    if isinstance(error, RefusedError):
        return error
    if not isinstance(error, Exception) or isinstance(error, CancelledError):
        return RefusedError(409, "cancelled", "cancelled")
    told = failure(Job(ticket.source, ticket.target), error)
    expected = isinstance(error, MssnError | MemoryError | OSError)
    damaged = isinstance(error, ImageError) and "damaged" in str(told)
    code = "not-a-picture" if damaged else "failed"
    return RefusedError(422 if expected else 500, code, ticket.words(str(told)))
