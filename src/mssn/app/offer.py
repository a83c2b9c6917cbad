"""What can be asked for here: models, formats, limits; the page makes its choices of it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from mssn.app.limits import Limits
from mssn.image.formats import ENDINGS, FILMS
from mssn.image.plugins import can_write
from mssn.models.info import PHOTO, ModelInfo, list_models
from mssn.runtime.plan import BICUBIC, plan_for
from mssn.upscaling.load import DEFAULT_MODEL
from mssn.version import __version__

_FORMATS = ("png", "jpeg", "webp", "tiff", "avif", "heic", "jxl")


def offer(limits: Limits, threads: int | None) -> dict[str, Any]:
    """What can be asked for.

    Args:
        limits: What a request may cost.
        threads: Processor cores that networks use; None for all.
    """
    films = find_spec("av") is not None
    return {
        "version": __version__,
        "models": [*_models(list_models()), _model(BICUBIC, [], [])],
        "default": DEFAULT_MODEL,
        "formats": [name for name in _FORMATS if can_write(ENDINGS.get(name, f".{name}"))],
        "films": films,
        "accept": ",".join(["image/*", ".heic", ".heif", ".jxl", *(["video/*", *FILMS] if films else [])]),
        "cores": threads or _cores(),
        "backend": plan_for(DEFAULT_MODEL, 2).runtime,
        "limits": {
            "bytes": limits.upload,
            "megapixels": limits.megapixels,
            "jobs": limits.queue,
            "scale": limits.scale,
        },
    }


def _models(known: list[ModelInfo]) -> list[dict[str, Any]]:
    """Each model that ships once, with the scales of its weights for clean pictures and for photographs."""
    shipped = [row for row in known if row.path is not None]
    names = dict.fromkeys(row.model for row in shipped if not row.model.endswith(PHOTO))
    found = list[dict[str, Any]]()
    for name in names:
        clean = [row for row in shipped if row.model == name]
        found.append(_model(name, clean, [row for row in shipped if row.model == f"{name}{PHOTO}"]))
    return found


def _model(name: str, clean: list[ModelInfo], photo: list[ModelInfo]) -> dict[str, Any]:
    return {
        "name": name,
        "scales": [row.scale for row in clean],
        "photo": [row.scale for row in photo],
        "told": [row.scale for row in photo if row.told],
        "bytes": {str(row.scale): row.path.stat().st_size for row in clean if row.path is not None},
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
