"""The data sets that committed numbers are checked against (`make check-results`)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def benchmarks() -> Path:
    """Folder of the public benchmarks; checks that need it skip elsewhere."""
    root = os.environ.get("MSSN_DATA")
    if not root or not (Path(root) / "benchmarks" / "Set5").is_dir():
        pytest.skip("needs MSSN_DATA with benchmarks/Set5, Set14, B100 and Urban100")
    return Path(root) / "benchmarks"
