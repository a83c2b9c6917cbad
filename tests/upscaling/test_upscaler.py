"""Any factor: networks in a row, then a shrink."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest

from mssn.errors import CancelledError, ImageError
from mssn.image.alpha import bleed
from mssn.image.picture import Picture
from mssn.image.resize import imresize
from mssn.runtime.base import Computed
from mssn.upscaling.size import Factor, parse
from mssn.upscaling.tiled import TiledModel
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily, chain


@dataclass
class Repeater:
    """A network that repeats pixels."""

    scale: int
    name: str = "repeater"
    precision: Computed = "fp32"
    halo: int = 1
    calls: list[tuple[int, ...]] = field(default_factory=list)

    def run(self, lr: np.ndarray) -> np.ndarray:
        self.calls.append(lr.shape)
        return lr.repeat(self.scale, axis=2).repeat(self.scale, axis=3)


def upscaler(target, scales=(2, 3, 4)) -> Upscaler:
    return Upscaler(repeaters(scales), target)


def repeaters(scales=(2, 3, 4), name="repeater") -> ModelFamily:
    return ModelFamily(name, scales, lambda scale, _: TiledModel(Repeater(scale), tile=256))


@pytest.mark.parametrize(
    ("factor", "scales", "expected"),
    [
        (0.5, (2, 3, 4), []),
        (1, (2, 3, 4), []),
        (1.01, (2, 3, 4), [2]),
        (2, (2, 3, 4), [2]),
        (2.0001, (2, 3, 4), [3]),
        (4, (2, 3, 4), [4]),
        (5, (2, 3, 4), [2, 3]),
        (7, (2, 3, 4), [2, 4]),
        (9, (2, 3, 4), [3, 3]),
        (16, (2, 3, 4), [4, 4]),
        (17, (2, 3, 4), [2, 3, 3]),
        (5, (2,), [2, 2, 2]),
        (3.5, (), []),
    ],
)
def test_chains_are_short_and_small(factor, scales, expected) -> None:
    assert chain(factor, scales) == expected


@pytest.mark.parametrize("factor", [2, 3, 6])
def test_whole_factors_are_networks_alone(photo, factor) -> None:
    assert np.array_equal(
        upscaler(Factor(factor))(photo), photo.repeat(factor, axis=0).repeat(factor, axis=1)
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_other_factors_are_the_next_network_and_a_shrink(photo, dtype) -> None:
    pixels = (photo.astype(np.float64) / 255 * (1 if dtype == np.float32 else np.iinfo(dtype).max)).astype(
        dtype
    )
    large = upscaler(Factor(2.5))(pixels)
    size = (240, 280)
    expected = imresize(pixels.repeat(3, axis=0).repeat(3, axis=1), size=size)
    assert large.shape == (*size, 3) and large.dtype == dtype
    np.testing.assert_allclose(
        large, expected.clip(pixels.min(), pixels.max()) if dtype == np.float32 else expected, atol=1e-6
    )
    assert upscaler(Factor(0.5))(pixels).shape == (48, 56, 3)


def test_each_picture_has_its_own_way_to_one_size(photo) -> None:
    to_size = upscaler(parse("200x"))
    assert to_size.scale is None
    for pixels in (photo, photo[:50, :30], photo[:1, :1]):
        height, width, _ = pixels.shape
        assert to_size(pixels).shape == (round(height * 200 / width), 200, 3)


def test_pages_alpha_and_fax_are_shrunk_as_what_they_are(photo) -> None:
    alpha = np.where(photo[:, :, :1] > 100, 255, 0).astype(np.uint8)
    large = upscaler(Factor(1.5)).enlarge(Picture(photo, alpha=alpha, pages=2, delays=(5, 6))).picture
    assert large.pixels.shape == (144, 168, 3) and large.alpha is not None and large.pages == 2
    first = upscaler(Factor(1.5)).enlarge(Picture(photo[:48], alpha=alpha[:48])).picture
    assert np.array_equal(large.pixels[:72], first.pixels)
    fax = upscaler(Factor(1.5)).enlarge(Picture(alpha, bits=1)).picture
    assert set(np.unique(fax.pixels)) == {0, 255}


def test_plain_bicubic_needs_no_network(photo) -> None:
    for factor in (0.4, 1.7, 5.0):
        large = upscaler(Factor(factor), scales=())(photo)
        assert np.array_equal(large, imresize(photo, size=Factor(factor).of(96, 112)))


def test_results_beyond_all_reason_are_refused(photo) -> None:
    with pytest.raises(ImageError, match="the result would have 1120000x960000 pixels, beyond the limit"):
        upscaler(Factor(10_000), scales=())(photo)


def test_transparent_arrays_are_treated_as_transparent_pictures_are() -> None:
    array = np.zeros((24, 24, 4), np.uint8)
    array[6:18, 6:18] = (255, 0, 0, 255)
    for factor, scales in ((0.5, (2, 3, 4)), (2.5, ()), (1.5, (2,))):
        large = upscaler(Factor(factor), scales)(array)
        assert large[:, :, 0][large[:, :, 3] > 0].min() > 250


def test_wide_boxes_do_not_lead_through_giants(photo) -> None:
    assert upscaler(parse("10x400!"))(photo).shape == (400, 10, 3)
    with pytest.raises(ImageError, match="leads through far too large a picture"):
        upscaler(parse("4000000x200!"))(photo)


def test_several_of_one_size_are_each_by_itself(photo) -> None:
    several = np.stack([photo, photo[::-1]])
    large = upscaler(Factor(2.5))(several)
    assert large.shape == (2, 240, 280, 3)
    assert all(
        np.array_equal(one, upscaler(Factor(2.5))(small)) for one, small in zip(large, several, strict=True)
    )
    with pytest.raises(ImageError, match="expected an array"):
        upscaler(Factor(2))(several[:0])


@pytest.mark.parametrize("shape", [(300, 300), (300, 300, 4), (2, 300, 300, 3)])
def test_progress_rises_to_one(shape) -> None:
    shares = []
    upscaler(Factor(5))(np.zeros(shape, np.uint8), progress=shares.append)
    assert len(shares) > 4
    assert shares == sorted(set(shares))
    assert 0 < shares[0] < 0.2
    assert shares[-2:] == [pytest.approx(1, abs=0.2), 1]


def test_pages_and_plain_bicubic_have_progress_too(photo) -> None:
    for scales, pages in (((2,), 2), ((), 1)):
        shares = []
        upscaler(Factor(2), scales).enlarge(Picture(photo, pages=pages), progress=shares.append)
        assert shares == ([0.5, 1] if scales else [1])


def test_inks_count_twice() -> None:
    shares = []
    plane = np.zeros((300, 300, 3), np.uint8)
    page = Picture(plane, black=plane[:, :, :1])
    upscaler(Factor(2)).enlarge(page, progress=shares.append)
    assert shares == pytest.approx([n / 8 for n in range(1, 9)])


@pytest.mark.parametrize("no", [False, np.False_])
def test_cancelled_by_a_false(no) -> None:
    shares = []

    def once(share: float) -> bool:
        shares.append(share)
        return no

    with pytest.raises(CancelledError, match="cancelled before"):
        upscaler(Factor(2))(np.zeros((900, 900, 3), np.uint8), progress=once)
    assert len(shares) == 1
    with pytest.raises(CancelledError, match="cancelled before"):
        upscaler(Factor(2))(np.zeros((9, 9, 3), np.uint8), progress=once)
    assert shares[1:] == [1.0]  # of one tile, at its end


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_every_kind_of_array_comes_back_as_it_was(dtype, channels) -> None:
    shape = (9, 14) if channels is None else (9, 14, channels)
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    large = upscaler(Factor(3))(pixels)
    assert large.dtype == dtype
    assert large.shape == (27, 42, *shape[2:])
    expected = pixels.repeat(3, axis=0).repeat(3, axis=1)
    if channels in (2, 4):  # alpha is enlarged apart, and what it hides is not seen
        alpha = np.ascontiguousarray(pixels[:, :, -1:])
        colour = bleed(pixels[:, :, :-1], alpha).repeat(3, axis=0).repeat(3, axis=1)
        expected = np.concatenate([colour, imresize(alpha, scale=3)], axis=2)
    assert np.array_equal(large, expected)


def test_a_picture_keeps_what_it_carries(photo) -> None:
    alpha = np.full((*photo.shape[:2], 1), 77, np.uint8)
    picture = Picture(photo, alpha=alpha, icc=None, exif=b"exif", xmp=b"xmp", dpi=300, format="webp")
    large = upscaler(Factor(3)).enlarge(picture).picture
    assert large.pixels.shape == (288, 336, 3)
    assert large.alpha is not None
    assert np.array_equal(large.alpha, np.full((288, 336, 1), 77, np.uint8))
    assert (large.exif, large.xmp, large.dpi, large.format) == (b"exif", b"xmp", 300, "webp")


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((1, 1, 4, 4, 3), np.uint8),
    ],
    ids=["whole", "five channels", "empty", "one axis", "five axes"],
)
def test_other_arrays_are_refused(pixels) -> None:
    words = r"expected an array of H x W, H x W x 1\.\.4 or N x H x W x 1\.\.4 pixels"
    with pytest.raises(ImageError, match=words):
        upscaler(Factor(2))(pixels)


@pytest.mark.parametrize("factor", [0.5, 2, 2.5])
def test_pages_do_not_see_each_other(factor) -> None:
    """Not even where colours go on under transparency: a red page above one that is wholly hidden."""
    pages = np.zeros((2, 12, 12, 4), np.uint8)
    pages[0, :, :] = (255, 0, 0, 255)
    pages[1, :6, :, 3] = 255
    large = upscaler(Factor(factor))(pages)
    assert all(np.array_equal(upscaler(Factor(factor))(one), large[n]) for n, one in enumerate(pages))
    assert large[1, :, :, :3].max() == 0


def test_steps_are_reported_in_the_order_they_ran(photo) -> None:
    small = Picture(photo[:9, :9])
    assert upscaler(Factor(6)).enlarge(small).steps == (("repeater", 2), ("repeater", 3))
    for nothing in (upscaler(Factor(0.5)), upscaler(Factor(1)), upscaler(Factor(3), scales=())):
        reported = nothing.enlarge(small)
        assert (reported.model, reported.steps) == ("bicubic", ())


def test_pages_count_towards_the_limit(monkeypatch, photo) -> None:
    monkeypatch.setattr("mssn.upscaling.upscaler.MAX_RESULT_PIXELS", 4 * photo[:, :, 0].size)
    assert upscaler(Factor(2))(photo).shape == (192, 224, 3)
    with pytest.raises(ImageError, match="224x192 pixels on 2 pages, beyond the limit"):
        upscaler(Factor(2))(np.stack([photo, photo]))


def test_threads_that_come_together_open_each_network_once() -> None:
    opened: list[int] = []

    def slowly(scale: int, strength: float) -> TiledModel:
        time.sleep(0.05)
        opened.append(scale)
        return TiledModel(Repeater(scale))

    shared = Upscaler(ModelFamily("slow", (2, 3), slowly), parse("x30"))
    pixels = np.zeros((10, 10, 3), np.uint8)
    with ThreadPoolExecutor(4) as pool:
        large = list(pool.map(shared, [pixels] * 8))
    assert opened == [3]
    assert {picture.shape for picture in large} == {(30, 30, 3)}
