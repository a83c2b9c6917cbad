"""What lies beside a picture, or is known of its file, and comes along: sidecars and times."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from mssn.atomic import replacing
from mssn.errors import ImageError
from mssn.image.xmp import upright_xmp


def copy_sidecars(source: Path, target: Path, *, force: bool) -> tuple[str, ...]:
    """Copy a picture's XMP files, photo.xmp and photo.jpg.xmp, to its result's name.

    The orientation in them becomes 1, because results stand upright; every other byte stays.

    Args:
        source: The picture.
        target: Its result, which exists.
        force: Replace other ones that the result has.

    Returns:
        What did not come along, in short clauses.

    """
    notes: list[str] = []
    for old, new in (
        (source.with_suffix(".xmp"), target.with_suffix(".xmp")),
        (source.with_name(f"{source.name}.xmp"), target.with_name(f"{target.name}.xmp")),
    ):
        try:
            if not old.is_file():
                continue
            content = upright_xmp(old.read_bytes())
            if not force and new.exists() and new.read_bytes() != content:
                notes.append(f"{new.name} exists already and stays")
                continue
            with replacing(new) as file:
                file.write(content)
        except OSError as error:  # the picture itself is there
            if error.errno != errno.ENAMETOOLONG:  # then it has none
                notes.append(f"{old.name} left out ({error.strerror or error})")
    return tuple(notes)


def copy_times(source: Path, target: Path) -> None:
    """Give a result the times of its picture's file.

    Raises:
        ImageError: The system does not let us.
    """
    try:
        times = source.stat()
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    except OSError as error:
        raise ImageError(f"{target}: its time cannot be set ({error.strerror or error})") from error
