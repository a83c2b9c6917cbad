"""A "soup": the mean of several trainings' weights, often better than each of them, and as fast."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mssn.errors import WeightsError
from mssn.lab import weights
from mssn.models.meta import Meta


def soup(paths: list[Path]) -> tuple[dict[str, np.ndarray], Meta]:
    """Average weights number by number.

    Only runs that share their start belong together: networks trained apart have their channels in another
    order, and their mean is nothing. Source: M. Wortsman et al., "Model soups" (2022), uniform soup.

    Args:
        paths: Two or more .safetensors files of one model, scale and config.

    Returns:
        The mean, float32, and its description; `updates` is the largest of theirs, `scores` are empty.

    Raises:
        WeightsError: Fewer than two files, one that cannot be read, or files of different networks.
    """
    if len(paths) < 2:
        raise WeightsError("a soup needs at least two weights files")
    loaded = [weights.load(path) for path in paths]
    first, meta = loaded[0]
    for path, (tensors, other) in zip(paths, loaded, strict=True):
        shapes = {name: array.shape for name, array in tensors.items()}
        same = (other.model, other.scale) == (meta.model, meta.scale)
        same = same and weights.settings(other) == weights.settings(meta)
        if not same or shapes != {name: array.shape for name, array in first.items()}:
            raise WeightsError(
                f"{path}: {other.model} x{other.scale} cannot be averaged with {paths[0]}, "
                f"{meta.model} x{meta.scale}; take runs of one network with one config"
            )
    mean = {name: _mean([tensors[name] for tensors, _ in loaded]) for name in first}
    recipes = " + ".join(sorted({other.recipe for _, other in loaded}))
    updates = max(other.updates for _, other in loaded)
    recipe = f"soup of {len(paths)}: {recipes}"
    commands = tuple(dict.fromkeys(command for _, other in loaded for command in other.commands))
    return mean, replace(meta, recipe=recipe, updates=updates, commands=commands, scores={})


def _mean(arrays: list[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean(arrays, axis=0, dtype=np.float64), np.float32)  # an array even without axes
