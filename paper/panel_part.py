"""The tables of what the dial is worth, from paper/results/panel.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from comparison import RESULTS

SETS = ("Set14", "B100", "Urban100")
_WORDS = {"none": "clean", "jpeg": "JPEG", "webp": "WebP", "double": "twice JPEG", "noise": "noise of"}
_WORDS["hidden"] = "PNG made from a JPEG of"


def models() -> dict[str, dict[str, Any]]:
    """What is known of each network that ships and is told."""
    path = RESULTS / "panel.json"
    return json.loads(path.read_text())["models"] if path.exists() else {}


def photographs() -> str:
    """Gain over bicubic at the default, and what another setting of the dial would add."""
    heads = ("default", *SETS, "mean", "clean weights", "best setting")
    return _tables(heads, "dB over bicubic", _photographs)


def drawn() -> str:
    """RGB PSNR and overshoot of drawn pictures, screenshots and scanned pages."""
    heads = ("default", "Lanczos", "clean weights", "by default", "best setting", "overshoot")
    return _tables(heads, "RGB PSNR, dB", _drawn)


def _tables(heads: tuple[str, ...], unit: str, rows: Callable[[dict[str, Any]], list[list[str]]]) -> str:
    """One for each network."""
    parts: list[str] = []
    for name, numbers in models().items():
        lines = [_row(f"{name.replace('-x', ' x')}, {unit}", *heads), "|---" * (1 + len(heads)) + "|"]
        parts.append("\n".join([*lines, *(_row(*row) for row in rows(numbers))]))
    return "\n\n".join(parts) or "No network that ships is told yet."


def _photographs(numbers: dict[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    for how, found in numbers["photographs"].items():
        turned = numbers["dial"][f"photographs {how}"]
        gains = [found[data]["default"] - found[data]["bicubic"] for data in SETS]
        clean = [found[data]["clean"] - found[data]["bicubic"] for data in SETS]
        cells = [f"{turned['default']:.2f}", *(f"{gain:+.2f}" for gain in gains)]
        cells += [f"**{_mean(gains):+.2f}**", f"{_mean(clean):+.2f}", _best(turned)]
        rows.append([_how(how), *cells])
    return rows


def _drawn(numbers: dict[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    for part, turned in numbers["dial"].items():
        kind, _, how = part.partition(" ")
        if kind == "photographs":
            continue
        floor, clean, default = (turned["floor"], turned["settings"]["0"], turned["at_default"])
        cells = [f"{turned['default']:.2f}", f"{floor['psnr']:.2f}", f"{clean['psnr']:.2f}"]
        cells += [f"**{default['psnr']:.2f}**", _best(turned)]
        shares = (f"{row['overshoot']:.1%}".replace("%", " %") for row in (floor, clean, default))
        rows.append([f"drawn, {_how(how)}" if kind == "drawn" else part, *cells, " / ".join(shares)])
    return rows


def _best(turned: dict[str, Any]) -> str:
    """The setting of the dial that scores highest, and how much it adds to the default."""
    scores = {at: row["psnr"] for at, row in turned["settings"].items()}
    best = max(scores, key=lambda at: scores[at])
    more = scores[best] - turned["at_default"]["psnr"]
    return f"{best}: {more:+.2f}" if more > 0 else "the default"


def _how(how: str) -> str:
    kind, _, value = how.partition(":")
    return f"{_WORDS[kind]} {value}".rstrip()


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
