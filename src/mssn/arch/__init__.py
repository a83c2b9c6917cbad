"""The table of models, and the one way from a name to a network."""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import nn

from mssn.arch.carn import CARN, CARNConfig
from mssn.arch.mssn import MSSN, MSSNConfig
from mssn.arch.spec import Domain, Spec
from mssn.errors import UnknownModelError

__all__ = ["MODELS", "Domain", "Spec", "build", "spec"]

MODELS: dict[str, Spec] = {
    "mssn-s": Spec(MSSN, MSSNConfig(channels=32, expanded=64, blocks=4)),
    "mssn-m": Spec(MSSN, MSSNConfig(channels=64, expanded=128, blocks=4)),
    "mssn": Spec(MSSN, MSSNConfig(channels=64, expanded=256, blocks=6), count_gains=True),
    "carn": Spec(CARN, CARNConfig()),
    "carn-m": Spec(CARN, CARNConfig(groups=4, shared=True)),
}


def spec(model: str) -> Spec:
    """The row of a model.

    Raises:
        UnknownModelError: There is no such model.
    """
    if model not in MODELS:
        raise UnknownModelError(f"unknown model '{model}'; known are: {', '.join(MODELS)}")
    return MODELS[model]


def build(model: str, scale: int, changes: dict[str, Any] | None = None) -> nn.Module:
    """A fresh network with random weights.

    Args:
        model: A name of the table.
        scale: One of the model's factors.
        changes: Config fields that differ from the model's, for ablations.

    Raises:
        UnknownModelError: No such model, no such scale of it, or no such config field.
    """
    row = spec(model)
    if scale not in row.scales:
        known = ", ".join(map(str, row.scales))
        raise UnknownModelError(f"{model} has no scale {scale}; it has: {known}")
    try:
        return row.network(dataclasses.replace(row.config, **(changes or {})), scale)
    except (TypeError, ValueError) as error:
        raise UnknownModelError(f"{model}: {error}") from error
