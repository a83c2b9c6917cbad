"""Write docs/models.md, a card for each kind of weights that ships, and the sizes in docs/files.md.

    python release/cards.py            # write them
    python release/cards.py --check    # exit 1 if they are not up to date

The cards say what shipped/manifest.json and the files beside it say, their sizes and hashes.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import budget
import record
import scores

from mssn.atomic import replacing
from mssn.models import info

TITLES = {"mssn-s": "MSSN-S", "mssn-m": "MSSN-M", "mssn": "MSSN"}
HEAD = """# Models that ship

A card for each kind of weights: what it is, how it scores, how it was trained, and its files. Generated from
the table of models by `python release/cards.py`; `mssn info` shows the same table.

PSNR in dB and SSIM are those of the usual protocol (docs/protocol.md), measured through OpenVINO with the
precision that was the default there. The loss of a precision is the PSNR it costs on Set5 beside fp32; a
negative loss is a gain. Hashes are BLAKE2b of 16 bytes (`b2sum --length 128 FILE`).

Weights that are trained now hold the commands that made them, and their cards show these. Of a card without
commands it is known what stands there, and not more: the notes behind its recipes are from memory, minutes
and seeds are missing, and code that ends in "-dirty" had changes that nobody kept. The weights of version
0.1, from which most went on, are in the history of this repository."""


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    if not parser.parse_args().check:
        write_pages()
        return 0
    old = [str(page) for page, text in pages().items() if page.read_text("utf-8") != text]
    for page in old:
        print(f"cards: {page} is not up to date; run: python release/cards.py", file=sys.stderr)
    return 1 if old else 0


def write_pages() -> None:
    """Write both pages."""
    for page, text in pages().items():
        with replacing(page) as file:
            file.write(text.encode())


def pages() -> dict[Path, str]:
    """File -> the text it should have."""
    docs = record.ROOT / "docs"
    models, files = docs / "models.md", docs / "files.md"
    parts = {"budget": budget.table(), "order": budget.order_of_leaving()}
    return {
        models: models_page(info.list_models()),
        files: filled(files.read_text("utf-8"), parts),
    }


def models_page(rows: Sequence[info.ModelInfo]) -> str:
    """The cards of everything that ships, as Markdown."""
    names = dict.fromkeys(row.model for row in rows if row.weights)
    cards = [card([row for row in rows if row.model == name and row.weights]) for name in names]
    return "\n\n".join([HEAD, *cards]) + "\n"


def card(rows: Sequence[info.ModelInfo]) -> str:
    """The card of one model: what it is, scores, training and files, a row for each scale."""
    model = rows[0].model
    photo = model.endswith(info.PHOTO)
    base = model.removesuffix(info.PHOTO)
    title = TITLES.get(base, base) + (" for photographs" if photo else "")
    variant = (
        "`photo`: for photographs as they are stored, soft, noisy or compressed"
        if photo
        else "`clean`: for pictures without noise and compression"
    )
    licences = ", ".join(dict.fromkeys(str(row.training["licence"]) for row in rows))
    facts = [
        f"- Name: `{model}`; scales {', '.join(str(row.scale) for row in rows)}",
        f"- Variant: {variant}",
        f"- Licence of the weights: {licences}",
    ]
    return "\n\n".join(
        [f"## {title}", "\n".join(facts), _network(rows), _scores(rows), _training(rows), _files(rows)]
    )


def _network(rows: Sequence[info.ModelInfo]) -> str:
    lines = ["| scale | parameters | Mult-Adds, 1280x720 | sees | loss bf16 | loss int8 |", "|---" * 6 + "|"]
    for row in rows:
        losses = [f"{row.loss[p]:+.4f} dB" if p in row.loss else "-" for p in ("bf16", "int8")]
        side = row.receptive_field
        cells = [f"x{row.scale}", f"{row.parameters:,}", f"{row.mult_adds / 1e9:.1f} G", f"{side}x{side}"]
        lines.append(f"| {' | '.join(cells + losses)} |")
    return "\n".join(lines)


def _scores(rows: Sequence[info.ModelInfo]) -> str:
    lines = [f"| PSNR / SSIM | {' | '.join(info.BENCHMARKS)} |", "|---" * 5 + "|"]
    for row in rows:
        scores = [row.scores.get(name) for name in info.BENCHMARKS]
        cells = [f"{score['psnr']:.2f} / {score['ssim']:.4f}" if score else "-" for score in scores]
        lines.append(f"| x{row.scale} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _training(rows: Sequence[info.ModelInfo]) -> str:
    lines, made = ["Training:", ""], dict[int, Sequence[str]]()
    for row in rows:
        how = row.training
        recipe, _, note = str(how["recipe"]).partition("; ")  # older files have their story there
        code = f", code {how['commit']}" if how["commit"] else ""
        facts = [f"- x{row.scale}: recipe `{recipe}`, {how['updates']:,} updates{code}", f"`{note}`"]
        facts = [*facts[: 1 + bool(note)], f"trained on {how['data']}"]
        stored = scores.stored(f"{row.model}-x{row.scale}")
        lost = stored.get("lost", {}).items()
        facts += [f"{cell} {-gain:.3f} dB lower than with those before" for cell, gain in lost]
        lines.append(fill("; ".join(facts), 110, subsequent_indent="  ", break_on_hyphens=False))
        made[row.scale] = stored.get("meta", {}).get("commands", ())
    for scale, commands in made.items():
        lines += ["", f"x{scale} was made by", "", "```", *commands, "```"] * bool(commands)
    return "\n".join(lines)


def _files(rows: Sequence[info.ModelInfo]) -> str:
    lines = ["| file | bytes | hash |", "|---|--:|---|"]
    for row in rows:
        for name in filter(None, (row.weights, row.int8)):
            path = info.FOLDER / name
            lines.append(f"| {name} | {path.stat().st_size:,} | `{record.content_hash(path)}` |")
    return "\n".join(lines)


def filled(text: str, parts: dict[str, str]) -> str:
    """A page with its generated parts, between <!-- NAME --> and <!-- /NAME -->, brought up to date.

    Raises:
        ValueError: The page has not exactly one such part.
    """
    for name, part in parts.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text, found = re.subn(pattern, lambda m: f"{m[1]}{part}\n{m[2]}", text, flags=re.DOTALL)  # noqa: B023
        if found != 1:
            raise ValueError(f"the page has {found} parts <!-- {name} -->, not one")
    return text


if __name__ == "__main__":
    sys.exit(main())
