"""The page writes picture files as the command line does, and calls them so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_files import IPTC, SOFT, SRGB, SUFFIXES, Ask, FileError, given, loaded, saved, small
from skimage.data import astronaut

from mssn.image.kept import kept
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.source import PictureFile
from mssn.image.write import to_bytes
from mssn.image.xmp import signed
from mssn.upscaling.naming import beside
from mssn.upscaling.size import Factor

NOISE = np.random.default_rng(0).bytes(150_000)
PICTURES = {
    "all": lambda: loaded(small()),
    "from a PNG": lambda: loaded(small(), icc=None),
    "from an AVIF": lambda: loaded(small(), icc=None, format="avif", colours=((b"cICP", b"\x0c\x0d\0\1"),)),
    "HDR": lambda: loaded(small(), icc=None, colours=((b"cICP", b"\x09\x10\0\1"),)),
    "transparent": lambda: loaded(small(), alpha=SOFT),
    "grey": lambda: loaded(small()[:, :, :1]),
    "grey and tagged": lambda: loaded(small()[:, :, :1], icc=None),
    "grey and transparent": lambda: loaded(small()[:, :, :1], alpha=SOFT),
    "bilevel": lambda: Picture(np.where(small()[:, :, :1] > 99, 255, 0).astype(np.uint8), bits=1),
    "bare": lambda: Picture(small()),
    "long XMP": lambda: loaded(small(), xmp=signed(None, "x" * 70_000)),
    "damaged XMP": lambda: loaded(small(), xmp=b"<x:xmpmeta"),
    "long EXIF": lambda: loaded(small(), exif=(loaded(small()).exif or b"") + bytes(70_000)),
    "long IPTC": lambda: loaded(small(), iptc=IPTC + bytes(70_000)),
    "large profile": lambda: loaded(small(), icc=(len(SRGB) + 150_000).to_bytes(4, "big") + SRGB[4:] + NOISE),
    "JPEG": lambda: loaded(small(), format="jpeg"),
}


@pytest.mark.parametrize("form", SUFFIXES)
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("metadata", ["keep", "strip"])
def test_what_is_written(ask: Ask, name: str, form: str, metadata: Any) -> None:
    picture = PICTURES[name]()
    suffix, options = SUFFIXES[form], {"model": "mssn-s-photo 0.64", "metadata": metadata}
    fitted = kept(picture, suffix, options["model"], metadata)
    mine = read(ask("encode", given(picture), form, None, options))
    theirs = read(to_bytes(fitted, suffix))
    for each in ("icc", "exif", "xmp", "iptc", "text", "dpi", "pixel_aspect", "bits", "format"):
        assert getattr(mine, each) == getattr(theirs, each), each
    assert dict(mine.colours) == dict(theirs.colours)
    assert PictureFile(ask("encode", given(picture), form, None, options)).signed == (metadata == "keep")
    notes = list(fitted.notes)
    if form == "webp" and "grey" in name and picture.icc:
        notes.append("colour profile left out (it is for another kind of pixels)")
    assert sorted(set(ask("leftOut", given(picture), form, options))) == sorted(set(notes))
    if form == "webp":
        assert mine.pixels.shape == theirs.pixels.shape
    else:  # the same, of a JPEG too
        assert np.array_equal(mine.pixels, theirs.pixels)
    assert (mine.alpha is None) == (theirs.alpha is None)
    if mine.alpha is not None and theirs.alpha is not None:
        assert np.array_equal(mine.alpha, theirs.alpha)


def scan(jpeg: bytes) -> bytes:
    place = 2
    while jpeg[place + 1] != 0xDA:
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return jpeg[place:]


@pytest.mark.parametrize("quality", [None, 1, 49, 50, 75, 89, 90, 100])
def test_jpegs_are_those_of_the_command_line_to_the_bit(ask: Ask, quality: int | None) -> None:
    rng = np.random.default_rng(3)
    for height, width in [(1, 1), (1, 7), (8, 8), (9, 17), (16, 16), (17, 15), (33, 40), (100, 75)]:
        for colour in (astronaut()[:height, :width], rng.integers(0, 256, (height, width, 3), np.uint8)):
            colour = np.ascontiguousarray(colour)
            soft = np.ascontiguousarray(colour[::-1, :, 1:2])
            grey = np.ascontiguousarray(colour[:, :, :1])
            for picture in (Picture(colour), Picture(grey), Picture(colour, alpha=soft)):
                mine = ask("encode", given(picture), "jpeg", quality, {"model": "m"})
                assert scan(mine) == scan(to_bytes(picture, ".jpg", quality=quality))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


@pytest.mark.parametrize("quality", [None, 80, 50])
def test_webps_are_close_to_those_of_the_command_line(ask: Ask, quality: int | None) -> None:
    picture = Picture(np.ascontiguousarray(astronaut()[:256, :256]))
    mine = ask("encode", given(picture), "webp", quality, {"model": "m"})
    theirs = to_bytes(kept(picture, ".webp", "m", "keep"), ".webp", quality=quality)
    assert len(mine) == pytest.approx(len(theirs), rel=0.02)
    assert psnr(read(mine).pixels, picture.pixels) > psnr(read(theirs).pixels, picture.pixels) - 0.3
    assert read(mine).compression == read(theirs).compression


def test_what_was_stored_without_loss_stays_so(ask: Ask) -> None:
    file = saved(small(), "WEBP", lossless=True)
    again = read(ask("again", file, "webp", None, {"model": "m"})["file"])
    assert not again.compression.lossy and np.array_equal(again.pixels, small())
    assert read(ask("again", file, "webp", 80, {"model": "m"})["file"]).compression.lossy


def test_pngs_are_no_larger_than_those_of_the_command_line(ask: Ask) -> None:
    for pixels in (astronaut(), astronaut()[:, :, :1]):
        picture = Picture(np.ascontiguousarray(pixels))
        mine = ask("encode", given(picture), "png", None, {"model": "m"})
        assert len(mine) < 1.02 * len(to_bytes(picture, ".png"))


def test_a_result_too_large_for_its_format_is_refused(ask: Ask) -> None:
    line = given(Picture(np.zeros((1, 16384, 1), np.uint8)))
    with pytest.raises(FileError, match="16383") as refused:
        ask("encode", line, "webp", None, {"model": "m"})
    assert refused.value.code == "too-large"
    assert read(ask("encode", line, "png", None, {"model": "m"})).pixels.shape == (1, 16384, 1)


def test_names_are_those_of_the_command_line(ask: Ask) -> None:
    names = ["photo.jpg", "photo.JPG", "a.b.png", "кот.webp", "x.jfif", "x.JPE", "a.tif", "a.bmp", "a.heic"]
    names += ["a.mpo", "none", ".hidden", "dot.", "two words.jpeg", "a.gif", "🐈.png", "a.PNG.png"]
    for name in names:
        for scale in (2, 4, 1.5, 0.25, 1 / 3, 2.0000001, 0.00001, 16):
            wanted = beside(Path(name), Factor(scale)).name
            every = ["avif", "heic", "jpeg", "jxl", "png", "tiff", "webp"]
            assert ask("resultName", name, scale, "same", every) == wanted
            few = ask("resultName", name, scale, "same", ["png", "jpeg", "webp"])
            readable = wanted.lower().endswith((".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp"))
            assert few == (wanted if readable else f"{wanted.rpartition('.')[0]}.png")
    assert ask("resultName", "a.jpeg", 2, "jpeg", ["jpeg"]) == "a_x2.jpeg"
    assert ask("resultName", "a.png", 2, "jpeg", ["jpeg"]) == "a_x2.jpg"
