"""TIFFs: pages that differ, further channels, L*a*b*."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image, ImageCms

from mssn.errors import CancelledError, ImageError
from mssn.image.compression import Compression
from mssn.image.picture import Picture
from mssn.image.read import read, read_rgb
from mssn.image.scratch import ScratchArrays, _root
from mssn.image.source import PictureFile
from mssn.image.write import to_bytes, write
from mssn.upscaling import upscaler as upscaling
from mssn.upscaling.files import Options, upscale_file
from mssn.upscaling.size import Factor
from mssn.upscaling.tiled import TiledModel
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily

CASES = Path(__file__).parent.parent / "cases"
BICUBIC = Upscaler(ModelFamily("bicubic", (), lambda *_: pytest.fail("no network is needed")), Factor(2))


def slopes(height: int = 40, width: int = 56) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([40 + 4 * rows, 30 + 3 * columns, 200 - 2 * rows - columns], axis=2).astype(np.uint8)


def pages() -> list[Picture]:
    """Of different sizes, depths and colours; the first two differ in colour alone."""
    small = slopes(24, 30)
    return [
        Picture(slopes(), xmp=b"<a/>"),
        Picture(slopes()[:, :, :1]),
        Picture(small[:, :, :1].astype(np.uint16) * 257),
        Picture(np.where(small[:, :, :1] > 90, 255, 0).astype(np.uint8), bits=1),
        Picture(small, alpha=small[:, :, 1:2]),
        Picture(small.astype(np.float32) / 255),
        Picture(slopes(25, 31), black=slopes(25, 31)[:, :, :1]),
    ]


def whole(parts: list[Picture]) -> Picture:
    first, *others = parts
    return Picture(first.pixels, xmp=first.xmp, others=tuple(others))


def assert_same_pages(picture: Picture, wanted: list[Picture], tolerance: float = 0) -> None:
    found = (picture, *picture.others)
    assert len(found) == len(wanted)
    for page, right in zip(found, wanted, strict=True):
        assert page.bits == right.bits
        for plane in ("pixels", "alpha", "black"):
            one, other = getattr(page, plane), getattr(right, plane)
            assert (one is None) == (other is None)
            if one is not None:
                assert (one.shape, one.dtype) == (other.shape, other.dtype)
                assert np.abs(one.astype(float) - other).max() <= tolerance


@pytest.mark.parametrize("big", [False, True])
def test_pages_that_differ_come_back(tmp_path, monkeypatch, big) -> None:
    if big:
        monkeypatch.setattr("mssn.image.encode._BIG", 0)
    write(tmp_path / "a.tif", whole(pages()))
    content = (tmp_path / "a.tif").read_bytes()
    assert content[:4] == (b"II+\0" if big else b"II*\0")
    for source in (tmp_path / "a.tif", content):
        assert_same_pages(read(source, into=".tif"), pages())
    assert content == to_bytes(whole(pages()), ".tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:  # as others see them
        assert [page.shape[:2] for page in tiff.pages] == [p.pixels.shape[:2] for p in pages()]
    with Image.open(tmp_path / "a.tif") as image:
        assert np.array_equal(np.asarray(image), slopes())
        image.seek(1)
        assert np.array_equal(np.asarray(image), slopes()[:, :, 0])
    first = read(tmp_path / "a.tif", into=".png")
    assert (first.others, first.left_out) == ((), len(pages()) - 1)


@pytest.mark.parametrize("memory", [2**30, 0])
def test_each_page_is_enlarged_as_it_would_be_alone(tmp_path, memory) -> None:
    write(tmp_path / "a.tif", whole(pages()))
    done = upscale_file(BICUBIC, tmp_path / "a.tif", tmp_path / "large.tif", Options(memory=memory))
    assert (done.before, done.after, done.pages, done.left_out) == ((56, 40), (112, 80), len(pages()), 0)
    wanted = [BICUBIC.enlarge(page).picture for page in pages()]
    assert_same_pages(read(tmp_path / "large.tif", into=".tif"), wanted)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "large.tif"]


def test_pages_too_large_for_memory_together_wait_in_files(tmp_path) -> None:
    write(tmp_path / "a.tif", whole(pages()))
    with ScratchArrays(8000, tmp_path) as scratch:  # more than any page, less than all of them
        picture = read(tmp_path / "a.tif", into=".tif", scratch=scratch)
        assert all(_root(page.pixels) is not None for page in (picture, *picture.others))
        assert_same_pages(picture, pages())


def test_the_limit_of_pixels_counts_all_pages(tmp_path) -> None:
    write(tmp_path / "a.tif", whole(pages()))
    total = sum(page.pixels.shape[0] * page.pixels.shape[1] for page in pages())
    read(tmp_path / "a.tif", into=".tif", max_pixels=total)
    with pytest.raises(ImageError, match=rf"{total} pixels on {len(pages())} pages exceed the limit"):
        read(tmp_path / "a.tif", into=".tif", max_pixels=total - 1)
    read(tmp_path / "a.tif", into=".png", max_pixels=40 * 56)


def test_the_limit_of_results_counts_all_pages(monkeypatch) -> None:
    monkeypatch.setattr(upscaling, "MAX_RESULT_PIXELS", 4 * 40 * 56)
    BICUBIC.enlarge(Picture(slopes()))
    with pytest.raises(ImageError, match="on 2 pages"):
        BICUBIC.enlarge(Picture(slopes(), others=(Picture(slopes()[:1, :1]),)))


def test_progress_counts_all_pages() -> None:
    class Doubling:
        scale, name, precision, halo = 2, "doubling", "fp32", 1

        def run(self, lr: np.ndarray) -> np.ndarray:
            return lr.repeat(2, axis=2).repeat(2, axis=3)

    shares: list[float] = []
    family = ModelFamily("test", (2,), lambda *_: TiledModel(cast(Any, Doubling())))
    picture = Picture(slopes(), others=(Picture(slopes(40, 112)),))
    Upscaler(family, Factor(2)).enlarge(picture, progress=lambda share: shares.append(share))
    assert shares == pytest.approx([1 / 3, 1])
    with pytest.raises(CancelledError):
        Upscaler(family, Factor(2)).enlarge(picture, progress=lambda share: share < 0.3)


def test_stripped_of_metadata_every_page_is(tmp_path) -> None:
    parts = [Picture(slopes(), xmp=b"<a/>"), Picture(slopes(9, 9), xmp=b"<b/>")]
    write(tmp_path / "a.tif", whole(parts))
    assert [page.xmp for page in read(tmp_path / "a.tif", into=".tif").others] == [b"<b/>"]
    upscale_file(BICUBIC, tmp_path / "a.tif", tmp_path / "b.tif", Options(metadata="strip"))
    again = read(tmp_path / "b.tif", into=".tif")
    assert again.xmp is None and again.others[0].xmp is None
    write(tmp_path / "a.tif", whole([Picture(slopes()), Picture(slopes(9, 9))]))
    upscale_file(BICUBIC, tmp_path / "a.tif", tmp_path / "c.tif")
    assert PictureFile(tmp_path / "c.tif").signed


def test_a_page_that_cannot_be_read_is_named(tmp_path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(slopes(), photometric="rgb", metadata=None)
        tiff.write(slopes().astype(np.int16), photometric="rgb", metadata=None)
    with pytest.raises(ImageError, match=r"a\.tif: page 2: short samples"):
        read(tmp_path / "a.tif", into=".tif")


def test_a_damaged_page_is_one_line(tmp_path) -> None:
    write(tmp_path / "a.tif", whole(pages()))
    content = (tmp_path / "a.tif").read_bytes()
    with pytest.raises(ImageError, match="damaged or cut short") as caught:
        read(content[: len(content) // 2], into=".tif")
    assert "\n" not in str(caught.value)


def test_smaller_copies_are_left_out_with_a_note(tmp_path) -> None:
    """As scanners and cameras put them beside a page; a result made of them would be no page."""
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(slopes(), photometric="rgb", metadata=None)
        tiff.write(slopes()[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
        tiff.write(slopes(30, 30), photometric="rgb", metadata=None)
    picture = read(tmp_path / "a.tif", into=".tif")
    assert_same_pages(picture, [Picture(slopes()), Picture(slopes(30, 30))])
    assert picture.notes == ("a smaller copy left out",) and picture.left_out == 0
    first = read(tmp_path / "a.tif", into=".png")
    assert first.left_out == 1


def test_turned_pages_are_each_turned(tmp_path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for n in (6, 6):
            extra: Any = [(274, "H", 1, n, True)]
            tiff.write(slopes(), photometric="rgb", extratags=extra, metadata=None)
    picture = read(tmp_path / "a.tif", into=".tif")
    assert_same_pages(picture, [Picture(np.ascontiguousarray(np.rot90(slopes(), -1)))] * 2)


def test_a_further_channel_is_no_transparency(tmp_path) -> None:
    stored = tifffile.imread(CASES / "rgb-plus-infrared.tif")
    picture = read(CASES / "rgb-plus-infrared.tif")
    assert picture.alpha is None and np.array_equal(picture.pixels, stored[:, :, :3])
    assert picture.notes == ("a further channel left out",)
    target = tmp_path / "large.jpg"
    done = upscale_file(BICUBIC, CASES / "rgb-plus-infrared.tif", target)
    assert done.notes == ("a further channel left out",)
    assert abs(read_rgb(target).mean() - stored[:, :, :3].mean()) < 1  # it was washed out


@pytest.mark.parametrize(
    ("extra", "alpha", "note"),
    [
        (["unassalpha"], 3, ()),
        (["unspecified", "unspecified"], None, ("2 further channels left out",)),
        (["unassalpha", "unspecified"], 3, ("a further channel left out",)),
        (["unspecified", "unassalpha"], 4, ("a further channel left out",)),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_channels_are_what_the_file_says(tmp_path, extra, alpha, note, dtype) -> None:
    array = np.random.default_rng(2).integers(0, np.iinfo(dtype).max, (9, 13, 3 + len(extra)), dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", planarconfig="contig", extrasamples=extra)
    picture = read(tmp_path / "a.tif")
    assert np.array_equal(picture.pixels, array[:, :, :3])
    assert picture.notes == note
    if alpha is None:
        assert picture.alpha is None
    else:
        assert picture.alpha is not None and np.array_equal(picture.alpha, array[:, :, alpha : alpha + 1])


def test_multiplied_transparency_is_divided_out(tmp_path) -> None:
    array = np.dstack([np.full((4, 4, 3), 50, np.uint8), np.full((4, 4, 1), 100, np.uint8)])
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["assocalpha"])
    assert np.abs(read(tmp_path / "a.tif").pixels - 127.5).max() <= 1


def test_a_jpeg_of_tiff_6_itself_is_read(tmp_path) -> None:
    """By Pillow: the decoder of libvips's wheel does not know it."""
    target = io.BytesIO()
    Image.fromarray(slopes()).save(target, "JPEG", quality=90)
    jpeg = target.getvalue() + bytes(len(target.getvalue()) % 2)
    entries = [(256, 56), (257, 40), (258, 8), (259, 6), (262, 6), (273, 8), (277, 3), (278, 40)]
    entries += [(279, len(jpeg)), (513, 8), (514, len(jpeg))]
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    content = (
        b"II*\0" + struct.pack("<I", 8 + len(jpeg)) + jpeg + struct.pack("<H", len(entries)) + body + bytes(4)
    )
    picture = read(content)
    assert np.abs(picture.pixels.astype(int) - slopes()).max() <= 8
    assert picture.compression == Compression(kind="JPEG", quality=90)
    assert (picture.format, picture.left_out) == ("tiff", 0)
    with pytest.raises(ImageError, match="cut short"):
        read(content[:8] + bytes(len(jpeg)) + content[8 + len(jpeg) :])


def lab() -> tuple[np.ndarray, np.ndarray]:
    """L*a*b* of the slopes (D50), of 8 bits a sample as in a TIFF, and as numbers."""
    profiles = [ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")]
    image: Any = ImageCms.profileToProfile(Image.fromarray(slopes()), *profiles, outputMode="LAB")
    stored = np.asarray(image)
    return stored, np.dstack([stored[:, :, 0] * (100 / 255), stored[:, :, 1:].view(np.int8)])


@pytest.mark.parametrize("bits", [8, 16])
def test_lab_becomes_srgb(tmp_path, bits) -> None:
    stored, numbers = lab()
    if bits == 16:
        lightness = np.rint(numbers[:, :, :1] * 655.35).astype(np.uint16)
        stored = np.dstack([lightness, (numbers[:, :, 1:] * 256).astype(np.int16).view(np.uint16)])
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="cielab", compression="zlib")
    picture = read(tmp_path / "a.tif")
    assert picture.pixels.dtype == (np.uint8 if bits == 8 else np.uint16)
    scale = 1 if bits == 8 else 257
    apart = np.abs(picture.pixels / scale - slopes())
    assert apart.max() < 6 and apart.mean() < 0.6  # whole steps of a* and b* are that coarse
    assert picture.notes == ("L*a*b* colours converted to sRGB",)
    assert (picture.format, picture.icc) == ("tiff", None)
    assert PictureFile(tmp_path / "a.tif").size == (40, 56)
    upscale_file(BICUBIC, tmp_path / "a.tif", tmp_path / "large.tif")
    assert read(tmp_path / "large.tif").notes == ()


def test_turned_lab_is_turned(tmp_path) -> None:
    stored, _ = lab()
    extra: Any = [(274, "H", 1, 6, True)]
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="cielab", extratags=extra, resolution=(300, 300))
    picture = read(tmp_path / "a.tif")
    assert np.abs(picture.pixels.astype(int) - np.rot90(slopes(), -1)).max() < 6
    assert PictureFile(tmp_path / "a.tif").size == (56, 40)
    assert picture.dpi == 300


def test_neutral_lab_is_neutral(tmp_path) -> None:
    grey = np.zeros((3, 4, 3), np.uint8)
    grey[:, :, 0] = np.arange(12).reshape(3, 4) * 23
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="cielab")
    pixels = read(tmp_path / "a.tif").pixels.astype(int)
    assert np.ptp(pixels, axis=2).max() <= 1 and pixels.min() == 0 and pixels.max() > 245


def test_libvips_writes_lab_that_is_read(tmp_path) -> None:
    image: Any = pyvips.Image.new_from_array(slopes())
    image.icc_import(input_profile="srgb").tiffsave(str(tmp_path / "float.tif"))
    apart = np.abs(read(tmp_path / "float.tif").pixels / 257 - slopes())
    assert apart.max() < 1
