"""`--variant` and `--strength`, of every verb that enlarges: which weights, and how strongly."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from mssn.cli.options import Number
from mssn.upscaling.dial import Variant

VariantOption = Annotated[Variant, Parameter(name="--variant")]
Strength = Annotated[Number | None, Parameter(name="--strength")]


def unused_dial(variant: Variant, strength: float | None, scale: float | None) -> str:
    """What to say where weights or a strength were asked for and no network runs; empty if one may.

    Args:
        variant: As asked for.
        strength: As asked for.
        scale: Factor; None where each picture has its own.
    """
    asked = ["--variant"] * (variant != "auto") + ["--strength"] * (strength is not None)
    if not asked or scale is None or scale > 1:
        return ""
    say = "says" if len(asked) == 1 else "say"
    return f"{' and '.join(asked)} {say} nothing about a scale of {scale:g}: no network runs"
