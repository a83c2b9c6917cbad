"""Write the tables of README.md and docs from paper/results, benchmarks/results and paper/reported.toml.

python paper/tables.py            # rewrites what stands between <!-- NAME --> and <!-- /NAME -->
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from mssn.weights.manifest import BENCHMARKS

ROOT = Path(__file__).resolve().parent.parent


def scores() -> str:
    """Measured PSNR and SSIM of everything that ships, bicubic's and the paper's printed PSNR beside them."""
    reported = tomllib.loads((ROOT / "paper" / "reported.toml").read_text())
    lines = [
        "| model | " + " | ".join(BENCHMARKS) + " |",
        "|---|" + "---|" * len(BENCHMARKS),
    ]
    for result in _results():
        cells = []
        for name in BENCHMARKS:
            mean = result["data"][name]["mean"]
            printed = reported.get(f"{result['meta']['model']}-x{result['scale']}", {}).get(name)
            paper = f"{printed[0]:.2f}" if printed else "-"
            cells.append(
                f"**{mean['psnr']:.2f}** / {mean['ssim']:.4f} ({mean['bicubic_psnr']:.2f}; paper {paper})"
            )
        lines.append(f"| {result['meta']['model']} x{result['scale']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def speed() -> str:
    """Seconds for one 1280x720 output, array to array."""
    result = _benchmark("upscale")
    lines = ["| 1280x720 output, array to array | seconds |", "|---|---|"]
    lines += [f"| {name} | {time['median']:.3f} |" for name, time in result["seconds_1280x720"].items()]
    whole = result["seconds_whole_process"]["median"]
    lines.append(f"| `mssn upscale photo.png`, the whole process, 640x360 -> 1280x720 | {whole:.2f} |")
    machine = result["machine"]
    lines.append(f"\nMedian on {machine['cores']} cores of {machine['processor']} (`benchmarks/upscale.py`).")
    return "\n".join(lines)


def training() -> str:
    """Updates a second on the processor."""
    result = _benchmark("training-mssn-s-x2-cpu")
    return (
        f"{result['updates_per_second']:.1f} updates/s of {result['batch']} patches of {result['patch']}x"
        f"{result['patch']} on {result['machine']['cores']} cores ({result['precision']}), "
        f"{result['data_share']:.1%} of the time spent on data (`benchmarks/training.py`)."
    )


def ensemble() -> str:
    """What the self-ensemble adds in dB, and how much longer it takes."""
    result = json.loads((ROOT / "paper" / "results" / "ensemble.json").read_text())
    lines = ["| `--ensemble` | Set5 | Set14 | times as long |", "|---|---|---|---|"]
    for name, row in result["models"].items():
        gains = " | ".join(f"{row['gain'][data]:+.2f} dB" for data in ("Set5", "Set14"))
        lines.append(f"| {name.replace('-x', ' x')} | {gains} | {row['times_as_long']:.1f} |")
    return "\n".join(lines)


def weights() -> str:
    """How the weights that ship were made, and how far they are from the paper's printed PSNR."""
    reported = tomllib.loads((ROOT / "paper" / "reported.toml").read_text())
    lines = ["| model | recipe | updates | " + " | ".join(BENCHMARKS) + " |", "|---" * 7 + "|"]
    for result in _results():
        meta = result["meta"]
        name = f"{meta['model']}-x{meta['scale']}"
        cells = []
        for data in BENCHMARKS:
            psnr, printed = result["data"][data]["mean"]["psnr"], reported.get(name, {}).get(data)
            cells.append(f"{psnr:.2f} ({psnr - printed[0]:+.2f})" if printed else f"{psnr:.2f}")
        row = [name.replace("-x", " x"), meta["recipe"], f"{meta['updates']:,}", *cells]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


# Which generated parts stand where.
PARTS = {"README.md": (scores, ensemble, speed, training), "docs/training.md": (weights,)}


def fill(name: str) -> str:
    """The text of one of the pages in PARTS with its generated parts brought up to date."""
    text = (ROOT / name).read_text()
    for make in PARTS[name]:
        part = make.__name__
        pattern = rf"(<!-- {part} -->\n).*?(<!-- /{part} -->)"
        text, found = re.subn(pattern, lambda m: f"{m[1]}{make()}\n{m[2]}", text, flags=re.DOTALL)  # noqa: B023
        if found != 1:
            raise SystemExit(f"{name} has no part <!-- {part} -->")
    return text


def _results() -> list[dict[str, Any]]:
    """The scores of everything that ships, small networks first."""
    paths = sorted((ROOT / "paper" / "results").glob("mssn*-x?.json"), key=_order)
    return [json.loads(path.read_text()) for path in paths]


def _benchmark(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def _order(path: Path) -> tuple[int, str]:
    names = ["mssn-s", "mssn-m", "mssn"]
    return names.index(path.stem[:-3]), path.stem


if __name__ == "__main__":
    for page in PARTS:
        (ROOT / page).write_text(fill(page))
