"""The few names most people need: `load` and `upscale`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from mssn.errors import ImageError, UnknownModelError
from mssn.image.pil import from_pil, is_pil, to_pil
from mssn.image.source import PictureFile, display_name
from mssn.models.info import PHOTO, list_models, photo_variant, shipped_scales
from mssn.runtime.base import Precision, Runtime, RuntimeName
from mssn.runtime.open import open_runtime
from mssn.runtime.plan import BICUBIC, DEFAULT_SCALE, Plan, names_file, plan_for
from mssn.upscaling.ensemble import Ensemble
from mssn.upscaling.files import upscale_file
from mssn.upscaling.jobs import Options
from mssn.upscaling.naming import beside
from mssn.upscaling.progress import Progress
from mssn.upscaling.size import Factor, Size, parse
from mssn.upscaling.tiled import TiledModel
from mssn.upscaling.upscaler import ModelFamily, Upscaler, Variant, check_variant

if TYPE_CHECKING:
    from PIL.Image import Image

DEFAULT_MODEL = "mssn-s"
PathLike = TypeVar("PathLike", str, Path)


def load(
    model: str | Path = DEFAULT_MODEL,
    scale: float | None = None,
    *,
    size: str | None = None,
    variant: Variant = "auto",
    runtime: RuntimeName = "openvino",
    precision: Precision = "auto",
    threads: int | None = None,
    ensemble: bool = False,
) -> Upscaler:
    """Make a model ready to enlarge pictures.

    Args:
        model: "mssn-s", "mssn-m", "mssn" or "bicubic", or the path of a weights file; "mssn-s-photo" is the
            same as "mssn-s" with the variant "photo".
        scale: Any number; default 2, or the file's own. There are networks for 2, 3 and 4; other factors take
            the next larger one, or several in a row, and an antialiased shrink.
        size: Instead of a scale: "1920x1080" (fits in, proportions kept), "1920x", "x1080" or
            "1920x1080!" (exactly, stretched).
        variant: "photo" takes weights made for photographs as they are stored: soft, noisy, compressed;
            "clean" those for clean pictures; "auto" chooses for each file by its compression
            (`mssn.upscaling.upscaler.wants_photo`); arrays count as clean.
        runtime: "openvino" (fastest), "onnxruntime" or "pytorch".
        precision: "fp32", "bf16", "int8", or "auto": of a model that ships the fastest here that loses at
            most 0.02 dB on Set5, and fp32 for 16-bit and float pictures; of a file what it holds, in bf16 if
            possible.
        threads: Processor cores to use; None for all.
        ensemble: Take the mean over the picture's eight flips and turns: a little better, 8 times the time.

    Returns:
        An object that is called with an H x W x 3 uint8 array and returns the enlarged one.

    Raises:
        UnknownModelError: No such model, or no weights ship for it yet.
        WeightsError: The weights file cannot be used.
        ImageError: The scale, the size or the variant makes no sense.
        MissingDependencyError: The runtime is not installed.

    Examples:
        >>> upscaler = load("mssn-s", scale=2.5)
        >>> upscaler(np.zeros((40, 60, 3), np.uint8)).shape
        (100, 150, 3)
        >>> upscaler(np.zeros((7, 40, 60, 3), np.uint8)).shape  # seven of one size
        (7, 100, 150, 3)
        >>> load("mssn-s", size="1920x1080")(np.zeros((600, 800, 3), np.uint8)).shape
        (1080, 1440, 3)
    """
    if scale is not None and size is not None:
        raise ImageError("give a scale or a size, not both")

    def networks(name: str, scales: Sequence[int]) -> ModelFamily:
        def open_scale(scale: int) -> TiledModel:
            chosen = plan_for(name, scale, runtime=runtime, precision=precision)
            return _tiled(chosen, threads=threads, ensemble=ensemble)

        return ModelFamily(name, tuple(scales), open_scale)

    check_variant(variant)
    if str(model).endswith(PHOTO):
        model = str(model).removesuffix(PHOTO)
        if variant == "clean":
            raise UnknownModelError(
                f"{model}{PHOTO} is made for photographs; for clean pictures take {model}"
            )
        variant = "photo"
    photo = None
    if model == BICUBIC:
        whole = scale is None or (scale > 1 and float(scale).is_integer())
        clean = networks(
            BICUBIC, [int(scale or DEFAULT_SCALE)] if whole and size is None else []
        )  # it does any factor
    elif names_file(model):  # a file has one scale
        if variant != "auto":
            raise UnknownModelError(f"{model}: a weights file is for what it is for; leave '{variant}' out")
        only = _tiled(
            plan_for(model, runtime=runtime, precision=precision), threads=threads, ensemble=ensemble
        )
        clean = ModelFamily(display_name(Path(model).name), (only.scale,), lambda _: only)
        scale = only.scale if scale is None else scale
    else:
        clean = networks(str(model), shipped_scales(str(model)))
        if photo_name := photo_variant(str(model)):
            photo = networks(photo_name, shipped_scales(photo_name))
    if variant == "photo" and photo is None:
        known = ", ".join(
            name for name in dict.fromkeys(row.model for row in list_models()) if photo_variant(name)
        )
        raise UnknownModelError(f"{model} has no weights made for photographs; these have: {known}")
    target = _target(DEFAULT_SCALE if scale is None else scale, size)
    return Upscaler(clean, target, photo=photo, variant=variant)


def load_tiled(
    model: str | Path = DEFAULT_MODEL,
    scale: int | None = None,
    *,
    runtime: RuntimeName = "openvino",
    precision: Precision = "auto",
    threads: int | None = None,
    ensemble: bool = False,
) -> TiledModel:
    """One network with its own whole factor, as it is scored; `load` takes as many as it needs.

    Args:
        model: See `load`.
        scale: 2, 3 or 4; default 2, or the file's own.
        runtime: See `load`.
        precision: See `load`.
        threads: See `load`.
        ensemble: See `load`.

    Raises:
        UnknownModelError: No such model or scale, or no weights ship for it yet.
        WeightsError: The weights file cannot be used.
        MissingDependencyError: The runtime is not installed.
    """
    chosen = plan_for(model, scale, runtime=runtime, precision=precision)
    return _tiled(chosen, threads=threads, ensemble=ensemble)


def _tiled(plan: Plan, *, threads: int | None, ensemble: bool) -> TiledModel:
    def open_plan(plan: Plan) -> Runtime:
        opened = open_runtime(plan, threads)
        return Ensemble(opened) if ensemble and plan.runtime != BICUBIC else opened

    deep = plan.for_deep()
    return TiledModel(
        open_plan(plan), border=plan.border, deep=partial(open_plan, deep) if deep != plan else None
    )


def _target(scale: float, size: str | None) -> Size:
    return parse(size) if size is not None else Factor(scale)


@overload
def upscale(
    image: PathLike,
    scale: float | None = None,
    *,
    model: str | Path = ...,
    variant: Variant = ...,
    force: bool = ...,
    progress: Progress | None = ...,
) -> PathLike: ...
@overload
def upscale(
    image: np.ndarray,
    scale: float | None = None,
    *,
    model: str | Path = ...,
    variant: Variant = ...,
    force: bool = ...,
    progress: Progress | None = ...,
) -> np.ndarray: ...
@overload
def upscale(
    image: Image,
    scale: float | None = None,
    *,
    model: str | Path = ...,
    variant: Variant = ...,
    force: bool = ...,
    progress: Progress | None = ...,
) -> Image: ...
def upscale(
    image: Any,
    scale: float | None = None,
    *,
    model: str | Path = DEFAULT_MODEL,
    variant: Variant = "auto",
    force: bool = False,
    progress: Progress | None = None,
) -> Any:
    """Enlarge a picture; what you give is what you get.

    Args:
        image: A path: the enlarged picture is written beside it (photo.png -> photo_x2.png) and its path
            returned. A NumPy array (H x W, H x W x 1..4 or N x H x W x 1..4; uint8, uint16 or float32) or a
            PIL image: the enlarged array or image is returned.
        scale: Any number; default 2, or what a weights file was trained for.
        model: See `load`.
        variant: See `load`; a file says how it was compressed, arrays and PIL images do not.
        force: Overwrite an existing photo_x2.png.
        progress: Called with the share that is enlarged, 0 to 1, after each tile of at most 640 x 640
            pixels; cancels what is left by returning False.

    Raises:
        ImageError: The picture cannot be read or written, or the output exists already.
        UnknownModelError: No such model or scale.
        CancelledError: `progress` returned False.

    Examples:
        >>> small = np.full((900, 900, 3), 128, np.uint8)
        >>> large = upscale(small, progress=lambda share: print(f"{share:.0%}"))
        25%
        50%
        75%
        100%
        >>> upscale(small, progress=lambda share: share < 0.5)
        Traceback (most recent call last):
        mssn.errors.CancelledError: cancelled before the picture was done
    """
    path = Path(model)
    changed = path.stat().st_mtime_ns if path.suffix and path.is_file() else None
    with _READYING:  # threads that come together load it once
        upscaler = _ready(model, scale, variant, changed)
    if isinstance(image, np.ndarray):
        return upscaler(image, progress)
    if isinstance(image, str | os.PathLike):
        path, file = Path(image), PictureFile(image)
        target = beside(path, upscaler.target, file)
        upscale_file(upscaler, path, target, Options(force=force), progress, file=file)
        return str(target) if isinstance(image, str) else target
    if is_pil(image):
        return to_pil(upscaler.enlarge(from_pil(image), progress=progress).picture, image.info)
    raise ImageError(f"cannot enlarge a {type(image).__name__}; give a path, a NumPy array or a PIL image")


_READYING = Lock()


@lru_cache(maxsize=4)
def _ready(model: str | Path, scale: float | None, variant: Variant, changed: int | None) -> Upscaler:
    """Loaded once for many calls; `changed`, a time, tells a weights file that was replaced."""
    return load(model, scale, variant=variant)
