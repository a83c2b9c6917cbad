"""`mssn draw`, as a person types it."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("skia", exc_type=ImportError)

from mssn.image.read import read
from mssn.lab.data.sources import Pairs, find_sources
from mssn.lab.draw.pairs import Drawing


def test_pairs_are_drawn_counted_and_trained_on(mssn, tmp_path, pictures) -> None:
    done = mssn("draw", "-o", "drawn", "--count", 3, "--side", 40, "-s", 3, "--photos", pictures)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("drawn  3 pairs, 40x40 and 120x120; ")
    sources = find_sources(Pairs(tmp_path / "drawn"))
    assert [[read(path).pixels.shape for path in source.files] for source in sources] == [
        [(40, 40, 3), (120, 120, 3)]
    ] * 3
    config = "config={channels=8,expanded=12,blocks=1,units=1}"
    settings = (
        "scale=3",
        "patch=12",
        "batch=2",
        "updates=2",
        'train=["pairs:drawn"]',
        'validation="pairs:drawn"',
    )
    more = [part for value in (*settings, config, "degrade={versions=1}") for part in ("--set", value)]
    trained = mssn("train", "quick", *more, "-o", "run", "--cache", tmp_path / "cache")
    assert trained.code == 0, trained.err
    assert "3 pictures, 0.0432 megapixels" in trained.err


def test_another_seed_draws_other_pairs(mssn, tmp_path) -> None:
    for seed in (1, 2):
        assert mssn("draw", "-o", seed, "--count", 1, "--side", 32, "--seed", seed).code == 0
    first, second = (tmp_path / str(seed) / "large" / "00000.png" for seed in (1, 2))
    assert first.read_bytes() != second.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-o", "full", "--count", 1), "full: exists and is not empty; name a new folder or use --force"),
        (("-o", "new", "--count", 0), "--count must be at least 1, not 0"),
        (("-o", "new", "--count", 1, "--scale", 1), "--scale must be from 2 to 8, not 1"),
        (("-o", "new", "--count", 1, "--side", 5), "--side must be from 32 to 2048, not 5"),
        (("-o", "new", "--count", 1, "--blur", 5), "--blur must be from 0 to 4, not 5.0"),
        (("-o", "new", "--count", 1, "--fonts", "none"), "none: no such folder of fonts"),
        (("-o", "new", "--count", 1, "--fonts", "full/notes.txt"), "full/notes.txt: is a file, not a folder"),
        (("-o", "new", "--count", 1, "--photos", "none"), "none: no such folder"),
        (("-o", "new"), "draw: a value for --count is missing; see mssn draw --help"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(mssn, tmp_path, arguments, reason) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    refused = mssn("draw", *arguments)
    assert (refused.code, refused.line) == (2, f"mssn: {reason}")
    assert not (tmp_path / "new").exists()


def test_a_stop_says_what_is_drawn(mssn, monkeypatch) -> None:
    def interrupt(drawing: Drawing, k: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Drawing, "pair", interrupt)
    stopped = mssn("draw", "-o", "new", "--count", 7)
    assert stopped.code == 130
    assert stopped.line == "mssn: stopped: 0 of 7 pairs are drawn; the same command with --force starts over"


@pytest.mark.parametrize("package", ["skia", "uharfbuzz"])
def test_what_is_not_installed_is_named(mssn, monkeypatch, package) -> None:
    for name in [name for name in sys.modules if name.startswith("mssn.lab.draw")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    refused = mssn("draw", "-o", "new", "--count", 1)
    assert refused.code == 2
    assert refused.line == f"mssn: {package} is not installed; run: pip install 'mssn[draw]'"


def test_a_library_of_the_system_that_is_missing_is_named(mssn, monkeypatch) -> None:
    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "skia":
                raise ImportError("libEGL.so.1: cannot open shared object file")

    for name in [name for name in sys.modules if name.startswith(("mssn.lab.draw", "skia"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    refused = mssn("draw", "-o", "new", "--count", 1)
    assert refused.code == 2
    assert "libEGL.so.1: cannot open shared object file); on Debian: apt install libegl1" in refused.line
