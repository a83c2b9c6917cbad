"""What an argument is, when callers without a type checker may give anything."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, TypeGuard


def is_number(value: Any) -> TypeGuard[float]:
    """Whether something is a real number; NumPy's are, True and False are not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: Any) -> TypeGuard[int]:
    """The same of whole numbers."""
    return isinstance(value, Integral) and not isinstance(value, bool)
