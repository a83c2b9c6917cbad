"""What is asked of a run over picture files, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mssn.checks import is_number, is_whole
from mssn.errors import ImageError, MssnError
from mssn.image.compression import LOSSLESS, Compression
from mssn.image.read import MAX_PIXELS
from mssn.image.source import display_name
from mssn.image.write import check_quality
from mssn.runtime.base import last_line
from mssn.upscaling.crop import Crop

MEMORY = 2**30  # bytes of pixels to hold in memory


@dataclass(frozen=True)
class Options:
    """How files are read and written.

    Args:
        force: Overwrite an existing target, except the source itself.
        quality: 1 to 100 for lossy formats; None for a good one. See `mssn.image.write.write`.
        metadata: "keep" EXIF, XMP and IPTC, and note in the XMP what enlarged the picture, or "strip" them;
            the colour profile stays in any case.
        max_megapixels: Refuse larger sources, all pages together: a small file may claim a size that fills
            the memory. Above 0 and below a billion.
        memory: Bytes of pixels to hold in memory, roughly, 0 or more; what does not fit waits in a temporary
            file beside the target.
        crop: Enlarge this place only, as if the file held nothing else.
        dpi: "keep" the resolution of the file, so that a print of the result is larger, or "scale" it, so
            that it stays as large; where the file names none, there is none.
        keep_times: Give the result the file's times.

    Raises:
        ImageError: A value makes no sense.
    """

    force: bool = False
    quality: int | None = None
    metadata: Literal["keep", "strip"] = "keep"
    max_megapixels: float = MAX_PIXELS / 1e6
    memory: int = MEMORY
    crop: Crop | None = None
    dpi: Literal["keep", "scale"] = "keep"
    keep_times: bool = False

    def __post_init__(self) -> None:
        for name in ("force", "keep_times"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise ImageError(f"`{name}` must be True or False, not {getattr(self, name)!r}")
        if self.quality is not None:
            _require_whole("quality", self.quality)
        check_quality(self.quality)
        _require_whole("memory", self.memory)
        if self.memory < 0:
            raise ImageError("`memory` must not be below 0")
        if self.metadata not in ("keep", "strip"):
            raise ImageError(f"`metadata` must be 'keep' or 'strip', not {self.metadata!r}")
        if self.dpi not in ("keep", "scale"):
            raise ImageError(f"`dpi` must be 'keep' or 'scale', not {self.dpi!r}")
        limit = self.max_megapixels
        if not is_number(limit) or not 0 < limit < 1e9:
            raise ImageError(f"`max_megapixels` must be above 0 and below a billion, not {_short(limit)}")

    @property
    def max_pixels(self) -> int:
        """The limit in pixels."""
        return int(self.max_megapixels * 1e6)


def mebibytes(memory: int) -> int:
    """So many in bytes, for `Options.memory`.

    Raises:
        ImageError: It is no whole number.
    """
    _require_whole("memory", memory)
    return int(memory) * 2**20


def _require_whole(name: str, value: object) -> None:
    """Callers without a type checker may give anything; NumPy's numbers are numbers."""
    if not is_whole(value):
        raise ImageError(f"`{name}` must be a whole number, not {_short(value)}")


def _short(value: object) -> str:
    return f"{float(value):g}" if is_number(value) else repr(value)


@dataclass(frozen=True)
class Job:
    """One picture to read and the file to write."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Done:
    """What became of a job.

    Attributes:
        job: The job.
        before: Width and height of a page of the source in pixels, upright.
        after: The same of the result.
        pages: Pages or frames that were enlarged.
        left_out: Pages or frames that were not, because the target's format cannot hold them.
        cut: The darkest and brightest value of a float picture that was cut to 0..1, because the target's
            format cannot hold more; None where nothing was.
        model: What enlarged it, "mssn-s-photo" for instance; see `mssn.upscaling.upscaler.Enlarged`.
        steps: (model, factor) of each network, in the order they ran.
        runtime: What ran the first of them, "openvino" for instance.
        precision: What it computed in, "bf16" for instance.
        strength: Where the dial stood, 0 to 1; None where there is none.
        compression: How the source was compressed.
        seconds: From the first byte read to the last one written, waiting for other pictures included.
        notes: What of the source is not in the result, in short clauses: "damaged XMP left out".
        error: Why it failed; everything but the job is empty then.
    """

    job: Job
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    pages: int = 0
    left_out: int = 0
    cut: tuple[float, float] | None = None
    model: str = ""
    steps: tuple[tuple[str, int], ...] = ()
    runtime: str = ""
    precision: str = ""
    strength: float | None = None
    compression: Compression = LOSSLESS
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: MssnError | None = None


def failure(job: Job, error: Exception) -> MssnError:
    """Why a picture failed, in one line that names it, whatever was raised."""
    source, target = display_name(job.source), display_name(job.target)
    if isinstance(error, MssnError):
        told = str(error)
        if not any(name in told for name in (source, target, str(job.source), str(job.target))):
            error.args = (f"{source}: {told}",)
        return error
    if isinstance(error, MemoryError):
        why = "not enough memory for this picture; try `memory` 0, or another one"
    elif isinstance(error, OSError) and error.strerror:
        why = f"{display_name(error.filename or 'a temporary file')}: {error.strerror}"
    else:
        why = f"failed with {type(error).__name__}: {last_line(error)}"
    told = ImageError(f"{source}: {why}")
    told.__cause__ = error
    return told
