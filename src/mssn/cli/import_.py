"""`mssn import`: other authors' published weights as ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.cli.options import Force, Model, WholeScale, check_new_weights


def import_(
    weights: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    model: Model = "carn-m",
    scale: WholeScale = 2,
    force: Force = False,
) -> None:
    """Turn other authors' published weights into a file of ours, to score, export and compare.

    Args:
        weights: The file as they published it: carn_m.pth, or smfanet_plus_df2k_x2.pth and its like.
        output: The .safetensors file to write.
        model: carn-m or smfanet-plus.
        scale: 2, 3 or 4; carn_m.pth holds all of them, SMFANet+ has a file for each.
        force: Overwrite an existing file.
    """
    # Here, so that --help needs no PyTorch.
    from mssn.lab.foreign import read_foreign
    from mssn.lab.weights import save, tensors_of

    check_new_weights(output, force, [weights])
    net, meta = read_foreign(weights, model, scale)
    save(output, tensors_of(net), meta)
    print(f"{output}  {meta.model} x{meta.scale}, {meta.parameters:,} parameters")
