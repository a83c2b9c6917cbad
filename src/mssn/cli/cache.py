"""`mssn cache`: what is kept on disk because making it anew takes time."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from mssn.atomic import default_cache
from mssn.cli.tables import console, show
from mssn.errors import DataError
from mssn.lab.data.cache import Entry, entries
from mssn.lab.data.cache import clear as remove

_AGES = {"days": 86400, "hours": 3600, "minutes": 60}


def cache(*, clear: Annotated[bool, Parameter(name="--clear")] = False) -> None:
    """List what is kept to be faster next time: size, age, and what it is.

    That is what `mssn train` and `mssn ablate` keep of training pictures, and networks that were made ready
    to enlarge. It lies in the folder that MSSN_CACHE names, else in the user's cache folder, and is made anew
    when it is needed and not there.

    Args:
        clear: Remove all of it, but what is in the making.
    """
    home = default_cache()
    if clear:
        try:
            gone = remove(home)
        except OSError as error:
            raise DataError(f"{error.filename}: cannot be removed ({error.strerror})") from error
        print(f"removed {_size(sum(entry.size for entry in gone))} in {home}")
    left = entries(home)
    if left:
        total = ["all", _size(sum(entry.size for entry in left)), ""] if len(left) > 1 else None
        show(("what", "size", "age"), map(_row, left), title=str(home), total=total)
    elif not clear:
        console().print(f"nothing is kept in {home}")


def _row(entry: Entry) -> list[str]:
    return [entry.what, _size(entry.size), _age(entry.age)]


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _age(seconds: float) -> str:
    name, unit = next(((name, unit) for name, unit in _AGES.items() if seconds >= 2 * unit), ("minutes", 60))
    return f"{seconds / unit:.0f} {name}"
