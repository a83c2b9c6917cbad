"""Texts of a PNG arrive in a PNG as they were, and are spoken of elsewhere."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from PIL.PngImagePlugin import PngImageFile

from mssn.image.kept import kept
from mssn.image.picture import Picture
from mssn.image.png import PngFacts, chunk, facts_of
from mssn.image.read import read
from mssn.image.write import to_bytes

XMP = b"XML:com.adobe.xmp\0\0\0\0\0"


def png() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "Gr\u00fc\u00dfe")
    texts.add_text("Workflow", '{"seed": 7}' * 300, zip=True)
    texts.add_itxt("Comment", "\u6771\u4eac", "ja", "\u30b3\u30e1\u30f3\u30c8")
    texts.add_itxt("Long", "x" * 500, zip=True)
    texts.add_text("Title", "a second one")
    buffer = io.BytesIO()
    Image.new("RGB", (9, 7), (1, 2, 3)).save(buffer, "PNG", pnginfo=texts)
    return buffer.getvalue()


def facts(content: bytes) -> PngFacts:
    return facts_of(io.BytesIO(content))


def test_texts_arrive_as_they_were() -> None:
    behind = chunk(b"tEXt", b"Software\0behind the pixels")
    content = png()[:-12] + behind + png()[-12:]
    picture = read(content)
    assert [name for name, _ in picture.text] == [b"tEXt", b"zTXt", b"iTXt", b"iTXt", b"tEXt", b"tEXt"]
    written = to_bytes(kept(picture, ".png", "mssn-s", "keep"), ".png")
    assert read(written).text == picture.text
    with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(written)) as after:
        assert isinstance(before, PngImageFile) and isinstance(after, PngImageFile)
        before.load()
        after.load()
        mine: dict[str, Any] = dict(after.text)
        assert "urn:mssn" in mine.pop("XML:com.adobe.xmp")
        assert mine == before.text and mine["Comment"].lang == "ja"


def test_they_go_with_the_other_metadata() -> None:
    picture = read(png())
    stripped = kept(picture, ".png", "mssn-s", "strip")
    assert stripped.text == () and stripped.notes == ()
    for suffix in (".jpg", ".tif", ".webp", ".avif"):
        assert kept(picture, suffix, "mssn-s", "keep").notes == ("text left out (only a PNG gets it)",)


def test_xmp_is_no_text() -> None:
    whole = png()[:33] + chunk(b"iTXt", XMP + b"<x/>") + png()[33:]
    assert read(whole).text == read(png()).text and read(whole).xmp == b"<x/>"


def test_text_beyond_all_measure_is_left_out_and_said() -> None:
    long = chunk(b"tEXt", b"a\0" + bytes(2**22))
    picture = read(png()[:33] + long * 4 + png()[33:])
    assert picture.text == () and picture.notes == ("text left out (more than 16 MiB)",)
    assert len(read(png()[:33] + long * 3 + png()[33:]).text) == 8


@pytest.mark.parametrize("cut", [20, 33, 40, 80, 300])
def test_cut_files_end_the_search(cut) -> None:
    assert facts(png()[:cut]).frames == 1


def test_texts_that_would_swell_are_not_inflated() -> None:
    """200 KB that would become 200 MB in the decoder, which is shown the rest of the file."""
    swelling = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50 * 2**20)))
    content = png()[:33] + swelling * 4 + png()[33:]
    assert len(facts(content).costly) == 9
    picture = read(content)
    assert np.array_equal(picture.pixels, read(png()).pixels)
    assert len(picture.text) == 9
    assert read(to_bytes(picture, ".png")).text == picture.text
    assert facts(png()).costly == ()


def test_what_may_stand_once_counts_once() -> None:
    physical = chunk(b"pHYs", (11811).to_bytes(4, "big") * 2 + b"\1")
    ours = to_bytes(Picture(np.zeros((4, 4, 3), np.uint8), xmp=b"<x/>"), ".png")
    picture = read(ours[:33] + physical + chunk(b"gAMA", b"\0\1\x86\xa0") * 5000 + ours[33:])
    assert (picture.dpi, picture.xmp, picture.pixels.max()) == (300, b"<x/>", 0)
    assert picture.colours == ((b"gAMA", b"\0\1\x86\xa0"),)
