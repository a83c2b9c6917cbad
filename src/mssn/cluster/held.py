"""Folders for the time being, which go when their process does, or when the next one looks."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mssn.atomic import LOCK, hold

_YOUNG = 60.0  # seconds within which a folder may not be held yet


@contextmanager
def held_folder(kind: str, parent: Path | None = None) -> Iterator[Path]:
    """A fresh folder that is this process's own, and removed at the end; those of dead processes go first.

    Args:
        kind: Begins its name; folders of one kind are swept together.
        parent: Where it is made; default the system's folder for temporary files.

    Yields:
        The folder; it holds a file called "lock".
    """
    parent = parent or Path(tempfile.gettempdir())
    _sweep(parent, kind)
    folder = Path(tempfile.mkdtemp(prefix=kind, dir=parent))
    try:
        with open(folder / LOCK, "xb") as file:
            hold(file)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path, kind: str) -> None:
    """Remove what killed processes left: the system has let go of their locks."""
    for folder in parent.glob(f"{kind}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _YOUNG:
                with open(folder / LOCK, "a+b") as file:
                    if hold(file):
                        shutil.rmtree(folder, ignore_errors=True)
