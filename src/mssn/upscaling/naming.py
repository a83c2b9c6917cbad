"""What results are called, and which pictures are results of earlier runs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path, PurePath

from mssn.errors import ImageError
from mssn.image.formats import ENDINGS, FILMS, WRITABLE
from mssn.image.plugins import can_write
from mssn.image.source import PictureFile
from mssn.upscaling.crop import Crop
from mssn.upscaling.jobs import Job
from mssn.upscaling.size import Factor, Size


def beside(
    source: Path, size: Size, file: PictureFile | None = None, crop: Crop | None = None, part: str = ""
) -> Path:
    """photo.png -> photo_x2.png; formats that can only be read become PNG or, moving, WebP.

    Args:
        source: The picture.
        size: What it becomes; where that is no factor, the name has the width and height that come out.
        file: The same, if it is open already.
        crop: The place of it that is enlarged; part of the name, too.
        part: What names the part of a film that is enlarged, such as "to-90".
    """
    became = str(size)
    if not isinstance(size, Factor):
        with suppress(ImageError):  # what is wrong with it is reported when it is enlarged
            whole = (crop.height, crop.width) if crop else (file or PictureFile(source)).size
            height, width = size.of(*whole)
            became = f"{width}x{height}"
    if crop is not None:
        became = f"crop-{crop.x}-{crop.y}-{crop.width}-{crop.height}_{became}"
    if part:
        became = f"{part}_{became}"
    suffix = writable(source, file or source).suffix  # not of the new name: _x1.5 is no ending
    return source.with_name(f"{source.stem}_{became}{suffix}")


def writable(path: Path, source: Path | PictureFile) -> Path:
    """The path itself; of what can only be read with .png, .jpg (MPO), or .webp if the source moves."""
    still, moving = written_as(path.suffix)
    if still == path.suffix:
        return path
    moves = False
    if moving != still:
        with suppress(ImageError):  # as above
            moves = (source if isinstance(source, PictureFile) else PictureFile(source)).animated
    return path.with_suffix(moving if moves else still)


def written_as(suffix: str) -> tuple[str, str]:
    """The endings of results of files of an ending: of those that stand still, and of those that move."""
    kind = suffix.lower()
    if kind in FILMS or (kind in WRITABLE and can_write(kind)):
        return suffix, suffix
    if kind == ".mpo":
        return ".jpg", ".jpg"
    return ".png", ".webp" if kind == ".gif" else ".png"


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
    return file_to_write(output)


def file_to_write(output: str | Path) -> Path:
    """The one file that an output names.

    Raises:
        ImageError: It ends in no format that can be written, or its folder is missing.
    """
    return _file(output, WRITABLE)


def film_to_write(output: str | Path) -> Path:
    """The same for a film.

    Raises:
        ImageError: As above.
    """
    return _file(output, FILMS)


def _file(output: str | Path, endings: Sequence[str]) -> Path:
    path = Path(output)
    if path.suffix.lower() not in endings:
        known = " ".join(endings)
        raise ImageError(f"{output}: ends in no format that can be written ({known}); a folder ends in /")
    if not path.parent.is_dir():
        raise ImageError(f"{path.parent}: no such folder; make it first")
    return path


def suffix_for(file: PictureFile) -> str:
    """The ending of a file to write in the format of another, as `writable` chooses it.

    Raises:
        ImageError: It is not a picture.
    """
    ending = ENDINGS.get(file.format, f".{file.format}")
    return writable(Path(f"a{ending}"), file).suffix


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


def key(path: Path) -> str:
    """Equal for names of one file: links followed, case ignored where the system ignores it."""
    return os.path.normcase(os.path.realpath(path))


def apart(jobs: Sequence[Job]) -> tuple[list[Job], list[tuple[Job, Job]]]:
    """Give results that would have one name different ones.

    Where a.png becomes a_x2.png, a.gif becomes a.gif_x2.png. Of pictures of one name in several folders the
    later ones get the name of their folder in front.

    Args:
        jobs: What is to be written where.

    Returns:
        The jobs in the same order, and those that got another name, each with the one that keeps it.
    """
    groups: dict[str, list[int]] = {}
    for number, job in enumerate(jobs):
        groups.setdefault(key(job.target), []).append(number)
    taken = {*groups, *(key(job.source) for job in jobs)}
    made, renamed = list(jobs), list[tuple[Job, Job]]()
    for group in groups.values():
        # Whose format stays the same keeps the name, so that a.gif does not take that of a.png.
        first, *others = sorted(group, key=lambda n: jobs[n].source.suffix != jobs[n].target.suffix)
        for number in others:
            source, target = jobs[number].source, jobs[number].target
            names = map(target.with_name, other_names(source.absolute(), target.name))
            target = next(path for path in names if key(path) not in taken)
            taken.add(key(target))
            made[number] = Job(jobs[number].source, target)
            renamed.append((made[number], jobs[first]))
    return made, renamed


def other_names(source: PurePath, name: str) -> Iterator[str]:
    """Other names for a result, the best first.

    Args:
        source: The picture, with its folder.
        name: The usual name.
    """
    target = PurePath(name)
    if source.suffix != target.suffix:
        yield source.name + name.removeprefix(source.stem)
    if source.parent.name:
        yield f"{source.parent.name}_{name}"
    for number in count(2):
        yield f"{target.stem}_{number}{target.suffix}"
