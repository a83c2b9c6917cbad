"""The panel that decides: what every setting of the dial `--strength` is worth on what people enlarge.

    python release/panel.py                        # every network that ships and is told
    python release/panel.py mssn-s-photo-x2        # only this one
    python release/panel.py mssn-s-photo-x2 --photo runs/a/weights.safetensors      # others in its place;
                                                   # prints, writes nothing
    python release/panel.py mssn-photo-x3 --part "photographs jpeg:75" "drawn none"       # only these parts

Conditions are photographs of three benchmarks, clean, compressed and noisy; the drawn held-out pictures, as
they are and compressed; those that look like screenshots; and printed pages as scanned. The dial is turned
from 0 (the clean weights alone) to 1, on the middle of 24 photographs and on all drawn pictures, and stands
beside the default of such a file. All photographs are enlarged by bicubic, by the clean weights and at the
default.

Photographs are scored by PSNR on Y, drawn pictures by RGB PSNR and overshoot, with bicubic and Lanczos beside
them. Each number is written to paper/results/panel.json when it is there; what is known of the present files
is not measured again. Needs MSSN_DATA.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import compress
from pathlib import Path
from typing import Any

import heldout
import numpy as np
import record
from degraded import photo_names, weights_of
from panel_cases import (
    CONDITIONS,
    SETS,
    Case,
    Condition,
    Score,
    bicubic,
    by_luma,
    photographs,
)

from mssn.api import load_tiled
from mssn.errors import MssnError
from mssn.image.compression import LEAST
from mssn.runtime.base import Runtime
from mssn.upscaling.blend import Blend
from mssn.upscaling.dial import in_steps, share_of_photo
from mssn.upscaling.tiled import enlarge

DIAL = (0.0, LEAST / 2, LEAST, *(n / 10 for n in range(2, 11)))
told_names = partial(photo_names, told=True)


class Networks:
    """A model's two networks of one scale, opened at any setting.

    Args:
        clean: Weights for clean pictures.
        photo: Weights that are told how strongly a picture is degraded.
        threads: Processor cores; None for all.
    """

    def __init__(self, clean: Path, photo: Path, threads: int | None) -> None:
        self.threads = threads
        self._clean = load_tiled(clean, threads=threads).runtime
        self._photo = lru_cache(32)(lambda at: load_tiled(photo, threads=threads, strength=at).runtime)
        self.scale = self._clean.scale

    def at(self, strength: float) -> Runtime:
        """What enlarges at a strength, 0..1."""
        if strength == 0:
            return self._clean
        photo, share = self._photo(max(strength, LEAST)), share_of_photo(strength, told=True)
        return photo if share == 1 else Blend(self._clean, photo, share)

    def each(self, cases: Sequence[Case], of: Callable[[Case], Score]) -> list[Score]:
        """A score of each picture."""
        with ThreadPoolExecutor(self.threads or os.cpu_count() or 1) as pool:
            return list(pool.map(of, cases))

    def enlarged(self, strength: float) -> Callable[[Case], np.ndarray]:
        """What a picture becomes at a strength."""
        runtime = self.at(strength)
        return lambda case: enlarge(runtime, case.small)


def main() -> int:
    """Command line."""
    parser = record.parser(__doc__)
    parser.add_argument("networks", nargs="*", metavar="MODEL-photo-xSCALE")
    parser.add_argument(
        "--photo", type=Path, metavar="FILE", help="weights in place of the one that is named"
    )
    parts = [part for condition in CONDITIONS for part in condition.parts]
    parser.add_argument(
        "--part", nargs="+", choices=parts, default=parts, metavar="PART", help=", ".join(parts), dest="parts"
    )
    arguments = parser.parse_args()
    try:
        if arguments.photo:
            if len(arguments.networks) != 1:
                raise MssnError("name the one network that --photo stands for, such as mssn-s-photo-x2")
            try_out(arguments.networks[0], arguments.photo, arguments.threads, arguments.parts)
            return 0
        job = record.Job(record.revision(arguments.dirty), arguments.threads, arguments.force)
        for name in told_names(record.named(arguments.networks)):
            print(name, measure(name, job, arguments.parts) or "all is known", flush=True)
    except MssnError as error:
        print(f"panel: {error}", file=sys.stderr)
        return 2
    return 0


def measure(name: str, job: record.Job, parts: Collection[str] | None = None) -> str | None:
    """What is not known yet about a network that ships.

    Args:
        name: MODEL-photo-xSCALE.
        job: `force` measures also what is known.
        parts: Parts of the panel; None for all.

    Returns:
        What was done, for people; None if all is known.
    """
    table, weights = record.Table(record.RESULTS / "panel.json"), weights_of(name)
    numbers: dict[str, Any] = {} if job.force else table.numbers(name, weights)
    networks = Networks(weights[1], weights[0], job.threads)
    done = 0
    for kind, key, found in missing(networks, numbers, known_of(name), parts):
        numbers.setdefault(kind, {})[key] = found
        table.keep(name, _in_order(numbers), weights, job.revision)
        print(f"{name} {kind} {key}: {said(kind, found)}", flush=True)
        done += 1
    return f"measured {done} numbers" if done else None


def try_out(name: str, photo: Path, threads: int | None, parts: Collection[str] | None = None) -> None:
    """Measure other weights in the place of a network, and print."""
    import ship  # here, so that what else uses this file needs no PyTorch

    record.named([name])
    with tempfile.TemporaryDirectory() as folder:
        path = photo if photo.suffix == ".onnx" else ship.write(photo, Path(folder))[0]
        networks = Networks(weights_of(name)[1], path, threads)
        for kind, key, found in missing(networks, {}, known_of(name), parts):
            print(f"{photo} {kind} {key}: {said(kind, found)}", flush=True)


def known_of(name: str) -> dict[str, Any]:
    """What is known of all photographs with the present clean weights, whatever those told were or are."""
    clean = record.hashes(weights_of(name)[1:]).items()
    tables = record.Table(record.RESULTS / "degraded.json"), record.Table(record.RESULTS / "panel.json")
    same = [
        table.models.get(name, {}) if clean <= table.files.get(name, {}).items() else {} for table in tables
    ]
    return same[0] | same[1].get("photographs", {})


def missing(
    networks: Networks, numbers: dict[str, Any], known: dict[str, Any], parts: Collection[str] | None = None
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Measure what is not among the numbers.

    Args:
        networks: What is measured.
        numbers: Kind -> key -> what is known of it.
        known: Of all photographs, with the same clean weights.
        parts: Parts of the panel; None for all.

    Yields:
        Kind, key and what was found, one by one.
    """
    drawn = heldout.fingerprint(heldout.pairs(networks.scale))
    turned = numbers.get("dial", {})
    for condition in CONDITIONS:
        if parts is not None and not condition.parts.keys() & parts:
            continue
        if any(turned.get(part, {}).get("drawn") != drawn for part in condition.parts):
            for part, found in turn(networks, condition).items():
                yield "dial", part, {**found, "drawn": drawn}
        (part, *_) = condition.parts
        how = part.removeprefix("photographs ")
        if how != part and how not in numbers.get("photographs", {}):
            yield "photographs", how, {data: of_all(networks, data, how, known) for data in SETS}


def _in_order(numbers: dict[str, Any]) -> dict[str, Any]:
    """Parts in the order of the panel, whenever each was measured."""
    order = [part for condition in CONDITIONS for part in condition.parts]
    places = {part.removeprefix(f"{kind} "): place for place, part in enumerate(order) for kind in numbers}
    return {
        kind: dict(sorted(found.items(), key=lambda item: places[item[0]])) for kind, found in numbers.items()
    }


def turn(networks: Networks, condition: Condition) -> dict[str, dict[str, Any]]:
    """Mean scores of each part at the default, at every setting of the dial, and without a network."""

    def scores(way: Callable[[Case], np.ndarray]) -> list[Score]:
        return networks.each(cases, lambda case: condition.score(way(case), case))

    cases = condition.cases(networks.scale)
    default = default_of(cases)
    settings = {at: scores(networks.enlarged(at)) for at in sorted({*DIAL, default})}
    floor = scores(condition.floor)
    found: dict[str, dict[str, Any]] = {}
    for part, kinds in condition.parts.items():
        mean = partial(_mean, chosen=[case.kind in kinds for case in cases])
        found[part] = {
            "default": default,
            "at_default": mean(settings[default]),
            "floor": mean(floor),
            "settings": {f"{at:g}": mean(settings[at]) for at in DIAL},
        }
    return found


def default_of(cases: Sequence[Case]) -> float:
    """Where the dial stands for such files by itself."""
    return in_steps(cases[0].strength)


def of_all(networks: Networks, data: str, how: str, known: dict[str, Any]) -> Score:
    """PSNR of bicubic, of the clean weights and of the default, on all photographs of a benchmark."""
    cases = photographs(data, how, networks.scale)

    def psnr(way: Callable[[Case], np.ndarray]) -> float:
        return _mean(networks.each(cases, lambda case: by_luma(way(case), case)))["psnr"]

    before = known.get(how, {}).get(data, {})
    return {
        "bicubic": before.get("bicubic") or psnr(bicubic),
        "clean": before.get("clean") or psnr(networks.enlarged(0)),
        "default": psnr(networks.enlarged(default_of(cases))),
    }


def _mean(scores: list[Score], chosen: Sequence[bool] | None = None) -> Score:
    """By name, over all or those chosen."""
    counted = list(compress(scores, chosen or [True] * len(scores)))
    return {name: round(float(np.mean([score[name] for score in counted])), 5) for name in counted[0]}


def said(kind: str, found: dict[str, Any]) -> str:
    """What was found, in a line."""
    if kind == "dial":
        default, floor = found["at_default"]["psnr"], found["floor"]["psnr"]
        best = max(found["settings"], key=lambda at: found["settings"][at]["psnr"])
        top = found["settings"][best]["psnr"]
        return (
            f"default {found['default']:.2f} {default:.3f} ({default - floor:+.3f}), "
            f"best {best} {top:.3f} ({default - top:+.3f})"
        )
    default, clean = (
        np.mean([row[way] - row["bicubic"] for row in found.values()]) for way in ("default", "clean")
    )
    return f"over bicubic {default:+.3f}, clean weights {clean:+.3f}"


if __name__ == "__main__":
    sys.exit(main())
