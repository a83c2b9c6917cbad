"""Super-resolution that fits in 80 thousand parameters.

    import mssn
    mssn.upscale("photo.jpg")                 # writes photo_x2.jpg
    large = mssn.upscale(array, scale=2)      # NumPy in, NumPy out
    upscaler = mssn.load("mssn-s", scale=2)   # loaded once, called often

Names are imported when first used, so that `import mssn` is quick and never imports PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mssn.version import __version__

if TYPE_CHECKING:
    from mssn.api import clear_cache, load, upscale
    from mssn.errors import (
        CancelledError,
        CheckpointError,
        DataError,
        DivergedError,
        FilmError,
        ImageError,
        MissingDependencyError,
        MssnError,
        RecipeError,
        TrainingError,
        UnknownModelError,
        WeightsError,
    )
    from mssn.film.frames import Frame, upscale_frames
    from mssn.models.info import ModelInfo, list_models
    from mssn.upscaling.upscaler import Upscaler

__all__ = [
    "CancelledError",
    "CheckpointError",
    "DataError",
    "DivergedError",
    "FilmError",
    "Frame",
    "ImageError",
    "MissingDependencyError",
    "ModelInfo",
    "MssnError",
    "RecipeError",
    "TrainingError",
    "UnknownModelError",
    "Upscaler",
    "WeightsError",
    "__version__",
    "clear_cache",
    "list_models",
    "load",
    "upscale",
    "upscale_frames",
]

_HOME = {
    "mssn.api": ("clear_cache", "load", "upscale"),
    "mssn.film.frames": ("Frame", "upscale_frames"),
    "mssn.models.info": ("ModelInfo", "list_models"),
    "mssn.upscaling.upscaler": ("Upscaler",),
}
_MODULES = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'mssn' has no attribute '{name}'")
    return getattr(import_module(_MODULES.get(name, "mssn.errors")), name)


def __dir__() -> list[str]:
    return __all__
