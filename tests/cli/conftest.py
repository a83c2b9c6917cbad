"""Run the command line in this process, as a person would type it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mssn.cli import main
from mssn.image.picture import Picture
from mssn.image.write import write


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of an error."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


@pytest.fixture
def mssn(capsys, monkeypatch, tmp_path) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        monkeypatch.setattr("sys.argv", ["mssn", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return Result(int(left.value.code or 0), out, err)

    return run


@pytest.fixture
def pictures(tmp_path, photo) -> Path:
    """Three whole pictures in a tree, and the folder they are in."""
    home = tmp_path / "pictures"
    (home / "deeper").mkdir(parents=True)
    write(home / "one.png", Picture(photo[:20, :30]))
    write(home / "two.jpg", Picture(photo[:21, :33]))
    write(home / "deeper" / "grey 16.png", Picture(photo[:22, :36, :1].astype(np.uint16) * 257))
    return home


@pytest.fixture
def net(exported) -> Path:
    """A tiny network, x2."""
    return exported / "mssn-s-x2.onnx"
