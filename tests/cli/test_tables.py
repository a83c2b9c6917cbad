"""Tables obey the width there is, and lose nothing in a narrow one."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from mssn.cli.tables import show
from mssn.image.picture import Picture
from mssn.image.resize import imresize
from mssn.image.write import write

NAMES = ("picture", "PSNR", "bicubic PSNR", "")
ROWS = [["a[b].png", "37.750", "33.673", "█" * 9], ["写真.png", "9.1", "infinite", ""]]


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\s█─]+", text))


@pytest.mark.parametrize("columns", [10, 24, 32, 40, 80])
def test_every_cell_is_there_in_every_width(monkeypatch, capsys, columns) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    show(NAMES, ROWS, title="scores", total=["mean", "23.4", "-", ""])
    out = capsys.readouterr().out
    cells = {cell for row in ROWS for cell in row[:3]} | {"mean", "23.4", "-", "scores"}
    if columns >= 24:  # below, single words are broken
        assert cells <= words(out)
        assert {"PSNR", "bicubic"} <= words(out)
    assert max(map(cell_len, out.splitlines())) <= columns
    assert ("█" in out) == (columns >= 40), "decoration goes first"


def test_a_file_has_room_for_every_table(monkeypatch, capsys) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    show(("name", "value"), [["x" * 300, "1"]])
    assert re.search("x{300} +1", capsys.readouterr().out)


@pytest.mark.parametrize("columns", ["nonsense", "0", ""])
def test_columns_that_are_no_width_break_nothing(monkeypatch, capsys, columns) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    show(("name", "value"), [["one", "1"]])
    assert "one" in capsys.readouterr().out


@pytest.mark.parametrize("columns", [44, 80, 120])
def test_verbs_obey_the_width(mssn, exported, monkeypatch, tmp_path, photo, columns) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    (tmp_path / "p").mkdir()
    write(tmp_path / "p" / "photo.png", Picture(imresize(photo, scale=2)))
    net = exported / "mssn-s-x2.onnx"
    monkeypatch.chdir(exported)
    outputs = {
        "info": ("info",),
        "a file's info": ("info", "mssn-s-x2.onnx"),
        "evaluate": ("evaluate", "-m", net.name, "-d", tmp_path / "p"),
        "profile": ("profile", net.name, "--size", "32x18"),
        "compare": ("compare", tmp_path / "p" / "photo.png", "-m", net.name, "-o", tmp_path / "c.png", "-f"),
    }
    for name, command in outputs.items():
        result = mssn(*command)
        assert result.code == 0, result.err
        lines = [line for line in result.out.splitlines() if str(tmp_path) not in line]
        assert max(map(cell_len, lines)) <= columns, name
        if name == "info":
            assert {"80,068", "37.75", "Urban100"} <= words(result.out)
            assert ("  params 80,068" in result.out) == (columns == 44)
        if name == "evaluate":
            assert {"photo.png", "mean", "seconds"} <= words(result.out)
