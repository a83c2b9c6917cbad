"""Draw benchmarks/results/beside.json: quality against time, legible without colour.

    python benchmarks/plot.py          # benchmarks/beside.py does it, too; needs '.[paper]'

Writes beside.svg and beside.png beside it. This is Figure 2 of `make paper`.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import matplotlib
from common import RESULTS
from matplotlib import pyplot
from matplotlib.axes import Axes

matplotlib.use("svg")
matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "mssn"}  # small files, the same each time
_MARKS = {"bf16": "o", "int8": "s", "fp32": "D", "ONNX Runtime": "^", "PyTorch": "v", "ncnn": "P"}
_DARK, _LIGHT = "#b03a2e", "#8fb3d9"  # 0.33 and 0.68 in grey
_SPLIT = 36  # dB


def draw(result: dict[str, Any]) -> None:
    """PSNR against time at x2, as a share of the baseline's; a name beside the fastest dot of each network.

    Args:
        result: What benchmarks/beside.py reports.
    """
    # Two panels, because what interpolates and what learned lie 3 dB apart, and the networks tenths.
    figure, panels = pyplot.subplots(
        2, 1, figsize=(8, 6), sharex=True, height_ratios=(2, 1), layout="constrained"
    )
    rows = {
        label.replace(" x2", ""): (
            row["cores"][max(row["cores"], key=int)]["times_as_long"],
            row["psnr"]["Set5"],
        )
        for label, row in result["contestants"].items()
        if row["scale"] == 2 and "cores" in row and "psnr" in row
    }
    _panel(panels[0], {label: place for label, place in rows.items() if place[1] >= _SPLIT})
    _panel(panels[1], {label: place for label, place in rows.items() if place[1] < _SPLIT})
    machine, baseline = result["machine"], result["baseline"].replace(" x2", "")
    panels[1].set_xlabel(
        f"times as long as {baseline}, {machine['cores']} cores of {machine['processor']}, 1280x720 result"
    )
    figure.supylabel("PSNR on Set5, x2, dB", fontsize=10)
    used = {_mark(label) for label in rows}
    for label, mark in ((label, mark) for label, mark in (*_MARKS.items(), ("other", "X")) if mark in used):
        style = {"color": "white", "edgecolors": "black", "linewidths": 0.6}
        panels[0].scatter([], [], marker=mark, s=50, label=label, **style)
    for colour, label in ((_DARK, "ours"), (_LIGHT, "others")):
        panels[0].scatter([], [], marker="s", s=50, color=colour, label=label)
    panels[0].legend(loc="lower left", frameon=False, ncols=2, fontsize=9)
    figure.savefig(RESULTS / "beside.svg", metadata={"Date": None})
    figure.savefig(RESULTS / "beside.png", dpi=150)
    pyplot.close(figure)


def _panel(axes: Axes, rows: dict[str, tuple[float, float]]) -> None:
    fastest: dict[str, tuple[float, float]] = {}
    for label, place in rows.items():
        name = label.partition(", ")[0]
        fastest[name] = min(fastest.get(name, place), place)
        colour = _DARK if name.startswith("mssn") else _LIGHT
        axes.scatter(
            *place, marker=_mark(label), s=50, color=colour, edgecolors="black", linewidths=0.6, zorder=3
        )
    for name, place in fastest.items():
        axes.annotate(name, place, (-6, 0), textcoords="offset points", fontsize=9, ha="right", va="center")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(x=0.1, y=0.15)
    axes.grid(visible=True, which="both", linewidth=0.3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _mark(label: str) -> str:
    return next((mark for kind, mark in _MARKS.items() if label.endswith(kind)), "X")


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    draw(json.loads((RESULTS / "beside.json").read_text()))


if __name__ == "__main__":
    main()
