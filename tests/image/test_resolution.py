"""A resolution is written where there was one, and only there."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from mssn.image.picture import Picture
from mssn.image.png import chunk
from mssn.image.read import read
from mssn.image.tiff import directories
from mssn.image.write import to_bytes

STATE_IT = [".png", ".jpg", ".tif"]
PIXELS = np.random.default_rng(2).integers(0, 255, (12, 20, 3), np.uint8)


def saved(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind, **options)
    return buffer.getvalue()


def exif(across: float, down: float, unit: int, orientation: int = 1) -> Image.Exif:
    block = Image.Exif()
    block[0x0112], block[0x011A], block[0x011B], block[0x0128] = orientation, across, down, unit
    return block


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF", "GIF"])
@pytest.mark.parametrize("suffix", [*STATE_IT, ".webp", ".avif"])
def test_none_is_made_up(kind, suffix) -> None:
    picture = read(saved(kind))
    assert picture.dpi is None
    written = to_bytes(picture, suffix)
    assert read(written).dpi is None
    with Image.open(io.BytesIO(written)) as seen:
        assert suffix == ".tif" or "dpi" not in seen.info
    if suffix == ".png":
        assert b"pHYs" not in written
    if suffix == ".jpg":
        assert written[6:18] == b"JFIF\0\1\2\0\0\1\0\1"
    if suffix == ".tif":  # which must have one: it has no unit then
        with tifffile.TiffFile(io.BytesIO(written)) as file:
            tags: Any = file.pages.first.tags
            assert tags[296].value == 1 and tags[282].value == tags[283].value


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("suffix", STATE_IT)
@pytest.mark.parametrize("dpi", [(300, 300), (72, 72), (204, 98)])
def test_one_that_is_there_stays(kind, suffix, dpi) -> None:
    written = to_bytes(read(saved(kind, dpi=dpi)), suffix)
    back = read(written)
    assert (back.dpi, round((back.dpi or 0) * back.pixel_aspect, 1)) == dpi
    with Image.open(io.BytesIO(written)) as seen:
        assert np.allclose(seen.info["dpi"], dpi, atol=0.02)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_that_of_an_exif_block_counts(kind) -> None:
    for unit, factor in ((2, 1.0), (3, 2.54)):
        picture = read(saved(kind, exif=exif(100, 50, unit)))
        assert (picture.dpi, picture.pixel_aspect) == (100 * factor, 0.5)
        for suffix in (".png", ".webp", ".avif", ".jpg", ".tif"):
            assert read(to_bytes(picture, suffix)).dpi == 100 * factor
    assert read(saved(kind, exif=exif(100, 100, 1))).dpi is None


def test_turned_pictures_have_a_turned_resolution() -> None:
    turned = read(saved("JPEG", exif=exif(200, 100, 2, orientation=6)))
    assert turned.pixels.shape[:2] == (20, 12)
    assert (turned.dpi, turned.pixel_aspect) == (100, 2)
    back = read(to_bytes(turned, ".jpg"))
    assert (back.dpi, back.pixel_aspect) == (100, 2)


def test_pages_and_large_tiffs_have_none_either(monkeypatch) -> None:
    pages = Picture(np.concatenate([PIXELS, 255 - PIXELS]), pages=2)
    for big in (False, True):
        options = {"compression": "deflate", "bigtiff": big}
        monkeypatch.setattr("mssn.image.encode._options", lambda *_, options=options: dict(options))
        with tifffile.TiffFile(io.BytesIO(to_bytes(pages, ".tif"))) as file:
            assert file.is_bigtiff == big and len(file.pages) == 2
            for page in file.pages:
                tags: Any = page.aspage().tags
                assert tags[296].value == 1
            assert np.array_equal(file.asarray(), [PIXELS, 255 - PIXELS])


def test_the_last_of_thousands_of_pages_has_none_either() -> None:
    content = to_bytes(Picture(np.zeros((3700, 1, 1), np.uint8), pages=3700), ".tif")
    units = [page.number(296, 0) for page in directories(io.BytesIO(content), most=2**30)]
    assert units == [1] * 3700


def test_a_shape_of_pixels_alone_is_no_resolution() -> None:
    plain = saved("PNG")
    assert read(plain[:33] + chunk(b"pHYs", b"\0\0\0\2\0\0\0\1\0") + plain[33:]).dpi is None
    with io.BytesIO() as buffer:
        kind: Any = {"photometric": "rgb", "resolution": (100, 50), "resolutionunit": 1}
        tifffile.imwrite(buffer, PIXELS, **kind)
        assert read(buffer.getvalue()).dpi is None


def test_inks_have_one_too() -> None:
    inks = Picture(PIXELS, black=PIXELS[:, :, :1], dpi=300.0)
    for suffix in (".jpg", ".tif"):
        back = read(to_bytes(inks, suffix))
        assert back.dpi == 300 and back.black is not None
        assert np.abs(back.pixels.astype(int) - PIXELS).mean() < 3
    assert b"JFIF" not in to_bytes(Picture(PIXELS, black=PIXELS[:, :, :1]), ".jpg")
