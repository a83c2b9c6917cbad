"""What a result is called, and which pictures are results of earlier runs."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from mssn.errors import ImageError
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
    """The path itself, or for formats that can only be read with .png, or .webp if the source moves."""
    suffix = path.suffix.lower()
    if suffix in WRITABLE:
        return path
    moves = False
    if suffix == ".gif":
        with suppress(ImageError):  # what is wrong with it is reported when it is enlarged
            moves = (source if isinstance(source, PictureFile) else PictureFile(source)).animated
    return path.with_suffix(".webp" if moves else ".png")


def target_for(output: str | Path, source: Path | None = None, file: PictureFile | None = None) -> Path:
    """The file that an output means.

    Args:
        output: A file whose ending chooses the format; or, where the source has a name, a folder that exists
            or ends in /, in which the result keeps that name.
        source: The picture, if it comes from a file.
        file: The same, if it is open already.

    Raises:
        ImageError: It names a folder, but the picture has no name; or it ends in no format that is written.
    """
    path = Path(output)
    if str(output).endswith(("/", "\\")) or path.is_dir():
        if source is None:
            raise ImageError(f"{output}: is a folder, and this picture has no name; give a file to write")
        path.mkdir(parents=True, exist_ok=True)
        return writable(path / source.name, file or source)
    if path.suffix.lower() not in WRITABLE:
        known = " ".join(WRITABLE)
        raise ImageError(f"{output}: ends in no format that can be written ({known}); a folder ends in /")
    return path


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
