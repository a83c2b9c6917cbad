"""What a model name stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from torch import nn


class Domain(StrEnum):
    """What a network was made for; all that are built map RGB to RGB (`mssn.lab.nets.luma`)."""

    RGB = "rgb"  # the small RGB picture
    Y = "y"  # the small picture's luma
    Y_ENLARGED = "y-enlarged"  # the luma, already enlarged with bicubic


@dataclass(frozen=True)
class Spec:
    """One row of the table of models.

    Args:
        network: The class; called with (config, scale).
        config: Its frozen config dataclass, with this model's values.
        scales: Factors the model is defined for.
        domain: What it was made for.
        count_gains: Whether the paper counts the weight-norm gains among its parameters.
    """

    network: Callable[[Any, int], nn.Module]
    config: Any
    scales: tuple[int, ...] = (2, 3, 4)
    domain: Domain = Domain.RGB
    count_gains: bool = False
