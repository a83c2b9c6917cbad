"""`mssn export`: weights as the files that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mssn.atomic import replacing
from mssn.cli.options import Force
from mssn.errors import WeightsError
from mssn.image.find import find_images
from mssn.image.read import read_rgb
from mssn.models.info import shipped_file
from mssn.models.meta import exported_file, read_meta
from mssn.runtime.plan import names_file

_PICTURES = 32


def export(
    weights: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])] = Path(),
    half: bool = False,
    int8: Path | None = None,
    force: Force = False,
) -> None:
    """Write MODEL-xSCALE.onnx (weight norm and scales fused) and .safetensors (half precision).

    Args:
        weights: A .safetensors file, as `mssn train` leaves in its folder, or an MSSN's .onnx file; or the
            name of a file that ships (mssn-s-x2, mssn-s-x2-int8): without --half and --int8 its .onnx file is
            copied as it is, which needs no PyTorch.
        output: Folder to write into; made if missing.
        half: Store the ONNX file's weights in half precision, too: half as large, and as good to a
            thousandth of a dB.
        int8: A folder of pictures like those that will be enlarged, drawn ones such as text and charts among
            them: write MODEL-xSCALE-int8.onnx, too, whose ranges are measured on up to 32 of them.
        force: Overwrite existing files.
    """
    if output.exists() and not output.is_dir():
        raise WeightsError(f"{output}: is a file; -o is the folder to write into")
    ships = not names_file(weights)
    source = shipped_file(str(weights)) if ships else weights
    if ships and not half and int8 is None:
        made = [output / source.name]
        _check(made, source, force)
        _copy(source, made[0])
    else:
        meta = read_meta(source)
        endings = [".safetensors", ".onnx", *(["-int8.onnx"] if int8 is not None else [])]
        _check([exported_file(output, meta, ending) for ending in endings], source, force)
        made = _made(source, output, half, int8)
    for path in made:
        print(f"{path}  {path.stat().st_size / 1000:.0f} KB")


def _check(targets: list[Path], source: Path, force: bool) -> None:
    """Refuse, before any work, to overwrite what may not be overwritten."""
    for target in targets:
        if target.exists() and target.samefile(source):  # under whatever name or link
            raise WeightsError(f"{target}: is what would be exported; choose another folder with -o")
        if target.exists() and not force:
            raise WeightsError(f"{target}: exists already; use `force` to overwrite it")


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            file.write(source.read_bytes())
    except OSError as error:
        raise WeightsError(f"{target}: cannot be written ({error.strerror})") from error


def _made(source: Path, output: Path, half: bool, int8: Path | None) -> list[Path]:
    # Here, so that --help and copies need no PyTorch.
    from mssn.lab.export.int8 import export_int8
    from mssn.lab.export.onnx import export as export_files

    made = []
    if int8 is not None:  # first, because more can be wrong with it
        paths = find_images(int8)
        step = -(-len(paths) // _PICTURES)
        made.append(export_int8(source, map(read_rgb, paths[::step]), output))
    return [*made, *export_files(source, output, half=half)]
