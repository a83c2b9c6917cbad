"""EXIF comes along byte for byte; only what would be wrong of the enlarged picture changes."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms

from mssn.image.exif import fitting_exif, is_hostile, resolution_of, upright_exif, without_previews
from mssn.image.kept import kept
from mssn.image.picture import Picture
from mssn.image.png import chunk
from mssn.image.read import read
from mssn.image.write import to_bytes

CASE = Path(__file__).parents[1] / "cases" / "thumbnail-sideways.jpg"
NOTE = b"Nikon\0\2\0\0\0" + bytes(range(200))  # what libexif does not understand it drops
HOLDERS = [".jpg", ".png", ".webp", ".avif"]


def directory(order: str, entries: list[tuple[int, int, int, int]], after: int = 0) -> bytes:
    """Entries of (tag, type, count, value); a SHORT stands at the left of its four bytes."""
    parts = [struct.pack(order + "H", len(entries))]
    for tag, kind, count, value in entries:
        stored = struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        parts.append(struct.pack(order + "HHI", tag, kind, count) + stored)
    return b"".join(parts) + struct.pack(order + "I", after)


def block(order: str = "<", after: bytes = b"") -> bytes:
    """Size, resolution, maker notes and unknown entries; a small picture in a second directory."""
    first, second = 8, 8 + 2 + 12 * 6 + 4
    values = second + 2 + 12 * 4 + 4
    note = values + 16
    third = note + len(NOTE)
    small = third + 2 + 12 * 3 + 4
    return b"".join(
        [
            b"II*\0" if order == "<" else b"MM\0*",
            struct.pack(order + "I", first),
            directory(
                order,
                [
                    (0x0112, 3, 1, 6),
                    (0x011A, 5, 1, values),
                    (0x011B, 5, 1, values + 8),
                    (0x0128, 3, 1, 2),
                    (0x8769, 4, 1, second),
                    (0xC4A5, 7, 4, 0x12345678),
                ],
                third,
            ),
            directory(
                order,
                [(0x927C, 7, len(NOTE), note), (0xA002, 3, 1, 56), (0xA003, 4, 1, 40), (0xFDE8, 4, 1, 7)],
            ),
            struct.pack(order + "4I", 300, 1, 300, 1),
            NOTE,
            directory(order, [(0x0112, 3, 1, 6), (0x0201, 4, 1, small), (0x0202, 4, 1, 500)]),
            b"\xff\xd8" + b"T" * 498,
            after,
        ]
    )


def slopes() -> np.ndarray:
    rows, columns = np.mgrid[0:80, 0:112]
    return np.stack([2 * rows, 2 * columns, 200 - rows - columns // 2], axis=2).astype(np.uint8)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("after", [b"", b"\0", b"more that is not ours"])
def test_the_thumbnail_is_left_out_in_place(order, after) -> None:
    exif = block(order, after)
    done = upright_exif(exif)
    assert done is not None
    start = exif.index(b"\xff\xd8")
    head = bytearray(exif[:start])
    struct.pack_into(order + "H", head, 8 + 2 + 8, 1)  # upright
    struct.pack_into(order + "I", head, 8 + 2 + 12 * 6, 0)  # no second directory
    assert done[:start] == head
    assert done[start:] == (bytes(500) + after if len(after) > 1 else b"")
    assert upright_exif(b"Exif\0\0" + exif) == b"Exif\0\0" + done
    assert upright_exif(done) == done


def test_a_thumbnail_outside_the_block_erases_nothing() -> None:
    for start, length in ((0, 10**6), (10**9, 4), (8, 40), (4 * 10**9, 4 * 10**9)):
        exif = b"II*\0\x08\0\0\0" + directory("<", [(0x10F, 2, 4, 0x41414141)], 26)
        exif += directory("<", [(0x0201, 4, 1, start), (0x0202, 4, 1, length)]) + b"kept"
        done = upright_exif(exif)
        assert done is not None
        assert done == exif[:22] + bytes(4) + exif[26:]


@pytest.mark.parametrize("order", "<>")
def test_size_and_resolution_are_those_of_the_result(order) -> None:
    exif = upright_exif(block(order))
    assert exif is not None
    same = fitting_exif(exif, 56, 40, (300.0, 300.0))
    again = fitting_exif(same, 56, 40, None)
    assert again == same == exif.replace(struct.pack(order + "HI", 4, 1) + struct.pack(order + "I", 40),
                                         struct.pack(order + "HIHH", 3, 1, 40, 0))  # fmt: skip
    large = fitting_exif(exif, 70_000, 160, (600.0, 150.5))
    with Image.open(io.BytesIO(with_exif(large))) as seen:
        found = seen.getexif()
        inner = found.get_ifd(0x8769)
        assert (inner[0xA002], inner[0xA003], found[0x011A], found[0x011B]) == (70_000, 160, 600, 150.5)
        assert (inner[0x927C], inner[0xFDE8], found[0xC4A5]) == (NOTE, 7, exif_value(order))
    assert resolution_of(large) == (600, 150.5)
    assert len(large) == len(exif)


def exif_value(order: str) -> bytes:
    return struct.pack(order + "I", 0x12345678)


def with_exif(exif: bytes) -> bytes:
    plain = to_bytes(Picture(np.zeros((8, 8, 3), np.uint8)), ".png")
    return plain[:33] + chunk(b"eXIf", exif) + plain[33:]


@pytest.mark.parametrize("suffix", HOLDERS)
@pytest.mark.parametrize("order", "<>")
def test_every_format_gets_the_block_as_it_is(suffix, order) -> None:
    exif = upright_exif(block(order))
    assert exif is not None
    alpha = slopes()[:, :, :1] if suffix != ".jpg" else None
    everything = {"icc": srgb(), "xmp": b"<x/>", "alpha": alpha}
    extras: list[dict[str, Any]] = [{}, {"xmp": b"<x/>"}, {"alpha": alpha}, everything]
    for extra in extras:
        encoded = to_bytes(Picture(slopes(), exif=exif, **extra), suffix)
        back = read(encoded)
        assert (back.exif or b"").removeprefix(b"Exif\0\0") == fitting_exif(exif, 112, 80, None)
        assert (back.xmp, back.icc) == (extra.get("xmp"), extra.get("icc"))
        assert (back.alpha is None) == (extra.get("alpha") is None)
        assert np.abs(back.pixels.astype(int) - slopes()).mean() < 3
        with Image.open(io.BytesIO(encoded)) as seen:
            seen.load()
            assert seen.getexif().get_ifd(0x8769)[0x927C] == NOTE
            assert seen.getexif().get_ifd(0x8769)[0xA002] == 112


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_a_moving_webp_gets_the_block() -> None:
    exif = upright_exif(block())
    assert exif is not None
    moving = Picture(np.concatenate([slopes(), 255 - slopes()]), pages=2, delays=(70, 90), exif=exif)
    back = read(to_bytes(moving, ".webp"), into=".webp")
    assert (back.pages, back.delays) == (2, (70, 90))
    assert back.exif == fitting_exif(exif, 112, 80, None)


@pytest.mark.parametrize("suffix", HOLDERS)
def test_no_small_picture_lies_on_its_side(suffix) -> None:
    picture = read(CASE)
    with Image.open(CASE) as seen:
        assert seen.getexif().get_ifd(ExifTags.IFD.IFD1)[0x0112] == 6  # as it was
    with Image.open(io.BytesIO(to_bytes(picture, suffix))) as seen:
        found = seen.getexif()
        assert not found.get_ifd(ExifTags.IFD.IFD1) and found.get(0x0112, 1) == 1
        assert (found.get_ifd(0x8769)[0xA002], found.get_ifd(0x8769)[0xA003]) == seen.size == (128, 192)


def test_what_does_not_fit_is_said() -> None:
    exif = upright_exif(block())
    assert exif is not None
    picture = Picture(slopes(), exif=exif)
    assert kept(picture, ".jpg", "mssn-s", "keep").notes == ()
    assert kept(picture, ".tif", "mssn-s", "keep").notes == ("EXIF left out (the format gets none)",)
    assert kept(picture, ".tif", "mssn-s", "strip").notes == ()
    long = replace(picture, exif=exif + bytes(65_400))
    assert kept(long, ".png", "mssn-s", "keep").notes == ()
    assert kept(long, ".jpg", "mssn-s", "keep").notes == ("EXIF left out (too long for a JPEG)",)
    assert read(to_bytes(long, ".jpg")).exif is None
    assert read(to_bytes(long, ".png")).exif == fitting_exif(long.exif or b"", 112, 80, None)


@pytest.mark.parametrize(
    "exif", [b"II*\0\xff\xff\xff\xff", b"nonsense", b"MM"], ids=["cut", "nonsense", "short"]
)
def test_a_damaged_block_is_left_out_and_said(exif) -> None:
    picture = read(to_bytes(Picture(slopes(), exif=exif), ".jpg"))
    assert picture.exif is None and picture.notes == ("damaged EXIF left out",)


def test_exif_of_a_tiff_is_not_dropped_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for big in (False, True):
        tag = (0x8768, "I", 1, 8, True)  # a free number beside that of EXIF, which tifffile does not write
        kind: Any = {"extratags": [tag], "photometric": "rgb", "bigtiff": big}
        tifffile.imwrite(path, slopes(), **kind)
        assert read(path).notes == ()
        entry = struct.pack("<HH", 0x8768, 4)
        path.write_bytes(path.read_bytes().replace(entry, struct.pack("<HH", 0x8769, 4)))
        assert read(path).notes == ("EXIF left out (a TIFF's is not read)",)
        path.write_bytes(
            path.read_bytes().replace(struct.pack("<HH", 0x8769, 4), struct.pack("<HH", 0x83BB, 4))
        )
        assert read(path).notes == ("IPTC left out (a TIFF's is not read)",)


def test_a_photoshop_block_loses_its_small_pictures() -> None:
    def resource(number: int, name: bytes, data: bytes) -> bytes:
        head = b"8BIM" + struct.pack(">H", number) + bytes((len(name),)) + name + bytes((len(name) + 1) % 2)
        return head + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)

    iptc, other = resource(0x0404, b"", b"\x1c\x02\x74\x00\x03abc"), resource(0x0425, b"dig", b"odd")
    small, density = resource(0x040C, b"na", b"small picture"), resource(0x03ED, b"", bytes(16))
    mark = b"Photoshop 3.0\0"
    assert without_previews(mark + small + iptc + density + other) == mark + iptc + other
    assert without_previews(mark + iptc + b"rest") == mark + iptc + b"rest"
    assert without_previews(mark + iptc + small[:-5]) == mark + iptc
    assert without_previews(b"other" + small) == b"other" + small
    back = read(to_bytes(Picture(slopes(), iptc=mark + small + iptc), ".jpg"))
    assert back.iptc == mark + iptc


def test_ordinary_blocks_are_not_hostile() -> None:
    assert not is_hostile(block()) and not is_hostile(b"") and not is_hostile(b"Exif\0\0II*\0")
    gps = b"MM\0*\0\0\0\x08" + directory(">", [(0x8769, 4, 1, 38), (0x8825, 4, 1, 56)])
    gps += (
        directory(">", [(0xA005, 4, 1, 74)]) + directory(">", [(0, 1, 4, 0)]) + directory(">", [(1, 2, 4, 0)])
    )
    assert not is_hostile(gps)
    assert is_hostile(gps.replace(struct.pack(">I", 74), struct.pack(">I", 8)))
