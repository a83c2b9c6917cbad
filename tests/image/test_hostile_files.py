"""Metadata however long or nested: a file is read and written in linear time, and in bounded memory."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mssn.image.exif import fitting_exif, is_hostile, resolution_of, upright_exif, without_previews
from mssn.image.heif import avif_facts, is_lossless_avif, with_items
from mssn.image.jpeg import exif_blocks
from mssn.image.kept import kept
from mssn.image.picture import Picture
from mssn.image.png import chunk
from mssn.image.read import read
from mssn.image.source import PictureFile
from mssn.image.webp import with_exif
from mssn.image.write import to_bytes

CASE = Path(__file__).parents[1] / "cases" / "xmp-slow.png"
PIXELS = np.full((16, 16, 3), 90, np.uint8)
HEAD = b"II*\0\x08\0\0\0"
XMP = b"XML:com.adobe.xmp\0\0\0\0\0"


def saved(kind: str, **options: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind, **options)
    return buffer.getvalue()


def directory(entries: int, tag: int, kind: int, count: int, value: int, after: int = 0) -> bytes:
    entry = struct.pack("<HHII", tag, kind, count, value)
    return struct.pack("<H", entries) + entry * entries + struct.pack("<I", after)


EXIF = {  # of so many entries
    "pointing at itself": lambda n: HEAD + directory(n, 0x8769, 4, 1, 8),
    "positions of itself": lambda n: HEAD + directory(n, 0x8825, 4, 1, 8, 8),
    "turned again and again": lambda n: HEAD + directory(n, 0x0112, 3, 1, 6),
    "large values": lambda n: HEAD + directory(n, 0x010F, 2, n, 8) + bytes(n),
    "cut": lambda n: (HEAD + directory(n, 0x8769, 4, 1, 8))[: 8 + 6 * n],
    "small pictures": lambda n: HEAD + directory(1, 0x0112, 3, 1, 6, 26) + directory(n, 0x0201, 4, 1, 8),
}
PNG: dict[str, Callable[[int], bytes]] = {  # of so many chunks
    "empty texts": lambda n: chunk(b"tEXt", b"") * n,
    "texts": lambda n: chunk(b"tEXt", b"a\0b") * n,
    "swelling texts": lambda n: chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(400 * n))) * 8,
    "gammas": lambda n: chunk(b"gAMA", bytes(4)) * n,
    "strangers": lambda n: chunk(b"abCd", b"") * n,
    "packets": lambda n: chunk(b"iTXt", XMP + b"<a/>") * n,
    "one packet": lambda n: chunk(b"iTXt", XMP + b"<?xpacket" * n),
    "a packed packet": lambda n: chunk(b"iTXt", XMP[:18] + b"\1\0\0\0" + zlib.compress(b"<?xpacket" * n)),
}


def seconds(content: bytes) -> float:
    """To read a file, look at it as a run does, and write it again."""
    started = time.process_time()
    file = PictureFile(content)
    assert file.signed in (True, False)
    picture = read(file)
    to_bytes(kept(picture, ".png", "mssn-s", "keep"), ".png")
    assert np.abs(picture.pixels.astype(int) - PIXELS).max() < 6
    return time.process_time() - started


def test_the_case_takes_a_moment() -> None:
    started = time.process_time()
    picture = read(CASE)
    done = kept(picture, ".png", "mssn-s", "keep")
    assert done.notes == ("damaged XMP left out",)
    assert PictureFile(to_bytes(done, ".png")).signed
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("name", PNG)
def test_chunks_take_linear_time(name) -> None:
    plain = saved("PNG")
    for place in (33, len(plain) - 12):
        assert seconds(plain[:place] + PNG[name](20_000) + plain[place:]) < 1


@pytest.mark.parametrize("name", EXIF)
def test_exif_takes_linear_time(name) -> None:
    exif = EXIF[name](5400)[:65_000]
    jpeg, png = saved("JPEG"), saved("PNG")
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    contents = {
        "jpeg": jpeg[:2] + segment * (3 if len(segment) < 60_000 else 1) + jpeg[2:],
        "png": png[:33] + chunk(b"eXIf", EXIF[name](10_000)) + png[33:],
        "webp": with_exif(saved("WEBP"), EXIF[name](10_000), 16, 16, alpha=False),
        "avif": with_items(to_bytes(Picture(PIXELS), ".avif"), EXIF[name](10_000), None),
    }
    for content in contents.values():
        assert seconds(content) < 1
        if name in ("pointing at itself", "positions of itself", "cut"):
            assert read(content).notes == ("damaged EXIF left out",) and read(content).exif is None


@pytest.mark.parametrize("name", EXIF)
def test_our_own_look_at_exif_is_linear(name) -> None:
    exif = EXIF[name](40_000)
    steps = (upright_exif, is_hostile, resolution_of, lambda block: fitting_exif(block, 9, 9, (72.0, 72.0)))
    for step in steps:
        started = time.process_time()
        step(exif)
        assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("marker", "content"),
    [
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0<a/>"),
        (0xE1, b"http://ns.adobe.com/xmp/extension/\0<a/>"),
        (0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0"),
        (0xE2, b"ICC_PROFILE\0\1\1abc"),
        (0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0" * 9),
        (0xFE, b""),
    ],
)
def test_segments_take_linear_time(marker, content) -> None:
    jpeg = saved("JPEG")
    segment = bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content
    assert seconds(jpeg[:2] + segment * (2**19 // len(segment)) + jpeg[2:]) < 1


def test_filling_between_segments_takes_linear_time() -> None:
    jpeg = saved("JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(EXIF["cut"](9)) + 8) + b"Exif\0\0" + EXIF["cut"](9)
    for filling in (1, 4095, 4096, 4097, 2**24):
        content = jpeg[:2] + b"\xff" * filling + segment + jpeg[2:]
        assert seconds(content) < 1
        assert [place for place, _ in exif_blocks(io.BytesIO(content))] == [content.index(b"Exif")]


def test_a_profile_and_a_photoshop_block_take_linear_time() -> None:
    assert seconds(saved("PNG", icc_profile=b"\xff" * 2**20)) < 1
    started = time.process_time()
    without_previews(b"Photoshop 3.0\0" + b"8BIM\4\x0c\0\0\0\0\0\0" * 80_000)
    without_previews(b"Photoshop 3.0\0" + b"8BIM\4\x0c\0\0\xff\xff\xff\xff" * 80_000)
    assert time.process_time() - started < 1


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


@pytest.mark.parametrize("count", [1, 20_000])
def test_descriptions_of_an_avif_take_linear_time(count) -> None:
    entry = box(b"infe", struct.pack(">IHH4sx", 0x02000000, 1, 0, b"Exif"))
    place = struct.pack(">HHHHI", 1, 0, 1, 0, 2**24)  # all of the file
    parts = [
        box(b"iinf", struct.pack(">IH", 0, count) + entry * count),
        box(b"iloc", struct.pack(">IBBH", 0, 0x44, 0, count) + (place + bytes(2)) * count),
        box(b"iprp", box(b"ipco", box(b"colr", b"abcd" + bytes(7)) * count)),
    ]
    file = io.BytesIO(
        box(b"ftyp", b"avif") + box(b"free", b"") * count + box(b"meta", bytes(4) + b"".join(parts))
    )
    started = time.process_time()
    codes, blocks = avif_facts(file)
    assert codes is None and len(blocks) == count
    assert time.process_time() - started < 1


def described(places: bytes) -> io.BytesIO:
    """An AVIF whose EXIF block lies where an iloc says."""
    entry = box(b"infe", struct.pack(">IHH4sx", 0x02000000, 1, 0, b"Exif"))
    meta = box(b"iinf", struct.pack(">IH", 0, 1) + entry) + box(b"iloc", places)
    return io.BytesIO(box(b"ftyp", b"avif") + box(b"meta", bytes(4) + meta))


@pytest.mark.parametrize(
    "places",
    [
        struct.pack(">IBBH", 0, 0, 0, 500) + struct.pack(">HHH", 1, 0, 65535) * 500,  # 33 million of no bytes
        struct.pack(">IBBH", 0, 0x88, 0x80, 1) + struct.pack(">HHQHQQ", 1, 0, 2**64 - 1, 1, 2**64 - 1, 9),
        struct.pack(">IBBH", 0, 0x88, 0x80, 1) + struct.pack(">HHQHQQ", 1, 0, 2**62, 1, 0, 2**64 - 1),
    ],
)
def test_places_that_no_file_has_take_no_time(tmp_path, places) -> None:
    file = described(places)
    started = time.process_time()
    assert avif_facts(file)[1] == [(file.getvalue().index(b"Exif"), b"")]
    assert not is_lossless_avif(file)
    (tmp_path / "a.avif").write_bytes(file.getvalue())
    for source in (file.getvalue(), tmp_path / "a.avif"):
        assert PictureFile(source).extras.hidden == ()
    assert time.process_time() - started < 1
