"""The numbers in README and docs come from the result files."""

from __future__ import annotations

from pathlib import Path

import tables

ROOT = Path(__file__).parents[2]


def test_tables_are_what_the_result_files_say() -> None:
    for page in tables.PARTS:
        assert tables.fill(page) == (ROOT / page).read_text(), "run: python paper/tables.py"
