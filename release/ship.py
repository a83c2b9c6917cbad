"""Put trained weights into the package, with their scores.

    python release/ship.py runs/NAME/weights.safetensors

Shipping writes weights as ONNX (from which `mssn.lab.weights` makes a network that learns again), scores that
file through the runtime that users get (OpenVINO) on validation pictures and on every benchmark under
MSSN_DATA, keeps the scores in the file and in paper/results/MODEL-xSCALE.json, and brings the table of models
up to date. It refuses weights that are not better on validation pictures than those that ship, or that lose
more than 0.02 dB on a benchmark. Their int8 file goes; `python release/release.py MODEL-xSCALE` makes the new
one and measures everything else.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import manifest
import onnx
import record
import scores

from mssn.atomic import replacing
from mssn.errors import MssnError
from mssn.lab.export.onnx import write_onnx
from mssn.lab.weights import load_network
from mssn.models import info
from mssn.models.meta import FORMAT, KEY, Meta

LICENCE = "MIT"


def main() -> int:
    """Command line."""
    parser = record.parser(__doc__)
    parser.add_argument("weights", nargs="+", type=Path, help=".safetensors or .onnx files")
    parser.add_argument("--note", default="", help="added to the recipe: 'mean of three runs'")
    parser.add_argument("--data", default="", help="what they learnt from, in place of what the file says")
    arguments = parser.parse_args()
    try:
        if "MSSN_DATA" not in os.environ:
            raise MssnError("set MSSN_DATA to the folder that holds validation and benchmarks/Set5")
        job = record.Job(record.revision(arguments.dirty), arguments.threads, arguments.force)
        for weights in arguments.weights:
            print(ship(weights, job, arguments.note, arguments.data))
            manifest.write_manifest()
    except MssnError as error:
        print(f"ship: {error}", file=sys.stderr)
        return 2
    return 0


def ship(weights: Path, job: record.Job, note: str = "", data: str = "") -> str:
    """Score and install one weights file.

    Args:
        weights: A .safetensors file, or an .onnx file of an MSSN.
        job: `force` ships even what scores lower.
        note: How the weights came about beyond the recipe; added to it.
        data: What they learnt from, in words, in place of what the file says.

    Returns:
        What was done, for people.

    Raises:
        WeightsError: The file cannot be used.
        MssnError: It scores lower than what ships.
    """
    with tempfile.TemporaryDirectory() as folder:
        fresh, meta = write(weights, Path(folder), note, data)
        name = f"{meta.model}-x{meta.scale}"
        new = _measure(fresh, name, job)
        if record.weights_of(name).exists() and not job.force:
            old = scores.kept(name)
            if old is None or new.validation.keys() - old.validation.keys():
                old = _measure(record.weights_of(name), name, job)
            if why := scores.why_not_ship(old, new):
                raise MssnError(f"{name}: {why}; kept those (--force ships them nevertheless)")
        install(fresh, meta, new, job)
    (info.FOLDER / f"{name}-int8.onnx").unlink(missing_ok=True)  # of other weights
    return f"{name} ships: {', '.join(f'{way} {psnr:.3f}' for way, psnr in new.validation.items())}"


def remake(name: str, job: record.Job) -> str | None:
    """Write a file that ships anew, in the present format and of the same network.

    Benchmark scores that are known of the old file are kept where the two agree on the validation pictures
    and their halves: the weights are the same but for rounding. `job.force` measures all of them anew.

    Returns:
        What was done, for people; None if the file has the present format and its scores are known.

    Raises:
        MssnError: The new file scores lower than the old one anywhere.
    """
    shipped = record.weights_of(name)
    known = scores.kept(name)
    if known and scores.stored(name)["meta"]["format"] == FORMAT and not job.force:
        return None
    with tempfile.TemporaryDirectory() as folder:
        fresh, meta = write(shipped, Path(folder))
        keeps = bool(meta.scores and scores.stored(name).get("data")) and not job.force
        new = _measure(fresh, name, job, whole=not keeps)
        old = known or _measure(shipped, name, job, whole=False)
        if why := scores.why_not_same(old, new):
            raise MssnError(f"{name}: made anew it is not the same network: {why}; kept the old file")
        before = shipped.stat().st_size
        install(fresh, meta, new, job)
    return f"made anew, {before:,} -> {shipped.stat().st_size:,} bytes"


def write(weights: Path, folder: Path, note: str = "", data: str = "") -> tuple[Path, Meta]:
    """Write MODEL-xSCALE.onnx as it ships: half precision, and described in the present format.

    Args:
        weights: A .safetensors or .onnx file.
        folder: Where it goes; must exist.
        note: Added to the recipe.
        data: What the weights learnt from, in place of what the file says.

    Returns:
        The file, and its description.
    """
    net, meta = load_network(weights)
    recipe = f"{meta.recipe}; {note}" if note else meta.recipe
    meta = replace(meta, recipe=recipe, data=data or meta.data, licence=LICENCE, format=FORMAT)
    path = folder / f"{meta.model}-x{meta.scale}.onnx"
    write_onnx(net, meta, path, half=True)
    return path, meta


def install(fresh: Path, meta: Meta, measured: scores.Measured, job: record.Job) -> None:
    """Ship a file that `write` made, with its scores in it and in paper/results.

    Only the description is written anew, so that the network which ships is the one that was scored.
    """
    name = f"{meta.model}-x{meta.scale}"
    if measured.reports:
        meta = replace(meta, scores=measured.table)
    model = onnx.load(fresh)
    (kept,) = [entry for entry in model.metadata_props if entry.key == KEY]
    kept.value = meta.to_json()
    info.FOLDER.mkdir(exist_ok=True)
    with replacing(record.weights_of(name)) as file:
        file.write(model.SerializeToString())
    scores.keep(name, measured, meta, job.revision)


def _measure(weights: Path, name: str, job: record.Job, *, whole: bool = True) -> scores.Measured:
    photo = name.rpartition("-x")[0].endswith(info.PHOTO)
    return (scores.measure if whole else scores.of_validation)(weights, photo, job.threads)


if __name__ == "__main__":
    sys.exit(main())
