"""Training pictures as they travel: crops in files that Pillow reads, and an index.

Large photographs are AVIF files (4:4:4, quality 85: 0.25 bytes a pixel on crops with detail, a quarter of
what lossless files take). Small ones are made again from them; where they were given, they are packed without
loss, and so are pictures for validation, and drawn ones, whose lossless files are hardly larger.
"""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mssn.errors import DataError
from mssn.image.resize import shrink
from mssn.lab.data.pixels import Pair, Pictures, Pixels
from mssn.lab.train.recipe import Recipe
from mssn.score.degrade import Degradation, degrade

INDEX = "index.json"
_WORTH = 1.5  # times the bytes that a file without loss may take


def to_small(picture: np.ndarray) -> bytes:
    """H x W x 3 uint8 -> a file without loss, if one with loss is not a good deal smaller."""
    lossless, avif = to_lossless(picture), to_avif(picture)
    return lossless if len(lossless) < _WORTH * len(avif) else avif


def to_avif(picture: np.ndarray) -> bytes:
    """H x W x 3 uint8 -> a file."""
    return _file(picture, "AVIF", quality=85, subsampling="4:4:4", speed=8)


def to_lossless(picture: np.ndarray) -> bytes:
    """H x W x 3 uint8 -> a file."""
    return _file(picture, "WEBP", lossless=True)


def _file(picture: np.ndarray, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(file, kind, **options)
    return file.getvalue()


def read(folder: Path, recipe: Recipe) -> Pictures:
    """Decode what a recipe trains on.

    Args:
        folder: Where the index lies.
        recipe: Whose `train`, `validation`, `scale` and `degrade` say what is wanted.

    Raises:
        DataError: It was not packed.
    """
    index = json.loads((folder / INDEX).read_text())
    crops = _find(index, "train", recipe.train, recipe.scale)
    validation = _find(index, "validation", recipe.validation, recipe.scale)

    def decoded(crop: dict[str, Any]) -> Pair:
        large = _decode(folder / crop["large"])
        small = _decode(folder / crop["small"]) if crop["small"] else shrink(large, recipe.scale)
        return Pair(small, large)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        each, tests = list(pool.map(decoded, crops)), list(pool.map(decoded, validation))
    # A folder that a recipe names twice counts twice.
    numbers = [number for number, crop in enumerate(crops) for _ in range(crop["times"])]
    key = hashlib.blake2b(json.dumps([recipe.scale, crops]).encode(), digest_size=12).hexdigest()
    paired = frozenset(place for place, number in enumerate(numbers) if crops[number]["small"])
    names = [crops[number]["name"] for number in numbers]
    pixels = joined([each[number] for number in numbers], recipe.scale, key, names, paired)
    return Pictures(pixels, _degraded(tests, validation, recipe))


def joined(
    pairs: list[Pair], scale: int, key: str, names: list[str], paired: frozenset[int] = frozenset()
) -> Pixels:
    """Pairs end to end, as patches are cut from."""
    small = np.concatenate([pair.small.reshape(-1, 3) for pair in pairs])
    large = np.concatenate([pair.large.reshape(-1, 3) for pair in pairs])
    sizes = np.array([pair.small.shape[:2] for pair in pairs], np.int64)
    return Pixels(scale, small, large, sizes, (), key, names=tuple(names), paired=paired)


def _find(index: dict[str, Any], kind: str, names: tuple[str, ...], scale: int) -> list[dict[str, Any]]:
    for packed in index[kind]:
        if packed["names"] == list(names) and packed["scale"] in (0, scale):
            return packed["crops"]
    there = "; ".join(f"{p['names']}" + f" for x{p['scale']}" * bool(p["scale"]) for p in index[kind])
    raise DataError(f"{kind} = {list(names)} for x{scale} is not packed; packed are {there}")


def _decode(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def _degraded(pairs: list[Pair], crops: list[dict[str, Any]], recipe: Recipe) -> list[Pair]:
    """Validated is what is trained, as `mssn.lab.train.session.validation_pairs` does it."""
    if not recipe.degrade:
        return pairs
    how = Degradation.of(recipe.degrade)
    tests: list[Pair] = []
    for number, (pair, crop) in enumerate(zip(pairs, crops, strict=True)):
        given = pair.small if crop["small"] else None
        small, strength = degrade(pair.large, recipe.scale, how, np.random.default_rng(number), given)
        tests.append(Pair(small, pair.large, strength))
    return tests
