"""The held-out pictures: nothing of what training sees, and neither easy nor hopeless."""

from __future__ import annotations

import json
import re
import tomllib
from itertools import chain

import drawn
import heldout
import numpy as np
import pytest
import record
from heldout_kinds import KINDS
from heldout_sheet import FAMILIES, WORDS, Sheet, font_files

from mssn.lab.draw.fonts import PACKAGES, Face
from mssn.lab.draw.words import SCRIPTS


def test_other_fonts_and_words_than_those_of_training() -> None:
    extras = tomllib.loads((record.ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    theirs = {f"fontpkg-{family.lower().replace(' ', '-')}" for family in FAMILIES}
    assert theirs == {name.split("==")[0] for name in extras["heldout"] if "font" in name}
    assert not theirs & set(PACKAGES)
    assert all("==" in name for name in extras["heldout"] if "font" in name)
    assert len(FAMILIES) >= 12 and len(set(chain(*FAMILIES.values()))) >= 5 and len(KINDS) >= 8
    for script, text in WORDS.items():
        long = {word for word in text.split() if len(word) > 4}
        assert not long & set(SCRIPTS[script].split())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_its_letters_and_is_found_by_its_name(family) -> None:
    files = font_files(family)
    letters = set().union(*(Face(path).letters for path in files))
    for script in FAMILIES[family]:
        assert letters >= set(map(ord, WORDS[script].replace(" ", ""))), script
        sheet = Sheet(np.random.default_rng(0))
        blank = sheet.draw(2, 1)
        sheet.write(WORDS[script], 5, 50, 12, family)
        assert (sheet.draw(2, 1) != blank).mean() > 0.01, "resvg does not know the name"


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=lambda kind: KINDS[kind].__name__)
def test_a_pair_is_one_scene_at_two_sizes(kind) -> None:
    """Enlarged by repeating pixels, the small one fits the large one as it is, not moved by a pixel."""
    small, large = heldout.pair(kind, 2)
    assert small.shape == (160, 160, 3) and large.shape == (320, 320, 3)
    assert np.array_equal(small, heldout.pair(kind, 2)[0])
    enlarged = small.repeat(2, axis=0).repeat(2, axis=1).astype(float)

    def error(down: int, right: int) -> float:
        moved = np.roll(large, (down, right), (0, 1))[4:-4, 4:-4].astype(float)
        return float(((enlarged[4:-4, 4:-4] - moved) ** 2).mean())

    assert error(0, 0) > 0
    assert all(error(*move) > error(0, 0) for move in ((0, 1), (1, 0), (0, -1), (-1, 0)))


def test_a_fifth_is_drawn_without_antialiasing_and_a_third_light_on_dark() -> None:
    sheets = [heldout.sheet(k) for k in range(heldout.COUNT)]
    assert 0.1 < np.mean([not sheet.smooth for sheet in sheets]) < 0.3
    assert 0.2 < np.mean([sheet.dark for sheet in sheets]) < 0.45
    assert set().union(*(sheet.families for sheet in sheets)) == set(FAMILIES)


def test_text_with_marks_of_xml_is_written() -> None:
    sheet = Sheet(np.random.default_rng(0))
    blank = sheet.draw(2, 1)
    sheet.write("a < b & {c}", 10, 60, 20, "IBM Plex Mono")
    assert (sheet.draw(2, 1) != blank).any()


def test_scores_are_kept_by_file_and_by_pictures(monkeypatch, tmp_path, job) -> None:
    monkeypatch.setattr(drawn, "PATH", tmp_path / "drawn.json")
    few = [heldout.pair(k, 2) for k in (0, 4, 10)]
    monkeypatch.setattr(heldout, "pairs", lambda scale: few)
    assert drawn.measure("mssn-s-x2", job) is not None
    kept = json.loads((tmp_path / "drawn.json").read_text())["models"]["mssn-s-x2"]
    assert kept["pictures"] == heldout.fingerprint(few)
    lanczos, bicubic, network = (kept[name] for name in ("lanczos", "bicubic", "network"))
    assert network["psnr_rgb"] > lanczos["psnr_rgb"] > bicubic["psnr_rgb"] > 15
    assert lanczos["overshoot"] > bicubic["overshoot"] > 0
    assert drawn.measure("mssn-s-x2", job) is None
    few.pop()
    assert drawn.measure("mssn-s-x2", job) is not None, "scores of other pictures do not count"


def test_any_weights_can_be_scored(monkeypatch, capsys, trained) -> None:
    """Those of a run are the same network as those that ship, to rounding."""
    few = [heldout.pair(3, 2)]
    monkeypatch.setattr(heldout, "pairs", lambda scale: few)
    files = [trained / "weights.safetensors", trained / "mssn-s-x2.onnx"]
    monkeypatch.setattr("sys.argv", ["drawn.py", "--weights", *map(str, files)])
    assert drawn.main() == 0
    said = re.findall(r"'psnr_rgb': ([\d.]+), 'overshoot': ([\d.]+)}", capsys.readouterr().out)
    run, shipped = np.array(said, float)
    assert run == pytest.approx(shipped, abs=0.02)


@pytest.mark.slow
def test_lanczos_scores_what_makes_a_good_test() -> None:
    lanczos = drawn.score_kernel("lanczos", 2, heldout.pairs(2))
    assert 24 <= lanczos["psnr_rgb"] <= 26
