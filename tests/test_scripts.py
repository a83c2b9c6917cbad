"""The scripts of paper, release and benchmarks: `--help` says what each does, and does nothing else."""

from __future__ import annotations

import runpy
from pathlib import Path

import matplotlib as mpl
import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = [
    path
    for folder in ("paper", "release", "benchmarks")
    for path in sorted((ROOT / folder).glob("*.py"))
    if "__main__" in path.read_text()
]
WRITTEN = ("docs", "paper", "benchmarks", "src/mssn/models/shipped")


def state() -> dict[Path, tuple[int, int]]:
    """Of every file that some script writes: when it was changed, and its size."""
    files = [path for name in WRITTEN for path in (ROOT / name).rglob("*") if "__pycache__" not in path.parts]
    stats = {path: path.stat() for path in [ROOT / "README.md", *files]}
    return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in stats.items()}


def test_scripts_are_found() -> None:
    assert {path.name for path in SCRIPTS} >= {
        "tables.py",
        "document.py",
        "ship.py",
        "beside.py",
        "resize.py",
    }


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_help_does_nothing_else(script, monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(script.parent))
    monkeypatch.delenv("MSSN_DATA", raising=False)
    before = state()
    for arguments, code in (["--help"], 0), (["--nonsense"], 2):
        monkeypatch.setattr("sys.argv", [str(script), *arguments])
        with mpl.rc_context(), pytest.raises(SystemExit) as left:
            runpy.run_path(str(script), run_name="__main__")
        assert (left.value.code or 0) == code
    said = capsys.readouterr()
    assert said.out.startswith(f"usage: {script.name}")
    assert f"python {script.parent.name}/{script.name}" in said.out  # the docstring, not only the options
    assert "--nonsense" in said.err or "required" in said.err
    assert state() == before
    assert not list(tmp_path.iterdir())
