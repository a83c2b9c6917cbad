"""The page reads picture files as the package does."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
import pyvips
from page_files import CASES, SRGB, SUFFIXES, Ask, FileError, assert_same, png, saved, small
from PIL import Image
from skimage.data import astronaut

from mssn.image.kept import kept
from mssn.image.picture import Picture
from mssn.image.png import chunk
from mssn.image.read import read
from mssn.image.source import PictureFile
from mssn.image.write import to_bytes
from mssn.image.xmp import signed


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", [0, 2, 3, 4, 6])
def test_every_kind_of_png(ask: Ask, kind: int, interlaced: bool) -> None:
    palette = np.random.default_rng(0).bytes(768)
    depths = {0: (1, 2, 4, 8, 16), 3: (1, 2, 4, 8)}.get(kind, (8, 16))
    for bits in depths:
        tables = [chunk(b"PLTE", palette)] if kind == 3 else []
        clear = {0: struct.pack(">H", 1), 2: struct.pack(">3H", 1, 2, 3), 3: palette[:2]}.get(kind)
        for transparency in [[], [chunk(b"tRNS", clear)]] if clear else [[]]:
            for width, height in [(1, 1), (1, 7), (33, 21)]:
                extra = [*tables, *transparency]
                file = png(width, height, bits, kind, bits + width, *extra, interlaced=interlaced)
                found = ask("decode", file)
                assert_same(found, read(file))
                assert ("16 bits rounded to 8" in found["notes"]) == (bits == 16)


def test_transparent_colours_of_a_png(ask: Ask) -> None:
    flat = np.full((4, 6, 3), (9, 8, 7), np.uint8)
    flat[1:3] = 5
    file = saved(flat, "PNG", transparency=(9, 8, 7))
    alpha = np.frombuffer(ask("decode", file)["alpha"], np.uint8).reshape(4, 6)
    assert alpha[[0, 3]].max() == 0 and alpha[1:3].min() == 255
    assert_same(ask("decode", file), read(file))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_pixels_of_a_jpeg(ask: Ask, subsampling: int) -> None:
    for quality in (10, 75, 95, 100):
        for options in ({}, {"progressive": True}, {"optimize": True}):
            file = saved(small(), "JPEG", quality=quality, subsampling=subsampling, **options)
            assert_same(ask("decode", file), read(file))


def test_grey_jpegs_stay_grey(ask: Ask) -> None:
    file = saved(small()[:, :, 0], "JPEG", quality=60)
    assert ask("decode", file)["channels"] == 1
    assert_same(ask("decode", file), read(file))


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"lossless": True, "exact": True}, {"quality": 90}, {"quality": 20}]
)
def test_pixels_of_a_webp(ask: Ask, options: dict[str, Any]) -> None:
    soft = np.dstack([small(), np.linspace(0, 255, 43 * 57).reshape(43, 57).astype(np.uint8)])
    for picture in (small(), soft):
        file = saved(picture, "WEBP", **options)
        assert_same(ask("decode", file), read(file))


def test_the_first_frame_of_what_moves(ask: Ask) -> None:
    frames = [Image.fromarray(np.roll(small(), 5 * n, axis=0)) for n in range(3)]
    for kind in ("WEBP", "PNG"):
        file = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        found = ask("decode", file)
        assert_same(found, read(file))
        assert "only the first of 3 frames" in found["notes"]


def test_a_frame_that_does_not_fill_its_canvas(ask: Ask) -> None:
    inner = saved(small(), "WEBP", lossless=True)[12:]
    numbers = [n.to_bytes(3, "little") for n in (2, 3, 56, 42, 100)]  # place in twos, size less 1, time
    frame = b"".join(numbers) + b"\0" + inner
    head = bytes((0x12, 0, 0, 0)) + (69).to_bytes(3, "little") + (59).to_bytes(3, "little")
    chunks = [(b"VP8X", head), (b"ANIM", bytes(6)), (b"ANMF", frame)]
    body = b"WEBP" + b"".join(n + struct.pack("<I", len(c)) + c + bytes(len(c) % 2) for n, c in chunks)
    file = b"RIFF" + struct.pack("<I", len(body)) + body
    found = ask("decode", file)
    pixels = np.frombuffer(found["pixels"], np.uint8).reshape(60, 70, 3)
    alpha = np.frombuffer(found["alpha"], np.uint8).reshape(60, 70)
    assert np.array_equal(pixels[6:49, 4:61], small())
    assert alpha[6:49, 4:61].min() == 255 and alpha.sum() == 255 * small()[:, :, 0].size


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_are_turned_once(ask: Ask, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A], exif[0x011B], exif[0x0128] = (
        orientation,
        "Maker",
        300.0,
        200.0,
        2,
    )
    options = {"lossless": True} if kind == "WEBP" else {}
    file = saved(small(), kind, exif=exif.tobytes(), **options)
    found = ask("decode", file)
    assert_same(found, read(file))
    assert found["kept"]["dpi"] == ([200, 300] if orientation > 4 else [300, 200])
    for form, suffix in SUFFIXES.items():
        again = read(ask("encode", found, form, None, {"model": "m"}))
        wanted = read(to_bytes(kept(read(file), suffix, "m", "keep"), suffix))
        assert again.exif == wanted.exif and b"Maker" in (again.exif or b"")
        assert again.pixels.shape == read(file).pixels.shape


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
def test_files_that_went_wrong_once(ask: Ask) -> None:
    for path in sorted(CASES.glob("*.*")):
        if path.suffix in (".png", ".jpg", ".webp"):
            wanted = read(path)
            found = ask("decode", path.read_bytes())
            assert_same(found, wanted)
            assert tuple(found["notes"]) == wanted.notes


def test_compression_is_told_as_in_python(ask: Ask) -> None:
    for quality in (1, 5, 10, 25, 49, 50, 51, 75, 85, 90, 95, 98, 100):
        files = [saved(small(), "JPEG", quality=quality), saved(small(), "WEBP", quality=quality)]
        files += [pyvips.Image.new_from_array(small()).jpegsave_buffer(Q=quality, interlace=True)]
        files += [saved(small(), "WEBP", quality=quality, method=0)]
        for file in files:
            told = PictureFile(file).compression
            wanted = {"lossy": told.lossy, "kind": told.kind, "quality": told.quality}
            assert ask("compressionOf", file) == wanted
    for options in ({}, {"Q": 50}, {"lossless": True}, {"bitdepth": 10}, {"lossless": True, "effort": 0}):
        for pixels in (small(), np.tile(astronaut(), (1, 3, 1))[:70]):
            image: Any = pyvips.Image.new_from_array(pixels)
            file = image.heifsave_buffer(compression="av1", **options)
            told = PictureFile(file).compression
            assert ask("compressionOf", file)["lossy"] == told.lossy, options
            assert ask("compressionOf", file)["kind"] == told.kind


@pytest.mark.parametrize("kind", ["AVIF", "GIF", "BMP"])
def test_pictures_that_the_browser_decodes(ask: Ask, kind: str) -> None:
    soft = np.dstack([small(), np.full((43, 57), 7, np.uint8)])
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    more = {"exif": exif.tobytes(), "icc_profile": SRGB} if kind == "AVIF" else {}
    frames = {"save_all": True, "append_images": [Image.fromarray(small()[::-1])]} if kind == "GIF" else {}
    file = saved(small(), kind, **more, **frames)
    rgba = soft if kind == "AVIF" else np.dstack([small(), np.full((43, 57), 255, np.uint8)])
    image = {"width": 57, "height": 43, "rgba": rgba, "converted": False}
    found = ask("decodeIn", file, image)
    assert found["format"] == kind.lower() and found["pixels"] == small().tobytes()
    assert (found["alpha"] is not None) == (kind == "AVIF")
    assert found["kept"]["icc"] == (SRGB if more else None)
    assert (b"Maker" in (found["kept"]["exif"] or b"")) == bool(more)
    assert ("only the first of 2 frames" in found["notes"]) == bool(frames)
    converted = ask("decodeIn", file, {**image, "converted": True})
    assert converted["kept"]["icc"] is None
    assert ("colours converted to sRGB" in converted["notes"]) == bool(more)
    for what, code in ((None, "unsupported"),):
        with pytest.raises(FileError) as refused:
            ask("decodeIn", file, what)
        assert refused.value.code == code
    with pytest.raises(FileError, match="57 x 43") as large:
        ask("decode", file, {"maxPixels": 57 * 43 - 1})
    assert large.value.code == "too-large"


def test_colour_tags_of_an_avif_come_along(ask: Ask) -> None:
    picture = Picture(small(), colours=((b"cICP", b"\x0c\x0d\0\1"),), xmp=signed(None, "m"))
    file = to_bytes(picture, ".avif")
    rgba = np.dstack([small(), np.full((43, 57), 255, np.uint8)])
    found = ask("decodeIn", file, {"width": 57, "height": 43, "rgba": rgba, "converted": False})
    assert found["kept"]["colours"] == [["cICP", b"\x0c\x0d\0\1"]]
    assert found["kept"]["xmp"] == picture.xmp


def test_an_avif_that_the_browser_left_lying_is_turned(ask: Ask) -> None:
    exif = Image.Exif()
    rgba = np.dstack([small(), np.full((43, 57), 255, np.uint8)])
    image = {"width": 57, "height": 43, "rgba": rgba, "converted": False}
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        file = saved(Image.fromarray(small()), "AVIF", quality=95, exif=exif.tobytes())
        found, wanted = ask("decodeIn", file, {**image, "lying": True}), read(file).pixels
        assert (found["height"], found["width"], 3) == wanted.shape
        difference = np.frombuffer(found["pixels"], np.uint8).reshape(wanted.shape).astype(int) - wanted
        assert np.abs(difference).mean() < 3  # colours are at half size
        assert ask("decodeIn", file, image)["pixels"] == small().tobytes()


def test_inks_are_left_to_the_browser(ask: Ask) -> None:
    file = saved(Image.fromarray(small()).convert("CMYK"), "JPEG", icc_profile=SRGB)
    rgba = np.dstack([small(), np.full((43, 57), 255, np.uint8)])
    found = ask("decodeIn", file, {"width": 57, "height": 43, "rgba": rgba, "converted": False})
    assert found["pixels"] == small().tobytes() and found["kept"]["icc"] is None
    assert any(note.startswith("inks (CMYK) turned into sRGB") for note in found["notes"])
