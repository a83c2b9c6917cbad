"""Decoding, enlarging and encoding at the same time, with few frames under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mssn.errors import FilmError
from mssn.film.mux import SegmentWriter, packets
from mssn.film.plan import FilmPlan
from mssn.film.segments import SegmentFolder, naming

if TYPE_CHECKING:
    import av

# Frames that wait before and behind the network, and bytes of those behind it. Beside a network 1, 3 and 8
# take the same time, within what repeats differ by; where nothing but bicubic runs, 8 save a fifth beside 3,
# because the end of a segment keeps its encoder busy for a while.
_MOST, _BYTES = 8, 2**28
A = TypeVar("A")
B = TypeVar("B")


def depth(height: int, width: int) -> int:
    """How many frames may wait, where results have this height and width."""
    return min(max(_BYTES // (height * width * 6), 1), _MOST)


def flow(
    frames: Iterator[A], enlarge: Callable[[A], B], write: Callable[[B], object], waiting: int
) -> Iterator[None]:
    """Pass frames on in three threads: one takes them, this one enlarges, one writes; all in order.

    Args:
        frames: Where they come from.
        enlarge: Called here.
        write: Called with what that returns.
        waiting: How many frames may wait before and behind the network.

    Yields:
        After each frame that was enlarged. When the last one did, all are written.

    Raises:
        Exception: Whatever one of the three raised first.
    """
    coming, going = deque[Future[A | None]](), deque[Future[object]]()
    reader, writer = (ThreadPoolExecutor(1, f"mssn-{name}") for name in ("decode", "encode"))
    try:
        coming.extend(reader.submit(next, frames, None) for _ in range(waiting))
        while (frame := coming.popleft().result()) is not None:
            coming.append(reader.submit(next, frames, None))
            going.append(writer.submit(write, enlarge(frame)))
            if len(going) > waiting:
                going.popleft().result()
            yield
        while going:
            going.popleft().result()
    finally:
        for pool in (reader, writer):
            pool.shutdown(cancel_futures=True)


class Segments:
    """Encodes frames into segments of so many frames each.

    Args:
        folder: Where they go.
        plan: How they are encoded.
        length: Frames of a segment.
    """

    def __init__(self, folder: SegmentFolder, plan: FilmPlan, length: int) -> None:
        self._folder, self._plan, self._length = folder, plan, length
        self._writer: SegmentWriter | None = None
        self._times: list[int] = []

    def write(self, frame: av.VideoFrame) -> None:
        """Encode the next frame.

        Raises:
            FilmError: There is no room for it, or the encoder fails.
        """
        with naming(self._folder.target):
            if self._writer is None:
                self._writer, self._times = SegmentWriter(self._folder.part, self._plan), []
            self._times.append(frame.pts)
            self._writer.write(frame)
        if len(self._times) == self._length:
            self.finish()

    def finish(self) -> None:
        """End the segment under way, if there is one.

        Raises:
            FilmError: Not every frame is in it.
        """
        if self._writer is None:
            return
        with naming(self._folder.target):
            self._writer.close()
            self._writer = None
            written = _times(self._folder.part, self._plan)
            if written != self._times:  # what could not be written at the very end is not always told
                raise FilmError(
                    f"{self._folder.target}: of {len(self._times)} frames {len(written)} came out of the "
                    "encoder; is the disk full? The next run goes on from what is there"
                )
            self._folder.keep()


def _times(segment: Path, plan: FilmPlan) -> list[int]:
    """When the frames of a segment are shown, in order."""
    return sorted(packet.pts for packet in packets([segment], plan.time_base))
