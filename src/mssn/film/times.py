"""When frames are shown, also where the file does not say it or contradicts itself."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av


class Times:
    """Gives the frames of a film, in the order of showing, strictly rising times, as players do.

    Args:
        time_base: Seconds of one tick.
        rate: Frames a second as far as the file tells; None if it does not.
        shown: Whether the file says when frames are shown. AVI says only in which order they are decoded.
    """

    def __init__(self, time_base: Fraction, rate: Fraction | None, *, shown: bool) -> None:
        self._shown = shown
        self._step = max(1, round(1 / rate / time_base)) if rate else 0
        self._last: int | None = None
        self.longest = 0  # time between two frames so far
        self._shows, self._decodes = _Stamps(), _Stamps()

    @property
    def plain(self) -> bool:
        """Whether the frames so far have just the times that the file says."""
        return self._shown and not (self._shows.wrong or self._shows.missing or self._decodes.wrong)

    def __call__(self, frame: av.VideoFrame) -> int:
        """The next frame's time, in ticks."""
        shown = self._shows.add(frame.pts if self._shown else None)
        decoded = self._decodes.add(frame.dts)
        # Times of decoding rise as those of showing do, some frames later; they serve where these are wrong.
        wrong = self._shows.wrong > self._decodes.wrong and decoded is not None
        time = decoded if shown is None or wrong else shown
        if self._last is None:
            self._last = 0 if time is None else time
            return self._last
        if time is None:
            time = self._last + (self._step or frame.duration or 1)
        time = max(time, self._last + 1)
        if frame.pts is not None or frame.dts is not None:
            self._step = time - self._last  # so it goes on where nothing is said
        self.longest = max(self.longest, time - self._last)
        self._last = time
        return time


class _Stamps:
    """Counts how many of some stamps do not rise, and how many there are not."""

    def __init__(self) -> None:
        self.wrong, self.missing, self._last = 0, 0, None

    def add(self, stamp: int | None) -> int | None:
        """The stamp itself."""
        self.missing += stamp is None
        if stamp is not None:
            self.wrong += self._last is not None and stamp <= self._last
            self._last = stamp
        return stamp
