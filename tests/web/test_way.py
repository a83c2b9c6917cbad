"""Which networks enlarge a picture, told what: the page's choices are the package's."""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from web_calls import call, needs_node

from mssn.image.compression import LEAST, LOSSLESS, Compression
from mssn.models.info import FOLDER, PHOTO, list_models, photo_variant
from mssn.models.meta import read_told
from mssn.runtime.bicubic import BicubicRuntime
from mssn.upscaling.dial import Dial, in_words, share_of_photo, wants_photo
from mssn.upscaling.size import Factor
from mssn.upscaling.tiled import TiledModel
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily, Step, chain, cost, steps_for

pytestmark = needs_node

ROOT = Path(__file__).resolve().parents[2]
COMPRESSIONS = [
    LOSSLESS,
    *(Compression(kind=kind) for kind in ("JPEG", "WebP", "AVIF", "HEIC", "JPEG XL", "")),
    *(Compression(kind=kind, quality=quality) for kind in ("JPEG", "WebP") for quality in range(1, 101)),
]


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
    return ModelFamily(rows[0].model, tuple(scales), lambda *_: TiledModel(BicubicRuntime(2)), tuple(told))


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
