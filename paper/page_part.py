"""Figures of docs/page.md, from benchmarks/results/page.json."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parent.parent / "benchmarks" / "results" / "page.json"


def loaded() -> str:
    """What a visitor loads."""
    found = _result()["loaded"]
    first = found["first_result"]
    networks = sum(size for name, size in first.items() if name.endswith(".onnx"))
    kernels = sum(size for name, size in first.items() if name.startswith("kernels"))
    rows = {
        "until the first result of a PNG": first["all"],
        "of it networks": networks,
        "of it our kernels": kernels,
        "all that the first visit keeps for later": found["kept_offline"],
        "mssn.html, compressed": found["mssn.html"]["compressed"],
        "mssn.html": found["mssn.html"]["all"],
        "the whole site": found["whole_site"],
    }
    lines = ["| loaded | KB |", "|---|--:|"]
    return "\n".join([*lines, *(f"| {what} | {size / 1000:,.0f} |" for what, size in rows.items())])


def start() -> str:
    """Seconds until the page works."""
    found = dict(_result()["start"])
    slow = found.pop("slow_4g")
    lines = ["| seconds since it was opened | buttons | engine | result of 256x256 |", "|---|--:|--:|--:|"]
    lines += [
        f"| {kind} | {row['buttons']:.2f} | {row['ready']:.2f} | {row['result']:.2f} |"
        for kind, row in found.items()
    ]
    text = (
        f"Slow 4G is {slow['bits'] / 1e6} Mbit/s, and {1000 * slow['delay']:.0f} ms before each answer. "
        f"{_machine()}"
    )
    return "\n".join(lines) + "\n\n" + _wrap(text)


def speed() -> str:
    """A picture in the page, and by the package's engine."""
    found = _result()["seconds_640x360_x2"]
    heads = ["640x360 to 1280x720", "page", "network alone", "command line's engine, fp32", "auto"]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * 4]
    for cores, models in found.items():
        for model, ways in models.items():
            cells = [f"{model}, {cores} {'core' if cores == '1' else 'cores'}"]
            cells += [f"{ways['page'][part]:.2f} s" for part in ("all", "network")]
            for name in ("native fp32", "native auto"):
                way = ways[name]
                cells.append(f"{way['all']:.2f} s ({way['page_times_as_long']['all']:.1f})")
            lines.append("| " + " | ".join(cells) + " |")
    text = (
        "Medians, from a PNG to a PNG, all ways of a row in turns (`python benchmarks/webpage.py`). In "
        "brackets: how many times as long the page takes. `auto` computes in bfloat16 on this processor, "
        f"which WebAssembly cannot. {_machine()}"
    )
    return "\n".join(lines) + "\n\n" + _wrap(text)


def kernels() -> str:
    """Our kernels beside onnxruntime-web."""
    found = _result()["kernels"]
    lines = ["| beside onnxruntime-web | ours, relaxed SIMD | ours, SIMD |", "|---|--:|--:|"]
    for name, row in found["networks"].items():
        shares = (row[kind]["share"] for kind in ("kernels-relaxed", "kernels"))
        lines.append(
            f"| time of {name.replace('-x', ' x')} | " + " | ".join(f"{share:.2f}" for share in shares) + " |"
        )
    sizes, ready = found["bytes_compressed"], found["ready_ms"]
    text = (
        f"One thread, a tile of {found['side']}x{found['side']}, in Node.js, in turns. Compressed, ours are "
        f"{sizes['kernels'] / 1000:.0f} KB and onnxruntime-web {sizes['onnxruntime-web'] / 1e6:.1f} MB; "
        f"until a network can run, ours take {ready['kernels']:.0f} ms and onnxruntime-web "
        f"{ready['onnxruntime-web']:.0f} ms."
    )
    return "\n".join(lines) + "\n\n" + _wrap(text)


def painting() -> str:
    """Frames while it works."""
    rows = _result()["painting"]
    lines = ["| milliseconds between frames | median | 99 % at most | longest |", "|---|--:|--:|--:|"]
    lines += [
        f"| {cores} {'core' if cores == '1' else 'cores'} | "
        + " | ".join(f"{row[name]:.0f}" for name in ("median", "99%", "most"))
        + " |"
        for cores, row in rows.items()
    ]
    longest = max(row["longest_task"] for row in rows.values())
    text = (
        f"The longest task of the page itself took {longest} ms."
        if longest
        else ("No task of the page itself took 50 ms or more (those are the ones that browsers count).")
    )
    return "\n".join(lines) + "\n\n" + _wrap(text)


def phone() -> str:
    """A photograph of a phone, at the width of one."""
    found = _result()["phone"]
    seconds, memory = found["seconds"], found["peak_bytes"]
    text = (
        "A JPEG of 12 megapixels (4000x3000) to 8000x6000, at the width of a phone (360 pixels, touch) "
        f"by MSSN-S: {seconds['all']:.0f} s, of which decoding takes {seconds['decode']:.1f} s and encoding "
        f"{seconds['encode']:.1f} s. The page's process then holds at most {memory / 1e6:.0f} MB, and "
        f"{found['bytes_before'] / 1e6:.0f} MB before. {_machine()}"
    )
    return _wrap(text)


def _result() -> dict[str, Any]:
    return json.loads(RESULT.read_text())


def _machine() -> str:
    machine = _result()["machine"]
    return f"Chromium, on at most {machine['cores']} cores of an {machine['processor']} processor."


def _wrap(text: str) -> str:
    return textwrap.fill(text, 110, break_on_hyphens=False, break_long_words=False)
