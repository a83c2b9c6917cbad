"""The page's own ports of what enlarges a picture, against the package: the same pixels, the same choices."""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from web_calls import array, call, needs_node, plane

from mssn.image.alpha import bleed
from mssn.image.color import from_network
from mssn.image.compression import LEAST, LOSSLESS, Compression
from mssn.image.resize import imresize
from mssn.models.info import FOLDER, PHOTO, list_models, photo_variant
from mssn.models.meta import read_told
from mssn.upscaling.blend import Blend
from mssn.upscaling.dial import Dial, in_words, share_of_photo, wants_photo
from mssn.upscaling.neutral import keep_neutral
from mssn.upscaling.size import Factor
from mssn.upscaling.tiled import TiledModel, enlarge
from mssn.upscaling.tiles import tiles
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily, Step, chain, cost, steps_for

pytestmark = needs_node

ROOT = Path(__file__).resolve().parents[2]
COMPRESSIONS = [
    LOSSLESS,
    *(Compression(kind=kind) for kind in ("JPEG", "WebP", "AVIF", "HEIC", "JPEG XL", "")),
    *(Compression(kind=kind, quality=quality) for kind in ("JPEG", "WebP") for quality in range(1, 101)),
]


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
    sizes = [tuple(int(side) for side in random.integers(1, 130, 2)) for _ in pictures]
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
        height, width, scale = *random.integers(1, 30, 2), random.integers(2, 5)
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

    name, precision, scale = "counting", "fp32", 2

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
    assert one == large == small == 256  # fewest pixels computed twice
    tiled = call("pixels/tiles.js", "borderedTiles", [(360, 640, {"side": eight, **cut})])[0]
    assert len(tiled) >= 8


# --- transparency ----------------------------------------------------------------------------------------


def test_colours_bleed_under_transparency_as_in_the_package() -> None:
    cases, expected = [], []
    for seed in range(30):
        random = np.random.default_rng(seed)
        height, width, channels = random.integers(1, 80), random.integers(1, 80), (1, 3)[seed % 2]
        if seed == 7:
            height = 700  # several strips
        share = random.choice([0.001, 0.05, 0.5, 0.99])
        alpha = np.where(random.random((height, width, 1)) < share, 200, 0).astype(np.uint8)
        picture = some(seed, height, width, channels)
        cases.append((plane(picture), alpha))
        expected.append(bleed(picture, alpha))
    for found, right in zip(call("pixels/alpha.js", "bleed", cases), expected, strict=True):
        np.testing.assert_array_equal(array(found), right)


# --- the way --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every model by its name, as web/models.py writes it."""
    pytest.importorskip("onnxruntime")
    spec = importlib.util.spec_from_file_location("web_models", ROOT / "web" / "models.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("models")
    module.write(folder)
    table = json.loads((folder / "models.json").read_text("utf-8"))
    return {model["name"]: model for model in table["models"]}


def family(name: str | None) -> ModelFamily | None:
    """The package's, of networks that are never run."""
    rows = [row for row in list_models() if row.model == name and row.weights]
    if not rows:
        return None
    scales, told = ([row.scale for row in rows if row.told or not only] for only in (False, True))
    return ModelFamily(rows[0].model, tuple(scales), lambda *_: TiledModel(Counting(1)), tuple(told))


def in_our_words(upscaler: Upscaler, steps: Sequence[Step], case: tuple[Any, ...]) -> dict[str, Any]:
    """A way of the package's, as the page describes one."""
    compression, height, width = case[2:]
    model, strength = upscaler.chosen(Compression(**compression), height, width)
    size = upscaler.result_size(height, width)
    described = []
    for step in steps:
        files = [(step.family, step.strength)]
        if step.mixed_with is not None:
            files.insert(0, (step.mixed_with, LEAST))
        networks = [(f"{family.name}-x{step.scale}.onnx", strength) for family, strength in files]
        described.append((step.scale, step.name, networks, step.share))
    return {"size": size, "model": model, "strength": strength, "steps": described}


def in_words_of_both(way: dict[str, Any]) -> dict[str, Any]:
    """A way of the page's, without what the package has no word for."""
    steps = [
        (
            step["scale"],
            step["name"],
            [(told["network"]["file"], told["strength"]) for told in step["networks"]],
            step["share"],
        )
        for step in way["steps"]
    ]
    size = way["height"], way["width"]
    return {"size": size, "model": way["model"], "strength": way["strength"], "steps": steps}


STRENGTHS = [None, 0, 0.003, 0.05, 0.099, 0.1, 0.125, 0.1449, 0.145, 0.2, 0.375, 0.5, 0.625, 0.875, 0.995, 1]
DIALS = [
    *(("auto", strength) for strength in STRENGTHS),
    *(("photo", strength) for strength in STRENGTHS if strength != 0),
    ("clean", None),
    ("clean", 0),
]


def test_every_dial_of_every_model_takes_the_same_networks(models: dict[str, Any]) -> None:
    assert set(models) == {
        row.model for row in list_models() if not row.model.endswith(PHOTO) and row.weights
    }
    sizes = itertools.cycle([(40, 48), (1, 1), (3, 7), (333, 500)])
    for name, model in models.items():
        clean, photo = family(name), family(photo_variant(name))
        assert clean is not None
        cases, expected = [], []
        scales = itertools.cycle([2, 3, 4, 1.5, 2.5, 5, 0.7, 1, 16, 8.3])
        for (variant, strength), compression in itertools.product(DIALS, COMPRESSIONS[::5]):
            scale, size = next(scales), next(sizes)
            options = {"scale": scale, "variant": variant, "strength": strength}
            case = (model, options, asdict(compression), *size)
            upscaler = Upscaler(clean, Factor(scale), photo=photo, variant=variant, strength=strength)
            dial = Dial(variant, strength)
            smaller = min(np.subtract(upscaler.result_size(*size), size)) < 0
            steps = () if smaller else steps_for(clean, photo, dial, compression, scale)[0]
            cases.append(case)
            expected.append(in_our_words(upscaler, steps, case))
        for way, right in zip(call("pixels/way.js", "wayOf", cases), expected, strict=True):
            assert in_words_of_both(way) == right


def test_a_strength_lies_where_the_table_says(models: dict[str, Any]) -> None:
    told = [
        network
        for model in models.values()
        for network in model["photo"]["scales"].values()
        if network["told"] is not None
    ]
    assert len(told) == sum(row.told for row in list_models())
    for network in told:
        path = FOLDER / network["file"]
        content = bytearray(path.read_bytes())
        content[network["told"] : network["told"] + 4] = np.float32(0.64).tobytes()
        assert content == read_told(path, 0.64)


def test_strengths_of_files_are_the_package_s() -> None:
    cases = [(asdict(compression),) for compression in COMPRESSIONS]
    strengths = call("pixels/dial.js", "strengthOf", cases)
    assert strengths == pytest.approx([compression.strength for compression in COMPRESSIONS], abs=1e-15)
    wants = call("pixels/dial.js", "wantsPhoto", cases[:3] + cases[7:])
    assert wants == [wants_photo(compression) for compression in COMPRESSIONS[:3] + COMPRESSIONS[7:]]


def test_where_the_dial_stands_is_equal() -> None:
    random = np.random.default_rng(0)
    cases, expected = [], []
    for (variant, strength), told in itertools.product(DIALS, [True, False]):
        for compression in COMPRESSIONS[:3] + COMPRESSIONS[7:]:
            cases.append(({"variant": variant, "strength": strength}, asdict(compression), told))
            expected.append(Dial(variant, strength).at(compression, told=told))
    for strength in [*random.random(2000), *(number / 1000 for number in range(1001))]:
        cases.append(({"variant": "auto", "strength": float(strength)}, asdict(LOSSLESS), True))
        expected.append(Dial("auto", strength).at(LOSSLESS, told=True))
    assert call("pixels/dial.js", "strengthAt", cases) == expected
    shares = [(strength, told) for strength in expected[-500:] for told in (True, False)]
    right = [share_of_photo(strength, told=told) for strength, told in shares]
    assert call("pixels/dial.js", "shareOfPhoto", shares) == right


def test_what_enlarged_is_said_in_the_same_words() -> None:
    strengths = [None, 0, 1, 0.64, 0.1, 0.05, 0.003, 0.12345, 0.0001, 0.00001234, 0.9999, 1e-9]
    cases = [("mssn-s-photo", strength) for strength in strengths]
    assert call("pixels/dial.js", "inWords", cases) == [in_words(*case) for case in cases]


def test_chains_and_costs_are_equal() -> None:
    random = np.random.default_rng(0)
    sets = [[2, 3, 4], [2, 4], [4], [3], [2], []]
    cases = []
    for _ in range(300):
        first, later = (sets[number] for number in random.integers(0, 6, 2))
        cases.append((float(random.choice([*random.uniform(0.1, 16, 3), 2, 3, 4, 6, 8, 16])), first, later))
    assert call("pixels/way.js", "chain", cases) == [chain(*case) for case in cases]
    clean = family("mssn-s")
    assert clean is not None
    steps = [Step(2, clean, mixed_with=clean, share=0.5), Step(3, clean)]
    ours = [{"scale": step.scale, "networks": [0] * step.passes} for step in steps]
    assert call("pixels/way.js", "cost", [(7, 5, ours)]) == [cost((7, 5), steps)]
