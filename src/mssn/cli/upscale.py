"""`mssn upscale`: enlarge files and folders."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from mssn.api import DEFAULT_MODEL, load
from mssn.cli.dial import Strength, VariantOption, unused_dial
from mssn.cli.films import (
    STREAM,
    estimate_films,
    hold_all,
    is_film,
    upscale_films,
)
from mssn.cli.jobs import OTHERWISE, PassedOver, check
from mssn.cli.options import (
    Ensemble,
    Factor,
    Force,
    Lines,
    Model,
    Number,
    PrecisionOption,
    Quality,
    Runtime,
    Threads,
    Whole,
    unused_quality,
)
from mssn.cli.pipes import upscale_stream
from mssn.cli.planned import tell_planned
from mssn.cli.planning import plan, tell_renamed
from mssn.cli.progress import as_json, as_text, bar_of_one
from mssn.cli.progress import report as tell_results
from mssn.cli.report import Report
from mssn.cli.streams import is_url, tell
from mssn.errors import FilmError, ImageError, MssnError
from mssn.film.asked import Interlaced, film_options, name_of_part
from mssn.image.read import MAX_PIXELS
from mssn.upscaling.batch import upscale_files
from mssn.upscaling.crop import Crop
from mssn.upscaling.estimate import estimate
from mssn.upscaling.files import upscale_file
from mssn.upscaling.jobs import MEMORY, Done, Job, Options, failure, mebibytes
from mssn.upscaling.upscaler import Upscaler


def upscale(
    inputs: list[str],
    /,
    *,
    output: Annotated[str | None, Parameter(name=["--output", "-o"])] = None,
    scale: Factor = None,
    size: str | None = None,
    model: Model = DEFAULT_MODEL,
    variant: VariantOption = "auto",
    strength: Strength = None,
    force: Force = False,
    quality: Quality = None,
    metadata: Literal["keep", "strip"] = "keep",
    skip_existing: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    crop: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    dpi: Literal["keep", "scale"] = "keep",
    keep_times: Annotated[bool, Parameter(negative="")] = False,
    report: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    codec: str | None = None,
    interlaced: Interlaced = "auto",
    start: Annotated[str | None, Parameter(name="--from")] = None,
    end: Annotated[str | None, Parameter(name="--to")] = None,
    rate: str | None = None,
    max_megapixels: Number = MAX_PIXELS / 1e6,
    memory: Whole = MEMORY // 2**20,
    runtime: Runtime = "auto",
    precision: PrecisionOption = "auto",
    threads: Threads = None,
    ensemble: Ensemble = False,
    ray: str | None = None,
    retry_failed: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Enlarge pictures and films.

    Args:
        inputs: Pictures and films, folders of them (searched recursively), patterns ('holiday/**/*.jpg'), or
            for standard input: - (one picture, or a film as Y4M).
        output: A folder (existing, ending in /, or for several pictures) keeps names and formats inside
            it; else the file to write. Left out, photo.png becomes photo_x2.png beside it. - writes to
            standard output, in the format of the input; so does standard input without an output.
        scale: Any number; default 2, or what a weights file was trained for. There are networks for 2, 3 and
            4; others take the next larger one, or several in a row, and an antialiased shrink.
        size: Instead of a scale: 1920x1080 (fits in), 1920x or x1080 (one side), 1920x1080! (exactly).
        model: mssn-s, mssn-m, mssn (mssn info says which ship), bicubic, or the path of a weights file;
            mssn-s-photo is mssn-s --variant photo.
        variant: photo takes weights made for photographs as they are stored (soft, noisy, compressed), clean
            those for clean pictures; auto lets each file's compression decide, where the model has both.
        strength: 0 to 1: how strongly noise and traces of compression are removed; 0 is clean. Left out, each
            file's compression decides. Up for a noisy picture or a PNG made from a JPEG.
        force: Overwrite existing files.
        quality: 1 to 100, for JPEG, WebP, AVIF, HEIC, JPEG XL and films.
        skip_existing: Leave out pictures whose result is there already, to go on after a stop.
        dry_run: Make nothing: say what would be made, and about how long and how much room it would take.
        crop: X,Y,W,H in pixels: enlarge this place only, for a trial.
        dpi: keep the resolution, so that a print becomes larger, or scale it, so that it stays as large.
        keep_times: Give results the times of their originals.
        report: A file to which a line of JSON is added for each picture: what made what, with hashes.
        json: Print one JSON object a line for each picture instead of words (to standard error when the
            picture itself goes to standard output).
        metadata: keep EXIF and XMP, and note there what enlarged the picture, or strip them; the colour
            profile stays.
        codec: Of a film: av1, h264, hevc, vp9, ffv1 or prores; default what suits its pixels and its file.
        interlaced: What becomes of interlaced films: auto makes whole frames of them and says so.
        start: Of a film, the time where to begin: 83.5, 1:23.5 or 0:01:23.5.
        end: Of a film, the time where to end.
        rate: Frames a second of numbered pictures that become a film: 25, or 24000/1001.
        max_megapixels: Refuse larger pictures: a small file may claim a size that fills the memory.
        memory: Mebibytes of pixels to hold in memory, roughly; the rest waits in files beside the result;
            with 0, all of it.
        runtime: What runs the network.
        precision: auto takes the fastest here that costs next to nothing; fp32 for 16-bit pictures.
        threads: Processor cores to use; default all.
        ensemble: Take the mean over eight flips and turns: a little better, eight times as slow.
        ray: Let a Ray cluster do it (mssn[cluster]): local for this machine, or the address of one. Input and
            output are then folders, or s3://, sftp:// or gs:// URLs of them; the same command goes on later.
        retry_failed: With --ray, try again what earlier runs could not make.
    """
    options = Options(
        force,
        quality,
        metadata,
        max_megapixels,
        mebibytes(memory),
        crop=None if crop is None else Crop.parse(crop),
        dpi=dpi,
        keep_times=keep_times,
    )
    upscaler = load(
        model,
        scale,
        size=size,
        variant=variant,
        strength=strength,
        runtime=runtime,
        precision=precision,
        threads=threads,
        ensemble=ensemble,
    )
    if unused := unused_dial(variant, strength, upscaler.scale):
        tell(unused)
    if ray is not None:
        if threads is not None or keep_times or codec or start or end or rate or interlaced != "auto":
            raise MssnError(
                "`threads`, `keep_times` and what is for films do not go with `ray`: each core has one "
                "thread, stored results have times of their own, and films take one machine"
            )
        from mssn.cli.cluster import upscale_on_ray  # here, so that others start without it

        made = {"model": model, "scale": scale, "size": size, "variant": variant, "strength": strength}
        run = {"runtime": runtime, "precision": precision, "ensemble": ensemble}
        return upscale_on_ray(
            *(inputs, output, ray, made | run, options),
            report=report,
            json=json,
            skip_existing=skip_existing,
            retry_failed=retry_failed,
            dry_run=dry_run,
        )
    if retry_failed:
        raise MssnError("`retry_failed` is for runs with `ray`; without it all is tried again anyway")
    if url := next((text for text in (*inputs, output or "") if is_url(text)), None):
        raise MssnError(f"{url}: is no file of this machine; with --ray local, this machine takes it, too")
    paths = [Path(text) for text in inputs]
    if STREAM in (*paths, output and Path(output)):
        if report is not None:
            raise ImageError("`report` is for files, not for standard input or output")
        films = partial(film_options, options, codec, interlaced, start, end, rate)
        return upscale_stream(
            *(upscaler, paths, output, options, films),
            json=json,
            skip_existing=skip_existing,
            dry_run=dry_run,
        )
    passed = PassedOver()
    part = name_of_part(start, end)
    jobs, renamed = plan(paths, output, upscaler.target, passed, force=force, crop=options.crop, part=part)
    asked = None
    if any(map(is_film, jobs)):
        asked = film_options(options, codec, interlaced, start, end, rate)
        named = output is not None and jobs[0].target == Path(output)
        jobs = hold_all(upscaler, jobs, asked, named=named)
    elif codec or start or end or rate or interlaced != "auto":
        raise FilmError("`codec`, `interlaced`, `rate`, `from` and `to` are for films; none was named")
    check(jobs, force or skip_existing, OTHERWISE, make=not dry_run)
    if unused := unused_quality(quality, (job.target for job in jobs)):
        tell(unused)
    code = passed.tell()
    tell_renamed(renamed)
    if skip_existing:
        jobs = _without_those_there(jobs)
    if not jobs:
        return code
    noted = None if report is None or dry_run else Report(report)
    films, pictures = [job for job in jobs if is_film(job)], [job for job in jobs if not is_film(job)]
    if dry_run:
        planned = estimate(upscaler, pictures, options)
        if asked is not None:
            planned += estimate_films(upscaler, films, asked, keep=skip_existing)
        return tell_planned(planned, json=json) or code
    if len(pictures) == 1 and not films:
        return _single(upscaler, pictures[0], options, noted, json=json) or code
    if pictures:
        way = "goes on" if skip_existing else "starts over" if force else "with --skip-existing goes on"
        results, note = upscale_files(upscaler, pictures, options), None if noted is None else noted.add
        go_on = f"the same command {way}"
        code = tell_results(results, len(pictures), json=json, go_on=go_on, note=note) or code
    if asked is not None:
        alone = not pictures and len(films) == 1
        keep = skip_existing
        code = upscale_films(upscaler, films, asked, noted, json=json, alone=alone, keep=keep) or code
    return code


def _without_those_there(jobs: list[Job]) -> list[Job]:
    left = [job for job in jobs if not os.path.exists(job.target)]
    if len(left) < len(jobs):
        there = len(jobs) - len(left)
        tell(f"{there} {'result is' if there == 1 else 'results are'} there already, {len(left)} to make")
    return left


def _single(upscaler: Upscaler, job: Job, options: Options, noted: Report | None, *, json: bool) -> int:
    try:
        with bar_of_one(job.target) as progress:
            done = upscale_file(upscaler, job.source, job.target, options, progress)
    except Exception as error:
        told = failure(job, error)
        if noted is not None:
            noted.add(Done(job, error=told))
        if json:
            _say(as_json(Done(job, error=told)))
        if told is error:
            raise
        raise told from error
    if noted is not None:
        noted.add(done)
    return _say(as_json(done) if json else as_text(done))


def _say(text: str) -> int:
    """Print a line; the exit code, 1 if standard output does not take it."""
    lines = Lines()
    lines.say(text)
    return 1 if lines.failure else 0
