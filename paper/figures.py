"""Figure 1: quality against cost, printed and measured, legible without colour."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
from comparison import NAMES, counts, measured, printed
from matplotlib import pyplot
from matplotlib.axes import Axes

_OURS = ("mssn-s", "mssn-m", "mssn")
_DARK, _LIGHT = "#b03a2e", "#8fb3d9"  # 0.33 and 0.68 in grey


def mult_adds(folder: Path) -> list[Path]:
    """Figure 1: PSNR on Set5 at x2 against Mult-Adds, the area of a dot its parameters."""
    figure, axes = pyplot.subplots(figsize=(7.5, 4.8))
    for name, row in printed().items():
        model, _, scale = name.rpartition("-x")
        if scale != "2":
            continue
        ours = model in _OURS
        _dot(axes, row["mult_adds"], row["Set5"][0], row["parameters"], _LIGHT, NAMES[model], bold=ours)
    for name, scores in measured().items():
        model, _, scale = name.rpartition("-x")
        if scale != "2":
            continue
        parameters, operations = counts(model, 2)
        row = printed()[name]  # a line leads from the printed dot to the measured one
        ends = [row["mult_adds"], operations / 1e9], [row["Set5"][0], scores["Set5"][0]]
        axes.plot(*ends, color="0.4", linewidth=0.8, zorder=0)
        _dot(axes, operations / 1e9, scores["Set5"][0], parameters / 1e3, _DARK, None, bold=True)
    for colour, label in ((_LIGHT, "as the paper prints it"), (_DARK, "measured here")):
        axes.scatter([], [], s=60, color=colour, edgecolors="black", linewidths=0.6, label=label)
    axes.legend(loc="lower right", frameon=False, title="area: parameters")
    axes.set(xscale="log", xlabel="Mult-Adds for 1280x720, billions", ylabel="PSNR on Set5, x2, dB")
    return _save(figure, folder / "figure-1")


def _dot(
    axes: Axes, x: float, y: float, thousands: float, colour: str, label: str | None, *, bold: bool
) -> None:
    axes.scatter(x, y, s=12 + thousands / 4, color=colour, edgecolors="black", linewidths=0.6, alpha=0.9)
    if label:
        weight = "bold" if bold else "normal"
        axes.annotate(label, (x, y), (6, 5), textcoords="offset points", fontsize=8, fontweight=weight)


def _save(figure: pyplot.Figure, stem: Path) -> list[Path]:  # pyright: ignore[reportPrivateImportUsage]
    for side in ("top", "right"):
        figure.axes[0].spines[side].set_visible(False)
    figure.axes[0].grid(alpha=0.25)
    figure.tight_layout()
    paths = [stem.with_suffix(ending) for ending in (".png", ".svg")]
    for path in paths:
        figure.savefig(path, dpi=160)
    pyplot.close(figure)
    return paths
