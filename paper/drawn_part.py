"""The table of what networks make of drawn pictures, from paper/results/drawn.json."""

from __future__ import annotations

import json

from comparison import RESULTS

_NAMES = {"lanczos": "Lanczos", "bicubic": "bicubic"}


def drawn() -> str:
    """PSNR and overshoot, one row for Lanczos, for bicubic and for each network, by scale."""
    models = json.loads((RESULTS / "drawn.json").read_text())["models"]
    lines = ["| | RGB PSNR | overshoot |", "|---|---|---|"]
    shown: set[tuple[str, str]] = set()
    for name, row in sorted(models.items(), key=lambda item: item[0].rsplit("-x", 1)[::-1]):
        model, scale = name.rsplit("-x", 1)
        for kernel, words in _NAMES.items():
            if (kernel, scale) not in shown:
                shown.add((kernel, scale))
                lines.append(_row(f"{words} x{scale}", row[kernel]))
        lines.append(_row(f"{model} x{scale}", row["network"]))
    return "\n".join(lines)


def _row(name: str, score: dict[str, float]) -> str:
    return f"| {name} | {score['psnr_rgb']:.2f} dB | {score['overshoot']:.2%} |".replace("%", " %")
