"""README's commands exist."""

from __future__ import annotations

import re
from pathlib import Path

from mssn.cli import app

ROOT = Path(__file__).resolve().parent.parent


def test_every_verb_in_readme_exists() -> None:
    verbs = set(re.findall(r"^mssn (\w+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE))
    assert {"upscale", "evaluate", "train", "info"} <= verbs
    assert verbs <= {name for name in app if not name.startswith("-")}
