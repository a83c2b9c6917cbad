"""What decides whether weights ship: scores on validation pictures; benchmarks only stop a loss.

What ships is chosen on pictures that no benchmark holds, so that a choice cannot flatter the benchmarks. All
weights are measured on the validation pictures, on their halves and on drawn pictures that no training has
seen, those for photographs also on compressed and noisy ones, and on drawn ones that were scanned.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import record

from mssn.image.compression import LEAST
from mssn.image.find import find_images
from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import crop_to_multiple, shrink
from mssn.image.write import write
from mssn.lab.draw.pairs import Drawing
from mssn.models import info
from mssn.models.meta import Meta
from mssn.runtime.plan import Plan, plan_for
from mssn.score.degrade import by_name
from mssn.score.evaluate import Engine, Report, engine_for, evaluate, to_json
from mssn.score.folders import locate
from mssn.score.metrics import psnr_rgb
from mssn.upscaling.dial import in_steps
from mssn.upscaling.tiled import enlarge

MAX_LOSS = 0.02  # dB that new weights may lose on a benchmark
SAME = 0.005  # dB that a file made anew of the same weights may lose anywhere; what breaks shows as far more
DRAWN, DRAWN_SEED = 24, 1_000_003  # pairs, and a seed that no training has
COMPRESSED = ("jpeg:95", "jpeg:75", "jpeg:50")
DEGRADED = (*COMPRESSED, "double:75", "noise:5")


@dataclass(frozen=True)
class Measured:
    """Scores of one weights file.

    Args:
        runtime: Runtime and precision that were scored (`runtime_of`).
        validation: How the pictures were made ("clean", "halved", "jpeg:75") -> mean PSNR, dB.
        cells: The same of each benchmark, and for weights for photographs of Set14 compressed.
        reports: All scores on the clean benchmarks; empty when read from a result.
    """

    runtime: str
    validation: dict[str, float]
    cells: dict[str, float]
    reports: tuple[Report, ...] = ()

    @property
    def table(self) -> dict[str, dict[str, float]]:
        """Benchmark -> {"psnr", "ssim"}, as weights files keep them."""
        return {
            report.data: {"psnr": round(report.mean.psnr, 4), "ssim": round(report.mean.ssim, 5)}
            for report in self.reports
        }


def runtime_of(plan: Plan) -> str:
    """Runtime and precision of a plan, as results keep them: "openvino bf16"."""
    return f"{plan.runtime} {plan.precision}"


def of_validation(weights: Path, photo: bool, threads: int | None) -> Measured:
    """Score an .onnx file as `measure` does, but not on whole benchmarks."""
    plan = plan_for(weights)
    runtime = engine_for(weights, threads=threads)
    validation = {
        "clean": _psnr(runtime, "validation"),
        "halved": _halved(runtime),
        "drawn": _drawn(runtime),
    }
    cells = {f"Set14 {how}": _psnr(runtime, "Set14", how) for how in COMPRESSED if photo}
    return Measured(runtime_of(plan), validation, cells)


def measure(weights: Path, photo: bool, threads: int | None) -> Measured:
    """Score an .onnx file through the runtime that users get.

    Args:
        weights: The file.
        photo: Whether it is made for photographs as they are stored.
        threads: Processor cores; None for all.

    Raises:
        DataError: The benchmarks or the validation pictures are missing.
    """
    plan = plan_for(weights)
    runtime = engine_for(weights, threads=threads)
    validation = {
        "clean": _psnr(runtime, "validation"),
        "halved": _halved(runtime),
        "drawn": _drawn(runtime),
    }
    reports = tuple(evaluate(runtime, name) for name in info.BENCHMARKS)
    cells = {report.data: round(report.mean.psnr, 4) for report in reports}
    if photo:
        validation |= {how: _psnr(runtime, "validation", how) for how in DEGRADED}
        validation["drawn, scanned"] = _drawn(runtime, "scan")
        cells |= {f"Set14 {how}": _psnr(runtime, "Set14", how) for how in COMPRESSED}
    return Measured(runtime_of(plan), validation, cells, reports)


def why_not_ship(old: Measured, new: Measured, named: Collection[str] = ()) -> str:
    """Why new weights must not replace those that ship; empty if they may.

    Args:
        old: Those that ship.
        new: Those that may.
        named: Cells that may lose, because somebody said so.
    """
    change = sum(new.validation[way] - old.validation[way] for way in new.validation) / len(new.validation)
    if change <= 0:
        return f"not better than the weights that ship on validation pictures ({change:+.4f} dB)"
    return _lost({cell: psnr for cell, psnr in new.cells.items() if cell not in named}, old.cells, MAX_LOSS)


def lost(old: Measured, new: Measured) -> dict[str, float]:
    """The cells that new weights lose on, more than they may without being named, and what, dB."""
    change = {cell: round(new.cells[cell] - old.cells[cell], 4) for cell in new.cells if cell in old.cells}
    return {cell: gain for cell, gain in change.items() if gain < -MAX_LOSS - 1e-9}


def why_not_same(old: Measured, new: Measured) -> str:
    """Why a file made anew of the same weights must not replace the old one; empty if it may.

    Only what both were measured on counts: the weights are the same but for rounding, so that two sets of
    pictures show whether something went wrong.
    """
    return _lost(new.validation | new.cells, old.validation | old.cells, SAME)


def kept(name: str) -> Measured | None:
    """The scores in paper/results, if they are of the shipped file and of the runtime that users get here."""
    result, weights = stored(name), record.weights_of(name)
    if "validation" not in result or result["files"] != record.hashes([weights]):
        return None
    runtime = runtime_of(plan_for(weights))
    return Measured(runtime, result["validation"], result["cells"]) if result["runtime"] == runtime else None


def stored(name: str) -> dict[str, Any]:
    """The scores of a network in paper/results, of whatever file they are; empty if there are none."""
    path = record.RESULTS / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def keep(
    name: str, measured: Measured, meta: Meta, revision: str, lost: dict[str, float] | None = None
) -> None:
    """Write the scores of the file that ships now to paper/results/MODEL-xSCALE.json.

    Without reports, the benchmark scores that stand there are kept, and it says so.

    Args:
        name: MODEL-xSCALE.
        measured: Its scores.
        meta: Its description.
        revision: Commit of the code that measured.
        lost: Cells that it lost on, against the weights before, and what, dB; default what stands there.
    """
    lost = stored(name).get("lost", {}) if lost is None else lost
    if measured.reports:
        benchmarks = to_json(list(measured.reports), name)
    else:
        before = stored(name)
        benchmarks = {**before, "kept": "benchmark scores, of the same weights in an older file"}
        psnr = {data: round(found["mean"]["psnr"], 4) for data, found in before["data"].items()}
        measured = replace(measured, cells=measured.cells or psnr)
    result = {
        **benchmarks,
        "runtime": measured.runtime,
        "commit": revision,
        "files": record.hashes([record.weights_of(name)]),
        "validation": measured.validation,
        "cells": measured.cells,
        "lost": lost,
        "meta": asdict(meta),
    }
    record.write_json(record.RESULTS / f"{name}.json", result)


def _lost(new: dict[str, float], old: dict[str, float], allowed: float) -> str:
    if not new.keys() & old.keys():
        return ""
    worst = min(new.keys() & old.keys(), key=lambda cell: new[cell] - old[cell])
    loss = old[worst] - new[worst]
    # A result is rounded to 0.0001 dB, so a loss of exactly what is allowed must not fail for its last bit.
    return f"{loss:.4f} dB lost on {worst}, more than {allowed}" if loss > allowed + 1e-9 else ""


def _psnr(runtime: Engine, data: str | Path, how: str = "none") -> float:
    return round(evaluate(runtime, data, degrade=how).mean.psnr, 4)


def _halved(runtime: Engine) -> float:
    """On the validation pictures at half their size: a quarter of the time, and finer detail."""
    with tempfile.TemporaryDirectory() as folder:
        for path in find_images(locate("validation")):
            half = shrink(crop_to_multiple(read_rgb(path), 2), 2)
            write(Path(folder) / f"{path.stem}.png", Picture(half))
        return _psnr(runtime, Path(folder))


def _drawn(engine: Engine, how: str = "none") -> float:
    """RGB PSNR on drawn pictures: small ones as they are drawn, or the large ones shrunk and degraded."""
    opened = cache(engine if callable(engine) else lambda strength: engine)
    scale, make_small, scores = opened(LEAST).scale, by_name(how), list[float]()
    drawing = Drawing(scale, 320 // scale, DRAWN_SEED)
    for number in range(DRAWN):
        drawn, large = drawing.pair(number)
        small, strength = make_small(large, scale, number, drawn if how == "none" else None)
        scores.append(psnr_rgb(enlarge(opened(in_steps(strength)), small), large, scale))
    return round(float(np.mean(scores)), 4)
