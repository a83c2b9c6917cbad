"""What the self-ensemble adds and costs: every shipped network with and without it, on Set5 and Set14.

    python paper/ensemble.py                    # everything that ships
    python paper/ensemble.py mssn-s-x2 ...      # only these; the other results stay

Writes paper/results/ensemble.json. Needs MSSN_DATA; runs what users run (OpenVINO, --precision auto).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mssn import provenance
from mssn.api import load_tiled
from mssn.models import info
from mssn.score.evaluate import evaluate

RESULT = Path(__file__).parent / "results" / "ensemble.json"
SETS = ("Set5", "Set14")


def main() -> None:
    """Score and write."""
    rows = json.loads(RESULT.read_text())["models"] if RESULT.exists() else {}
    shipped = {f"{row.model}-x{row.scale}": row for row in info.list_models() if row.weights}
    for name in sys.argv[1:] or shipped:
        row = shipped[name]
        means = {}
        for ensemble in (False, True):
            runtime = load_tiled(row.model, row.scale, ensemble=ensemble).runtime
            means[ensemble] = {data: evaluate(runtime, data).mean for data in SETS}
        rows[name] = {
            "psnr": {data: round(means[False][data].psnr, 4) for data in SETS},
            "gain": {data: round(means[True][data].psnr - means[False][data].psnr, 4) for data in SETS},
            "times_as_long": round(
                sum(means[True][data].seconds for data in SETS)
                / sum(means[False][data].seconds for data in SETS),
                1,
            ),
        }
        print(name, rows[name], flush=True)
    result = {
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        "models": {name: rows[name] for name in shipped if name in rows},
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
