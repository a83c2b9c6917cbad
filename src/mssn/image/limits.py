"""How large a picture each format can hold, asked of its encoder."""

from __future__ import annotations

from functools import partial
from io import BytesIO

import numpy as np
import pyvips

from mssn.errors import ImageError
from mssn.image.encode import encode
from mssn.image.picture import Picture
from mssn.once import OnceEach

_SURE = 8192  # pixels of a side that every format holds
_ANSWERS = OnceEach[bool](256)


def refuse_oversize(name: str, suffix: str, width: int, height: int) -> None:
    """Refuse a result that its format cannot hold, before it is made.

    Args:
        name: What the message calls it.
        suffix: Ending of the file to write.
        width: Of a page of the result, pixels.
        height: The same.

    Raises:
        ImageError: The encoder takes no picture of such a side.
    """
    longest = max(width, height)
    if longest <= _SURE or _holds(suffix, longest):
        return
    low, high = _SURE, longest  # the largest side is at least the one, below the other
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _holds(suffix, middle) else (low, middle)
    raise ImageError(
        f"{name}: the result would have {width}x{height} pixels, but sides of {suffix} files "
        f"have {low} at most; choose a smaller size, or PNG or TIFF"
    )


def _holds(suffix: str, side: int) -> bool:
    return _ANSWERS((suffix, side), partial(_ask, suffix, side))


def _ask(suffix: str, side: int) -> bool:
    """Whether the encoder takes a line of so many pixels."""
    line = Picture(np.zeros((1, side, 1), np.uint8))
    try:
        encode(BytesIO(), line, suffix, None)
    except pyvips.Error:
        return False
    return True
