"""Write the tables of README.md and docs from the result files.

python paper/tables.py            # rewrites what stands between <!-- NAME --> and <!-- /NAME -->
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

import beside_part
import cluster_part
import consistency_part
import drawn_part
import page_part
import panel_part
import parts

ROOT = parts.ROOT
# Which part stands between which marks; <!-- experiment NAME --> may stand anywhere in these pages.
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"scores": parts.short_scores, "speed": parts.short_speed},
    "docs/scores.md": {
        "scores": parts.scores,
        "photo_scores": parts.photo_scores,
        "ensemble": parts.ensemble,
    },
    "docs/speed.md": {
        "speed": parts.speed,
        "kernels": parts.kernels,
        "startup": parts.startup,
        "memory": parts.memory,
        "doubled": beside_part.doubled,
        "quadrupled": beside_part.quadrupled,
        "left_out": beside_part.left_out,
        "sizes": beside_part.sizes,
        "tiles": beside_part.tiles,
    },
    "docs/page.md": {
        "loaded": page_part.loaded,
        "start": page_part.start,
        "speed": page_part.speed,
        "kernels": page_part.kernels,
        "painting": page_part.painting,
        "phone": page_part.phone,
    },
    "docs/cluster.md": {"cluster": cluster_part.costs, "estimate": cluster_part.estimate},
    "docs/training.md": {"weights": parts.weights, "training": parts.training},
    "docs/precision.md": {"precision": parts.precision, "few_bits": parts.few_bits},
    "docs/networks.md": {"published": parts.published},
    "docs/photos.md": {
        "panel": panel_part.photographs,
        "panel_drawn": panel_part.drawn,
        "consistency": consistency_part.consistency,
        "photos": parts.photos,
    },
    "docs/drawn.md": {"drawn": drawn_part.drawn},
    "docs/analysis.md": {"gradients": parts.gradients},
}


def fill(page: str) -> str:
    """The text of one of the pages in PARTS with its generated parts brought up to date."""
    text = (ROOT / page).read_text()
    for name, make in PARTS[page].items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text, found = re.subn(pattern, lambda m: f"{m[1]}{make()}\n{m[2]}", text, flags=re.DOTALL)  # noqa: B023
        if found != 1:
            raise SystemExit(f"{page} has {found} parts <!-- {name} -->, not one")
    pattern = r"(<!-- experiment (\S+) -->\n).*?(<!-- /experiment -->)"
    return re.sub(pattern, lambda m: f"{m[1]}{parts.experiment(m[2])}\n{m[3]}", text, flags=re.DOTALL)


def main() -> None:
    """Command line."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    for page in PARTS:
        (ROOT / page).write_text(fill(page))


if __name__ == "__main__":
    main()
