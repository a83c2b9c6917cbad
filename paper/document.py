"""Regenerate the paper's comparison as one page: paper/out/index.html, with its tables and figures.

    make paper                      # or: python paper/document.py [carn_m.pth]

Tables 4 and 5 and Figures 1 and 2 come from paper/reported.toml and the results files; Figures 7 and 8 are
drawn from the benchmarks under MSSN_DATA and left out where it is not set. With the weights that CARN-M's
authors published, CARN-M is shown in them, too.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path

import details
import figures
from comparison import NAMES, ROOT, counts, measured, printed, same_budget

from mssn.export.onnx import write_onnx
from mssn.runtime.base import Runtime
from mssn.runtime.openvino import OpenVINORuntime
from mssn.weights.foreign import read_foreign
from mssn.weights.manifest import BENCHMARKS

OUT = ROOT / "paper" / "out"
SPEED = ROOT / "benchmarks" / "results" / "speed"
_STYLE = """
body { font: 15px/1.5 Georgia, serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #111; }
table { border-collapse: collapse; font-size: 13px; margin: 1em 0; }
ul { font-size: 13px; } th, td { padding: 3px 9px; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 1.5px solid #111; } tr.ours td { font-weight: bold; }
tr.scale td { border-top: 1px solid #111; }
img { max-width: 100%; } figcaption { font-size: 13px; color: #333; }
"""


def build(out: Path, carn_m: Path | None = None) -> Path:
    """Draw the figures, write the page, and say where it is.

    Args:
        out: Folder for all of it; made if missing.
        carn_m: Weights that CARN-M's authors published.
    """
    out.mkdir(exist_ok=True)
    figures.mult_adds(out)
    for ending in (".png", ".svg"):  # Figure 2 is drawn where its times are measured
        shutil.copy(SPEED.with_suffix(ending), (out / "figure-2").with_suffix(ending))
    parts = [
        "<h1>MSSN beside the networks it is compared with</h1>",
        "<p>Printed numbers are the paper's; measured ones come from <code>paper/results</code>. The "
        "networks measured here were trained on other photographs than the paper's (DIV2K), and for far "
        "fewer updates.</p>",
        _table("Table 4: MSSN's parameters and Mult-Adds beside AWSRN's", *_reductions()),
        "<p>Table 5's own numbers give -40.7 % for x3, too: -40.1 % is a slip in print.</p>",
        _table("Table 5: printed / counted and measured here", *_table_5()),
        _differences(),
        _figure(
            "figure-1", "Figure 1: PSNR on Set5 at x2 against Mult-Adds; the area of a dot is its parameters."
        ),
        _figure("figure-2", "Figure 2: PSNR on Set5 at x2 against measured time (benchmarks/speed.py)."),
    ]
    if same_budget():
        parts.append(_table("The same recipe and budget for each, at x2, measured", *_same_budget()))
    if "MSSN_DATA" in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            others = _published(carn_m, Path(folder))
            for name in details.FIGURES:
                details.draw(name, out, others)
                caption = f"Figure {name[-1]}: details of B100 and Urban100; PSNR of the whole picture."
                parts.append(_figure(name, caption))
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>MSSN</title><style>{_STYLE}</style>'
    page = out / "index.html"
    page.write_text("\n".join([head, *parts, "</html>\n"]))
    return page


def _published(carn_m: Path | None, folder: Path) -> dict[int, dict[str, Runtime]]:
    """CARN-M with its authors' weights, where they are given."""
    others: dict[int, dict[str, Runtime]] = {2: {}, 4: {}}
    for scale in others if carn_m else ():
        net, meta = read_foreign(carn_m, "carn-m", scale)
        write_onnx(net, meta, folder / f"x{scale}.onnx")
        others[scale]["CARN-M"] = OpenVINORuntime(folder / f"x{scale}.onnx", precision="fp32")
    return others


Rows = list[tuple[str, list[str]]]  # class of the row, cells


def _reductions() -> tuple[list[str], Rows]:
    printed_in_paper = {2: ("-38.1 %", "-38.8 %"), 3: ("-40.1 %", "-41.6 %"), 4: ("-44.0 %", "-44.7 %")}
    rows: Rows = []
    for scale, (parameters, operations) in printed_in_paper.items():
        ours, theirs = counts("mssn", scale), counts("awsrn", scale)
        found = [f"{100 * (a / b - 1):.1f} %" for a, b in zip(ours, theirs, strict=True)]
        rows.append(("", [f"x{scale}", parameters, found[0], operations, found[1]]))
    return ["scale", "parameters, printed", "counted", "Mult-Adds, printed", "counted"], rows


def _table_5() -> tuple[list[str], Rows]:
    from_paper, found = printed(), measured()
    rows: Rows = []
    for scale in (2, 3, 4):
        first = True
        for model, title in NAMES.items():
            key = f"{model}-x{scale}"
            if key not in from_paper and key not in found:
                continue
            row, scores = from_paper.get(key, {}), found.get(key, {})
            parameters, operations = counts(model, scale)
            cells = [
                f"{title} x{scale}",
                f"{_or_dash(row.get('parameters'), 'K')} / {parameters / 1e3:,.0f}K",
                f"{_or_dash(row.get('mult_adds'), 'G')} / {operations / 1e9:,.1f}G",
            ]
            for data in BENCHMARKS:
                pair = [_score(of.get(data)) for of in (row, scores)]
                cells.append(f"{pair[0]}<br>{pair[1]}" if scores else pair[0])
            kind = " ".join(["ours"] * model.startswith("mssn") + ["scale"] * first)
            rows.append((kind, cells))
            first = False
    return ["network", "parameters", "Mult-Adds", *BENCHMARKS], rows


def _differences() -> str:
    """Why some counts are not those in print, one line each."""
    found: dict[str, None] = {}
    for key, row in printed().items():
        for name, unit in (("parameters", "parameters"), ("mult_adds", "Mult-Adds")):
            if reason := row.get(f"{name}_differ"):
                found[f"{NAMES[key.rpartition('-x')[0]]}, {unit}: {reason}."] = None
    lines = "".join(f"<li>{escape(line)}</li>" for line in found)
    return f"<p>Counts that differ from print:</p><ul>{lines}</ul>"


def _same_budget() -> tuple[list[str], Rows]:
    rows: Rows = []
    for model, row in same_budget().items():
        cells = [NAMES[model], f"{row['parameters'] / 1e3:,.0f}K", f"{row['mult_adds'] / 1e9:,.1f}G"]
        cells += [f"{row['psnr'][data]:.2f}/{row['ssim'][data]:.4f}" for data in BENCHMARKS]
        rows.append(("ours" if model.startswith("mssn") else "", cells))
    return ["network", "parameters", "Mult-Adds", *BENCHMARKS], rows


def _score(found: Sequence[float] | None) -> str:
    """PSNR and, where it is printed, SSIM."""
    if not found:
        return "-"
    return "/".join(f"{number:.{digits}f}" for number, digits in zip(found, (2, 4), strict=False))


def _or_dash(number: float | None, unit: str) -> str:
    return "-" if number is None else f"{number:,g}{unit}"


def _table(title: str, head: list[str], rows: Rows) -> str:
    lines = [f"<h2>{escape(title)}</h2><table><thead><tr>"]
    lines += [f"<th>{escape(cell)}</th>" for cell in head]
    lines.append("</tr></thead><tbody>")
    for kind, cells in rows:
        lines.append(f'<tr class="{kind}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def _figure(name: str, caption: str) -> str:
    text = escape(caption)
    return f'<figure><img src="{name}.png" alt="{text}"><figcaption>{text}</figcaption></figure>'


if __name__ == "__main__":
    print(build(OUT, *map(Path, sys.argv[1:2])))
