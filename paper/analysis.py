"""The paper's model analysis: Tables 1 to 3, Figure 6, and what it only asserts, measured.

Made from paper/results/ablation-*.json (`mssn ablate paper/plans/NAME.toml --json ...`),
gradients.json (paper/gradients.py) and the weights that ship; what was not run yet is left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import page
from comparison import RESULTS
from experiments import experiment, experiment_names, rows, title
from matplotlib import pyplot
from matplotlib.axes import Axes

from mssn.lab.nets.blocks import MAWRU
from mssn.lab.nets.mssn import MSSN
from mssn.lab.weights import load_network
from mssn.models import info

matplotlib.use("svg")
_DARK, _LIGHT = "#b03a2e", "#8fb3d9"  # 0.33 and 0.68 in grey
_ORDER = ("same-budget", "table-1", "table-2", "table-3", "figure-6")


def parts(out: Path) -> list[str]:
    """The page's parts on the analysis; their figures go to `out`."""
    names = [*_ORDER, *(name for name in experiment_names() if name not in _ORDER)]
    made = [_table(name) for name in names if experiment(name)]
    if made:
        made.insert(0, "<h1>Why it works</h1><p>Mean over seeds ± half of the spread, dB.</p>")
    if experiment("figure-6"):
        trade_off(out / "figure-6")
        made.append(
            page.figure("figure-6", "Figure 6: PSNR on Set14 at x4 against parameters and Mult-Adds.")
        )
    if experiment("weight-norm"):
        convergence(out / "weight-norm")
        made.append(
            page.figure("weight-norm", "Validation PSNR while learning, with and without weight norm.")
        )
    if (RESULTS / "gradients.json").exists():
        gradients(out / "gradients")
        made.append(page.figure("gradients", "Gradient norm of each unit, with and without AWSSC."))
    learnt_scales(out / "scales")
    made.append(page.figure("scales", "Learnt scales of the shipped x2 weights, by depth; all start at 1."))
    return made


def _table(name: str) -> str:
    head, found = rows(name)
    return page.table(title(name), head, [("", row) for row in found])


def trade_off(stem: Path) -> None:
    """Figure 6: expand ratios (dots) and numbers of blocks (diamonds) against both costs."""
    result = experiment("figure-6")
    assert result is not None
    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4.2), sharey=True)
    costs = (("parameters", 1e3, "parameters, thousands"), ("mult_adds", 1e9, "Mult-Adds, billions"))
    for axes, (cost, unit, label) in zip(panels, costs, strict=True):
        for kind, mark, colour in (("er", "o", _DARK), ("cb", "D", _LIGHT)):
            # The base has an expand ratio of 2 and 4 blocks, and belongs to both lines.
            names = [arm for arm in result["arms"] if arm.startswith(kind) or arm == "er-2"]
            rows = {arm: result["arms"][arm] for arm in names if "psnr" in result["arms"][arm]}
            places = sorted(
                (row[cost] / unit, row["psnr"]["Set14"]["mean"], arm) for arm, row in rows.items()
            )
            spread = [rows[arm]["psnr"]["Set14"]["spread"] / 2 for _, _, arm in places]
            x, y = [place[0] for place in places], [place[1] for place in places]
            name = "expand ratio (ER)" if kind == "er" else "blocks (CB)"
            axes.errorbar(
                x, y, spread, marker=mark, color=colour, markeredgecolor="black", label=name, capsize=3
            )
            for left, height, arm in places:
                if arm.startswith(kind):
                    text = arm.upper().replace("-", " ")
                    axes.annotate(text, (left, height), (4, -11), textcoords="offset points", fontsize=8)
        axes.set_xlabel(label)
    panels[0].set_ylabel("PSNR on Set14, x4, dB")
    panels[0].legend(frameon=False)
    _save(figure, stem)


def convergence(stem: Path) -> None:
    """Validation PSNR by update for the arms of `weight-norm`."""
    result = experiment("weight-norm")
    assert result is not None
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for arm, row in result["arms"].items():
        if "curve" not in row:
            continue
        updates, psnr = zip(*row["curve"], strict=True)
        colour = _DARK if arm.startswith("wn") else _LIGHT
        label = ("weight norm" if arm.startswith("wn") else "none") + (
            ", 4e-3" if "4e-3" in arm else ", 1e-3"
        )
        axes.plot(
            updates, psnr, color=colour, linestyle="--" if "4e-3" in arm else "-", marker="o", label=label
        )
    axes.set(xlabel="updates", ylabel="validation PSNR, x4, dB")
    axes.legend(frameon=False, title="learning rate")
    _save(figure, stem)


def gradients(stem: Path) -> None:
    """Norm of the gradient for each unit's weights, by depth (paper/gradients.py)."""
    result = json.loads((RESULTS / "gradients.json").read_text())
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for arm, norms in result["norms"].items():
        for when, style in (("start", "--"), ("end", "-")):
            state = "at the start" if when == "start" else "trained"
            label = f"{'with' if arm == 'mssn' else 'without'} AWSSC, {state}"
            colour = _DARK if arm == "mssn" else _LIGHT
            depths = range(1, len(norms[when]) + 1)
            axes.plot(depths, norms[when], style, color=colour, marker="o", markersize=4, label=label)
    axes.set(xlabel="unit, first to last", ylabel="norm of the gradient", yscale="log")
    axes.legend(frameon=False)
    _save(figure, stem)


def learnt_scales(stem: Path) -> None:
    """Values of every learnt scale of the x2 weights that ship, by depth."""
    figure, panels = pyplot.subplots(1, 3, figsize=(12, 3.8), sharey=True)
    for axes, model in zip(panels, ("mssn-s", "mssn-m", "mssn"), strict=True):
        net, _ = load_network(info.FOLDER / f"{model}-x2.onnx")
        assert isinstance(net, MSSN)
        _scales_of(axes, net)
        axes.set(title=model, xlabel="unit, first to last")
        axes.axhline(1, color="black", linewidth=0.5)
    panels[0].set_ylabel("learnt value")
    panels[0].legend(frameon=False, fontsize=8)
    _save(figure, stem)


def _scales_of(axes: Axes, net: MSSN) -> None:
    units = [unit.scales for block in net.body for unit in block.units if isinstance(unit, MAWRU)]
    depths = range(1, len(units) + 1)
    axes.plot(
        depths, [mu.residual.item() for mu in units], "o-", color=_DARK, markersize=4, label="unit: branch"
    )
    axes.plot(
        depths, [mu.identity.item() for mu in units], "o-", color=_LIGHT, markersize=4, label="unit: input"
    )
    ends = [len(units) // len(net.skips) * (number + 1) + 0.5 for number in range(len(net.skips))]
    for name, colour, label in (
        ("residual", _DARK, "AWSSC: block"),
        ("identity", _LIGHT, "AWSSC: source"),
    ):
        values = [getattr(mu, name).item() for mu in net.skips]
        axes.plot(ends, values, "D", color=colour, markeredgecolor="black", label=label)


def _save(figure: Any, stem: Path) -> None:
    for axes in figure.axes:
        axes.grid(alpha=0.25)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.tight_layout()
    for ending in (".png", ".svg"):
        figure.savefig(stem.with_suffix(ending), dpi=160)
    pyplot.close(figure)
