"""From a model's name and a size to something that enlarges pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from mssn.errors import ImageError, MssnError, UnknownModelError, WeightsError
from mssn.image.compression import LEAST
from mssn.image.source import display_name
from mssn.models.info import PHOTO, list_models, photo_variant, shipped_scales
from mssn.models.meta import read_meta
from mssn.runtime.base import Precision, Runtime, RuntimeName, check_threads
from mssn.runtime.open import open_runtime
from mssn.runtime.plan import BICUBIC, DEFAULT_SCALE, Plan, names_file, plan_for, require_known
from mssn.upscaling.dial import Dial, Variant
from mssn.upscaling.ensemble import Ensemble
from mssn.upscaling.size import Factor, Sides, target_of
from mssn.upscaling.tiled import TiledModel
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily

DEFAULT_MODEL = "mssn-s"


def load(
    model: str | os.PathLike[str] = DEFAULT_MODEL,
    scale: float | None = None,
    *,
    size: str | Sides | None = None,
    variant: Variant = "auto",
    strength: float | None = None,
    runtime: RuntimeName = "auto",
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
        size: Instead of a scale: "1920x1080" or (1920, 1080) (width and height to fit into, proportions
            kept), "1920x" or (1920, None), "x1080" or (None, 1080), or "1920x1080!" (exactly, stretched).
        variant: "photo" takes weights made for photographs as they are stored: soft, noisy, compressed;
            "clean" those for clean pictures; "auto" lets each file's compression decide; arrays count as
            stored without loss.
        strength: 0 to 1: how strongly noise and the traces of compression are removed, in every picture; 0 is
            the clean weights alone. None: what suits each file (`mssn.upscaling.dial.Dial`).
        runtime: "auto" (the fastest on this machine), "native" (our own kernels), "openvino",
            "onnxruntime" or "pytorch".
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
        ImageError: The scale, the size, the variant or the strength makes no sense.
        MssnError: Another argument makes no sense.
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
    target = target_of(scale, size)
    _check(model, ensemble, threads)
    require_known(runtime, precision)
    dial = Dial(variant, strength)
    model = os.fspath(model)

    def networks(name: str, scales: Sequence[int], told: Sequence[int] = ()) -> ModelFamily:
        def open_scale(scale: int, strength: float) -> TiledModel:
            chosen = plan_for(name, scale, runtime=runtime, precision=precision, strength=strength)
            return _tiled(chosen, threads=threads, ensemble=ensemble)

        return ModelFamily(name, tuple(scales), open_scale, tuple(told))

    if model.endswith(PHOTO) and not model.endswith(2 * PHOTO):
        model = model.removesuffix(PHOTO)
        if variant == "clean" or dial.strength == 0:
            raise _not_clean(model)
        variant = "photo"
    elif variant == "photo" and dial.strength == 0:
        raise ImageError("a `strength` of 0 contradicts the variant photo; leave one of them out")
    photo = None
    if model == BICUBIC:
        whole = scale is None or (scale > 1 and float(scale).is_integer())
        if ensemble:
            raise MssnError("`ensemble` is for networks; bicubic is none")
        if strength is not None:
            raise MssnError("`strength` is for networks; bicubic is none")
        clean = networks(
            BICUBIC, [int(scale or DEFAULT_SCALE)] if whole and size is None else []
        )  # it does any factor
    elif names_file(model):  # a file has one scale
        if variant != "auto":
            raise _without_variants(model)
        only = _tiled(
            plan_for(model, runtime=runtime, precision=precision), threads=threads, ensemble=ensemble
        )
        name, target = display_name(Path(model).name), target or Factor(only.scale)
        clean = ModelFamily(name, (only.scale,), lambda scale, strength: only)
        if read_meta(Path(model)).told:
            clean = photo = replace(networks(model, clean.scales, clean.scales), name=name)
            variant = "photo"  # whatever the picture, it is told at least the least
        elif strength is not None:
            raise WeightsError(f"{model}: its network is not told a `strength`; leave it out")
    else:
        clean = networks(model, shipped_scales(model))
        if photo_name := photo_variant(model):
            told = [row.scale for row in list_models() if row.model == photo_name and row.told]
            photo = networks(photo_name, shipped_scales(photo_name), told)
    if (variant == "photo" or strength) and photo is None:
        raise _without_photo(model)
    target = target or Factor(DEFAULT_SCALE)
    return Upscaler(clean, target, photo=photo, variant=variant, strength=dial.strength)


def of_variant(model: str, variant: Literal["clean", "photo"]) -> str:
    """The name of one set of a model's weights, for `load_tiled`.

    Raises:
        UnknownModelError: It has no such set.

    Examples:
        >>> of_variant("mssn-s", "photo"), of_variant("mssn-s", "clean")
        ('mssn-s-photo', 'mssn-s')
    """
    if names_file(model):
        raise _without_variants(model)
    named = model.endswith(PHOTO)
    if variant == "clean":
        if named:
            raise _not_clean(model.removesuffix(PHOTO))
        return model
    name = model if named else photo_variant(model)
    if name is None:
        raise _without_photo(model)
    return name


def _not_clean(model: str) -> UnknownModelError:
    return UnknownModelError(f"{model}{PHOTO} is made for photographs; for clean pictures take {model}")


def _without_variants(file: str) -> UnknownModelError:
    return UnknownModelError(f"{file}: a weights file has no variants; leave `variant` out")


def _without_photo(model: str) -> UnknownModelError:
    known = ", ".join(
        name for name in dict.fromkeys(row.model for row in list_models()) if photo_variant(name)
    )
    return UnknownModelError(f"{model} has no weights made for photographs; these have: {known}")


def load_tiled(
    model: str | os.PathLike[str] = DEFAULT_MODEL,
    scale: int | None = None,
    *,
    runtime: RuntimeName = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
    ensemble: bool = False,
    strength: float = LEAST,
) -> TiledModel:
    """One network with its own whole factor, as it is scored; `load` takes as many as it needs.

    Args:
        model: See `load`.
        scale: 2, 3 or 4; default 2, or the file's own.
        runtime: See `load`.
        precision: See `load`.
        threads: See `load`.
        ensemble: See `load`.
        strength: How strongly the network is told that pictures are degraded, 0..1; one that is not told
            takes no notice.

    Raises:
        UnknownModelError: No such model or scale, or no weights ship for it yet.
        WeightsError: The weights file cannot be used.
        MssnError: Another argument makes no sense.
        MissingDependencyError: The runtime is not installed.
    """
    _check(model, ensemble, threads)
    chosen = plan_for(os.fspath(model), scale, runtime=runtime, precision=precision, strength=strength)
    return _tiled(chosen, threads=threads, ensemble=ensemble)


def _tiled(plan: Plan, *, threads: int | None, ensemble: bool) -> TiledModel:
    def open_plan(plan: Plan) -> Runtime:
        opened = open_runtime(plan, threads)
        return Ensemble(opened) if ensemble and plan.runtime != BICUBIC else opened

    deep = plan.for_deep()
    later = partial(open_plan, deep) if deep != plan else None
    return TiledModel(open_plan(plan), border=plan.border, deep=later, tile=plan.tile)


def _check(model: object, ensemble: object, threads: int | None) -> None:
    """Refuse what callers without a type checker may give."""
    if not isinstance(model, str | os.PathLike):
        raise UnknownModelError(f"`model` must be a name or the path of a weights file, not {model!r}")
    if not isinstance(ensemble, bool | np.bool_):
        raise MssnError(f"`ensemble` must be True or False, not {ensemble!r}")
    check_threads(threads)
