"""How fast is training? Updates a second of the real loop, data included, and the share data takes.

    python benchmarks/training.py [--model mssn-s] [--scale 2] [--updates 150] [--set key=value ...]

Uses the pictures of the `base` recipe (MSSN_DATA); any other folder: --set train=FOLDER.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

import torch
from common import report

from mssn.train.recipe import load_recipe
from mssn.train.session import prepare


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="mssn-s")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--updates", type=int, default=150)
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    settings = [f"model={options.model}", f"scale={options.scale}", "validate_every=0", *options.set]
    recipe = load_recipe("base", settings)
    with tempfile.TemporaryDirectory() as folder:
        trainer, _ = prepare(recipe, Path(folder))
        seen: list[tuple[float, float]] = []
        trainer.run(stop_after=options.updates, watch=lambda s: seen.append((s.speed, s.data_share)))
    seen = sorted(seen[1:])  # the first stretch warms up
    speed, share = seen[len(seen) // 2]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    name = f"training-{options.model}-x{options.scale}-{trainer.device.type}"
    report(
        name,
        {
            "batch": recipe.batch,
            "patch": recipe.patch,
            "precision": recipe.precision,
            "updates_per_second": round(speed, 2),
            "patches_per_second": round(speed * recipe.batch, 1),
            "data_share": round(share, 4),
            "peak_memory_mib": round(memory),
            "threads": torch.get_num_threads(),
        },
    )


if __name__ == "__main__":
    main()
