"""What a run would make, how long it would take and how much room, from headers and a few samples."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mssn.errors import MssnError
from mssn.image.compression import LOSSLESS, Compression
from mssn.image.read import read
from mssn.image.source import PictureFile
from mssn.image.write import to_bytes
from mssn.upscaling.crop import Crop
from mssn.upscaling.files import planned_size
from mssn.upscaling.jobs import Job, Options
from mssn.upscaling.upscaler import Upscaler

_SAMPLES = 3  # pictures of each kind that are tried
_SIDE = 320  # pixels of a sample's side, at most
_LARGE = 1920  # pixels of the side of what becomes of it, at most


@dataclass(frozen=True)
class Planned:
    """What a job would make.

    Attributes:
        job: The job.
        before: Width and height of a page of the source in pixels, upright.
        after: The same of the result.
        pages: Pages or frames that would be enlarged.
        model: What would enlarge it; see `mssn.upscaling.upscaler.Enlarged`.
        strength: Where the dial would stand, 0 to 1; None where there is none.
        compression: How the source is compressed.
        seconds: It would take, roughly, by itself.
        size: Bytes of the result, roughly.
        error: Why it would fail; everything but the job is empty then.
    """

    job: Job
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    pages: int = 1
    model: str = ""
    strength: float | None = None
    compression: Compression = LOSSLESS
    seconds: float = 0.0
    size: float = 0.0
    error: MssnError | None = None


@dataclass(frozen=True)
class _Sample:
    """What one picture took: seconds and pixels of each step, and bytes of the result."""

    read: float
    read_pixels: int
    enlarge: float
    enlarge_pixels: int
    write: float
    write_pixels: int
    size: int


@dataclass(frozen=True)
class _Cost:
    """Seconds to read and to enlarge a source pixel, seconds and bytes of a result pixel."""

    read: float
    enlarge: float
    write: float
    size: float


def estimate(upscaler: Upscaler, jobs: Sequence[Job], options: Options) -> list[Planned]:
    """Look at every picture's header, and enlarge a place in the middle of a few.

    Args:
        upscaler: What would enlarge.
        jobs: What would be done.
        options: How files would be read and written.

    Returns:
        What each job would make, in order; nothing is written.
    """
    planned = [_look(upscaler, job, options) for job in jobs]
    kinds: dict[tuple[str, str, str], list[Planned]] = {}
    for plan in planned:
        if plan.error is None:
            kinds.setdefault(_kind(plan), []).append(plan)
    costs = {kind: _cost_of(upscaler, plans, options) for kind, plans in kinds.items()}
    return [_with_cost(plan, costs.get(_kind(plan))) for plan in planned]


def _kind(plan: Planned) -> tuple[str, str, str]:
    """Pictures that take about as long for each pixel; a mix of two networks runs both."""
    return plan.job.source.suffix.lower(), plan.job.target.suffix.lower(), plan.model


def _look(upscaler: Upscaler, job: Job, options: Options) -> Planned:
    try:
        file = PictureFile(job.source)
        before, after = planned_size(upscaler, file, job.target, options)
        pages = file.pages_into(job.target.suffix.lower())
        model, strength = upscaler.chosen(file.compression, *before)
    except MssnError as error:
        return Planned(job, error=error)
    sizes = (before[1], before[0]), (after[1], after[0])
    return Planned(job, *sizes, pages, model, strength, file.compression)


def _cost_of(upscaler: Upscaler, plans: list[Planned], options: Options) -> _Cost | None:
    """From the largest picture and some others; None if none of them can be read."""
    order = sorted(plans, key=lambda plan: plan.before[0] * plan.before[1], reverse=True)
    step = -(-len(order) // _SAMPLES)
    samples = [sample for plan in order[::step] if (sample := _sample(upscaler, plan, options))]
    if not samples:
        return None
    written = sum(sample.write_pixels for sample in samples)
    return _Cost(
        sum(sample.read for sample in samples) / sum(sample.read_pixels for sample in samples),
        sum(sample.enlarge for sample in samples) / sum(sample.enlarge_pixels for sample in samples),
        sum(sample.write for sample in samples) / written,
        sum(sample.size for sample in samples) / written,
    )


def _sample(upscaler: Upscaler, plan: Planned, options: Options) -> _Sample | None:
    job, times = plan.job, [time.perf_counter()]
    try:
        whole = read(job.source, max_pixels=options.max_pixels)
        times.append(time.perf_counter())
        height, width = whole.page_size
        factor = plan.after[0] / plan.before[0]
        side = max(1, min(_SIDE, int(_LARGE / factor)))
        sides = min(width, side), min(height, side)
        place = Crop((width - sides[0]) // 2, (height - sides[1]) // 2, *sides).of(whole)
        scaled = upscaler.scaled(factor)
        scaled.enlarge(place)  # what is made once is not the pictures'
        times.append(time.perf_counter())
        large = scaled.enlarge(place).picture
        times.append(time.perf_counter())
        content = to_bytes(large, job.target.suffix.lower(), quality=options.quality)
        times.append(time.perf_counter())
    except MssnError:  # damage behind the header: what is wrong is said when it is enlarged
        return None
    return _Sample(
        read=times[1] - times[0],
        read_pixels=height * width,
        enlarge=times[3] - times[2],
        enlarge_pixels=sides[0] * sides[1],
        write=times[4] - times[3],
        write_pixels=large.page_size[0] * large.page_size[1],
        size=len(content),
    )


def _with_cost(plan: Planned, cost: _Cost | None) -> Planned:
    if cost is None or plan.error is not None:
        return plan
    before, after = (plan.pages * width * height for width, height in (plan.before, plan.after))
    seconds = before * (cost.read + cost.enlarge) + after * cost.write
    return replace(plan, seconds=seconds, size=after * cost.size)
