"""`mssn downscale`: the low-resolution files of the field, as MATLAB makes them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.cli.jobs import PassedOver, check, collect, run
from mssn.cli.options import Force, WholeScale
from mssn.cli.planning import tell_renamed
from mssn.errors import ImageError
from mssn.image.alpha import shrink_visible
from mssn.image.formats import WRITABLE
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.resize import Border, shrink
from mssn.image.write import write
from mssn.upscaling.jobs import Job
from mssn.upscaling.naming import apart


def downscale(
    inputs: list[Path],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    scale: WholeScale = 2,
    border: Border = "mirror",
    force: Force = False,
) -> int:
    """Shrink pictures exactly as MATLAB's imresize (bicubic, antialiased) does; written as PNG.

    Pictures are cropped to a multiple of the scale first. Each becomes NAMExS.png, as in DIV2K. Colours that
    transparency hides do not shine through.

    Args:
        inputs: Pictures, or folders of pictures (searched recursively, folders kept).
        output: Folder to write into; made if missing.
        scale: Whole factor.
        border: mirror (newer MATLAB) or repeat (older MATLAB).
        force: Overwrite existing files.
    """
    if scale < 1:
        raise ImageError(f"--scale must be at least 1, not {scale}")
    if output.suffix.lower() in WRITABLE and not output.is_dir():
        raise ImageError(f"{output}: looks like a picture; -o is the folder to write into")
    passed = PassedOver()
    found = collect(inputs, passed, leave_out=output)
    jobs, renamed = apart(
        [Job(source, output / name.with_name(f"{name.stem}x{scale}.png")) for source, name in found]
    )
    check(jobs, force)
    code = passed.tell()
    tell_renamed(renamed)
    return run(jobs, lambda job: _downscale(job, scale, border), "shrunk") or code


def _downscale(job: Job, scale: int, border: Border) -> str:
    picture = read(job.source)
    try:
        small = _shrunk(picture, scale, border)
    except ValueError as error:
        raise ImageError(f"{job.source}: {error}") from error
    write(job.target, small)
    height, width = small.pixels.shape[:2]
    first = f"  the first of {1 + picture.left_out}" if picture.left_out else ""
    notes = "".join(f"  {note}" for note in picture.notes)
    return f"{job.target}  {width}x{height}{first}{notes}"


def _shrunk(picture: Picture, scale: int, border: Border) -> Picture:
    # Black and white become grey when they are mixed.
    picture, plain = replace(picture, bits=None), partial(shrink, scale=scale, border=border)
    if picture.alpha is None:
        return picture.each(plain)
    visible = partial(shrink_visible, alpha=picture.alpha, scale=scale, border=border)
    black = None if picture.black is None else visible(picture.black)
    return replace(picture, pixels=visible(picture.pixels), black=black, alpha=plain(picture.alpha))
