"""A film's scenes, and how strongly each was compressed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mssn.image.compression import Compression

if TYPE_CHECKING:
    import av

    _Waiting = tuple[av.VideoFrame, float | None]

JUDGED = 8  # frames of a scene's beginning; as many wait in memory
# A cut changes a pixel by so many levels of 255 on average, and so many times as much as the frames before
# changed: cuts of films that were looked at 36 to 72, and 2.7 to 50 times; fast motion 18, and 1.8 times.
_LEAST, _TIMES = 10.0, 2.5
_LATELY = 4  # frames over which that is averaged
_LINES = 72  # of a frame that are compared
_APART = 0.1  # strengths of two scenes that differ by less are one: what follows shall not flicker


@dataclass(frozen=True)
class Shown:
    """A frame, and where it stands among scenes.

    Args:
        frame: With its time stamp.
        compression: How its scene was compressed.
        begins: Whether its scene begins with it.
        change: Levels by which the last frames of the scene differed, on average; None: there was one alone.
    """

    frame: av.VideoFrame
    compression: Compression
    begins: bool
    change: float | None


class Scenes:
    """Tells scenes apart by how much a frame differs from the one before, and judges them by their beginning.

    A scene too short for that, or as strongly compressed as the one before to a tenth, is taken for the same.

    Args:
        first: How the film's beginning was compressed.
        judge: Tells the same of the first frames of a scene; None if it cannot be told.
    """

    def __init__(
        self, first: Compression, judge: Callable[[Sequence[av.VideoFrame]], Compression | None]
    ) -> None:
        self._now, self._judge = first, judge
        self._small: np.ndarray | None = None
        self._change: float | None = None

    @property
    def on(self) -> bool:
        """Whether frames came before."""
        return self._small is not None

    def go_on(self, last: Shown) -> None:
        """Stand where a frame was the last one, whatever came before."""
        self._now, self._change, self._small = last.compression, last.change, _small(last.frame)

    def __call__(self, frames: Iterable[av.VideoFrame]) -> Iterator[Shown]:
        """Each frame with its scene; up to `JUDGED` frames late.

        Args:
            frames: Those of a film, in order; the first one begins a scene, unless it goes on.
        """
        waiting: deque[_Waiting] = deque()
        begins, judged = False, True
        for frame in frames:
            if self._cut(frame):
                yield from self._shown(waiting, begins=begins)
                begins, judged = True, self._judge([frame]) is None  # nothing is waited for
            waiting.append((frame, self._change))
            if not judged and len(waiting) == JUDGED:
                found = self._judge([one for one, _ in waiting])
                if found is not None and abs(found.strength - self._now.strength) >= _APART:
                    self._now = found
                judged = True
            if judged:
                yield from self._shown(waiting, begins=begins)
                begins = False
        yield from self._shown(waiting, begins=begins)

    def _shown(self, waiting: deque[_Waiting], *, begins: bool) -> Iterator[Shown]:
        while waiting:
            frame, change = waiting.popleft()
            yield Shown(frame, self._now, begins, change)
            begins = False

    def _cut(self, frame: av.VideoFrame) -> bool:
        """Whether a scene begins with a frame, the next one."""
        before, self._small = self._small, _small(frame)
        if before is None:
            return True
        by = float(np.abs(self._small - before).mean()) if before.shape == self._small.shape else 255.0
        usual = self._change
        if usual is not None and by >= max(_LEAST, _TIMES * usual):
            self._change = None
            return True
        self._change = by if usual is None else usual + (by - usual) / _LATELY
        return False


def _small(frame: av.VideoFrame) -> np.ndarray:
    """Some of a frame's first samples, in levels of 255: float32."""
    if frame.planes[0].line_size < 0:  # the last line comes first, as in some raw films
        frame = frame.reformat(format="gray")
    plane, part = frame.planes[0], frame.format.components[0]
    order = ">" if frame.format.name.endswith("be") else "<"
    lines = np.frombuffer(plane, f"{order}u2" if part.bits > 8 else "u1")  # type: ignore[call-overload]
    lines = lines.reshape(-1, plane.line_size // lines.itemsize)[: frame.height, : frame.width]
    step = max(1, frame.height // _LINES)
    return lines[::step, ::step].astype(np.float32) * np.float32(255 / ((1 << part.bits) - 1))
