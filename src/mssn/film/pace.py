"""When frames are shown in formats that count time more coarsely than films."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av


def seconds(frame: av.VideoFrame, ticks: int | None = None) -> Fraction:
    """So many ticks of a frame, by default those of its time stamp."""
    return ((frame.pts or 0) if ticks is None else ticks) * (frame.time_base or Fraction(1))


class Apart:
    """Frames at times of their own, as far as a format can tell these from each other.

    Args:
        tick: Seconds in which the format counts.
        least: Ticks between two frames.
    """

    def __init__(self, tick: Fraction, least: int) -> None:
        self._tick, self._least, self._lost = tick, least, 0
        self._first = self._last = 0
        self.last = self.span = Fraction(0)  # seconds of the last frame, and of all

    def add(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """What is to be shown."""
        tick = round(seconds(frame) / self._tick)
        if not self.span:
            self._first = tick
        elif tick - self._last < self._least:
            self._lost += 1
            return
        told = seconds(frame, frame.duration) if frame.duration else (tick - self._last) * self._tick
        self.last = told if self.span or frame.duration else Fraction(1, 10)
        self._last, self.span = tick, (tick - self._first) * self._tick + self.last
        yield frame

    def end(self) -> Iterator[av.VideoFrame]:
        """Nothing: every frame was shown when it came."""
        return iter(())

    @property
    def notes(self) -> list[str]:
        """What became of the frames, once all came."""
        if not self._lost:
            return []
        least = float(self._least * self._tick)
        frames = "1 frame is" if self._lost == 1 else f"{self._lost} frames are"
        return [f"{frames} left out that followed within {least:g} s"]


class Steady:
    """As many frames in every second, as the format counts them: others are repeated or left out.

    Args:
        rate: Frames a second.
    """

    def __init__(self, rate: Fraction) -> None:
        self._rate, self._next = rate, 0
        self._waits: av.VideoFrame | None = None
        self._begin: Fraction | None = None
        self._at = self._repeated = self._lost = 0
        self.last = 1 / rate
        self.span = Fraction(0)

    def add(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """What is to be shown before this frame."""
        time = seconds(frame)
        if self._begin is None:
            self._begin = time
        at = round((time - self._begin) * self._rate)
        if self._waits is not None:
            yield from self._until(at)
        self._waits, self._at = frame, at

    def _until(self, end: int) -> Iterator[av.VideoFrame]:
        assert self._waits is not None
        self._repeated += max(0, end - self._at - 1)
        self._lost += end == self._at
        for _ in range(self._at, end):
            self._waits.pts, self._waits.time_base = self._next, 1 / self._rate
            self._next += 1
            yield self._waits

    def end(self) -> Iterator[av.VideoFrame]:
        """The last frame."""
        if self._waits is not None:
            yield from self._until(self._at + 1)

    @property
    def notes(self) -> list[str]:
        """What became of the frames, once all came."""
        if not self._repeated and not self._lost:
            return []
        changes = f"{self._repeated} frames repeated, {self._lost} left out"
        return [f"at a steady {self._rate} frames/s: {changes}"]
