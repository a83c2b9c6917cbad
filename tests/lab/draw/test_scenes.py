"""Scenes: pair k is a matter of (seed, k) alone, and both sizes show the same."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import skia

from mssn.errors import DataError
from mssn.image.picture import Picture
from mssn.image.resize import shrink
from mssn.image.write import write
from mssn.lab.draw import pairs, scene
from mssn.lab.draw.fonts import Fonts
from mssn.lab.draw.pairs import Drawing, write_pairs
from mssn.lab.draw.pen import Box, Pen
from mssn.lab.draw.photos import Photos

SIDE = 64


@pytest.fixture(scope="module")
def fonts() -> Fonts:
    return Fonts.of()


def pen(fonts: Fonts, seed: int, scale: int, photos: Photos | None = None) -> tuple[Pen, skia.Surface]:
    surface = skia.Surface(SIDE * scale, SIDE * scale)
    canvas = surface.getCanvas()
    canvas.scale(scale, scale)
    made = Pen(canvas, np.random.default_rng(seed), scale, fonts, photos)
    canvas.clear(made.paper)
    return made, surface


def pixels(surface: skia.Surface) -> np.ndarray:
    return surface.toarray(colorType=skia.kRGBA_8888_ColorType)[:, :, :3].astype(float)


def hashed(drawing: Drawing, k: int) -> str:
    return hashlib.sha256(b"".join(picture.tobytes() for picture in drawing.pair(k))).hexdigest()


def test_a_pair_depends_on_seed_and_number_alone() -> None:
    drawing = Drawing(2, SIDE, seed=5)
    forth = [hashed(drawing, k) for k in range(6)]
    assert [hashed(drawing, k) for k in reversed(range(6))] == forth[::-1]
    assert len({*forth, *(hashed(Drawing(2, SIDE, seed=6), k) for k in range(6))}) == 12
    code = (
        "import hashlib; from mssn.lab.draw.pairs import Drawing; pair = Drawing(2, 64, seed=5).pair(4); "
        "print(hashlib.sha256(b''.join(picture.tobytes() for picture in pair)).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == forth[4]


@pytest.mark.parametrize("kind", scene.KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_draws_and_chance_falls_out_alike_at_both_sizes(fonts, kind) -> None:
    drawn = 0
    for seed in range(5):
        states = []
        for scale in (1, 3):
            made, surface = pen(fonts, seed, scale)
            blank = pixels(surface)
            kind(made, Box(0, 0, SIDE, SIDE))
            states.append(str(made.rng.bit_generator.state))
            drawn += bool((pixels(surface) != blank).any())
        assert states[0] == states[1]
    assert drawn >= 8


def test_without_antialiasing_a_small_pixel_is_the_middle_of_the_large_ones(fonts) -> None:
    """Both are the colour at the centre of the pixel, which at x3 is the same place."""
    compared = 0
    for seed in range(60):
        made, small = pen(fonts, seed, 1)
        if made.smooth_text:
            continue
        scene.draw(made, SIDE)
        again, large = pen(fonts, seed, 3)
        scene.draw(again, SIDE)
        middle = pixels(large)[1::3, 1::3]
        assert (np.abs(pixels(small) - middle).max(axis=2) <= 2).mean() > 0.98
        compared += 1
    assert compared >= 5


def displacement(moved: np.ndarray, still: np.ndarray) -> tuple[float, float]:
    """Rows and columns by which one picture lies off another, by least squares on the slopes of the other."""
    found = []
    for axis in (0, 1):
        slope = (np.roll(still, -1, axis) - np.roll(still, 1, axis))[1:-1, 1:-1] / 2
        error = (still - moved)[1:-1, 1:-1]
        found.append(float((error * slope).sum() / (slope * slope).sum()))
    return found[0], found[1]


def test_with_antialiasing_both_sizes_cover_the_same_area(fonts) -> None:
    smalls, means, shifted = [], [], []
    for seed in range(40):
        made, small = pen(fonts, seed, 1)
        if not made.smooth:
            continue
        scene.draw(made, SIDE)
        again, large = pen(fonts, seed, 2)
        scene.draw(again, SIDE)
        smalls.append(pixels(small))
        for kept, whole in (means, pixels(large)), (shifted, np.roll(pixels(large), 1, axis=1)):
            kept.append(whole.reshape(SIDE, 2, SIDE, 2, 3).mean(axis=(1, 3)))
    small, mean, off = (np.concatenate(rows, axis=2) for rows in (smalls, means, shifted))
    assert small.shape[2] >= 60
    assert np.abs(small - mean).mean() < 3
    assert displacement(mean, small) == pytest.approx((0, 0), abs=0.02)
    assert displacement(off, small)[1] > 0.2, "half a small pixel would be seen"


def test_some_small_pictures_are_shrunk_large_ones(monkeypatch) -> None:
    drawing = Drawing(2, SIDE)
    both = [drawing.pair(k) for k in range(12)]
    shrunk = [np.array_equal(small, shrink(large, 2)) for small, large in both]
    assert 0 < sum(shrunk) < 9
    monkeypatch.setattr(pairs, "_SHRUNK", 1.0)
    for k, (_, large) in enumerate(both):
        small, same = drawing.pair(k)
        assert np.array_equal(same, large) and np.array_equal(small, shrink(large, 2))


def test_half_of_the_small_pictures_are_blurred_if_asked_and_nothing_else_changes() -> None:
    sharp, soft = Drawing(2, SIDE), Drawing(2, SIDE, blur=0.9)
    rises, same = 0, 0
    for k in range(16):
        (small, large), (blurry, as_large) = sharp.pair(k), soft.pair(k)
        assert np.array_equal(large, as_large)
        same += np.array_equal(small, blurry)
        steps = [np.abs(np.diff(picture.astype(float), axis=1)).mean() for picture in (small, blurry)]
        assert steps[1] <= steps[0]
        rises += steps[1] < 0.97 * steps[0]
    assert 4 <= same <= 12 and rises >= 4
    assert hashed(soft, 3) == hashed(Drawing(2, SIDE, blur=0.9), 3)


def test_a_photograph_is_laid_in_pixel_by_pixel(fonts, tmp_path, photo) -> None:
    write(tmp_path / "photo.png", Picture(photo))
    found = {}
    for scale in (1, 2):
        made, surface = pen(fonts, 3, scale, Photos(tmp_path, 2))
        assert made.inlay(Box(5.3, 6.8, 30, 20))
        found[scale] = pixels(surface)[7 * scale : 27 * scale, 5 * scale : 35 * scale].astype(np.uint8)
    assert np.array_equal(found[1], shrink(found[2], 2))
    windows = np.lib.stride_tricks.sliding_window_view(photo, (40, 60, 3))[:, :, 0]
    assert (windows == found[2]).all(axis=(2, 3, 4)).any(), "no part of the photograph"


def test_photographs_smaller_than_their_place(fonts, tmp_path, photo) -> None:
    write(tmp_path / "photo.png", Picture(photo[:21, :15]))
    large = Photos(tmp_path, 2).crop(np.random.default_rng(0), 40, 40)
    assert large.shape == (20, 14, 3)
    write(tmp_path / "photo.png", Picture(photo[:1, :15]))
    made, _ = pen(fonts, 3, 2, Photos(tmp_path, 2))
    assert not made.inlay(Box(0, 0, 9, 9)), "less than one small pixel"


def test_pairs_are_written_and_more_can_be_added(tmp_path) -> None:
    drawing, told = Drawing(3, 32), []
    write_pairs(drawing, tmp_path / "drawn", 2, progress=lambda *now: told.append(now))
    assert told == [(1, 2), (2, 2)]
    first = {path: path.read_bytes() for path in sorted((tmp_path / "drawn").rglob("*.png"))}
    assert [str(path.relative_to(tmp_path / "drawn")) for path in first] == [
        *("large/00000.png", "large/00001.png", "small/00000.png", "small/00001.png")
    ]
    with pytest.raises(DataError, match="not empty"):
        write_pairs(drawing, tmp_path / "drawn", 3)
    write_pairs(drawing, tmp_path / "drawn", 3, force=True)
    assert {path: path.read_bytes() for path in first} == first
    assert (tmp_path / "drawn" / "large" / "00002.png").exists()


def test_a_name_depends_on_nothing_but_the_number(tmp_path, monkeypatch) -> None:
    """Else a larger set would hold its first pairs twice."""
    monkeypatch.setattr(Drawing, "pair", lambda drawing, k: (np.zeros((32, 32, 3), np.uint8),) * 2)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_pairs(Drawing(2, 32), tmp_path / "drawn", 100_001, progress=stop)
    assert [path.name for path in (tmp_path / "drawn").rglob("*.png")] == ["00000.png"] * 2


@pytest.mark.parametrize("writes", [0, 1])
def test_a_stop_leaves_no_half_of_a_pair(tmp_path, monkeypatch, writes) -> None:
    drawing, done = Drawing(2, 32), []
    write_pairs(drawing, tmp_path, 1)

    def stops(path, picture) -> None:
        if len(done) == writes:
            raise KeyboardInterrupt
        done.append(path)
        write(path, picture)

    monkeypatch.setattr(pairs, "write", stops)
    monkeypatch.setattr(Drawing, "pair", lambda drawing, k: (np.zeros((32, 32, 3), np.uint8),) * 2)
    with pytest.raises(KeyboardInterrupt):
        write_pairs(drawing, tmp_path, 1, force=True)
    assert list(tmp_path.rglob("*.png")) == []


def test_pairs_of_two_scales_are_not_mixed(tmp_path) -> None:
    write_pairs(Drawing(2, 32), tmp_path, 2)
    with pytest.raises(DataError, match=r"holds pairs of another scale \(00001\.png\); name a new folder"):
        write_pairs(Drawing(3, 32), tmp_path, 1, force=True)
    assert len(list(tmp_path.rglob("*.png"))) == 4
    write_pairs(Drawing(3, 32), tmp_path, 2, force=True)  # replaces all
    (tmp_path / "large" / "000001.png").write_bytes((tmp_path / "small" / "00001.png").read_bytes())
    (tmp_path / "small" / "000001.png").write_bytes((tmp_path / "small" / "00001.png").read_bytes())
    with pytest.raises(DataError, match=r"another scale \(000001\.png\)"):  # not the name of number 1
        write_pairs(Drawing(3, 32), tmp_path, 10**15, force=True)


def test_photographs_that_cannot_be_read_are_passed_over(tmp_path, photo) -> None:
    (tmp_path / "a.png").write_text("no picture")
    (tmp_path / "c.png").touch()
    photos = Photos(tmp_path, 2)
    with pytest.raises(DataError, match=r"no photograph can be read; the first: .*a\.png"):
        photos.crop(np.random.default_rng(0), 8, 8)
    write(tmp_path / "b.png", Picture(photo))
    photos = Photos(tmp_path, 2)
    for seed in range(9):
        assert photos.crop(np.random.default_rng(seed), 8, 8).shape == (16, 16, 3)
    assert {path.name for path in photos.skipped} == {"a.png", "c.png"}


@pytest.mark.parametrize(
    ("arguments", "word"), [((1, 160), "scale"), ((9, 160), "scale"), ((2, 31), "side"), ((2, 2049), "side")]
)
def test_nonsense_is_refused(arguments, word) -> None:
    with pytest.raises(DataError, match=f"`{word}` must be from"):
        Drawing(*arguments)


@pytest.mark.parametrize("blur", [-0.1, 4.1, float("nan")])
def test_a_blur_that_cannot_be_is_refused(blur) -> None:
    with pytest.raises(DataError, match="`blur` must be from 0 to 4"):
        Drawing(blur=blur)


def test_a_file_is_no_folder_to_draw_into(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file: cannot be made"):
        write_pairs(Drawing(2, 32), tmp_path / "file", 1)
    with pytest.raises(DataError, match="`count` must be at least 1"):
        write_pairs(Drawing(2, 32), tmp_path / "new", 0)
