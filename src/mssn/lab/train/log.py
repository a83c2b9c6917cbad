"""What a training run says while it goes on: at each validation, and whenever it was silent for long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta

from mssn.lab.train.checkpoint import Status

SILENCE = 20.0  # seconds; looks are seconds apart, and 30 is the most that should pass without a line


class Log:
    """Turns the status of a run into lines.

    Args:
        say: Takes each line.
        begun: Share of the schedule that was done when this start began; the time left follows from the rest.
        silence: Seconds without a line after which there is one; infinity where a bar shows the same.
    """

    def __init__(self, say: Callable[[str], object], begun: float = 0.0, silence: float = SILENCE) -> None:
        self._say, self._begun, self._silence = say, begun, silence
        self._started = self._told = time.monotonic()
        self._psnr: float | None = None

    def text(self, status: Status) -> str:
        """Updates, loss, speed and the last validation."""
        psnr = "" if status.psnr is None else f"  {status.psnr:.3f} dB"
        return f"update {status.update}  loss {status.loss:.5f}  {status.speed:.1f} updates/s{psnr}"

    def watch(self, status: Status) -> None:
        """Say a line after a validation, and if it was silent for too long."""
        if status.psnr != self._psnr or self.due():
            self._psnr = status.psnr
            self._line(status)

    def pulse(self, status: Status) -> None:
        """Say a line if it was silent for too long."""
        if self.due():
            self._line(status)

    def _line(self, status: Status) -> None:
        self._told = time.monotonic()
        more = f"data {status.data_share:.1%}  learning rate {status.learning_rate:.2e}"
        self._say(f"{self.text(status)}  {self.left(status.fraction)} left  {more}")

    def count(self, what: str, done: int, total: int) -> None:
        """Say how far something before the training is, if a line is due."""
        if self.due():
            self._told = time.monotonic()
            self._say(f"{what}: {done} of {total}")

    def due(self) -> bool:
        """Whether it was silent for too long."""
        return time.monotonic() - self._told >= self._silence

    def left(self, fraction: float) -> str:
        """Hours, minutes and seconds to the end of the schedule, at the speed so far; "?" at its start."""
        share = fraction - self._begun
        seconds = (time.monotonic() - self._started) * (1 - fraction) / share if share > 0 else math.inf
        return "?" if math.isinf(seconds) else str(timedelta(seconds=round(seconds)))
