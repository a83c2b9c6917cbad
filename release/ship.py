"""Put trained weights into the package, with their scores.

    python release/ship.py runs/NAME/weights.safetensors
    python release/ship.py runs/NAME/weights.safetensors --commands chain.txt --lose "Set14 jpeg:50"

Shipping writes weights as ONNX (from which `mssn.lab.weights` makes a network that learns again), scores that
file through the runtime that users get (OpenVINO) on validation pictures and on every benchmark under
MSSN_DATA, keeps the scores in the file and in paper/results/MODEL-xSCALE.json, and brings the table of models
up to date. It refuses weights that are not better on validation pictures than those that ship, that lose more
than 0.02 dB on a benchmark that --lose does not name, or that do not know the commit and the commands that
made them. Their int8 file goes; `python release/release.py MODEL-xSCALE` makes the new one and measures
everything else.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", type=Path, help="a .safetensors or .onnx file")
    parser.add_argument(
        "--commands",
        type=Path,
        metavar="FILE",
        help="the commands that made them, one a line, in place of those that the weights know",
    )
    parser.add_argument("--data", default="", help="what they learnt from, in place of what the file says")
    parser.add_argument(
        "--lose",
        action="append",
        default=[],
        metavar="CELL",
        help="a benchmark that may lose: 'Set14 jpeg:50'",
    )
    parser.add_argument(
        "--threads", type=record.positive, metavar="N", help="processor cores to use; default all"
    )
    given = parser.parse_args()
    try:
        if "MSSN_DATA" not in os.environ:
            raise MssnError("set MSSN_DATA to the folder that holds validation and benchmarks/Set5")
        job = record.Job(record.revision(), given.threads)
        commands = _lines(given.commands) if given.commands else ()
        print(ship(given.weights, job, commands, given.data, given.lose))
        manifest.write_manifest()
    except MssnError as error:
        print(f"ship: {error}", file=sys.stderr)
        return 2
    return 0


def ship(
    weights: Path, job: record.Job, commands: tuple[str, ...] = (), data: str = "", lose: Sequence[str] = ()
) -> str:
    """Score and install one weights file.

    Args:
        weights: A .safetensors file, or an .onnx file of an MSSN.
        job: How to measure.
        commands: What made them, in place of what the file knows.
        data: What they learnt from, in words, in place of what the file says.
        lose: Benchmarks that may lose.

    Returns:
        What was done, for people.

    Raises:
        WeightsError: The file cannot be used.
        MssnError: It scores lower than what ships, or nobody could make it again.
    """
    with tempfile.TemporaryDirectory() as folder:
        fresh, meta = write(weights, Path(folder), commands, data)
        if not meta.commands:
            raise MssnError(f"{weights}: does not know the commands that made it; --commands FILE tells them")
        if not meta.commit or meta.commit.endswith("-dirty"):
            raise MssnError(f"{weights}: was trained by code that is not committed; train with what is")
        name = f"{meta.model}-x{meta.scale}"
        new, lost = _measure(fresh, name, job), dict[str, float]()
        if record.weights_of(name).exists():
            old = scores.kept(name)
            if (
                old is None
                or new.validation.keys() - old.validation.keys()
                or new.cells.keys() - old.cells.keys()
            ):
                old = _measure(record.weights_of(name), name, job)
            if why := scores.why_not_ship(old, new, lose):
                raise MssnError(f"{name}: {why}; kept those that ship")
            lost = scores.lost(old, new)
        install(fresh, meta, new, job, lost)
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


def write(weights: Path, folder: Path, commands: tuple[str, ...] = (), data: str = "") -> tuple[Path, Meta]:
    """Write MODEL-xSCALE.onnx as it ships: half precision, and described in the present format.

    Args:
        weights: A .safetensors or .onnx file.
        folder: Where it goes; must exist.
        commands: What made the weights, in place of what the file knows.
        data: What the weights learnt from, in place of what the file says.

    Returns:
        The file, and its description.
    """
    net, meta = load_network(weights)
    meta = replace(
        meta, commands=commands or meta.commands, data=data or meta.data, licence=LICENCE, format=FORMAT
    )
    path = folder / f"{meta.model}-x{meta.scale}.onnx"
    write_onnx(net, meta, path, half=True)
    return path, meta


def install(
    fresh: Path, meta: Meta, measured: scores.Measured, job: record.Job, lost: dict[str, float] | None = None
) -> None:
    """Ship a file that `write` made, with its scores in it and in paper/results.

    Only the description is written anew, so that the network which ships is the one that was scored.

    Args:
        fresh: The file.
        meta: Its description.
        measured: Its scores.
        job: Of which commit.
        lost: See `scores.keep`.
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
    scores.keep(name, measured, meta, job.revision, lost)


def _lines(path: Path) -> tuple[str, ...]:
    try:
        return tuple(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise MssnError(f"{path}: cannot be read ({error})") from error


def _measure(weights: Path, name: str, job: record.Job, *, whole: bool = True) -> scores.Measured:
    photo = name.rpartition("-x")[0].endswith(info.PHOTO)
    return (scores.measure if whole else scores.of_validation)(weights, photo, job.threads)


if __name__ == "__main__":
    sys.exit(main())
