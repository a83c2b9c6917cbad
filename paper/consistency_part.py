"""The table of how well results, shrunk again, equal what was enlarged (paper/results/consistency.json)."""

from __future__ import annotations

import json

from comparison import RESULTS

from mssn.models.info import PHOTO

_HEADS = {"0.1": "photo at 0.1", "0.5": "at 0.5", "1": "at 1", "any": "photo, not told"}


def consistency() -> str:
    """Mean and worst PSNR, a row for each model and scale; empty where there are no such weights."""
    models = json.loads((RESULTS / "consistency.json").read_text())["models"]
    heads = ["PSNR, dB: mean / worst", "clean", *_HEADS.values()]
    lines = [_row(*heads), "|---" * len(heads) + "|"]
    for name, clean in models.items():
        model, scale = name.rsplit("-x", 1)
        if model.endswith(PHOTO):
            continue
        photo = models.get(f"{model}{PHOTO}-x{scale}", {})
        cells = (_score(photo[told]) if told in photo else "" for told in _HEADS)
        lines.append(_row(f"{model} x{scale}", _score(clean["any"]), *cells))
    return "\n".join(lines)


def _score(found: dict[str, float]) -> str:
    return f"{found['mean']:.1f} / {found['worst']:.1f}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
