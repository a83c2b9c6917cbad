"""Nothing that is hidden under transparency is trained on."""

from __future__ import annotations

import numpy as np
import pytest

from mssn.image.picture import Picture
from mssn.image.read import read_rgb
from mssn.image.resize import shrink
from mssn.image.write import write
from mssn.lab.data.folder import load_pixels
from mssn.lab.data.opaque import TransparentError, block_side, opaque_part, read_opaque


def brute(opaque: np.ndarray, side: int) -> int:
    """The most blocks of a rectangle without a transparent pixel, looking at all of them."""
    height, width = (length // side for length in opaque.shape)
    best = 0
    for top, left in np.ndindex(height, width):
        for bottom in range(top + 1, height + 1):
            for right in range(left + 1, width + 1):
                if opaque[top * side : bottom * side, left * side : right * side].all():
                    best = max(best, (bottom - top) * (right - left))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_the_part_is_opaque_and_none_is_larger(seed) -> None:
    random = np.random.default_rng(seed)
    height, width, side = random.integers(1, 22, 3) // (1, 1, 6) + 1
    opaque = random.random((height, width)) > random.random() / 3
    rows, columns = opaque_part(opaque, int(side))
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    assert opaque[rows, columns].all()
    assert area == brute(opaque, int(side)) * side**2
    assert not any(edge % side for edge in (rows.start, rows.stop, columns.start, columns.stop))


@pytest.mark.parametrize(("shape", "scale"), [((10, 10), 2), ((9000, 100), 3), ((200, 5000), 4)])
def test_blocks_are_few_and_whole_small_pixels(shape, scale) -> None:
    side = block_side(shape, scale)
    assert side % scale == 0
    assert max(shape) / side <= 128


@pytest.fixture
def cut_out(tmp_path, photo):
    """A picture whose lower right is hidden or half transparent, in two files that hide different things."""
    pixels, alpha = photo.copy(), np.full((*photo.shape[:2], 1), 255, np.uint8)
    alpha[64:, :], alpha[:, 80:] = 0, 128
    hidden = alpha[:, :, 0] < 255
    for name, level in (("black", 0), ("white", 255)):
        pixels[hidden] = level
        (tmp_path / name).mkdir()
        write(tmp_path / name / "a.png", Picture(pixels, alpha=alpha))
    return tmp_path


def test_what_is_hidden_is_not_trained_on(cut_out, photo) -> None:
    found = [load_pixels([cut_out / name], 2, cache=cut_out / "cache") for name in ("black", "white")]
    for pixels in found:
        assert pixels.sizes.tolist() == [[32, 40]]
        assert np.array_equal(pixels.hr.reshape(64, 80, 3), photo[:64, :80])
        assert np.array_equal(pixels.lr.reshape(32, 40, 3), shrink(photo[:64, :80], 2))
        (told,) = pixels.skipped
        assert told.endswith("a.png: only its opaque part of 80x64 pixels is used")


def test_a_run_of_01_that_took_all_of_them_is_not_gone_on_with(cut_out) -> None:
    """Its checkpoint remembers the key of then; of opaque pictures that is still the key."""
    assert load_pixels([cut_out / "black"], 2, cache=cut_out / "cache").key.endswith("-opaque")
    write(cut_out / "black" / "a.png", Picture(np.zeros((40, 40, 3), np.uint8)))
    assert "-" not in load_pixels([cut_out / "black"], 2, cache=cut_out / "cache").key


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparency_that_hides_nothing_costs_nothing(tmp_path, photo, dtype) -> None:
    pixels = photo.astype(dtype) * (257 if dtype == np.uint16 else 1)
    full = np.full((*photo.shape[:2], 1), np.iinfo(dtype).max, dtype)
    write(tmp_path / "a.png", Picture(pixels, alpha=full))
    write(tmp_path / "grey.png", Picture(pixels[:, :, :1]))
    for name in ("a.png", "grey.png"):
        found, part = read_opaque(tmp_path / name, 2)
        assert not part
        assert np.array_equal(found, read_rgb(tmp_path / name))


def test_a_picture_without_an_opaque_place_is_named(tmp_path, photo) -> None:
    half = np.full((*photo.shape[:2], 1), 254, np.uint8)
    write(tmp_path / "veil.png", Picture(photo, alpha=half))
    with pytest.raises(TransparentError, match=r"veil\.png: has no opaque part of 16x16 pixels to train on"):
        read_opaque(tmp_path / "veil.png", 2)
    write(tmp_path / "b.png", Picture(photo))
    pixels = load_pixels([tmp_path], 2, cache=tmp_path / "cache")
    assert len(pixels.sizes) == 1
    assert pixels.skipped[0].startswith("skipped ") and "veil.png" in pixels.skipped[0]
    assert [name.rpartition("/")[2] for name in pixels.names] == ["b.png"]
