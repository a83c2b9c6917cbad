"""`mssn draw`: pairs of drawn pictures to train on."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress

from mssn.cli.options import Number, Whole, WholeScale
from mssn.cli.streams import telling_every
from mssn.errors import MssnError

_LOGGED = 30.0  # seconds between lines where nobody watches


def draw(
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    count: Whole,
    scale: WholeScale = 2,
    side: Whole = 160,
    seed: Whole = 0,
    fonts: Path | None = None,
    photos: Path | None = None,
    blur: Number = 0.0,
    force: Annotated[bool, Parameter(name=["--force", "-f"])] = False,
) -> int:
    """Draw random scenes (text, lines, charts, windows, icons ...) at a small and at a large size.

    Pair K becomes small/K.png and large/K.png. It depends only on the options and K: a larger count adds
    pairs and changes none.

    Args:
        output: Folder to write into; made if missing.
        count: Pairs.
        scale: Whole factor between the two sizes.
        side: Of the small picture, pixels.
        seed: Another seed, other scenes.
        fonts: Folder of fonts to write in, instead of those that come with mssn[draw].
        photos: Folder of photographs, parts of which are laid into some scenes; those that cannot be read are
            skipped.
        blur: Largest standard deviation of a blur of the small pictures, pixels, as a scanner's lens makes
            it; half of the pairs have none.
        force: Write into a folder that is not empty; pairs of the same number are replaced.
    """
    # Here, so that --help needs no Skia.
    try:
        from mssn.lab.draw.pairs import Drawing, write_pairs
    except ModuleNotFoundError:
        raise  # answered with how to install it
    except ImportError as error:  # it is there, but a library of the system is not
        raise MssnError(f"Skia cannot be loaded ({error}); on Debian: apt install libegl1 libgl1") from error

    drawing = Drawing(scale, side, seed, fonts=fonts, photos=photos, blur=blur)
    console, drawn = Console(stderr=True), 0
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("drawing", total=count)

        def watch(done: int, total: int) -> None:
            nonlocal drawn
            drawn = done
            bar.update(task, completed=done)

        def standing() -> str:
            return f"{drawn} of {count} pairs"

        with nullcontext() if console.is_terminal else telling_every(_LOGGED, standing):
            try:
                write_pairs(drawing, output, count, force=force, progress=watch)
            except (KeyboardInterrupt, SystemExit) as stop:
                stop.add_note(f"{standing()} are drawn; the same command with --force starts over")
                raise
    for reason in drawing.photos.skipped.values() if drawing.photos else ():
        print(f"skipped {' '.join(reason.split())}", file=sys.stderr)
    sizes = f"{side}x{side} and {side * scale}x{side * scale}"
    families = {face.family for face in drawing.fonts.faces}
    print(f"{output}  {count} pair{'s' * (count != 1)}, {sizes}; {len(families)} families of fonts")
    return 0
