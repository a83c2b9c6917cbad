"""Tables of docs/speed.md about ours beside others, from benchmarks/results/beside.json."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parent.parent / "benchmarks" / "results" / "beside.json"
OUTPUT = 1280 * 720 / 1e6  # megapixels of a result


def doubled() -> str:
    """All that enlarges by 2."""
    return _table(2)


def quadrupled() -> str:
    """All that enlarges by 4."""
    return _table(4)


def _table(scale: int) -> str:
    heads = ["Set5 / Set14", "parameters", "time", "times as long", "Mpixel/s", "one core", "memory"]
    contestants = _result()["contestants"]
    started = scale == 2 and any("whole_process" in row for row in contestants.values())
    if scale == 2:
        heads += ["installed", *(["whole process"] if started else [])]
    lines = [f"| x{scale}, to 1280x720 | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for label, row in contestants.items():
        if row["scale"] != scale or "cores" not in row:
            continue
        all_of_them = row["cores"][max(row["cores"], key=int)]
        psnr, one = row.get("psnr"), row["cores"].get("1")
        cells = [
            f"{psnr['Set5']:.2f} / {psnr['Set14']:.2f}" if psnr else "-",
            f"{row['parameters']:,}" if row["parameters"] else "-",
            _about(all_of_them) + _seconds(all_of_them["seconds"]),
            _times(all_of_them["times_as_long"]),
            _two(OUTPUT / all_of_them["seconds"]),
            _about(one) + _seconds(one["seconds"]) if one else "-",
            f"{all_of_them['peak_mb']:,} MB",
        ]
        if scale == 2:
            cells.append(f"{row['install_mb']:,} MB")
        if started:
            cells.append(_seconds(row["whole_process"]["seconds"]) if "whole_process" in row else "-")
        lines.append(f"| {label.replace(f' x{scale}', '')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def sizes() -> str:
    """Pictures of many sizes: megapixels of result a second, and memory."""
    rows = _result()["sizes"]
    columns = sorted({size for row in rows.values() for size in row}, key=float)
    lines = [
        "| Mpixel/s of result (memory) | " + " | ".join(f"{size} Mpixel" for size in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for label, row in rows.items():
        cells = []
        for size in columns:
            found = row.get(size, {})
            cells.append(
                f"{_two(4 * float(size) / found['seconds'])} ({found['peak_mb']:,} MB)"
                if "seconds" in found
                else "-"
            )
        lines.append(f"| {label.replace(' x2', '')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def tiles() -> str:
    """One picture in tiles of several sizes."""
    found = _result()["tiles"]
    fastest = min(row["seconds"] for row in found["times"].values())
    lines = ["| side of a tile | time | slower than the fastest | memory |", "|---|---|---|---|"]
    for side, row in found["times"].items():
        more = f"{row['seconds'] / fastest - 1:.0%}"
        lines.append(f"| {side} | {_seconds(row['seconds'])} | {more} | {row['peak_mb']:,} MB |")
    return "\n".join(lines)


def left_out() -> str:
    """Who could not be measured, and why."""
    lines = [f"- **{label}**: {reason}." for label, reason in sorted(_result()["left_out"].items())]
    return "\n".join(
        textwrap.fill(line, 110, subsequent_indent="  ", break_on_hyphens=False) for line in lines
    )


def _result() -> dict[str, Any]:
    return json.loads(RESULT.read_text())


def _about(row: dict[str, Any]) -> str:
    """What is less certain is marked."""
    return "≈ " if row.get("disturbed") or "measured_part" in row else ""


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def _times(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _two(value: float) -> str:
    """At least two digits that count."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"
