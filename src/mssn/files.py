"""Enlarge picture files: what is read, what it becomes, and where what is too large waits meanwhile."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

from mssn.engine.size import Size
from mssn.engine.upscaler import Upscaler
from mssn.errors import ImageError
from mssn.image.encode import WRITABLE
from mssn.image.io import MAX_PIXELS, is_animated, read, to_bytes, write
from mssn.image.picture import Picture
from mssn.image.spool import Spool

Metadata = Literal["keep", "strip"]
MEMORY = 2**30  # bytes of pixels to hold in memory


class Enlarged(NamedTuple):
    """What was enlarged.

    Attributes:
        before: Width and height of a page of the source in pixels, upright.
        after: The same of the result.
        pages: Pages or frames that were enlarged.
        left_out: Pages or frames that were not, because the target's format cannot hold them.
    """

    before: tuple[int, int]
    after: tuple[int, int]
    pages: int
    left_out: int

    @classmethod
    def of(cls, source: Picture, result: Picture) -> Enlarged:
        """Of a picture before and after."""
        before, after = ((p.pixels.shape[1], p.pixels.shape[0] // source.pages) for p in (source, result))
        return cls(before, after, source.pages, source.left_out)


def upscale_file(
    upscaler: Upscaler,
    source: Path,
    target: Path,
    *,
    force: bool = False,
    quality: int | None = None,
    metadata: Metadata = "keep",
    max_pixels: int = MAX_PIXELS,
    memory: int = MEMORY,
) -> Enlarged:
    """Enlarge one file into another; the target appears only when whole.

    Args:
        upscaler: What enlarges.
        source: Picture to read.
        target: Picture to write; its ending chooses the format.
        force: Overwrite an existing target, except the source itself.
        quality: See `mssn.image.io.write`.
        metadata: "keep" EXIF and XMP, or "strip" them; the colour profile stays in any case.
        max_pixels: See `mssn.image.io.read`.
        memory: Bytes of pixels to hold in memory, roughly; what is more waits in a temporary file beside
            the target.

    Raises:
        ImageError: It cannot be read or written, or the target exists.
    """
    if target.exists():
        if source.exists() and target.samefile(source):
            raise ImageError(f"{target}: would replace the original; choose another output")
        if not force:
            raise ImageError(f"{target}: exists already; use --force to overwrite it")
    with Spool(memory // 2, target.parent) as spool:
        try:
            picture = read(source, max_pixels=max_pixels, into=target.suffix.lower(), spool=spool)
            large = _enlarged(upscaler, picture, metadata, spool)
        except OSError as error:
            raise ImageError(f"{target}: no room for its pixels beside it ({error.strerror})") from error
        write(target, large, quality=quality)
        return Enlarged.of(picture, large)


def upscale_bytes(
    upscaler: Upscaler,
    content: bytes,
    suffix: str | None = None,
    *,
    quality: int | None = None,
    metadata: Metadata = "keep",
    max_pixels: int = MAX_PIXELS,
) -> bytes:
    """Enlarge the content of one picture file into that of another.

    Args:
        upscaler: What enlarges.
        content: A whole file.
        suffix: Ending that chooses the format to write, ".png" for instance; default: that of the content,
            or PNG where it can only be read.
        quality: See `mssn.image.io.write`.
        metadata: See `upscale_file`.
        max_pixels: See `mssn.image.io.read`.

    Raises:
        ImageError: It cannot be read, or not written in that format.
    """
    if suffix is None:
        suffix = writable(Path(f"a.{read(content, max_pixels=max_pixels).format}")).suffix
    picture = read(content, max_pixels=max_pixels, into=suffix)
    return to_bytes(_enlarged(upscaler, picture, metadata), suffix, quality=quality)


def _enlarged(
    upscaler: Upscaler, picture: Picture, metadata: Metadata, spool: Spool | None = None
) -> Picture:
    large = upscaler.picture(picture, spool)
    return large if metadata == "keep" else replace(large, exif=None, xmp=None)


def beside(source: Path, target: Size) -> Path:
    """photo.png -> photo_x2.png; formats that can only be read become PNG or, moving, WebP."""
    return writable(source.with_name(f"{source.stem}_{target}{source.suffix}"), source)


def writable(path: Path, source: Path | None = None) -> Path:
    """The path itself, or for formats that can only be read with .png, or .webp if the source moves."""
    suffix = path.suffix.lower()
    if suffix in WRITABLE:
        return path
    moves = False
    if suffix == ".gif" and source is not None:
        with suppress(ImageError):  # what is wrong with it will be told when its turn comes
            moves = is_animated(source)
    return path.with_suffix(".webp" if moves else ".png")
