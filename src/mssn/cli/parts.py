"""`--from` and `--to`: which part of a film is meant, and what its result is called."""

from __future__ import annotations

import math

from mssn.errors import FilmError


def seconds(option: str, text: str | None) -> float | None:
    """83.5, 1:23.5 or 0:01:23.5.

    Raises:
        FilmError: It is no time.
    """
    if text is None:
        return None
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    whole = all(0 <= part < 60 for part in parts[1:]) and all(0 <= part < math.inf for part in parts[:1])
    if not 1 <= len(parts) <= 3 or not whole:
        raise FilmError(f"`{option}` must be a time, 83.5 or 1:23.5 or 0:01:23.5, not '{text}'")
    return sum(part * 60**place for place, part in enumerate(reversed(parts)))


def name_of_part(start: str | None, end: str | None) -> str:
    """What tells the result of a part of a film from the whole one's, in its name.

    Examples:
        >>> name_of_part("1:20", "1:30.5"), name_of_part(None, None)
        ('from-80_to-90.5', '')

    Raises:
        FilmError: A time is none.
    """
    times = {"from": seconds("from", start), "to": seconds("to", end)}
    return "_".join(f"{word}-{time:.10g}" for word, time in times.items() if time is not None)
