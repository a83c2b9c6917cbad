"""Folders of photographs become one cache, named by content."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mssn.errors import DataError
from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import shrink
from mssn.image.write import write
from mssn.lab.data import folder as data_folder
from mssn.lab.data.folder import load_pixels
from mssn.score.folders import locate


@pytest.fixture
def photos(tmp_path, photo) -> Path:
    home = tmp_path / "photos"
    (home / "deeper").mkdir(parents=True)
    write(home / "b.png", Picture(photo))
    write(home / "deeper" / "a.jpg", Picture(photo[:60, :71]))
    write(home / "grey.png", Picture(photo[:50, :40, :1]))
    return home


def test_pixels_are_the_pictures_and_their_matlab_partners(tmp_path, photos) -> None:
    pixels = load_pixels([photos], 3, cache=tmp_path / "cache")
    names = ["b.png", "deeper/a.jpg", "grey.png"]
    assert pixels.sizes.tolist() == [[32, 37], [20, 23], [16, 13]]
    assert pixels.skipped == ()
    for name, (height, width), start in zip(names, pixels.sizes, pixels.starts, strict=True):
        whole = read_rgb(photos / name)[: height * 3, : width * 3]
        lr = pixels.lr[start : start + height * width].reshape(height, width, 3)
        hr = pixels.hr[start * 9 : (start + height * width) * 9].reshape(height * 3, width * 3, 3)
        assert np.array_equal(hr, whole)
        assert np.array_equal(lr, shrink(whole, 3))


def test_second_start_decodes_nothing_even_from_another_place(tmp_path, photos, monkeypatch) -> None:
    first = load_pixels([photos], 2, cache=tmp_path / "cache")
    moved = tmp_path / "moved"
    shutil.move(photos, moved)
    monkeypatch.setattr(data_folder, "read_source", None)
    second = load_pixels([moved], 2, cache=tmp_path / "cache")
    assert second.key == first.key
    assert np.array_equal(first.hr, second.hr)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_changed_content_makes_a_new_cache(tmp_path, photos, photo) -> None:
    first = load_pixels([photos], 2, cache=tmp_path / "cache")
    write(photos / "b.png", Picture(255 - photo))
    second = load_pixels([photos], 2, cache=tmp_path / "cache")
    assert second.key != first.key
    assert not np.array_equal(first.hr, second.hr)


def test_broken_and_tiny_pictures_are_skipped_and_reported(tmp_path, photos) -> None:
    (photos / "broken.png").write_bytes((photos / "b.png").read_bytes()[:200])
    write(photos / "dot.png", Picture(np.zeros((1, 1, 3), np.uint8)))
    pixels = load_pixels([photos], 2, cache=tmp_path / "cache")
    assert len(pixels.sizes) == 3
    assert len(pixels.skipped) == 2
    assert "broken.png" in pixels.skipped[0]
    assert "dot.png" in pixels.skipped[1]


def test_several_processes_may_decode_at_once(tmp_path, photos) -> None:
    for number in range(5):
        cache = tmp_path / f"cache {number}"
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: load_pixels([photos], 2, cache=cache), range(4)))  # noqa: B023
        assert len({pixels.key for pixels in found}) == 1
        assert all(np.array_equal(pixels.hr, found[0].hr) for pixels in found)
        assert len(list(cache.iterdir())) == 1


def test_nothing_usable_is_one_clear_error(tmp_path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match="photos"):
        load_pixels([tmp_path / "photos"], 2, cache=tmp_path / "cache")
    (tmp_path / "photos" / "a.png").write_text("no picture")
    with pytest.raises(DataError, match=r"no usable picture among 1 files; the first: .*a\.png"):
        load_pixels([tmp_path / "photos"], 2, cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []  # no half-made cache


def test_a_cache_that_cannot_be_written_is_one_clear_error(tmp_path, photos) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="MSSN_CACHE"):
        load_pixels([photos], 2, cache=tmp_path / "file" / "cache")


def test_locate_looks_in_the_data_folder(tmp_path, monkeypatch) -> None:
    (tmp_path / "benchmarks" / "Set5").mkdir(parents=True)
    (tmp_path / "train").mkdir()
    monkeypatch.delenv("MSSN_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    assert locate("train") == Path("train")
    with pytest.raises(DataError, match="MSSN_DATA"):
        locate("Set5")
    monkeypatch.setenv("MSSN_DATA", str(tmp_path))
    assert locate("Set5") == tmp_path / "benchmarks" / "Set5"
    with pytest.raises(DataError, match="no folder Set6"):
        locate("Set6")
