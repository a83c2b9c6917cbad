"""Where data sets lie."""

from __future__ import annotations

import os
from pathlib import Path

from mssn.errors import DataError


def locate(name: str | Path) -> Path:
    """The folder a person means: as given, or under $MSSN_DATA, or a benchmark under $MSSN_DATA/benchmarks.

    Raises:
        DataError: There is no such folder in any of these places.
    """
    places = [Path(name)]
    if root := os.environ.get("MSSN_DATA"):
        places += [Path(root) / name, Path(root) / "benchmarks" / name]
    for place in places:
        if place.is_dir():
            return place
    hint = "" if root else "; set MSSN_DATA to the folder that holds your data sets, or give a full path"
    raise DataError(f"no folder {' or '.join(map(str, places))}{hint}")
