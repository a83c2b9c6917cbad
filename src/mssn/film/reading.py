"""One pass through a film's packets, past what cannot be read, and whether the file is there to its end."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from mssn.film.clock import Clock
from mssn.film.facts import Film, frame_bytes
from mssn.film.inputs import breaks_off

if TYPE_CHECKING:
    import av.container

_HOPELESS = 100  # errors in a row, without a packet between them
_SLACK = Fraction(1, 4)  # seconds by which headers round their durations up


class Reading:
    """Reads an open file.

    Args:
        container: The file, from whose beginning it is read.
    """

    def __init__(self, container: av.container.InputContainer) -> None:
        self.container, self.clock = container, Clock(container)
        self.broken = 0  # places that cannot be read
        self._end: Fraction | None = None  # of what was read
        self._ends: dict[int, bool] = {}  # by stream: whether its last packet is broken off

    @property
    def plain(self) -> bool:
        """Whether nothing was broken so far, and no clock corrected."""
        return not (self.broken or self.clock.turned or any(self._ends.values()))

    def seek(self, time: Fraction, stream: Any) -> bool:
        """Go to where decoding must begin to show what comes at a time; whether that was done.

        Clocks that jump tell no places.
        """
        import av.error

        if self.clock.jumps:
            return False
        try:
            self.container.seek(int(time / stream.time_base), stream=stream)
        except av.error.FFmpegError:
            return False
        return True

    def packets(self) -> Iterator[av.Packet[Any]]:
        """All packets of all streams in the order of the file, with corrected time stamps."""
        import av.error

        failed = 0
        while failed < _HOPELESS:
            try:
                for packet in self.container.demux():
                    failed = 0
                    self.clock(packet)
                    if packet.size:
                        self._note(packet)
                        yield packet
                return
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                failed += 1
                self.broken += failed == 1

    def _note(self, packet: av.Packet[Any]) -> None:
        if packet.stream.type not in ("video", "audio", "subtitle"):
            return
        self._ends[packet.stream_index] = packet.is_corrupt
        if packet.pts is None:
            return
        end = (packet.pts + (packet.duration or 0)) * packet.time_base
        self._end = end if self._end is None else max(self._end, end)

    def cut(self, film: Film, longest: Fraction) -> str | None:
        """What is missing at the end of a file that was read to its end, in a line; None if nothing is.

        Args:
            film: What its header says.
            longest: Seconds for which a frame was shown; the last one may have been as long.
        """
        if film.container == "yuv4mpegpipe":
            return breaks_off(film.path, film.given, frame_bytes(film.video))
        end = None if self._end is None else float(self._end)
        if film.duration is not None and not self.clock.jumps:
            # Some headers count from the beginning, others from 0.
            missing = film.duration - max(end or 0.0, (end or 0.0) - film.start)
            if missing > max(_SLACK, 2 * longest):
                return f"the file breaks off: of {film.duration:.2f} s, the last {missing:.2f} s are missing"
        if any(self._ends.values()):
            return "the file breaks off" + ("" if end is None else f" at {end - film.start:.2f} s")
        return None
