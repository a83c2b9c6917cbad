"""The private PyTorch functions that training is faster with, each with a public way to the same numbers.

`torch._foreach_*` treats a list of tensors in a few kernels instead of one for each, and `torch._weight_norm`
normalises a weight in one. Their names promise nothing, so this is the only module that says them, and it
asks at each call whether they are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def copy_(targets: Sequence[Tensor], sources: Sequence[Tensor]) -> None:
    """Copy each source into its target."""
    if fused := _private("_foreach_copy_"):
        fused(targets, sources)
        return
    for target, source in zip(targets, sources, strict=True):
        target.copy_(source)


def add_(targets: Sequence[Tensor], others: Sequence[Tensor]) -> None:
    """Add to each target its other."""
    if fused := _private("_foreach_add_"):
        fused(targets, others)
        return
    for target, other in zip(targets, others, strict=True):
        target.add_(other)


def lerp_(starts: Sequence[Tensor], ends: Sequence[Tensor], weight: float) -> None:
    """Move each start by this share of the way to its end."""
    if fused := _private("_foreach_lerp_"):
        fused(starts, ends, weight)
        return
    for start, end in zip(starts, ends, strict=True):
        start.lerp_(end, weight)


def lerp(starts: Sequence[Tensor], ends: Sequence[Tensor], weight: float) -> list[Tensor]:
    """The points at this share of the way from each start to its end."""
    if fused := _private("_foreach_lerp"):
        return list(fused(starts, ends, weight))
    return [start.lerp(end, weight) for start, end in zip(starts, ends, strict=True)]


def weight_norm(direction: Tensor, length: Tensor) -> Tensor:
    """Give every output's part of a convolution's weight a length.

    Args:
        direction: out x in x k x k.
        length: out x 1 x 1 x 1.

    Returns:
        length * direction / |direction|, the norm taken for each output.
    """
    if fused := _private("_weight_norm"):
        return fused(direction, length, 0)
    return direction * (length / torch.linalg.vector_norm(direction, dim=(1, 2, 3), keepdim=True))


def processor_has_bf16() -> bool:
    """Whether the processor has instructions for bfloat16: a public question, which older versions lack."""
    if known := getattr(torch.cpu, "get_capabilities", None):
        return any(has for name, has in known().items() if "bf16" in name)
    asked = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(asked and asked())


def _private(name: str) -> Any:
    return getattr(torch, name, None)
