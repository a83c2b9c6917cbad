"""Pairs beside pictures: the given small picture is what is trained on, and what does not fit is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

from mssn.errors import DataError
from mssn.image.picture import Picture
from mssn.image.resize import shrink
from mssn.image.write import write
from mssn.lab.data.degraded import degraded
from mssn.lab.data.folder import load_pixels
from mssn.lab.data.sources import Pairs, find_sources, located
from mssn.score.defects import blurred
from mssn.score.degrade import Degradation, degrade

NOTHING: dict[str, Any] = {"clean": 0, "resize": 0, "blur": 0, "noise": 0, "shot": 0, "compress": 0}


def pair(folder: Path, name: str, large: np.ndarray, small: np.ndarray, ending: str = ".png") -> None:
    for place, pixels in (("large", large), ("small", small)):
        (folder / place / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / place / f"{name}{ending if place == 'small' else '.png'}", Picture(pixels))


@pytest.fixture
def drawn(tmp_path, photo) -> Path:
    """Two pairs whose small pictures are not the shrunk large ones."""
    pair(tmp_path / "drawn", "2", photo, 255 - shrink(photo, 2), ".tif")
    pair(tmp_path / "drawn", "deeper/10", photo[:40, :60], photo[:20, :30])
    return tmp_path / "drawn"


def test_pairs_are_named_as_such_and_found_like_pictures(drawn, monkeypatch) -> None:
    assert located(f"pairs:{drawn}") == Pairs(drawn)
    monkeypatch.setenv("MSSN_DATA", str(drawn.parent))
    assert located("pairs:drawn") == Pairs(drawn)
    assert located("drawn") == drawn
    with pytest.raises(DataError, match="no folder dawn"):
        located("pairs:dawn")
    found = find_sources(Pairs(drawn))
    assert [source.large.stem for source in found] == ["2", "10"]
    assert [len(source.files) for source in found] == [2, 2]
    assert len(find_sources(drawn)) == 4, "without the word they are four pictures"


def test_the_small_picture_that_was_given_is_trained_on(tmp_path, drawn, photo) -> None:
    (tmp_path / "photos").mkdir()
    write(tmp_path / "photos" / "a.png", Picture(photo[:50, :50]))
    found = load_pixels([tmp_path / "photos", Pairs(drawn)], 2, cache=tmp_path / "cache")
    assert found.sizes.tolist() == [[25, 25], [48, 56], [20, 30]]
    assert found.paired == {1, 2}
    smalls = (shrink(photo[:50, :50], 2), 255 - shrink(photo, 2), photo[:20, :30])
    assert np.array_equal(found.lr, np.concatenate([small.reshape(-1, 3) for small in smalls]))
    larges = (photo[:50, :50], photo, photo[:40, :60])
    assert np.array_equal(found.hr, np.concatenate([large.reshape(-1, 3) for large in larges]))
    again = load_pixels([tmp_path / "photos", Pairs(drawn)], 2, cache=tmp_path / "cache")
    assert (again.key, again.paired) == (found.key, found.paired)


def test_another_small_picture_is_another_set(tmp_path, drawn, photo) -> None:
    first = load_pixels([Pairs(drawn)], 2, cache=tmp_path / "cache").key
    assert load_pixels([drawn], 2, cache=tmp_path / "cache").key != first
    pair(drawn, "2", photo, shrink(photo, 2), ".tif")
    assert load_pixels([Pairs(drawn)], 2, cache=tmp_path / "cache").key != first


def only(**strengths: Any) -> Degradation:
    return Degradation.of(NOTHING | strengths)


def test_the_small_picture_that_was_given_is_degraded(tmp_path, drawn, photo) -> None:
    pixels = load_pixels([Pairs(drawn)], 2, cache=tmp_path / "cache")
    for clean in (0, 1):
        found = degraded(pixels, only(versions=2, clean=clean), 0, cache=tmp_path / "cache")
        assert np.array_equal(found.lr, np.concatenate([pixels.lr, pixels.lr]))
    small = 255 - shrink(photo, 2)
    # The third number that is drawn decides how strong the blur is.
    seed = next(seed for seed in range(99) if default_rng(seed).random(3)[2] > 0.9)
    sigma = 3.0 * (2 * default_rng(seed).random(3)[2] - 1)
    found, _ = degrade(photo, 2, only(blur=3.0), default_rng(seed), small)
    assert np.array_equal(found, blurred(small, sigma))
    compressed, _ = degrade(photo, 2, only(compress=1), default_rng(0), small)
    assert 0 < np.abs(compressed.astype(float) - small).mean() < 40


def test_chance_is_the_same_with_and_without_a_given_picture(photo) -> None:
    both = default_rng(4), default_rng(4)
    degrade(photo, 2, Degradation(clean=0), both[0])
    degrade(photo, 2, Degradation(clean=0), both[1], shrink(photo, 2))
    assert both[0].random() == both[1].random()


@pytest.mark.parametrize("scale", [3, 4])
def test_pairs_of_another_scale_are_named(tmp_path, drawn, scale) -> None:
    with pytest.raises(DataError, match=rf"2\.png: has 112x96 pixels, .* 56x48; for x{scale} it needs"):
        load_pixels([Pairs(drawn)], scale, cache=tmp_path / "cache")


def test_pictures_without_a_partner_are_named(tmp_path, drawn) -> None:
    (drawn / "small" / "2.tif").unlink()
    with pytest.raises(DataError, match=r"large/2\.png: has no partner of this name in .*small"):
        load_pixels([Pairs(drawn)], 2, cache=tmp_path / "cache")


def test_two_small_pictures_of_one_name_are_refused(drawn, photo) -> None:
    write(drawn / "small" / "2.png", Picture(photo))
    with pytest.raises(DataError, match="has the same name"):
        find_sources(Pairs(drawn))


def test_transparent_pairs_are_refused(tmp_path, drawn, photo) -> None:
    veil = np.full((48, 56, 1), 255, np.uint8)
    veil[:, 40:] = 0
    write(drawn / "small" / "2.tif", Picture(photo[:48, :56], veil))
    with pytest.raises(DataError, match=r"2\.tif: pictures of pairs must be opaque"):
        load_pixels([Pairs(drawn)], 2, cache=tmp_path / "cache")
    veil[:] = np.arange(56)[:, None]
    write(drawn / "small" / "2.tif", Picture(photo[:48, :56], veil))
    with pytest.raises(DataError, match=r"2\.tif: pictures of pairs must be opaque; remove its transparency"):
        load_pixels([Pairs(drawn)], 2, cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pairs:", "pairs: needs the name of a folder, such as pairs:drawn"),
        ("pairs:photos", "photos: has no folder 'small'; pairs lie in 'small' and 'large'"),
        ("pairs:nowhere", "no folder nowhere"),
    ],
)
def test_what_is_no_folder_of_pairs_is_told(tmp_path, monkeypatch, name, reason) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match=reason):
        located(name)


def test_a_file_of_its_name_hides_no_benchmark(tmp_path, monkeypatch) -> None:
    (tmp_path / "data" / "benchmarks" / "Set5").mkdir(parents=True)
    (tmp_path / "Set5").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MSSN_DATA", str(tmp_path / "data"))
    assert located("Set5") == tmp_path / "data" / "benchmarks" / "Set5"
    (tmp_path / "notes").touch()
    with pytest.raises(DataError, match="notes: is a file, not a folder"):
        located("notes")


def test_a_folder_that_holds_no_pairs_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match="small: no such folder"):
        find_sources(Pairs(tmp_path))
