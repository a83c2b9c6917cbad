"""What an argument is, when callers without a type checker may give anything, and what a typed number is."""

from __future__ import annotations

import math
import re
from numbers import Integral, Real
from typing import Any, TypeGuard


def is_number(value: Any) -> TypeGuard[float]:
    """Whether something is a real number; NumPy's are, True and False are not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: Any) -> TypeGuard[int]:
    """The same of whole numbers."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def number_of(text: str) -> float:
    """A finite number as people write it.

    Python itself takes more: 0_5 for 5, digits of other scripts, spaces around them, nan and inf.

    Raises:
        ValueError: The text is something else.

    Examples:
        >>> number_of("2.5"), number_of("-1e3")
        (2.5, -1000.0)
    """
    plain = re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text)
    if not plain or not math.isfinite(number := float(text)):
        raise ValueError(f"'{text}' is no number")
    return number + 0.0  # -0 is 0, also where settings are compared as they are written


def whole_of(text: str) -> int:
    """The same of a whole number, which has at most 18 digits.

    Raises:
        ValueError: The text is something else.
    """
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError(f"'{text}' is no whole number")
    return int(text)
