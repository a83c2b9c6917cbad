"""The limit of pixels counts all pages or frames together, and is checked before any of them is decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from mssn.errors import ImageError
from mssn.image.read import read

HEIGHT, WIDTH, PAGES = 40, 56, 5
PAGE = HEIGHT * WIDTH


@pytest.fixture(params=[".tif", ".gif", ".webp"])
def paged(request, tmp_path: Path, photo: np.ndarray) -> Path:
    frames = [Image.fromarray(np.roll(photo, 7 * n, axis=1)[:HEIGHT, :WIDTH]) for n in range(PAGES)]
    options: Any = {"compression": "tiff_deflate"} if request.param == ".tif" else {"duration": 50}
    path = tmp_path / f"a{request.param}"
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    return path


def ending(path: Path) -> str:
    """Of what can hold the pages."""
    return ".tif" if path.suffix == ".tif" else ".webp"


def test_pages_count_together(paged: Path) -> None:
    for source in (paged, paged.read_bytes()):
        with pytest.raises(ImageError, match=rf"{WIDTH} x {HEIGHT} pixels on {PAGES} pages exceed the limit"):
            read(source, max_pixels=PAGES * PAGE - 1, into=ending(paged))
        picture = read(source, max_pixels=PAGES * PAGE, into=ending(paged))
        assert (picture.pages, len(picture.pixels)) == (PAGES, PAGES * HEIGHT)


def test_pages_that_are_left_out_do_not_count(paged: Path) -> None:
    assert read(paged, max_pixels=PAGE, into=".png").left_out == PAGES - 1
    with pytest.raises(ImageError, match="exceed the limit"):
        read(paged, max_pixels=PAGE - 1, into=".png")


def test_refused_before_any_pixel_is_decoded(tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "a.tif"
    frames = [Image.fromarray(photo) for _ in range(PAGES)]
    frames[0].save(path, save_all=True, append_images=frames[1:], compression="tiff_deflate")
    content = bytearray(path.read_bytes())
    for page in range(PAGES):  # what the pixels are packed in becomes rubbish; sizes and offsets stay
        with Image.open(path) as image:
            assert isinstance(image, TiffImageFile)
            image.seek(page)
            strips = zip(image.tag_v2[273], image.tag_v2[279], strict=True)
        for start, length in strips:
            content[start : start + length] = b"\xff" * length
    with pytest.raises(ImageError, match="damaged"):
        read(bytes(content), into=".tif")
    with pytest.raises(ImageError, match="exceed the limit"):
        read(bytes(content), into=".tif", max_pixels=2 * photo.shape[0] * photo.shape[1])


def test_a_small_file_of_many_huge_pages_is_refused_as_it_stands(tmp_path: Path) -> None:
    """Each page is below the default limit; together they would take 600 megapixels."""
    page = Image.new("1", (10_000, 10_000))
    path = tmp_path / "bomb.tif"
    page.save(path, save_all=True, append_images=[page] * 5, compression="group4")
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ImageError, match="10000 x 10000 pixels on 6 pages exceed the limit of 500 million"):
        read(path, into=".tif")
