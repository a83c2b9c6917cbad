"""Tables on standard output, in whatever width there is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

_ANY = 10_000  # characters: a file or a pipe has room for every table


def console() -> Console:
    """Standard output as wide as COLUMNS or the terminal says, or as it takes where neither says anything."""
    made = Console(markup=False, emoji=False, highlight=False)
    told = made.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return made if told and made.width else Console(markup=False, emoji=False, highlight=False, width=_ANY)


def show(
    names: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    total: Sequence[str] | None = None,
    texts: int = 1,
) -> None:
    """Print a table; where it is too wide, each row becomes a heading with its cells below it.

    Args:
        names: Of the columns; one without a name holds decoration, which goes where there is no room for it.
        rows: The cells of each row.
        title: Stands above.
        total: A last row, set apart.
        texts: So many columns, from the left, hold words; the others hold numbers.
    """
    rows = list(rows)
    every = [*rows, *([] if total is None else [total])]
    cells = [max((cell_len(row[n]) for row in every), default=0) for n in range(len(names))]
    out = console()
    # Names in one line and two spaces between columns; or names broken between their words, and one.
    for gap, parts in (2, [[name] for name in names]), (1, [name.split() for name in names]):
        widths = [max(cell, *map(cell_len, part), 0) for cell, part in zip(cells, parts, strict=True)]
        if sum(widths) + gap * len(names) <= out.width:
            table = Table(title=title or None, box=box.SIMPLE, show_edge=False, padding=(0, gap - 1, 0, 0))
            for number, (name, width) in enumerate(zip(names, widths, strict=True)):
                justify = "left" if number < texts or not name else "right"
                table.add_column(name, justify=justify, width=width)
            for row in rows:
                table.add_row(*row)
            if total is not None:
                table.add_section()
                table.add_row(*total)
            out.print(table)
            return
    if title:
        out.print(title)
    for head, *cells in every:
        out.print(head)
        pairs = [f"{name} {cell}" for name, cell in zip(names[1:], cells, strict=True) if name and cell]
        out.print(Padding(Columns(pairs, padding=(0, 2)), (0, 0, 0, 2)))
