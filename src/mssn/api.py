"""The few names most people need: `load`, `upscale` and `models`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, overload

import numpy as np

from mssn.engine.ensemble import Ensemble
from mssn.engine.upscaler import Upscaler
from mssn.errors import ImageError
from mssn.image.encode import WRITABLE
from mssn.image.io import MAX_PIXELS, is_animated, read, to_bytes, write
from mssn.image.picture import Picture
from mssn.image.spool import Spool
from mssn.runtime.base import Precision, Runtime, RuntimeName
from mssn.runtime.select import open_runtime
from mssn.weights.manifest import Row, rows

if TYPE_CHECKING:
    from PIL.Image import Image

DEFAULT_MODEL = "mssn-s"
PathLike = TypeVar("PathLike", str, Path)
Metadata = Literal["keep", "strip"]
MEMORY = 2**30  # bytes


class Enlarged(NamedTuple):
    """What was enlarged.

    Attributes:
        height: Of the source in pixels, upright, one page.
        width: The same.
        pages: Pages or frames that were enlarged.
        left_out: Pages or frames that were not, because the target's format cannot hold them.
    """

    height: int
    width: int
    pages: int
    left_out: int

    @classmethod
    def of(cls, picture: Picture) -> Enlarged:
        """Of a source."""
        height, width, _ = picture.pixels.shape
        return cls(height // picture.pages, width, picture.pages, picture.left_out)


def models() -> list[Row]:
    """Every model at every scale: what it costs, and whether weights ship for it."""
    return rows()


def load(
    model: str | Path = DEFAULT_MODEL,
    scale: int | None = None,
    *,
    runtime: RuntimeName = "openvino",
    precision: Precision = "auto",
    threads: int | None = None,
    ensemble: bool = False,
) -> Upscaler:
    """Make a model ready to enlarge pictures.

    Args:
        model: "mssn-s", "mssn-m", "mssn" or "bicubic", or the path of a weights file.
        scale: 2, 3 or 4; default 2, or the file's own.
        runtime: "openvino" (fastest), "onnxruntime" or "pytorch".
        precision: "auto" (bf16 where the processor has it, but fp32 for 16-bit pictures), "fp32" or "bf16".
        threads: Processor cores to use; None for all.
        ensemble: Take the mean over the picture's eight flips and turns: a little better, 8 times the time.

    Returns:
        An object that is called with an H x W x 3 uint8 array and returns the enlarged one.

    Raises:
        UnknownModelError: No such model or scale, or no weights ship for it yet.
        WeightsError: The weights file cannot be used.
        MissingPartError: The runtime is not installed.
    """

    def open_with(precision: Precision) -> Runtime:
        opened = open_runtime(model, scale, runtime=runtime, precision=precision, threads=threads)
        return Ensemble(opened) if ensemble and model != "bicubic" else opened

    opened = open_with(precision)
    rough = precision == "auto" and "bf16" in opened.name
    return Upscaler(opened, deep=partial(open_with, "fp32") if rough else None)


@overload
def upscale(
    image: PathLike, scale: int | None = None, *, model: str | Path = ..., force: bool = ...
) -> PathLike: ...
@overload
def upscale(
    image: np.ndarray, scale: int | None = None, *, model: str | Path = ..., force: bool = ...
) -> np.ndarray: ...
@overload
def upscale(
    image: Image, scale: int | None = None, *, model: str | Path = ..., force: bool = ...
) -> Image: ...
def upscale(
    image: Any, scale: int | None = None, *, model: str | Path = DEFAULT_MODEL, force: bool = False
) -> Any:
    """Enlarge a picture; what you give is what you get.

    Args:
        image: A path: the enlarged picture is written beside it (photo.png -> photo_x2.png) and its path
            returned. A NumPy array (H x W or H x W x 1..4; uint8, uint16 or float32) or a PIL image: the
            enlarged array or image is returned.
        scale: 2, 3 or 4; default 2, or what a weights file was trained for.
        model: See `load`.
        force: Overwrite an existing photo_x2.png.

    Raises:
        ImageError: The picture cannot be read or written, or the output exists already.
        UnknownModelError: No such model or scale.
    """
    path = Path(model)
    changed = path.stat().st_mtime_ns if path.suffix and path.is_file() else None
    upscaler = _ready(model, scale, changed)
    scale = upscaler.scale
    if isinstance(image, np.ndarray):
        return upscaler(image)
    if isinstance(image, str | os.PathLike):
        target = beside(Path(image), scale)
        upscale_file(upscaler, Path(image), target, force=force)
        return str(target) if isinstance(image, str) else target
    if (pil := sys.modules.get("PIL.Image")) and isinstance(image, pil.Image):
        return _upscale_pil(upscaler, image)
    raise ImageError(f"cannot enlarge a {type(image).__name__}; give a path, a NumPy array or a PIL image")


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
        return Enlarged.of(picture)


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


def beside(source: Path, scale: int) -> Path:
    """photo.png -> photo_x2.png; formats that can only be read become PNG or, moving, WebP."""
    return writable(source.with_name(f"{source.stem}_x{scale}{source.suffix}"), source)


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


@lru_cache(maxsize=4)
def _ready(model: str | Path, scale: int | None, changed: int | None) -> Upscaler:
    """Loaded once for many calls; `changed`, a time, tells a weights file that was replaced."""
    return load(model, scale)


def _upscale_pil(upscaler: Upscaler, image: Image) -> Image:
    plain = {"P": "RGBA" if "transparency" in image.info else "RGB", "1": "L", "CMYK": "RGB", "YCbCr": "RGB"}
    info = dict(image.info)
    if image.mode in plain:
        if image.mode == "CMYK":
            info.pop("icc_profile", None)  # it describes inks that the converted pixels no longer have
        image = image.convert(plain[image.mode])
    if image.mode not in ("L", "LA", "RGB", "RGBA", "I;16"):
        raise ImageError(f"cannot enlarge a PIL image of mode {image.mode}; convert it to RGB first")
    large = sys.modules["PIL.Image"].fromarray(upscaler(np.asarray(image)))
    large.info = info
    return large
