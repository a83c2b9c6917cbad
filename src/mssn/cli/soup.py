"""`mssn soup`: average several trainings of one network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.cli.options import Force, check_new_weights
from mssn.cli.streams import typed


def soup(
    weights: list[Path],
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    force: Force = False,
) -> None:
    """Average the weights of runs that share their start (one --init, several seeds).

    Args:
        weights: Two or more .safetensors files of one network.
        output: The .safetensors file to write.
        force: Overwrite an existing file.
    """
    # Here, so that --help needs no PyTorch.
    from mssn.lab.soup import soup as average
    from mssn.lab.weights import save

    check_new_weights(output, force, weights)
    tensors, meta = average(weights)
    save(output, tensors, replace(meta, commands=(*meta.commands, typed())))
    print(f"{output}  mean of {len(weights)}, {meta.model} x{meta.scale}")
