"""Which weights a picture is enlarged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mssn.image.compression import LOSSLESS, Compression
from mssn.image.picture import Picture
from mssn.runtime.base import Computed
from mssn.upscaling.dial import CLEAN_FROM, Variant
from mssn.upscaling.size import Factor, parse
from mssn.upscaling.tiled import TiledModel
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily

JPEG = Compression(kind="JPEG", quality=60)


@dataclass
class Painter:
    """A network that paints all pixels in one colour, to be known by."""

    scale: int
    level: float
    name: str = "painter"
    precision: Computed = "fp32"
    halo: int = 0

    def run(self, lr: np.ndarray) -> np.ndarray:
        count, colours, height, width = lr.shape
        return np.full((count, colours, height * self.scale, width * self.scale), self.level, np.float32)


def painters(name: str, scales: tuple[int, ...], level: float, opened: list[str]) -> ModelFamily:
    def open_scale(scale: int, strength: float) -> TiledModel:
        opened.append(f"{name} x{scale}")
        return TiledModel(Painter(scale, level))

    return ModelFamily(name, scales, open_scale)


def upscaler(target, variant: Variant = "auto") -> tuple[Upscaler, list[str]]:
    opened: list[str] = []
    clean, photo = painters("net", (2, 3, 4), 0.2, opened), painters("net-photo", (2, 4), 0.8, opened)
    return Upscaler(clean, target, photo=photo, variant=variant), opened


def picture(compression: Compression) -> Picture:
    return Picture(np.full((8, 8, 3), 100, np.uint8), compression=compression)


@pytest.mark.parametrize(
    ("variant", "compression", "model"),
    [
        ("auto", LOSSLESS, "net"),
        ("auto", JPEG, "net-photo"),
        ("auto", Compression(kind="JPEG"), "net-photo"),
        ("auto", Compression(kind="AVIF"), "net-photo"),
        *(("auto", Compression(kind=kind, quality=limit), "net") for kind, limit in CLEAN_FROM.items()),
        *(
            ("auto", Compression(kind=kind, quality=limit - 1), "net-photo")
            for kind, limit in CLEAN_FROM.items()
        ),
        ("photo", LOSSLESS, "net-photo"),
        ("clean", JPEG, "net"),
    ],
)
def test_files_get_what_suits_them(variant, compression, model) -> None:
    chooser, _ = upscaler(Factor(2), variant)
    large = chooser.enlarge(picture(compression))
    assert (large.model, large.steps) == (model, ((model, 2),))
    assert large.picture.pixels[0, 0, 0] == (51 if model == "net" else 204)


def test_arrays_are_clean_unless_something_else_is_asked_for() -> None:
    pixels = np.full((8, 8, 3), 100, np.uint8)
    assert upscaler(Factor(2))[0](pixels).max() == 51
    assert upscaler(Factor(2), "photo")[0](pixels).max() == 204


@pytest.mark.parametrize(
    ("target", "steps"),
    [
        (Factor(2), ["net-photo x2"]),
        (Factor(3), ["net-photo x4"]),
        (Factor(6), ["net-photo x2", "net x3"]),
        (Factor(8), ["net-photo x2", "net x4"]),
        (parse("32x32"), ["net-photo x4"]),
    ],
)
def test_what_comes_after_weights_for_photographs_is_clean_again(target, steps) -> None:
    chooser, opened = upscaler(target, "photo")
    large = chooser.enlarge(picture(JPEG))
    assert opened == steps
    assert [f"{model} x{scale}" for model, scale in large.steps] == steps
    assert large.model == "net-photo"


def test_weights_for_photographs_are_opened_when_they_are_needed() -> None:
    chooser, opened = upscaler(Factor(2))
    assert opened == ["net x2"]
    for _ in range(2):
        chooser.enlarge(picture(JPEG))
    assert opened == ["net x2", "net-photo x2"]
