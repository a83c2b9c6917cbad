"""`mssn export`: from training weights to the files that ship."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.export.onnx import export as export_files


def export(
    weights: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path(),
) -> None:
    """Write MODEL-xSCALE.onnx (weight norm and scales folded) and .safetensors (half precision).

    Args:
        weights: A .safetensors file, as `mssn train` leaves in its folder.
        output: Folder to write into; made if missing.
    """
    for path in export_files(weights, output):
        print(f"{path}  {path.stat().st_size / 1000:.0f} KB")
