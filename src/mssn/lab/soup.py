"""A "soup": the mean of several trainings' weights, often better than each of them, and as fast."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mssn.errors import WeightsError
from mssn.lab import weights
from mssn.models.meta import Meta

SLOPE = "slope"  # what a network that is told has beside another (`mssn.lab.nets.mssn`)


def soup(paths: list[Path], share: float | None = None) -> tuple[dict[str, np.ndarray], Meta]:
    """Average weights number by number.

    Only runs that share their start belong together, and a run and its start: networks trained apart have
    their channels in another order, and their mean is nothing. One that is not told a strength counts as told
    and heedless of it. Sources: M. Wortsman et al., "Model soups" (2022), uniform soup; of a run and its
    start M. Wortsman et al., "Robust fine-tuning of zero-shot models" (2022).

    Args:
        paths: Two or more .safetensors or .onnx files of one model, scale and config.
        share: Share of the first of two, from 0 to 1; default: all count alike.

    Returns:
        The mean, float32, and its description; `updates` is the largest of theirs, `scores` are empty.

    Raises:
        WeightsError: Fewer than two files, one that cannot be read, files of different networks, or a share
            that is none.
    """
    if len(paths) < 2:
        raise WeightsError("a soup needs at least two weights files")
    if share is not None and (len(paths) != 2 or not 0 <= share <= 1):
        raise WeightsError("a share is that of the first of two weights files, from 0 to 1")
    loaded = [_load(path) for path in paths]
    meta = next((meta for _, meta in loaded if weights.settings(meta).get("told")), loaded[0][1])
    first = loaded[[other for _, other in loaded].index(meta)][0]
    for path, (tensors, other) in zip(paths, loaded, strict=True):
        if SLOPE in first:
            tensors.setdefault(SLOPE, np.zeros_like(first[SLOPE]))
        shapes = {name: array.shape for name, array in tensors.items()}
        same = (other.model, other.scale) == (meta.model, meta.scale)
        same = same and _untold(other) == _untold(meta)
        if not same or shapes != {name: array.shape for name, array in first.items()}:
            raise WeightsError(
                f"{path}: {other.model} x{other.scale} cannot be averaged with {paths[0]}, "
                f"{meta.model} x{meta.scale}; take runs of one network with one config"
            )
    parts = None if share is None else [share, 1 - share]
    mean = {name: _mean([tensors[name] for tensors, _ in loaded], parts) for name in first}
    recipes = " + ".join(sorted({other.recipe for _, other in loaded}))
    updates = max(other.updates for _, other in loaded)
    recipe = f"soup of {len(paths)}: {recipes}"
    commands = tuple(dict.fromkeys(command for _, other in loaded for command in other.commands))
    return mean, replace(meta, recipe=recipe, updates=updates, commands=commands, scores={})


def _load(path: Path) -> tuple[dict[str, np.ndarray], Meta]:
    if path.suffix.lower() != ".onnx":
        return weights.load(path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # directions that nothing reads come back at random
        net, meta = weights.load_network(path)
    return weights.tensors_of(net), meta


def _untold(meta: Meta) -> dict[str, Any]:
    return {**weights.settings(meta), "told": False}


def _mean(arrays: list[np.ndarray], shares: list[float] | None) -> np.ndarray:
    exact = np.stack([array.astype(np.float64) for array in arrays])
    return np.asarray(np.average(exact, axis=0, weights=shares), np.float32)  # an array even without axes
