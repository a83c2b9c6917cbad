"""Fonts of drawn pictures: which they are, and that letters come out as other libraries shape them."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont, features

from mssn.errors import DataError
from mssn.lab.draw import fonts
from mssn.lab.draw.fonts import PACKAGES, Face, Fonts, installed
from mssn.lab.draw.words import SCRIPTS, words

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def all_fonts() -> Fonts:
    return Fonts.of()


def test_the_extra_brings_exactly_the_fonts_in_fixed_versions() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    pinned = [name for name in extras["draw"] if "font" in name]
    assert {re.split("==", name)[0] for name in pinned} == set(PACKAGES)
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", name) for name in pinned)


def test_every_script_has_several_families_and_all_its_letters(all_fonts) -> None:
    assert set(all_fonts.scripts) == set(SCRIPTS) and len(SCRIPTS) >= 5
    assert len({face.family for face in all_fonts.faces}) >= 25
    rng = np.random.default_rng(0)
    for script, families in all_fonts.scripts.items():
        assert len(families) >= 2
        said = words(script, 200, rng)
        for family in families:
            assert family[0].holds(said), (script, family[0].family)


def test_each_script_is_chosen_and_families_alike(all_fonts) -> None:
    rng = np.random.default_rng(1)
    chosen = [all_fonts.choose(rng) for _ in range(1500)]
    scripts = [script for script, _, _ in chosen]
    assert 0.5 < scripts.count("Latin") / 1500 < 0.62
    assert set(scripts) == set(SCRIPTS)
    thai = [face.family for script, face, _ in chosen if script == "Thai"]
    assert 0.3 < thai.count("Prompt") / len(thai) < 0.7, "18 of its 19 faces are Prompt's"
    assert {weight for _, _, weight in chosen} >= {0, 300, 400, 700, 900}


@pytest.mark.parametrize(
    ("package", "text"),
    [
        ("fontpkg-pt-serif", "AVATAR office, (1948) & #1!"),
        ("fontpkg-hind", "ऋषियों को सताने"),
        ("fontpkg-cairo", "نص حكيم له سر قاطع"),
    ],
)
def test_text_is_as_wide_as_freetype_and_raqm_say(package, text) -> None:
    """Kerning, joined letters and all."""
    assert features.check("raqm")
    path = installed((package,), "draw")[-1]
    outline, width = Face(path).outline(text, 1000)
    layout = ImageFont.Layout.RAQM
    assert width == pytest.approx(
        ImageFont.truetype(path, 1000, layout_engine=layout).getlength(text), rel=0.002
    )
    assert outline.getBounds().width() == pytest.approx(width, rel=0.1)
    assert outline.getBounds().top() < 0, "letters stand above the base line"


def test_a_heavier_weight_has_more_ink(all_fonts) -> None:
    face = next(face for face in all_fonts.faces if face.family == "Roboto")
    assert face.weights == (300, 400, 500, 700, 900)
    widths = [face.outline("minimum", 100, weight)[1] for weight in face.weights]
    assert widths == sorted(widths) and widths[0] < widths[-1]


def test_a_folder_of_fonts_takes_their_place(tmp_path) -> None:
    (tmp_path / "deeper").mkdir()
    shutil.copy(installed(("fontpkg-cairo",), "draw")[0], tmp_path / "deeper" / "Mine-Regular.TTF")
    (face,) = Fonts.of(tmp_path).faces
    assert face.family == "Mine"
    script, face, _ = Fonts.of(tmp_path).choose(np.random.default_rng(0))
    assert face.holds(SCRIPTS[script])


def test_fonts_that_cannot_be_used_are_named(tmp_path, monkeypatch) -> None:
    with pytest.raises(DataError, match="no such folder of fonts"):
        Fonts.of(tmp_path / "none")
    with pytest.raises(DataError, match="holds no fonts"):
        Fonts.of(tmp_path)
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(DataError, match=r"broken\.ttf: is no font that can be read"):
        Fonts.of(tmp_path)
    monkeypatch.setattr(fonts, "PACKAGES", ("fontpkg-arimo", "fontpkg-of-nobody"))
    with pytest.raises(
        DataError, match=r"fontpkg-of-nobody is not installed; run: pip install 'mssn\[draw\]'"
    ):
        Fonts.of()


def test_fonts_without_a_whole_alphabet_are_refused(tmp_path, monkeypatch) -> None:
    shutil.copy(installed(("fontpkg-cairo",), "draw")[0], tmp_path / "some.ttf")
    monkeypatch.setattr(fonts, "SCRIPTS", {"Runes": "ᚠᚢᚦ"})
    with pytest.raises(DataError, match="no font in it has all letters of one of these scripts: Runes"):
        Fonts.of(tmp_path)
