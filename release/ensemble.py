"""What the self-ensemble adds and costs: every shipped network with and without it, on Set5 and Set14.

    python release/ensemble.py                    # everything that ships
    python release/ensemble.py mssn-s-x2 ...      # only these

Runs the shipped .onnx files through OpenVINO (in bf16 where the processor has it) and writes
paper/results/ensemble.json. What is known of the present files is not measured again. Needs MSSN_DATA.
"""

from __future__ import annotations

import sys

import record

from mssn.api import load_tiled
from mssn.score.evaluate import evaluate

SETS = ("Set5", "Set14")


def main() -> int:
    """Command line."""
    return record.command("ensemble", __doc__, measure)


def measure(name: str, job: record.Job) -> str | None:
    """Score a network with and without the self-ensemble.

    Returns:
        What was done, for people; None if it is known of the present file.
    """
    table = record.Table(record.RESULTS / "ensemble.json")
    weights = record.weights_of(name)
    if table.numbers(name, [weights]) and not job.force:
        return None
    alone, together = (
        [evaluate(load_tiled(weights, ensemble=on, threads=job.threads).runtime, data) for data in SETS]
        for on in (False, True)
    )
    seconds = [
        sum(score.seconds for report in reports for score in report.scores) for reports in (alone, together)
    ]
    numbers = {
        "psnr": {data: round(report.mean.psnr, 4) for data, report in zip(SETS, alone, strict=True)},
        "gain": {
            data: round(after.mean.psnr - before.mean.psnr, 4)
            for data, before, after in zip(SETS, alone, together, strict=True)
        },
        "times_as_long": round(seconds[1] / seconds[0], 1),
    }
    table.keep(name, numbers, [weights], job.revision)
    return f"gains {numbers['gain']}, takes {numbers['times_as_long']} times as long"


if __name__ == "__main__":
    sys.exit(main())
