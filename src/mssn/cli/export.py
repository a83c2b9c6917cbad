"""`mssn export`: from training weights to the files that ship."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.image.read import find_images, read_rgb
from mssn.lab.export.int8 import export_int8
from mssn.lab.export.onnx import export as export_files

_PICTURES = 32


def export(
    weights: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path(),
    half: bool = False,
    int8: Path | None = None,
) -> None:
    """Write MODEL-xSCALE.onnx (weight norm and scales fused) and .safetensors (half precision).

    Args:
        weights: A .safetensors file, as `mssn train` leaves in its folder, or an MSSN's .onnx file.
        output: Folder to write into; made if missing.
        half: Store the ONNX file's weights in half precision, too: half as large, and as good to a
            thousandth of a dB.
        int8: A folder of pictures like those that will be enlarged: write MODEL-xSCALE-int8.onnx, too, whose
            ranges are measured on up to 32 of them.
    """
    made = []
    if int8 is not None:  # first, because more can be wrong with it
        paths = find_images(int8)
        step = -(-len(paths) // _PICTURES)
        made.append(export_int8(weights, map(read_rgb, paths[::step]), output))
    made += export_files(weights, output, half=half)
    for path in made:
        print(f"{path}  {path.stat().st_size / 1000:.0f} KB")
