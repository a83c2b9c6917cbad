"""Weights files on the command line: exported, described, and never lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from networks import TINY, scrambled

from mssn.lab.export.onnx import write_onnx
from mssn.models.info import FOLDER, list_models
from mssn.models.meta import read_meta


@pytest.fixture
def own(exported, tmp_path) -> Path:
    """A float32 weights file whose name is the one that export writes."""
    (tmp_path / "own").mkdir()
    shutil.copy(exported / "net.safetensors", tmp_path / "own" / "mssn-s-x2.safetensors")
    return tmp_path / "own" / "mssn-s-x2.safetensors"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_export_never_replaces_what_it_reads(mssn, own, tmp_path, force) -> None:
    """0.1 put half precision in the place of the float32 weights."""
    (tmp_path / "link.safetensors").symlink_to(own)
    (tmp_path / "away").mkdir()
    os.link(own, tmp_path / "away" / "mssn-s-x2.safetensors")
    (tmp_path / "linked").symlink_to(own.parent)
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "mssn-s-x2.safetensors").symlink_to(own)
    before = contents(own.parent)
    for weights, folder in (
        (own, own.parent),
        (own, os.path.relpath(own.parent, tmp_path)),
        (tmp_path / "link.safetensors", own.parent),
        (own, "away"),  # another name of the same file
        (own, "linked"),
        (own, "back"),
    ):
        result = mssn("export", weights, "-o", folder, *force)
        assert result.code == 2
        assert result.line.endswith("is what would be exported; choose another folder with -o")
        assert contents(own.parent) == before


def test_no_verb_replaces_weights_that_it_reads(mssn, own, tmp_path) -> None:
    (tmp_path / "link.safetensors").symlink_to(own)
    before = contents(own.parent)
    for output in (own, "link.safetensors"):
        for command in (("soup", own, own), ("import", own)):
            line = mssn(*command, "-o", output, "--force").line
            assert line == f"mssn: {output}: would replace {own}, which is read; choose another output"
    assert contents(own.parent) == before


def test_export_replaces_other_files_only_when_told(mssn, own, tmp_path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mssn-s-x2.onnx").write_text("mine")
    line = mssn("export", own, "-o", "new").line
    assert line == "mssn: new/mssn-s-x2.onnx: exists already; use --force to overwrite it"
    assert contents(tmp_path / "new") == {"mssn-s-x2.onnx": b"mine"}
    assert mssn("export", own, "-o", "new", "--force").code == 0
    assert read_meta(tmp_path / "new" / "mssn-s-x2.onnx").model == "mssn-s"
    (tmp_path / "new" / "mssn-s-x2-int8.onnx").write_text("mine")
    result = mssn("export", own, "-o", "new", "--int8", tmp_path)
    assert (result.code, "exists already" in result.line) == (2, True)


def test_what_ships_is_copied_by_its_name_without_pytorch(tmp_path) -> None:
    hide = "import sys; sys.modules['torch'] = sys.modules['onnx'] = None; sys.argv[0] = 'mssn'"
    command = [sys.executable, "-c", f"{hide}; import mssn.cli; mssn.cli.main()", "export"]
    for name in ("mssn-s-x2", "mssn-m-photo-x3-int8"):
        whole = [*command, name, "-o", "a/b"]
        done = subprocess.run(whole, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "a" / "b" / f"{name}.onnx").read_bytes() == (FOLDER / f"{name}.onnx").read_bytes()
        assert done.stdout.startswith(f"a/b/{name}.onnx  ")


def test_every_file_that_ships_can_be_exported_and_refusals_are_one_line(mssn, tmp_path) -> None:
    for row in list_models():
        for name in filter(None, (row.weights, row.int8)):
            assert mssn("export", name.removesuffix(".onnx"), "-o", "all").code == 0
    assert contents(tmp_path / "all") == {path.name: path.read_bytes() for path in FOLDER.glob("*.onnx")}
    assert "exists already; use --force" in mssn("export", "mssn-s-x2", "-o", "all").line
    line = mssn("export", "mssn-s").line
    assert line.startswith("mssn: no file ships for 'mssn-s'; there are: mssn-s-x2, mssn-s-x2-int8, ")
    assert "is what would be exported" in mssn("export", "mssn-s-x2", "-o", FOLDER, "--force").line
    (tmp_path / "file").write_text("")
    assert "cannot be written" in mssn("export", "mssn-s-x2", "-o", "file/new").line


def test_info_describes_a_file(mssn, exported, tmp_path) -> None:
    out = mssn("info", exported / "mssn-s-x2.onnx").out
    meta = read_meta(exported / "mssn-s-x2.onnx")
    assert f"mssn-s x2, {meta.parameters:,} parameters" in out
    assert f"{2 * meta.halo + 1} small pixels" in out
    (row,) = json.loads(mssn("info", FOLDER / "mssn-m-x3.onnx", "--json").out)
    assert (row["model"], row["scale"], row["precision"]) == ("mssn-m", 3, "fp32")
    assert row["bytes"] == (FOLDER / "mssn-m-x3.onnx").stat().st_size
    assert "int8" in mssn("info", FOLDER / "mssn-m-x3-int8.onnx").out
    assert "mssn-s x2" in mssn("info", exported / "net.safetensors").out
    (tmp_path / "other.onnx").write_text("no network")
    assert mssn("info", "other.onnx").line == "mssn: other.onnx: not a readable .onnx file"
    assert mssn("info", "gone.onnx").line == "mssn: gone.onnx: no such weights file"
    (one,) = json.loads(mssn("info", "mssn-m-x3", "--json").out)
    assert (one["model"], one["scale"]) == ("mssn-m", 3)


def test_info_says_which_network_is_told_a_strength(mssn, exported, tmp_path) -> None:
    net = scrambled(replace(TINY, told=True))
    plain, made = exported / "mssn-s-x2.onnx", tmp_path / "told.onnx"
    write_onnx(net, replace(read_meta(plain), config=asdict(net.config)), made)
    lines = [mssn("info", path).out.splitlines() for path in (made, plain)]
    told, untold = ([line for line in found if line.startswith("strength:")] for found in lines)
    assert told == ["strength:  0 to 1: it is told how strongly a picture is degraded"]
    assert untold == []


def test_profile_asks_for_matplotlib_before_the_work(mssn, monkeypatch, tmp_path) -> None:
    from mssn.lab import profile

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(profile, "profile", None)
    line = mssn("profile", "mssn-s", "--plot", "a.svg").line
    assert line == "mssn: matplotlib is not installed; run: pip install 'mssn[paper]'"
    assert not (tmp_path / "a.svg").exists()
