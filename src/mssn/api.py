"""The few names most people need: `load` and `upscale`."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import numpy as np

from mssn.errors import ImageError
from mssn.image.formats import FILMS
from mssn.image.picture import Picture
from mssn.image.pil import from_pil, is_pil, to_pil, with_info
from mssn.image.read import MAX_PIXELS
from mssn.image.source import PictureFile
from mssn.once import OnceEach
from mssn.runtime.base import Precision, RuntimeName
from mssn.runtime.plan import names_file
from mssn.upscaling.dial import Variant
from mssn.upscaling.files import upscale_bytes, upscale_file, upscale_picture
from mssn.upscaling.jobs import MEMORY, Job, Options, mebibytes
from mssn.upscaling.load import DEFAULT_MODEL, load, load_tiled
from mssn.upscaling.naming import beside, target_for
from mssn.upscaling.progress import Progress, check_progress
from mssn.upscaling.size import Sides
from mssn.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["DEFAULT_MODEL", "clear_cache", "load", "load_tiled", "upscale"]

AnyImage = TypeVar("AnyImage", str, Path, bytes, np.ndarray, "Image")
PathLike = TypeVar("PathLike", str, Path)
_UPSCALERS = OnceEach[Upscaler](4)  # what `upscale` has loaded


@overload
def upscale(
    image: AnyImage,
    scale: float | None = None,
    *,
    size: str | Sides | None = ...,
    output: None = ...,
    model: str | os.PathLike[str] = ...,
    variant: Variant = ...,
    strength: float | None = ...,
    precision: Precision = ...,
    runtime: RuntimeName = ...,
    ensemble: bool = ...,
    quality: int | None = ...,
    metadata: Literal["keep", "strip"] = ...,
    memory: int = ...,
    threads: int | None = ...,
    max_megapixels: float = ...,
    force: bool = ...,
    progress: Progress | None = ...,
) -> AnyImage: ...
@overload
def upscale(
    image: str | Path | bytes | np.ndarray | Image,
    scale: float | None = None,
    *,
    size: str | Sides | None = ...,
    output: PathLike,
    model: str | os.PathLike[str] = ...,
    variant: Variant = ...,
    strength: float | None = ...,
    precision: Precision = ...,
    runtime: RuntimeName = ...,
    ensemble: bool = ...,
    quality: int | None = ...,
    metadata: Literal["keep", "strip"] = ...,
    memory: int = ...,
    threads: int | None = ...,
    max_megapixels: float = ...,
    force: bool = ...,
    progress: Progress | None = ...,
) -> PathLike: ...
def upscale(
    image: Any,
    scale: float | None = None,
    *,
    size: str | Sides | None = None,
    output: str | Path | None = None,
    model: str | os.PathLike[str] = DEFAULT_MODEL,
    variant: Variant = "auto",
    strength: float | None = None,
    precision: Precision = "auto",
    runtime: RuntimeName = "auto",
    ensemble: bool = False,
    quality: int | None = None,
    metadata: Literal["keep", "strip"] = "keep",
    memory: int = MEMORY // 2**20,
    threads: int | None = None,
    max_megapixels: float = MAX_PIXELS / 1e6,
    force: bool = False,
    progress: Progress | None = None,
) -> Any:
    """Enlarge a picture; what you give is what you get.

    Args:
        image: A path: the enlarged picture is written beside it (photo.png -> photo_x2.png) and its path
            returned. The bytes of a picture file: those of the enlarged one are returned, in its format (PNG
            or, moving, WebP for formats that can only be read). A NumPy array (H x W, H x W x 1..4 or
            N x H x W x 1..4; uint8, uint16, or float32 or float64 in 0..1) or a PIL image: the enlarged array
            or image is returned.
        scale: Any number; default 2, or what a weights file was trained for.
        size: Instead of a scale; see `load`.
        output: Where to write the result, instead of returning it or writing it beside the picture: a file,
            whose ending chooses the format, or for a path also an existing folder or one ending in "/". Its
            path is returned.
        model: See `load`.
        variant: See `load`; a file says how it was compressed, arrays and PIL images do not.
        strength: See `load`.
        precision: See `load`.
        runtime: See `load`.
        ensemble: See `load`.
        quality: 1 to 100, for JPEG, WebP, AVIF, HEIC and JPEG XL files; None for a good one.
        metadata: Of files: "keep" EXIF, XMP and IPTC and note in the XMP what enlarged the picture, or
            "strip" them.
        memory: Of files: mebibytes of pixels to hold in memory, roughly; the rest waits in temporary files
            beside the result.
        threads: See `load`.
        max_megapixels: Refuse larger files: a small one may claim a size that fills the memory.
        force: Overwrite an existing result.
        progress: Called with the share that is enlarged, 0 to 1, after each tile; cancels by returning False.

    Returns:
        Of the same kind as `image`, or the path that was written, of the same kind as `output`.

    Raises:
        ImageError: The picture cannot be read or written, or the output exists already.
        UnknownModelError: No such model or scale.
        CancelledError: `progress` returned False; nothing is written.

    Examples:
        >>> small = np.full((900, 900, 3), 128, np.uint8)
        >>> large = upscale(small, runtime="openvino", progress=lambda share: print(f"{share:.0%}"))
        25%
        50%
        75%
        100%
        >>> upscale(small, runtime="openvino", progress=lambda share: share < 0.5)
        Traceback (most recent call last):
        mssn.errors.CancelledError: cancelled before the picture was done
    """
    check_progress(progress)
    options = Options(force, quality, metadata, max_megapixels, mebibytes(memory))
    upscaler = _loaded(
        model,
        scale,
        size=size,
        variant=variant,
        strength=strength,
        runtime=runtime,
        precision=precision,
        threads=threads,
        ensemble=ensemble,
    )
    if not isinstance(output, str | os.PathLike | None):
        raise ImageError(f"`output` must be a path, not a {type(output).__name__}")
    if "" in (image if isinstance(image, str) else None, output if isinstance(output, str) else None):
        raise ImageError("a path is empty")
    if isinstance(image, str | os.PathLike):
        path: Path = Path(image)
        if path.suffix.lower() in FILMS:
            raise ImageError(
                f"{path}: is a film, of which `upscale_frames` makes pictures, and the verb "
                "`mssn upscale` another film"
            )
        file = PictureFile(path)
        target = beside(path, upscaler.target, file) if output is None else target_for(output, path, file)
        upscale_file(upscaler, path, target, options, progress, file=file)
        return _like(image if output is None else output, target)
    if isinstance(image, bytes | bytearray | memoryview):
        content = bytes(image)
        if output is None:
            return upscale_bytes(upscaler, content, Job(Path("-"), Path("-")), options, progress)[0]
        target, file = target_for(output), PictureFile(content)
        upscale_file(upscaler, Path("-"), target, options, progress, file=file)
        return _like(output, target)
    if not isinstance(image, np.ndarray) and not is_pil(image):
        kinds = "a path, bytes, a NumPy array or a PIL image"
        raise ImageError(f"cannot enlarge a {type(image).__name__}; give {kinds}")
    if output is not None:
        target = target_for(output)
        picture = (
            Picture.from_array(image) if isinstance(image, np.ndarray) else with_info(from_pil(image), image)
        )
        upscale_picture(upscaler, picture, target, options, progress)
        return _like(output, target)
    if isinstance(image, np.ndarray):
        return upscaler(image, progress)
    return to_pil(upscaler.enlarge(from_pil(image), progress=progress).picture, image.info)


def clear_cache() -> None:
    """Forget the networks that `upscale` keeps ready, the last four it was asked for."""
    _UPSCALERS.clear()


def _loaded(model: str | os.PathLike[str], *arguments: Any, **options: Any) -> Upscaler:
    """Loaded once for many calls; a weights file that was replaced is loaded again."""
    make = partial(load, model, *arguments, **options)
    known: tuple[object, ...] = (model,)
    if isinstance(model, str | os.PathLike) and names_file(os.fspath(model)):
        try:
            path = Path(model).resolve()
            known = (path, path.stat().st_mtime_ns, path.stat().st_size)
        except OSError:
            return make()  # which says what is wrong
    key = repr((known, arguments, options))  # 1 == True == 1.0, but not all of them make sense as a scale
    return _UPSCALERS(key, make)


def _like(asked: object, path: Path) -> str | Path:
    return str(path) if isinstance(asked, str) else path
