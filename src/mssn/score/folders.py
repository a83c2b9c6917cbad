"""Where data sets lie."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from mssn.errors import DataError


def locate(name: str | Path) -> Path:
    """The folder a person means: as given, or under $MSSN_DATA, or a benchmark under $MSSN_DATA/benchmarks.

    Raises:
        DataError: There is no such folder in any of these places, or a file.
    """
    places = [Path(name)]
    if root := os.environ.get("MSSN_DATA"):
        places += [Path(root) / name, Path(root) / "benchmarks" / name]
    for place in places:
        if place.is_dir():
            return place
    for place in places:
        if place.is_file():
            raise DataError(f"{place}: is a file, not a folder")
    near = {folder.name.lower(): folder.name for place in places for folder in _folders(place.parent)}
    close = difflib.get_close_matches(Path(name).name.lower(), near, n=1)
    hint = f"; did you mean '{near[close[0]]}'?" if close else ""
    if not root:
        hint += "; set MSSN_DATA to the folder that holds your data sets, or give a full path"
    raise DataError(f"no folder {' or '.join(map(str, places))}{hint}")


def _folders(place: Path) -> list[Path]:
    """The folders in a folder, which need not exist or be readable."""
    try:
        return [path for path in place.iterdir() if path.is_dir()]
    except OSError:
        return []
