"""Tables and lines for README.md and docs, made from result files; `tables.py` puts them into the pages."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import experiments
import numpy as np
import panel_part

from mssn.models.info import BENCHMARKS, PHOTO

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 110  # columns of a line of text
NAMES = ("mssn-s", "mssn-m", "mssn")  # small to large


def short_scores() -> str:
    """PSNR of the clean weights on two benchmarks, beside the paper's and bicubic's."""
    sets = ("Set5", "Urban100")
    heads = [f"{name}: {column}" for name in sets for column in ("ours", "paper", "bicubic")]
    lines = _table_head("PSNR, dB", *heads)
    for result in _results():
        cells = []
        for name in sets:
            mean, printed = result["data"][name]["mean"], _printed(result, name)
            paper = f"{printed[0]:.2f}" if printed else "-"
            cells += [f"**{mean['psnr']:.2f}**", paper, f"{mean['bicubic_psnr']:.2f}"]
        lines.append(_row(_title(result), *cells))
    return "\n".join(lines)


def scores() -> str:
    """PSNR and SSIM of the clean weights, the paper's and bicubic's, scale by scale."""
    lines = _table_head("PSNR, dB / SSIM", *BENCHMARKS)
    for scale in (2, 3, 4):
        results = [result for result in _results() if result["scale"] == scale]
        means = [results[0]["data"][name]["mean"] for name in BENCHMARKS]
        bicubic = [(mean["bicubic_psnr"], mean["bicubic_ssim"]) for mean in means]
        lines.append(_row(f"bicubic x{scale}", *map(_score, bicubic)))
        for result in results:
            lines.append(_row(f"**{_title(result)}**", *_measured(result)))
            printed = [_printed(result, name) for name in BENCHMARKS]
            if any(printed):
                lines.append(_row(f"{_title(result)}, the paper's", *map(_score, printed)))
    return "\n".join(lines)


def photo_scores() -> str:
    """PSNR and SSIM on clean pictures of the weights made for photographs."""
    lines = _table_head("PSNR, dB / SSIM", *BENCHMARKS)
    lines += [_row(_title(result), *_measured(result)) for result in _results(PHOTO)]
    return "\n".join(lines)


def _measured(result: dict[str, Any]) -> list[str]:
    means = [result["data"][name]["mean"] for name in BENCHMARKS]
    return [_score((mean["psnr"], mean["ssim"])) for mean in means]


def _score(pair: Any) -> str:
    """37.67 / 0.9595; the paper prints some without SSIM."""
    digits = (2, 4)
    return " / ".join(f"{n:.{d}f}" for n, d in zip(pair, digits, strict=False)) if pair else "-"


def short_speed() -> str:
    """Seconds for a result of 1280x720 in bf16, and for the whole command."""
    result, whole = _benchmark("upscale"), _benchmark("startup")["seconds"]["upscale png"]["median"]
    lines = _table_head("seconds for a 1280x720 result", "x2", "x3", "x4")
    for name in NAMES:
        times = [result["seconds_1280x720"][f"{name} x{scale} native bf16"] for scale in (2, 3, 4)]
        lines.append(_row(name, *(f"{time['median']:.3f}" for time in times)))
    machine = result["machine"]
    text = (
        f"Measured on {machine['cores']} cores of an {machine['processor']} processor, in bfloat16, without "
        f"reading and writing files. The whole command `mssn upscale photo.png`, 640x360 to 1280x720, takes "
        f"{whole:.2f} s."
    )
    return "\n".join(lines) + "\n\n" + _wrap(text)


def speed() -> str:
    """Seconds for one 1280x720 output, array to array."""
    result = _benchmark("upscale")
    times, peak = result["seconds_1280x720"], result["peak_gmacs"]
    ways = (
        "native bf16",
        "native fp32",
        "openvino bf16",
        "openvino int8",
        "openvino fp32",
        "onnxruntime fp32",
    )
    lines = _table_head("1280x720 result, array to array", *ways)
    for name, gmacs in result["gmacs"].items():
        cells = []
        for way in ways:
            seconds = times.get(f"{name} {way}", {}).get("median")
            dense, filters = gmacs["all"] - gmacs["depthwise"], gmacs["depthwise"]
            limit = dense / peak[way.split()[1]] + filters / peak["fp32"]
            cells.append(f"{seconds:.3f} s ({limit / seconds:.0%})" if seconds else "-")
        lines.append(_row(name, *cells))
    machine = result["machine"]
    peaks = ", ".join(f"{speed:.0f} in {name}" for name, speed in peak.items())
    text = (
        f"Medians on {machine['cores']} cores of an {machine['processor']} processor, all ways of a row "
        "in turns (`python benchmarks/upscale.py`). In brackets: the least time that the processor could "
        "take, as a share of that time. It comes from what all cores multiply and add at best "
        f"({peaks}, in billions a second), with depthwise filters in fp32, because no instruction does them "
        f"in less. Bicubic takes {times['bicubic x2']['median']:.3f} s."
    )
    return "\n".join(lines) + "\n\n" + _wrap(text)


def kernels() -> str:
    """Our own kernels beside OpenVINO, as ratios of one run."""
    result = _benchmark("upscale")
    times, sizes = result["seconds_1280x720"], result["mssn-s x2"]
    lines = _table_head("time of native as a share of OpenVINO's", "bf16", "fp32")

    def row(title: str, found: dict[str, dict[str, float]], prefix: str = "") -> str:
        shares = (
            found[f"{prefix}native {kind}"]["share"] / found[f"{prefix}openvino {kind}"]["share"]
            for kind in ("bf16", "fp32")
        )
        return _row(title, *(f"{share:.2f}" for share in shares))

    lines += [row(f"{name}, to 1280x720", times, f"{name} ") for name in result["gmacs"]]
    lines += [row(f"mssn-s x2, from {size}", found) for size, found in sizes.items()]
    return "\n".join(lines)


def startup() -> str:
    """Whole processes, and the parts of one."""
    result = _benchmark("startup")
    lines = _table_head("a process of `mssn`", "seconds")
    lines += [_row(kind, f"{found['median']:.2f}") for kind, found in result["seconds"].items()]
    parts = ", ".join(f"{name} {seconds:.3f}" for name, seconds in result["seconds_of_parts"].items())
    return "\n".join(lines) + "\n\n" + _wrap(f"Parts, in seconds: {parts}.")


def memory() -> str:
    """What a very large picture needs."""
    result = _benchmark("memory-mssn-s-x2")
    text = (
        f"A picture of {result['source_megapixels']:.0f} megapixels becomes one of "
        f"{result['result_megapixels']:.0f} with mssn-s in {result['seconds']:.0f} s and at most "
        f"{result['peak_mebibytes']:,} MiB of memory, with the default `--memory 1024` "
        "(`python benchmarks/memory.py`)."
    )
    return _wrap(text)


def photos() -> str:
    """What each kind of weights gains over bicubic on compressed pictures, of networks that are not told."""
    found = json.loads((ROOT / "paper" / "results" / "degraded.json").read_text())["models"]
    rows = {name: row for name, row in found.items() if name not in panel_part.models()}
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
    text = _wrap(f"{experiments.title(name)}:")
    return "\n".join([text, "", *_table_head(*head), *(_row(*row) for row in rows)])


def gradients() -> str:
    """Gradient norms of the units of each block, with and without the share-source skip."""
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
    text = (
        f"MSSN-S at x2 makes {result['updates_per_second']:.1f} updates a second, each of {result['batch']} "
        f"patches of {result['patch']}x{result['patch']} pixels, on {result['machine']['cores']} cores in "
        f"{result['precision']}; {result['data_share']:.1%} of the time goes to cutting patches "
        "(`python benchmarks/training.py`)."
    )
    return _wrap(text)


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
    """How the clean weights were made, and how far they are from the paper's printed PSNR."""
    lines = _table_head("model", "recipe", "updates", *BENCHMARKS)
    for result in _results():
        cells = []
        for name in BENCHMARKS:
            psnr, printed = result["data"][name]["mean"]["psnr"], _printed(result, name)
            cells.append(f"{psnr:.2f} ({psnr - printed[0]:+.2f})" if printed else f"{psnr:.2f}")
        meta = result["meta"]
        lines.append(_row(_title(result), meta["recipe"], f"{meta['updates']:,}", *cells))
    return "\n".join(lines)


def _results(kind: str = "") -> list[dict[str, Any]]:
    """The scores of all weights that ship, clean or (`PHOTO`) made for photographs; small networks first."""
    folder = ROOT / "paper" / "results"
    paths = (folder / f"{name}{kind}-x{scale}.json" for name in NAMES for scale in (2, 3, 4))
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def _printed(result: dict[str, Any], benchmark: str) -> list[float] | None:
    """PSNR and, for most, SSIM that the paper prints for a network."""
    reported = tomllib.loads((ROOT / "paper" / "reported.toml").read_text())
    return reported.get(f"{result['meta']['model']}-x{result['scale']}", {}).get(benchmark)


def _title(result: dict[str, Any]) -> str:
    return f"{result['meta']['model']} x{result['scale']}"


def _wrap(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False, break_long_words=False)


def _table_head(*cells: str) -> list[str]:
    return [_row(*cells), "|---" * len(cells) + "|"]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _precision() -> dict[str, dict[str, dict[str, float]]]:
    text = (ROOT / "paper" / "results" / "precision.json").read_text()
    return {name.replace("-x", " x"): row for name, row in json.loads(text)["models"].items()}


def _benchmark(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())
