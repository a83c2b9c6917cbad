"""Decoding, enlarging and encoding at the same time, with few frames under way."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, astuple
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from mssn.errors import FilmError
from mssn.film.mux import SegmentWriter, packets
from mssn.film.plan import FilmPlan
from mssn.film.segments import SegmentFolder, naming
from mssn.film.source import Decoded, Place
from mssn.image.compression import Compression

# Frames that wait before and behind the network, and bytes of those behind it. Beside a network 1, 3 and 8
# take the same time, within what repeats differ by; where nothing but bicubic runs, 8 save a fifth beside 3,
# because the end of a segment keeps its encoder busy for a while.
_MOST, _BYTES = 8, 2**28
# A segment is what a run that is killed loses, and begins with a key frame. Five seconds cost no bytes,
# because encoders put key frames about so often anyway; one second cost 15 %, two 7 % (AV1 of 1280x720).
_SECONDS, _FRAMES = 5, 600  # the most seconds of a segment, and frames, whatever the header says
# Of a 10 s clip (AV1 of 1280x720) twelve equal parts took 16 % more bytes than one, thirds of what is left
# 10 %, and 9 % where they end at cuts. Few frames are not worth a file.
_SHARE, _FEWEST = 3, 16
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
    """Encodes frames into segments; where a scene begins in its second half, a segment ends.

    Args:
        folder: Where they go; what is in it already is gone on with.
        plan: How they are encoded.
        most: The most frames of a segment.
        total: About how many frames there are in all, if that is known.
    """

    def __init__(self, folder: SegmentFolder, plan: FilmPlan, most: int, total: int | None) -> None:
        self._folder, self._plan, self._most, self._total = folder, plan, most, total
        self._writer: SegmentWriter | None = None
        self._times: list[int] = []
        self._last: Decoded | None = None
        self._length = most
        state = folder.state
        self.place = None if state is None else _place(state["place"])
        self.scenes = Counter[Compression]()  # frames of each
        if state is not None:
            self.scenes.update({Compression(*scene): frames for scene, frames in state["scenes"]})

    def write(self, frame: Any, decoded: Decoded) -> None:
        """Encode the next frame.

        Args:
            frame: Large.
            decoded: What it was made from.

        Raises:
            FilmError: There is no room for it, or the encoder fails.
        """
        if decoded.shown.begins and 2 * len(self._times) >= self._length:
            self.finish()
        with naming(self._folder.target):
            if self._writer is None:
                self._length = length(self._most, self._total, decoded.number)
                self._writer, self._times = SegmentWriter(self._folder.part, self._plan), []
            self._times.append(frame.pts)
            self._writer.write(frame)
        self._last = decoded
        self.scenes[decoded.compression] += 1
        if len(self._times) == self._length:
            self.finish()

    def finish(self) -> None:
        """End the segment under way, if there is one.

        Raises:
            FilmError: Not every frame is in it.
        """
        if self._writer is None or self._last is None:
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
            scenes = [[astuple(scene), frames] for scene, frames in self.scenes.items()]
            self._folder.keep({"place": asdict(self._last.place()), "scenes": scenes})


def longest(rate: Fraction | None) -> int:
    """How many frames no segment exceeds, of a film of so many frames a second."""
    return min(math.ceil(_SECONDS * (rate or 25)), _FRAMES)


def length(most: int, total: int | None, number: int) -> int:
    """How many frames a segment has.

    A third of those that are left at most: a run that was killed when little was left has little more to do.

    Args:
        most: What no segment may exceed.
        total: About how many frames there are in all, if that is known.
        number: How many frames come before it.
    """
    left = most if total is None or total <= number else -(-(total - number) // _SHARE)
    return max(min(most, left), _FEWEST)


def _place(kept: dict[str, Any]) -> Place:
    return Place(**{**kept, "compression": Compression(**kept["compression"])})


def _times(segment: Path, plan: FilmPlan) -> list[int]:
    """When the frames of a segment are shown, in order."""
    return sorted(packet.pts for packet in packets([segment], plan.time_base))
