"""What a training run knows of itself while it runs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from torch import Tensor


@dataclass
class Status:
    """What a training run has to tell; handed to `watch` after every look at the loss.

    Args:
        update: Updates done.
        samples: Patches seen, in all processes together.
        fraction: Share of the schedule done, 0..1.
        loss: Mean loss since the last look.
        learning_rate: In force.
        speed: Updates a second since the last look.
        data_share: Share of that time spent making batches.
        psnr: Last validation's PSNR on Y in dB; None before the first.
    """

    update: int = 0
    samples: int = 0
    fraction: float = 0.0
    loss: float = math.nan
    learning_rate: float = 0.0
    speed: float = 0.0
    data_share: float = 0.0
    psnr: float | None = None


@dataclass(frozen=True)
class History:
    """What weights have behind them from runs before this one.

    Args:
        updates: How many.
        origin: The network they started as, if it was another one: "mssn-s x2".
    """

    updates: int = 0
    origin: str = ""


@dataclass
class Stretch:
    """The updates between two looks at the loss: losses stay on their device until then."""

    since: int
    started: float = field(default_factory=time.monotonic)
    data_seconds: float = 0.0
    losses: list[Tensor] = field(default_factory=list)
