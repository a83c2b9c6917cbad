"""What training keeps on disk: named by what makes it, swept, listed and emptied; nothing else is touched."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from mssn.image.picture import Picture
from mssn.image.write import write
from mssn.lab.data import cache as kept
from mssn.lab.data import degraded as degrading
from mssn.lab.data import folder as decoding
from mssn.lab.data.degraded import degraded
from mssn.lab.data.folder import load_pixels
from mssn.once import Once
from mssn.score.degrade import Degradation

DAY = 24 * 3600


@pytest.fixture
def photos(tmp_path, photo) -> Path:
    (tmp_path / "photos").mkdir()
    write(tmp_path / "photos" / "a.png", Picture(photo[:40, :50]))
    return tmp_path / "photos"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("MSSN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make(photos: Path, home: Path) -> None:
    pixels = load_pixels([photos], 2, cache=home)
    degraded(pixels, Degradation(versions=2), 0, cache=home)


@pytest.mark.parametrize("changed", ["code", "libvips", "numpy", "pillow"])
def test_both_caches_are_keyed_by_what_makes_them(photos, home, monkeypatch, changed) -> None:
    make(photos, home)
    names = {path.name for path in home.iterdir()}
    assert len(names) == 2
    make(photos, home)
    assert {path.name for path in home.iterdir()} == names, "nothing is made twice"
    with monkeypatch.context() as patch:
        if changed == "code":
            real = Path.read_bytes
            patch.setattr(Path, "read_bytes", lambda path: real(path) + b"#" * (path.name == "resize.py"))
        elif changed == "libvips":
            patch.setattr("pyvips.version", lambda part: 99)
        elif changed == "numpy":
            patch.setattr(kept.np, "__version__", "99")
        else:
            version = kept.metadata.version
            patch.setattr(kept.metadata, "version", lambda name: "99" if name == "pillow" else version(name))
        patch.setattr(kept, "maker", Once(kept._hash_maker))
        make(photos, home)
        assert len({path.name for path in home.iterdir()}) == 4
    make(photos, home)
    assert len({path.name for path in home.iterdir()}) == 4
    outdated = [entry.what for entry in kept.entries(home) if "other code" in entry.what]
    assert len(outdated) == 2


def test_checkpoints_outlive_another_libvips(photos, home, monkeypatch) -> None:
    """What a checkpoint remembers is which pictures, as in 0.1, not how they were decoded."""
    first = load_pixels([photos], 2, cache=home)
    monkeypatch.setattr(kept, "maker", lambda: "another")
    assert load_pixels([photos], 2, cache=home).key == first.key


@pytest.mark.parametrize("module", [decoding, degrading])
def test_interrupted_work_leaves_nothing_and_is_done_again(photos, home, monkeypatch, module) -> None:
    make_small = "read_source" if module is decoding else "degrade"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, make_small, interrupt)
        with pytest.raises(KeyboardInterrupt):
            make(photos, home)
    assert len(list(home.iterdir())) == (module is degrading)
    make(photos, home)
    assert len(kept.entries(home)) == 2


@pytest.mark.parametrize("name", [f"x2-{'0' * 24}", ".decoding-abc", ".mssn-5c-77-ab.part"])
def test_what_a_killed_run_left_is_swept_by_the_next(photos, home, name) -> None:
    scrap = home / name
    home.mkdir()
    if name.endswith(".part"):
        scrap.write_bytes(b"half")
    else:
        scrap.mkdir()
        (scrap / ".mssn-0123456789abcdef.part").write_bytes(b"half")
    make(photos, home)
    kept.clear(home)
    assert list(home.iterdir()) == [scrap], "somebody may be at work in it"
    (entry,) = kept.entries(home)
    assert (entry.size, entry.what.startswith("unfinished")) == (4, True)
    for path in (*scrap.rglob("*"), scrap):
        os.utime(path, (time.time() - 2 * DAY, time.time() - 2 * DAY))
    make(photos, home)
    assert not scrap.exists()
    assert len(kept.entries(home)) == 2


def test_a_set_in_the_making_stays(photos, home) -> None:
    make(photos, home)
    making = home / f"x2-{'0' * 24}"
    with kept.making(making):
        (making / "lr.rgb").write_bytes(b"soon")
        assert len(kept.clear(home)) == 2
        assert [entry.busy for entry in kept.entries(home)] == [True]
        kept.write_index(making, "mine")
    assert [entry.what for entry in kept.entries(home)] == ["mine"]


def test_only_what_is_ours_is_listed_and_removed(photos, home) -> None:
    make(photos, home)
    others = [home / name for name in ("notes.txt", "x2-mine/a.txt", "x2-degraded.rgb", "runs/b.txt")]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    (home / f"x3-degraded-{'a' * 24}.rgb").write_bytes(b"of 0.1")
    (home / f"x3-{'b' * 24}").mkdir()
    (home / f"x3-{'b' * 24}" / "index.json").write_text('{"sizes": [], "skipped": []}')
    entries = kept.entries(home)
    assert len(entries) == 4
    assert sum("another version" in entry.what for entry in entries) == 2
    assert len(kept.clear(home)) == 4
    assert sorted(path for path in home.rglob("*") if path.is_file()) == sorted(others)


def test_a_damaged_cache_is_made_again(photos, home) -> None:
    pixels = load_pixels([photos], 2, cache=home)
    (folder,) = home.iterdir()
    for name, content in (("hr.rgb", b"short"), (kept.INDEX, b"{")):
        (folder / name).unlink()  # the other pixels still look at it
        (folder / name).write_bytes(content)
        again = load_pixels([photos], 2, cache=home)
        assert np.array_equal(again.hr, pixels.hr)


def test_entries_say_what_how_large_and_how_old(photos, home) -> None:
    make(photos, home)
    for path in home.rglob("*"):
        os.utime(path, (time.time() - 3 * DAY, time.time() - 3 * DAY))
    for folder in home.iterdir():
        os.utime(folder, (time.time() - 3 * DAY, time.time() - 3 * DAY))
    whats = {entry.what: entry for entry in kept.entries(home)}
    decoded = whats[f"1 picture of {photos}, for x2"]
    assert whats.keys() - {decoded.what} == {"1 picture, 2 times degraded, for x2"}
    assert decoded.size == sum(path.stat().st_size for path in decoded.path.iterdir()) > 40 * 50 * 3
    assert decoded.age == pytest.approx(3 * DAY, abs=60)
