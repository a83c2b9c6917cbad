"""Write the tables of README.md and docs from paper/results, benchmarks/results and paper/reported.toml.

python paper/tables.py            # rewrites what stands between <!-- NAME --> and <!-- /NAME -->
"""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import experiments
import numpy as np

from mssn.models.info import BENCHMARKS, PHOTO

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
    times, peak = result["seconds_1280x720"], result["peak_gmacs"]
    ways = ("openvino bf16", "openvino int8", "openvino fp32", "onnxruntime int8", "onnxruntime fp32")
    lines = ["| 1280x720 output, array to array | " + " | ".join(ways) + " |", "|---" * 6 + "|"]
    for name, gmacs in result["gmacs"].items():
        if PHOTO in name:  # of the same networks, as fast
            continue
        cells = []
        for way in ways:
            seconds = times.get(f"{name} {way}", {}).get("median")
            share = (
                f" ({gmacs / seconds / peak[way.split()[1]]:.0%})" if seconds and "openvino" in way else ""
            )
            cells.append(f"{seconds:.3f} s{share}" if seconds else "-")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    machine, whole = result["machine"], result["seconds_whole_process"]["median"]
    lines.append(
        f"\nMedian on {machine['cores']} cores of {machine['processor']} (`benchmarks/upscale.py`); in "
        "brackets the share of what PyTorch multiplies large matrices with there, in that precision ("
        + ", ".join(f"{name} {speed:.0f}" for name, speed in peak.items())
        + f" billion multiply-adds a second). Bicubic takes {times['bicubic x2']['median']:.3f} s. The whole "
        f"process, `mssn upscale photo.png` from 640x360 to 1280x720: {whole:.2f} s."
    )
    return "\n".join(lines)


def peers() -> str:
    """Ours beside what else a person could use."""
    result = _benchmark("speed")
    lines = [
        "| doubling 640x360 | Set5 | array to array | whole process | memory | installed |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in result["contestants"].items():
        lines.append(
            f"| {name} | {row['psnr_set5']:.2f} dB | {row['seconds']:.3f} s "
            f"| {row['seconds_whole_process']:.2f} s | {row['peak_mb']} MB | {row['install_mb']} MB |"
        )
    return "\n".join(lines)


def photos() -> str:
    """What each kind of weights gains over bicubic on compressed pictures."""
    rows = json.loads((ROOT / "paper" / "results" / "degraded.json").read_text())["models"]
    hows = list(next(iter(rows.values())))
    kinds = {"none": "clean", "jpeg:": "JPEG ", "webp:": "WebP ", "avif:": "AVIF "}
    names = [re.sub("none|jpeg:|webp:|avif:", lambda m: kinds[m[0]], how) for how in hows]
    lines = ["| | | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(hows)]
    for name, row in rows.items():
        for data in row["none"]:
            cells = []
            for how in hows:
                if data not in row.get(how, {}):
                    cells.append("")  # not measured
                    continue
                score = row[how][data]
                clean, photo = (score[kind] - score["bicubic"] for kind in ("clean", "photo"))
                better, other = f"{photo:+.2f}", f"{clean:+.2f}"
                cells.append(f"**{better}** / {other}" if photo > clean else f"{better} / **{other}**")
            lines.append(f"| {name.replace('-x', ' x')} | {data} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def published() -> str:
    """CARN-M with the weights its authors published."""
    result = json.loads((ROOT / "paper" / "results" / "carn-m-published.json").read_text())["psnr_ssim"]
    lines = ["| CARN-M | " + " | ".join(BENCHMARKS) + " |", "|---|" + "---|" * len(BENCHMARKS)]
    for scale, row in result.items():
        cells = [f"{row[name][0]:.3f} / {row[name][1]:.4f}" for name in BENCHMARKS]
        lines.append(f"| {scale} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def experiment(name: str) -> str:
    """Arms of an experiment: what they cost and what they have reached."""
    head, rows = experiments.rows(name)
    lines = [head, ["---"] * len(head), *rows]
    return f"{experiments.title(name)}:\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def gradients() -> str:
    """How strongly the units of each block are told to change, with and without the share-source skip."""
    result = json.loads((ROOT / "paper" / "results" / "gradients.json").read_text())
    lines = [
        "| gradient norm, mean of a block's units | block 1 | block 2 | block 3 | block 4 |",
        "|---" * 5 + "|",
    ]
    for arm, norms in result["norms"].items():
        for when, name in (("start", "at the start"), ("end", f"after {result['updates']:,} updates")):
            blocks = np.reshape(norms[when], (4, -1)).mean(axis=1)
            lines.append(f"| {arm}, {name} | " + " | ".join(f"{value:.4f}" for value in blocks) + " |")
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


def precision() -> str:
    """PSNR of every precision that ships."""
    rows = _precision()
    lines = ["| PSNR, Set5 / Set14 | fp32 | bf16 | int8 | int8 file |", "|---|---|---|---|---|"]
    for name, row in rows.items():
        cells = [f"{row[p]['Set5']:.3f} / {row[p]['Set14']:.3f}" for p in ("fp32", "bf16", "int8")]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {row['int8']['kilobytes']} KB |")
    return "\n".join(lines)


def few_bits() -> str:
    """PSNR and size with the units' weights rounded to 8, 6 and 4 bits."""
    rows = _precision()
    kinds = [f"weights of {bits} bits" for bits in (8, 6, 4)]
    lines = ["| Set5, size | " + " | ".join(kinds) + " |", "|---" * 4 + "|"]
    for name, row in rows.items():
        cells = [
            f"{row[kind]['Set5']:.2f} ({row[kind]['Set5'] - row['fp32']['Set5']:+.2f}), "
            f"{row[kind]['kilobytes']:.0f} KB"
            for kind in kinds
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
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


# Which generated parts stand where; <!-- experiment NAME --> may stand anywhere in these pages.
PARTS = {
    "README.md": (scores, ensemble, speed, training),
    "docs/training.md": (weights,),
    "docs/precision.md": (precision, few_bits),
    "docs/speed.md": (peers,),
    "docs/networks.md": (published,),
    "docs/photos.md": (photos,),
    "docs/analysis.md": (gradients,),
}


def fill(name: str) -> str:
    """The text of one of the pages in PARTS with its generated parts brought up to date."""
    text = (ROOT / name).read_text()
    for make in PARTS[name]:
        part = make.__name__
        pattern = rf"(<!-- {part} -->\n).*?(<!-- /{part} -->)"
        text, found = re.subn(pattern, lambda m: f"{m[1]}{make()}\n{m[2]}", text, flags=re.DOTALL)  # noqa: B023
        if found != 1:
            raise SystemExit(f"{name} has no part <!-- {part} -->")
    pattern = r"(<!-- experiment (\S+) -->\n).*?(<!-- /experiment -->)"
    return re.sub(pattern, lambda m: f"{m[1]}{experiment(m[2])}\n{m[3]}", text, flags=re.DOTALL)


def _results() -> list[dict[str, Any]]:
    """The scores of all clean weights that ship, small networks first."""
    paths = [path for path in (ROOT / "paper" / "results").glob("mssn*-x?.json") if PHOTO not in path.stem]
    return [json.loads(path.read_text()) for path in sorted(paths, key=_order)]


def _precision() -> dict[str, dict[str, dict[str, float]]]:
    text = (ROOT / "paper" / "results" / "precision.json").read_text()
    return {name.replace("-x", " x"): row for name, row in json.loads(text)["models"].items()}


def _benchmark(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def _order(path: Path) -> tuple[int, str]:
    names = ["mssn-s", "mssn-m", "mssn"]
    return names.index(path.stem[:-3]), path.stem


if __name__ == "__main__":
    for page in PARTS:
        (ROOT / page).write_text(fill(page))
