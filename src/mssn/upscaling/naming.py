"""What a result is called, and which pictures are results of earlier runs."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from mssn.errors import ImageError
from mssn.image.plugins import PLUGGED, can_write
from mssn.image.source import PictureFile
from mssn.image.write import WRITABLE
from mssn.upscaling.size import Size


def beside(source: Path, size: Size, file: PictureFile | None = None) -> Path:
    """photo.png -> photo_x2.png; formats that can only be read become PNG or, moving, WebP.

    Args:
        source: The picture.
        size: What it becomes.
        file: The same, if it is open already.
    """
    return writable(source.with_name(f"{source.stem}_{size}{source.suffix}"), file or source)


def writable(path: Path, source: Path | PictureFile) -> Path:
    """The path itself; of what can only be read with .png, .jpg (MPO), or .webp if the source moves."""
    suffix = path.suffix.lower()
    if suffix in WRITABLE and (suffix not in PLUGGED or can_write(suffix)):
        return path
    if suffix == ".mpo":
        return path.with_suffix(".jpg")
    moves = False
    if suffix == ".gif":
        with suppress(ImageError):  # what is wrong with it is reported when it is enlarged
            moves = (source if isinstance(source, PictureFile) else PictureFile(source)).animated
    return path.with_suffix(".webp" if moves else ".png")


def suffix_for(file: PictureFile) -> str:
    """The ending of a file to write in the format of another, as `writable` chooses it.

    Raises:
        ImageError: It is not a picture.
    """
    return writable(Path(f"a.{file.format}"), file).suffix


def is_result(source: Path, targets: Collection[Path]) -> bool:
    """Whether a picture is the result of an earlier run.

    The note in its metadata says so, whatever it is called, and every format that is written holds one. Only
    where a run with `metadata="strip"` left none, the name decides: a picture is a result if this very run
    gives its name to the result of another one. Other pictures without a note are enlarged, even if they are
    called photo_x2.png.

    Args:
        source: A picture; only its header is read. A damaged file is no result.
        targets: What this run is to write.
    """
    if source in targets:
        return True
    with suppress(ImageError):  # as above
        return PictureFile(source).signed
    return False
