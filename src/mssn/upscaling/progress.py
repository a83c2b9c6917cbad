"""What goes along while a picture is enlarged: where its arrays lie, how far it is, and leaving it early."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mssn.errors import CancelledError, MssnError
from mssn.image.scratch import ScratchArrays, in_memory

Progress = Callable[[float], object]
"""Called with the share that is done, 0 to 1; returning False cancels."""


def check_progress(progress: object) -> None:
    """Refuse what cannot be called.

    Raises:
        MssnError: It is neither None nor a function.
    """
    if progress is not None and not callable(progress):
        raise MssnError(f"`progress` must be a function that takes the share that is done, not {progress!r}")


class ProgressTracker:
    """One picture's enlargement.

    Args:
        total: Pixels that networks will have to enlarge, those of all steps added up, and twice where two
            networks are mixed.
        progress: Called with the share that is done after each tile, if there is a total.
        scratch: Takes arrays that are too large for memory; default: all stay in memory.

    Raises:
        MssnError: `progress` cannot be called.
    """

    def __init__(
        self, total: int = 0, progress: Progress | None = None, scratch: ScratchArrays | None = None
    ) -> None:
        check_progress(progress)
        self.total, self.progress, self.done = total, progress, 0
        self.passes = 1  # networks that run at the step at work
        self.new = scratch.empty if scratch else in_memory

    def advance(self, pixels: int) -> None:
        """Some more pixels are enlarged.

        Raises:
            CancelledError: Whoever follows the progress wants no more.
        """
        self.done += pixels * self.passes
        if self.done < self.total:
            self._tell(self.done / self.total)

    def finish(self) -> None:
        """All is enlarged; a file is not written yet.

        Raises:
            CancelledError: Whoever follows the progress wants no more.
        """
        self._tell(1.0)

    def _tell(self, share: float) -> None:
        if self.progress is None:
            return
        go_on = self.progress(share)
        if (
            isinstance(go_on, bool | np.bool_) and not go_on
        ):  # None and whatever else a callback returns is no answer
            raise CancelledError("cancelled before the picture was done")
