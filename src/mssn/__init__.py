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
    from mssn.api import load, upscale
    from mssn.errors import MssnError
    from mssn.models.info import ModelInfo, list_models
    from mssn.upscaling.upscaler import Upscaler

__all__ = ["ModelInfo", "MssnError", "Upscaler", "__version__", "list_models", "load", "upscale"]

_HOME = {
    "load": "mssn.api",
    "list_models": "mssn.models.info",
    "ModelInfo": "mssn.models.info",
    "upscale": "mssn.api",
    "Upscaler": "mssn.upscaling.upscaler",
    "MssnError": "mssn.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mssn' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
