"""`mssn downscale`: the low-resolution files of the field, as MATLAB makes them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.errors import DataError, ImageError, MssnError
from mssn.image.io import find_images, read, write
from mssn.image.resize import Border, shrink


def downscale(
    inputs: list[Path],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    scale: Annotated[int, Parameter(name=["--scale", "-s"])] = 2,
    border: Border = "mirror",
    force: Annotated[bool, Parameter(name=["--force", "-f"], negative="")] = False,
) -> int:
    """Shrink pictures exactly as MATLAB's imresize (bicubic, antialiased) does; written as PNG.

    Pictures are cropped to a multiple of the scale first. Each becomes NAMExS.png, as in DIV2K.

    Args:
        inputs: Pictures, or folders of pictures (searched recursively, folders kept).
        output: Folder to write into; made if missing.
        scale: Whole factor.
        border: mirror (newer MATLAB) or repeat (older MATLAB).
        force: Overwrite existing files.
    """
    if scale < 1:
        raise ImageError(f"--scale must be at least 1, not {scale}")
    jobs: list[tuple[Path, Path]] = []
    for path in inputs:
        if not path.exists():
            raise DataError(f"{path}: no such file or folder")
        for source in find_images(path) if path.is_dir() else [path]:
            inside = source.relative_to(path).parent if path.is_dir() else Path()
            jobs.append((source, output / inside / f"{source.stem}x{scale}.png"))
    existing = [target for _, target in jobs if target.exists()]
    if existing and not force:
        raise ImageError(f"{existing[0]}: exists already; use --force to overwrite")
    failed = 0
    for source, target in jobs:
        try:
            _downscale(source, target, scale, border)
        except MssnError as error:
            if len(jobs) == 1:
                raise
            failed += 1
            print(f"mssn: {error}", file=sys.stderr)
    print(f"{len(jobs) - failed} of {len(jobs)} pictures written to {output}")
    return 1 if failed else 0


def _downscale(source: Path, target: Path, scale: int, border: Border) -> None:
    picture = read(source)
    try:
        small = replace(
            picture,
            pixels=shrink(picture.pixels, scale, border=border),
            alpha=None if picture.alpha is None else shrink(picture.alpha, scale, border=border),
        )
    except ValueError as error:
        raise ImageError(f"{source}: {error}") from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"{target.parent}: cannot be made ({error.strerror})") from error
    write(target, small)
