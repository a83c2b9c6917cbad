"""`mssn soup`: average several trainings of one network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.cli.options import Force, Number, check_new_weights
from mssn.cli.streams import typed


def soup(
    weights: list[Path],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    share: Annotated[Number | None, Parameter(name="--share")] = None,
    force: Force = False,
) -> None:
    """Average the weights of runs with one start (one --init, several seeds), or of a run and its start.

    Args:
        weights: Two or more .safetensors or .onnx files of one network.
        output: The .safetensors file to write.
        share: Share of the first of two, from 0 to 1. Default: all count alike.
        force: Overwrite an existing file.
    """
    # Here, so that --help needs no PyTorch.
    from mssn.lab.soup import soup as average
    from mssn.lab.weights import save

    check_new_weights(output, force, weights)
    tensors, meta = average(weights, share)
    save(output, tensors, replace(meta, commands=(*meta.commands, typed())))
    what = f"mean of {len(weights)}" if share is None else f"{share:g} of {weights[0].name}"
    print(f"{output}  {what}, {meta.model} x{meta.scale}")
