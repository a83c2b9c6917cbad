"""Make everything that ships anew: weight files, int8 files, tables and cards, step by step.

    python release/release.py --all                        # everything
    python release/release.py mssn-s-x2 mssn-s-x3          # what depends on these networks
    python release/release.py --all --only files int8      # only these steps
    python release/release.py --all --skip speed           # all steps but this one

The steps, in order:

    files      every .onnx file, read back as a network and written in the present format; the old one stays
               if the new one scores more than 0.005 dB lower anywhere
    int8       the int8 files, from the weights, the validation pictures and as many drawn ones
    precision  paper/results/precision.json: fp32, bf16, int8, and weights of 8, 6 and 4 bits
    manifest   the table of models, shipped/manifest.json
    degraded   paper/results/degraded.json: weights for photographs, not told, on compressed pictures
    panel      paper/results/panel.json: weights that are told, at every setting of the dial
    drawn      paper/results/drawn.json: drawn pictures, such as text and charts
    speed      benchmarks/upscale.py and benchmarks/beside.py
    ensemble   paper/results/ensemble.json: what the self-ensemble adds and costs
    consistency  paper/results/consistency.json: results shrunk again beside what was enlarged
    tables     the tables of README.md and docs (paper/tables.py)
    cards      docs/models.md and the sizes in docs/files.md

Every result keeps a hash of the file it was measured of. A step leaves out what is known of the present
files, so that a release that was interrupted goes on where it stopped; --force does it again. At the end,
results that are still about other files are listed (`python release/check.py`). Needs MSSN_DATA.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import cards
import check
import consistency
import degraded
import drawn
import ensemble
import manifest
import panel
import precision
import record
import ship
import timing
import torch

from mssn.errors import MssnError

# (network, job) -> what was done, None if there was nothing to do.
PER_NETWORK: dict[str, Callable[[str, record.Job], str | None]] = {
    "files": ship.remake,
    "int8": precision.make_int8,
    "precision": precision.measure,
    "degraded": degraded.measure,
    "panel": panel.measure,
    "drawn": drawn.measure,
    "ensemble": ensemble.measure,
    "consistency": consistency.measure,
}
CHOSEN = {"degraded": degraded.photo_names, "panel": panel.told_names}  # of the networks; others: all
STEPS = (
    "files",
    "int8",
    "precision",
    "manifest",
    "degraded",
    "panel",
    "drawn",
    "speed",
    "ensemble",
    "consistency",
    "tables",
    "cards",
)
NEED_DATA = {"files", "int8", "precision", "degraded", "panel", "speed", "ensemble", "consistency"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: 0 all is done, 1 some step failed or a result is still about other files, 2 bad input."""
    parser = record.parser(__doc__)
    parser.add_argument("networks", nargs="*", metavar="MODEL-xSCALE")
    parser.add_argument("--all", action="store_true", help="every network that ships")
    parser.add_argument("--only", nargs="+", choices=STEPS, default=STEPS, metavar="STEP", help="these steps")
    parser.add_argument("--skip", nargs="+", choices=STEPS, default=(), metavar="STEP", help="not these")
    given = parser.parse_args(arguments)
    try:
        if given.all == bool(given.networks):
            raise MssnError("name networks, such as mssn-s-x2, or say --all")
        steps = [step for step in STEPS if step in given.only and step not in given.skip]
        if NEED_DATA & set(steps) and "MSSN_DATA" not in os.environ:
            raise MssnError("set MSSN_DATA to the folder that holds validation and benchmarks/Set5")
        names = record.named(given.networks)
        job = record.Job(record.revision(given.dirty), given.threads, given.force)
    except MssnError as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    if given.threads:
        torch.set_num_threads(given.threads)
    failures = [failure for step in steps for failure in run(step, names, job)]
    for problem in (*failures, *check.stale(), *check.missing()):
        print(f"release: {problem}", file=sys.stderr)
    return 1 if failures or check.stale() else 0


def run(step: str, names: Sequence[str], job: record.Job) -> list[str]:
    """Run one step; where it fails for one network, the others go on.

    Returns:
        What failed, one line each.
    """
    jobs: dict[str, Callable[[], str | None]]
    if step in PER_NETWORK:
        chosen = CHOSEN.get(step, list)(names)
        jobs = {name: lambda name=name: PER_NETWORK[step](name, job) for name in chosen}
    else:
        jobs = {"": lambda: WHOLE[step](names, job)}
    failures = []
    for name, do in jobs.items():
        try:
            print(step, name, do() or "nothing to do", flush=True)
        except MssnError as error:
            failures.append(f"{step} {name}: {error}")
    return failures


def _tables(names: Sequence[str], job: record.Job) -> str:
    timing.script(record.ROOT / "paper" / "tables.py")
    return "written"


def _manifest(names: Sequence[str], job: record.Job) -> str:
    manifest.write_manifest()
    return "written"


def _cards(names: Sequence[str], job: record.Job) -> str:
    cards.write_pages()
    return "written"


# (networks, job) -> what was done; these steps see to all networks at once.
WHOLE: dict[str, Callable[[Sequence[str], record.Job], str | None]] = {
    "manifest": _manifest,
    "speed": timing.measure,
    "tables": _tables,
    "cards": _cards,
}

if __name__ == "__main__":
    sys.exit(main())
