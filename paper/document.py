"""Regenerate the paper's comparison as one page: paper/out/index.html, with its tables and figures.

    make paper                      # or: python paper/document.py [carn_m.pth]

Tables 1 to 5 and Figures 1, 2 and 6 come from paper/reported*.toml and the results files; Figures 7 and 8 are
drawn from the benchmarks under MSSN_DATA and left out where it is not set. With the weights that CARN-M's
authors published, CARN-M is shown in them, too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path

import analysis
import details
import figures
import page
from comparison import NAMES, ROOT, counts, measured, printed

from mssn.lab.export.onnx import write_onnx
from mssn.lab.foreign import read_foreign
from mssn.models.info import BENCHMARKS
from mssn.runtime.base import Runtime
from mssn.runtime.openvino import OpenVINORuntime

OUT = ROOT / "paper" / "out"
SPEED = ROOT / "benchmarks" / "results" / "beside"


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
        page.table("Table 4: MSSN's parameters and Mult-Adds beside AWSRN's", *_reductions()),
        "<p>Table 5's own numbers give -40.7 % for x3, too: -40.1 % is a slip in print.</p>",
        page.table("Table 5: printed / counted and measured here", *_table_5()),
        _differences(),
        page.figure(
            "figure-1", "Figure 1: PSNR on Set5 at x2 against Mult-Adds; the area of a dot is its parameters."
        ),
        page.figure("figure-2", "Figure 2: PSNR on Set5 at x2 against measured time (benchmarks/beside.py)."),
    ]
    if "MSSN_DATA" in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            others = _published(carn_m, Path(folder))
            for name in details.FIGURES:
                details.draw(name, out, others)
                caption = f"Figure {name[-1]}: details of B100 and Urban100; PSNR of the whole picture."
                parts.append(page.figure(name, caption))
    parts += analysis.parts(out)
    head = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>MSSN</title><style>{page.STYLE}</style>'
    )
    index = out / "index.html"
    index.write_text("\n".join([head, *parts, "</html>\n"]))
    return index


def _published(carn_m: Path | None, folder: Path) -> dict[int, dict[str, Runtime]]:
    """CARN-M with its authors' weights, where they are given."""
    others: dict[int, dict[str, Runtime]] = {2: {}, 4: {}}
    if carn_m is None:
        return others
    for scale in others:
        net, meta = read_foreign(carn_m, "carn-m", scale)
        write_onnx(net, meta, folder / f"x{scale}.onnx")
        others[scale]["CARN-M"] = OpenVINORuntime(folder / f"x{scale}.onnx", precision="fp32")
    return others


def _reductions() -> tuple[list[str], page.Rows]:
    printed_in_paper = {2: ("-38.1 %", "-38.8 %"), 3: ("-40.1 %", "-41.6 %"), 4: ("-44.0 %", "-44.7 %")}
    rows: page.Rows = []
    for scale, (parameters, operations) in printed_in_paper.items():
        ours, theirs = counts("mssn", scale), counts("awsrn", scale)
        found = [f"{100 * (a / b - 1):.1f} %" for a, b in zip(ours, theirs, strict=True)]
        rows.append(("", [f"x{scale}", parameters, found[0], operations, found[1]]))
    return ["scale", "parameters, printed", "counted", "Mult-Adds, printed", "counted"], rows


def _table_5() -> tuple[list[str], page.Rows]:
    from_paper, found = printed(), measured()
    rows: page.Rows = []
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


def _score(found: Sequence[float] | None) -> str:
    """PSNR and, where it is printed, SSIM."""
    if not found:
        return "-"
    return "/".join(f"{number:.{digits}f}" for number, digits in zip(found, (2, 4), strict=False))


def _or_dash(number: float | None, unit: str) -> str:
    return "-" if number is None else f"{number:,g}{unit}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("carn_m", nargs="?", type=Path, help="weights that CARN-M's authors published")
    print(build(OUT, parser.parse_args().carn_m))


if __name__ == "__main__":
    main()
