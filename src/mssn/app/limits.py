"""What a request may cost."""

from __future__ import annotations

from dataclasses import dataclass

from mssn.checks import is_number, is_whole
from mssn.errors import MssnError
from mssn.image.read import MAX_PIXELS
from mssn.upscaling.jobs import MEMORY


@dataclass(frozen=True)
class Limits:
    """What a request may cost.

    Args:
        upload: Bytes of a file.
        megapixels: Of a picture, before and after, all pages together; of a frame of a film.
        seconds: That a job may take once its turn has come.
        scale: How many times as wide or high a picture may become.
        queue: Jobs at once: those that are uploaded, wait, or run.
        memory: Bytes of pixels to hold in memory, roughly; the rest waits in the private folder.
        quiet: Seconds without a look at a job after which its client counts as gone.
        stall: Seconds that a client may send nothing in the middle of a request.

    Raises:
        MssnError: A value makes no sense.
    """

    upload: int = 2 * 2**30
    megapixels: float = MAX_PIXELS / 1e6
    seconds: float = 3600.0
    scale: float = 16.0
    queue: int = 16
    memory: int = MEMORY
    quiet: float = 60.0
    stall: float = 30.0

    def __post_init__(self) -> None:
        for name, value in {"max_upload": self.upload, "queue": self.queue}.items():
            if not is_whole(value) or value < 1:
                raise MssnError(f"`{name}` must be a whole number above 0")
        if not is_whole(self.memory) or self.memory < 0:
            raise MssnError("`memory` must not be below 0")
        if not is_number(self.megapixels) or not 0 < self.megapixels < 1e9:
            raise MssnError("`max_megapixels` must be above 0 and below a billion")
        if not is_number(self.seconds) or not 0 < self.seconds < 1e9:
            raise MssnError("`time_limit` must be minutes above 0")
