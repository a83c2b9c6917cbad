"""The page's own ports of what makes pixels, against the package: resizing, tiles, neutral, transparency."""

from __future__ import annotations

import itertools
from dataclasses import astuple

import numpy as np
from web_calls import array, call, needs_node, plane

from mssn.image.alpha import bleed
from mssn.image.color import from_network
from mssn.image.resize import imresize
from mssn.runtime.base import Computed
from mssn.upscaling.blend import Blend
from mssn.upscaling.neutral import keep_neutral
from mssn.upscaling.tiled import enlarge
from mssn.upscaling.tiles import tiles

pytestmark = needs_node


def some(seed: int, *shape: int) -> np.ndarray:
    """Random pixels."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


# --- resize ---------------------------------------------------------------------------------------------


def resized(pictures: list[np.ndarray], sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    cases = [(plane(picture), *size) for picture, size in zip(pictures, sizes, strict=True)]
    return [array(answer) for answer in call("pixels/resize.js", "imresize", cases)]


def test_resizing_by_powers_of_two_is_equal() -> None:
    shapes = [(1, 1, 1), (1, 7, 3), (7, 1, 3), (16, 24, 1), (40, 64, 3), (150, 8, 3)]
    factors = [(2, 2), (4, 4), (0.5, 0.5), (0.25, 2), (8, 1), (1, 1), (2, 0.25)]
    pictures, sizes = [], []
    for seed, (shape, (down, across)) in enumerate(itertools.product(shapes, factors)):
        size = shape[0] * down, shape[1] * across
        if all(float(side).is_integer() for side in size):
            pictures.append(some(seed, *shape))
            sizes.append((int(size[0]), int(size[1])))
    assert len(pictures) > 25
    for picture, size, large in zip(pictures, sizes, resized(pictures, sizes), strict=True):
        np.testing.assert_array_equal(large, imresize(picture, size=size))


def test_resizing_to_any_size_is_equal_but_for_exact_halves() -> None:
    # Where a sum is one half by arithmetic, the last bit of a weight decides, which comes from the cube of a
    # number; processors round that differently.
    random = np.random.default_rng(1)
    shapes = [(*random.integers(1, 50, 2), random.choice([1, 3])) for _ in range(150)]
    pictures = [some(seed, *shape) for seed, shape in enumerate(shapes)]
    sizes = [(int(down), int(across)) for down, across in random.integers(1, 130, (len(pictures), 2))]
    sizes[::3] = [(3 * shape[0], 3 * shape[1]) for shape in shapes[::3]]
    differ = pixels = 0
    for picture, size, large in zip(pictures, sizes, resized(pictures, sizes), strict=True):
        difference = np.abs(large.astype(int) - imresize(picture, size=size))
        assert difference.max() <= 1
        differ += np.count_nonzero(difference)
        pixels += difference.size
    assert differ <= pixels / 20_000


# --- from a network's numbers to pixels ------------------------------------------------------------------


def speckled(seed: int, height: int, width: int, share: float) -> np.ndarray:
    """Grey, black and white areas, and some coloured pixels."""
    random = np.random.default_rng(seed)
    areas = random.choice([0, 0, 90, 255, 255], (height // 6 + 1, width // 6 + 1))
    rgb = areas.repeat(6, 0).repeat(6, 1)[:height, :width, None].repeat(3, 2).astype(np.uint8)
    rgb[random.random((height, width)) < share, 1] ^= 1
    return rgb


def test_pixels_of_a_network_are_equal_and_neutral_stays_neutral() -> None:
    cases, expected = [], []
    for seed in range(60):
        random = np.random.default_rng(seed)
        height, width, scale = map(int, random.integers((1, 1, 2), (30, 30, 5)))
        rgb = speckled(seed, height, width, (0, 0.01, 0.3)[seed % 3])
        large = random.uniform(-0.1, 1.1, (height * scale, width * scale, 3)).astype(np.float32)
        top, left = random.integers(0, (height, width))
        rows, columns = random.integers(1, (height - top + 1, width - left + 1))
        channels = 1 if seed % 5 == 0 else 3
        part = {"height": height, "width": width, "scale": scale, "channels": channels}
        part |= {"top": top, "left": left, "rows": rows, "columns": columns}
        if channels == 1:
            rgb = np.ascontiguousarray(rgb[:, :, :1].repeat(3, 2))
        cases.append((large, rgb, part))
        sr = large.clip(0, 1)
        keep_neutral(rgb, sr, scale)
        kept = sr[top * scale : (top + rows) * scale, left * scale : (left + columns) * scale, :channels]
        expected.append(from_network(kept.transpose(2, 0, 1)[None]))
    for pixels, right in zip(call("pixels/neutral.js", "toPixels", cases), expected, strict=True):
        difference = np.abs(pixels.reshape(right.shape).astype(int) - right)
        assert difference.max() <= 1  # the order in which a luma is added up is NumPy's own
        assert np.count_nonzero(difference) <= right.size / 1000


def test_the_mix_of_two_networks_is_equal() -> None:
    class Given:
        def __init__(self, numbers: np.ndarray) -> None:
            self.numbers = numbers

        def run(self, lr: np.ndarray) -> np.ndarray:
            return self.numbers

    random = np.random.default_rng(0)
    pairs = [random.uniform(-0.2, 1.2, (2, 500)).astype(np.float32) for _ in range(20)]
    shares = [0.0, 1.0, *random.random(18)]
    cases = [(*pair, share) for pair, share in zip(pairs, shares, strict=True)]
    for mixed, pair, share in zip(call("pixels/blend.js", "mix", cases), pairs, shares, strict=True):
        right = Blend(Given(pair[0]), Given(pair[1]), share).run(pair[0])  # type: ignore[arg-type]
        np.testing.assert_array_equal(mixed, right)


# --- tiles ----------------------------------------------------------------------------------------------


def test_tiles_are_those_of_the_package() -> None:
    random = np.random.default_rng(0)
    cases = [(*random.integers(1, 400, 2), 2 * halo + random.integers(1, 120), halo) for halo in range(30)]
    for found, case in zip(call("pixels/tiles.js", "tiles", cases), cases, strict=True):
        right = [astuple(tile) for tile in tiles(*map(int, case))]
        assert [tuple(map(tuple, tile.values())) for tile in found] == right


class Counting:
    """A runtime that keeps what it is shown, and makes each pixel four of the same."""

    name, scale = "counting", 2
    precision: Computed = "fp32"

    def __init__(self, halo: int) -> None:
        self.halo, self.shown = halo, list[np.ndarray]()

    def run_pixels(self, pixels: np.ndarray) -> np.ndarray:
        self.shown.append(pixels.copy())
        return pixels.repeat(2, 0).repeat(2, 1)

    def run(self, lr: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def test_networks_are_shown_what_the_package_shows_them() -> None:
    random = np.random.default_rng(0)
    pictures, shown, cases = list[np.ndarray](), list[list[np.ndarray]](), []
    for seed in range(16):
        border = (0, 4)[seed % 2]
        height, width, channels = *random.integers(1, 90, 2), (1, 3)[seed // 2 % 2]
        halo, side = int(random.integers(2, 12)), int(random.integers(20, 60))
        runtime = Counting(halo)
        pictures.append(some(seed, height, width, channels))
        enlarge(runtime, pictures[-1], tile=side, border=border)
        shown.append(runtime.shown)
        cases.append((height, width, {"side": side, "halo": halo, "border": border}))
    cut = call("pixels/tiles.js", "borderedTiles", cases)
    assert [len(parts) for parts in cut] == [len(seen) for seen in shown]
    single = [(plane(picture), part) for picture, parts in zip(pictures, cut, strict=True) for part in parts]
    found = call("pixels/tiles.js", "cutOut", single)
    for tile, right in zip(found, itertools.chain(*shown), strict=True):
        np.testing.assert_array_equal(tile.reshape(right.shape), right)


def test_what_tiles_keep_makes_up_the_whole() -> None:
    picture = some(3, 60, 70, 3)
    (parts,) = call("pixels/tiles.js", "borderedTiles", [(60, 70, {"side": 40, "halo": 5, "border": 4})])
    assert len(parts) == 4
    whole = plane(np.zeros((120, 140, 3), np.uint8))
    for part in parts:
        rows, columns = (slice(*part[name]) for name in ("keepRows", "keepColumns"))
        large = picture[rows, columns].repeat(2, 0).repeat(2, 1)
        (whole,) = call("pixels/tiles.js", "putBack", [(whole, large, part, 2)])
    np.testing.assert_array_equal(array(whole), picture.repeat(2, 0).repeat(2, 1))


def test_the_side_of_tiles_keeps_every_worker_busy() -> None:
    cut = {"halo": 18, "border": 4}
    cases = [(360, 640, cut, 1), (360, 640, cut, 8), (3000, 4000, cut, 8), (20, 20, cut, 8)]
    one, eight, large, small = call("pixels/tiles.js", "sideFor", cases)
    assert one == large == small == 320  # fewest pixels computed twice
    tiled = call("pixels/tiles.js", "borderedTiles", [(360, 640, {"side": eight, **cut})])[0]
    assert len(tiled) >= 8


# --- transparency ----------------------------------------------------------------------------------------


def test_colours_bleed_under_transparency_as_in_the_package() -> None:
    cases, expected = [], []
    for seed in range(30):
        random = np.random.default_rng(seed)
        height, width, channels = *map(int, random.integers(1, 80, 2)), (1, 3)[seed % 2]
        if seed == 7:
            height = 700  # several strips
        share = random.choice([0.001, 0.05, 0.5, 0.99])
        alpha = np.where(random.random((height, width, 1)) < share, 200, 0).astype(np.uint8)
        picture = some(seed, height, width, channels)
        cases.append((plane(picture), alpha))
        expected.append(bleed(picture, alpha))
    for found, right in zip(call("pixels/alpha.js", "bleed", cases), expected, strict=True):
        np.testing.assert_array_equal(array(found), right)
