"""What benchmarks/beside.py has found out, call after call, in one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from common import RESULTS, machine, report
from contestants import BASELINE


class Report:
    """What is measured now, to be added to beside.json; what another machine measured is not kept there.

    Args:
        known: All labels, in the order of the tables; others are forgotten.
        chosen: Who is measured now; their earlier failures are forgotten.
        left_out: Label -> why it cannot be measured.
    """

    def __init__(self, known: Sequence[str], chosen: Sequence[str], left_out: dict[str, str]) -> None:
        self._known, self._chosen = known, chosen
        self.tables: dict[str, Any] = {"contestants": {}, "sizes": {}, "tiles": {}, "left_out": left_out}

    def row(self, table: str, label: str) -> dict[str, Any]:
        """What is found out about a contestant."""
        return self.tables[table].setdefault(label, {})

    def write(self) -> None:
        """Keep all in benchmarks/results/beside.json; called often, because the slow ones are very slow."""
        path = RESULTS / "beside.json"
        old = json.loads(path.read_text()) if path.exists() else {}
        if old.get("machine") != machine() or old.get("baseline") != BASELINE:
            old = {}
        failed = old.get("left_out", {})
        again = {
            label: why for label, why in failed.items() if label in self._known and label not in self._chosen
        }
        old["left_out"] = again
        merged = _merged({name: old.get(name, {}) for name in self.tables}, self.tables)
        for table in ("contestants", "sizes"):
            merged[table] = {label: merged[table][label] for label in self._known if label in merged[table]}
        report("beside", {"baseline": BASELINE, **merged})


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Both, and within both the same again; a measurement replaces an earlier one if it is as good."""
    both = dict(new)
    for name, value in new.items():
        before = old.get(name)
        if not isinstance(value, dict) or not isinstance(before, dict):
            continue
        if "seconds" not in value:
            both[name] = _merged(before, value)
        elif "disturbed" in value and "seconds" in before and "disturbed" not in before:
            both[name] = before
    return old | both
