"""Things made when they are first asked for: once, however many threads ask together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Makes something when it is first asked for: once, even if several threads ask together.

    Args:
        make: Makes it. If that fails, the next one who asks tries again.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._lock, self._made = make, Lock(), list[T]()

    def __call__(self) -> T:
        """What was made."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


class OnceEach(Generic[T]):
    """Keeps what was made for the keys asked for last; each thing is made once, as by `Once`.

    Threads that ask for different things do not wait for each other.

    Args:
        most: How many to keep.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._kept: OrderedDict[Hashable, Once[T]] = OrderedDict()

    def __call__(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for a key, or is made now.

        Args:
            key: What it is made from.
            make: Makes it. If that fails, nothing is kept.
        """
        with self._lock:
            once = self._kept.setdefault(key, Once(make))
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        try:
            return once()
        except BaseException:
            with self._lock:
                if self._kept.get(key) is once:
                    del self._kept[key]
            raise

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
