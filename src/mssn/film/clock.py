"""Time stamps that run on: jumps and wraps of a film's clock are taken out, alike for sound and picture.

Transport streams restart their clock where programmes were cut or joined, and after 26.5 hours. A player goes
on from where it was, and so do we.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av.container

_JUMP = 10  # seconds between a packet and where its stream was to go on, as in FFmpeg's command line
_BACK = Fraction(1, 10)  # seconds that a packet lies before the one it follows, where clocks may jump
_PLAYED = ("video", "audio")  # streams whose packets follow each other without long gaps


@dataclass(frozen=True)
class _Stream:
    """When the last packet of a stream was to be decoded, and when the next is expected."""

    last: Fraction
    following: Fraction


class Clock:
    """Corrects the packets of one pass through a file.

    Whoever gives it the same packets gets the same corrections.

    Args:
        container: The open file.
    """

    def __init__(self, container: av.container.InputContainer) -> None:
        import av.format

        self.jumps = bool(container.format.flags & av.format.Flags.ts_discont.value)
        self._corrections = [Fraction(0)]  # seconds to add; the one in use last
        self._streams: dict[int, _Stream] = {}
        self._newest: Fraction | None = None  # where the last packet of all ended
        self._end: Fraction | None = None  # of everything so far

    @property
    def turned(self) -> bool:
        """Whether it corrects anything."""
        return self._corrections != [0]

    def __call__(self, packet: av.Packet[Any]) -> None:
        """Change a packet's time stamps; all packets of all streams must be given, in the file's order."""
        stamp = packet.pts if packet.dts is None else packet.dts
        if stamp is None or not packet.time_base:
            return
        base = packet.time_base
        if packet.stream.type in _PLAYED:
            before, time = self._streams.get(packet.stream_index), stamp * base
            shown, length = (
                (stamp if packet.pts is None else packet.pts) * base,
                (packet.duration or 0) * base,
            )
            if self._strays(time, before, self._corrections[-1]):
                self._turn(time, shown, before)
            now, end = time + self._corrections[-1], shown + self._corrections[-1] + length
            self._newest = now + length
            self._streams[packet.stream_index] = _Stream(now, self._newest)
            self._end = end if self._end is None else max(self._end, end)
        if shift := round(self._corrections[-1] / base):
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift

    def _strays(self, time: Fraction, before: _Stream | None, correction: Fraction) -> bool:
        """Whether a packet, so corrected, lies where none can follow the one before it."""
        expected = self._newest if before is None else before.following
        if expected is None:
            return False
        off = time + correction - expected
        if not self.jumps:  # what is ahead lies behind a gap
            return off < -_JUMP
        return abs(off) > _JUMP or (before is not None and time + correction < before.last - _BACK)

    def _turn(self, time: Fraction, shown: Fraction, before: _Stream | None) -> None:
        """Streams that pass a jump one after the other use the same two corrections; a third one is new."""
        others = [one for one in self._corrections[:-1] if not self._strays(time, before, one)]
        # Nothing of what follows is shown before the end of what was.
        best = others[-1] if others else (self._end or Fraction(0)) - shown
        self._corrections = [*(one for one in self._corrections if one != best), best][-2:]
