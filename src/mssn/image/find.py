"""Pictures in folders, in the order a person would count them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from mssn.errors import DataError
from mssn.image.formats import READABLE
from mssn.image.source import display_name


def find_images(
    folder: str | os.PathLike[str],
    unreadable: list[str] | None = None,
    passed: list[Path] | None = None,
    endings: Sequence[str] = READABLE,
) -> list[Path]:
    """All readable pictures in a folder and its sub-folders, in the order a person would count them.

    Known by their endings (`READABLE`, any case); hidden files and folders are passed over; `2.png` comes
    before `10.png`, on every file system. Links to files are followed, links to folders are not: they may
    lead anywhere.

    Args:
        folder: where to look.
        unreadable: takes a line for each sub-folder that cannot be listed; without it, that is an error.
        passed: takes linked folders, files with other endings, and hidden pictures.
        endings: what counts as a picture.

    Raises:
        DataError: the folder is missing, unreadable or holds no picture.
    """

    def refuse(error: OSError) -> None:
        line = f"{display_name(error.filename)}: cannot be listed: {error.strerror}"
        if unreadable is None or Path(error.filename) == root:
            raise DataError(line) from error
        unreadable.append(line)

    root = Path(folder)
    if not root.is_dir():
        raise DataError(
            f"{display_name(root)}: {'is a file, not a folder' if root.exists() else 'no such folder'}"
        )
    found: list[Path] = []
    hidden: list[Path] = []
    for parent, folders, files in os.walk(root, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in files if not name.startswith(".")]
        hidden += [Path(parent, name) for name in files if name.startswith(".")]
        if passed is not None:
            passed += [path for path in (Path(parent, name) for name in folders) if path.is_symlink()]
    if passed is not None:
        passed += [path for path in found if path.suffix.lower() not in endings]
        passed += [path for path in hidden if path.suffix.lower() in endings]
    found = [path for path in found if path.suffix.lower() in endings]
    if not found:
        what = "pictures" if endings is READABLE else "pictures or films"
        raise DataError(f"{display_name(root)}: holds no {what} (looked for {', '.join(endings)})")
    return sorted(found, key=counting_order)


def counting_order(path: Path) -> tuple[list[list[tuple[int, str]]], str]:
    """Sorts paths as a person would count them: `2.png` before `10.png`."""
    return [_natural(part) for part in path.parts], str(path)


def _natural(text: str) -> list[tuple[int, str]]:
    """Sort key that counts: digits compare as numbers, letters without case."""
    pieces = re.split(r"(\d+)", text)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece.casefold()) for piece in pieces]
