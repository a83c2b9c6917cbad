"""Whatever bytes the page is given: a picture, or one clear error, in linear time."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from page_files import SOFT, SRGB, Ask, FileError, loaded, png, saved, small
from PIL import Image

from mssn.errors import ImageError
from mssn.image.picture import Picture
from mssn.image.png import chunk
from mssn.image.read import read
from mssn.image.write import to_bytes
from mssn.version import __version__

OTHERS = {
    b"": "not-a-picture",
    b"\0": "not-a-picture",
    b"hello": "not-a-picture",
    b"%PDF-1.7": "not-a-picture",
    b"PK\x03\x04": "not-a-picture",
    b"\0\0\0\x18ftypmp42" + bytes(16): "not-a-picture",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>": "unsupported",
    b"II*\0" + bytes(40): "unsupported",
    b"P6\n1 1\n255\n123": "unsupported",
    b"BM": "not-a-picture",
}


def test_what_is_no_picture_is_told_in_words(ask: Ask) -> None:
    for content, code in OTHERS.items():
        with pytest.raises(FileError) as refused:
            ask("decode", content)
        assert refused.value.code == code, content


def files() -> dict[str, bytes]:
    exif, soft = Image.Exif(), np.dstack([small(), SOFT])
    exif[0x010F] = "Maker"
    more = {"exif": exif.tobytes(), "icc_profile": SRGB}
    return {
        "png": to_bytes(loaded(small()), ".png"),
        "interlaced": png(33, 21, 8, 6, 1, interlaced=True),
        "jpeg": saved(small(), "JPEG", progressive=True, **more),
        "webp": saved(soft, "WEBP", **more),
        "lossless webp": saved(soft, "WEBP", lossless=True),
        "avif": to_bytes(Picture(small(), exif=loaded(small()).exif), ".avif"),
        "gif": saved(small(), "GIF"),
    }


def code_of(ask: Ask, file: bytes) -> str:
    try:
        ask("decode", file, {"maxPixels": 10**6})
    except FileError as error:
        return error.code
    return "fine"


def test_damaged_files_give_one_clear_error(ask: Ask) -> None:
    rng = np.random.default_rng(4)
    for name, whole in files().items():
        for _ in range(40):
            changed = bytearray(whole)
            for place in rng.integers(0, len(changed), rng.integers(1, 5)):
                changed[place] = rng.integers(0, 256)
            length = int(rng.integers(0, len(changed))) if rng.integers(2) else len(changed)
            code = code_of(ask, bytes(changed[:length]))
            assert code in ("fine", "not-a-picture", "unsupported", "too-large"), name


@pytest.mark.parametrize("name", ["png", "interlaced", "jpeg", "webp", "lossless webp"])
def test_files_cut_short_are_refused(ask: Ask, name: str) -> None:
    whole = files()[name]
    for length in (*range(0, 60, 7), len(whole) // 3, len(whole) // 2, len(whole) * 9 // 10, len(whole) - 20):
        with pytest.raises(ImageError):
            read(whole[:length])
        with pytest.raises(FileError) as refused:
            ask("decode", whole[:length])
        assert refused.value.code == "not-a-picture"


def test_bombs_are_refused_before_they_are_decoded(ask: Ask) -> None:
    header = struct.pack(">IIBBBBB", 65_000, 65_000, 8, 6, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000_000))
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    large = bytearray(saved(small(), "JPEG"))
    place = large.find(b"\xff\xc0")
    large[place + 5 : place + 9] = b"\xff\xf0\xff\xf0"
    gif = b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + bytes(20)
    for file in (bomb, bytes(large), gif):
        with pytest.raises(FileError, match="pixels are more than") as refused:
            ask("decode", file, {"maxPixels": 100_000_000})
        assert refused.value.code == "too-large"


def test_metadata_that_grow_or_nest_take_linear_time(ask: Ask) -> None:
    """Each of these would take minutes in a reader that looks at anything twice for each of its parts."""
    nested = b"<a xmlns:p%d='u'>"
    deep = b"".join(nested % n for n in range(100_000)) + b"</a>" * 100_000
    begin = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    hostile = [begin + deep + b"</rdf:RDF>", b"<" * 1_000_000, b"<a b='" * 300_000, b"<!--" * 300_000]
    hostile += [begin + b"<rdf:Description m='" + b" " * 4_000_000, b"tiff:Orientation" + b" " * 4_000_000]
    bomb = b"icc\0\0" + zlib.compress(bytes(200_000_000))
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * 200_000_000)
    start = saved(small(), "PNG")
    grown = start[:33] + chunk(b"iCCP", bomb) + chunk(b"iTXt", text) + start[33:]
    scans = saved(small(), "JPEG", progressive=True)
    last = scans.rfind(b"\xff\xda")
    many = scans[:-2] + scans[last:-2] * 2000 + scans[-2:]
    begun = ask("seconds")  # of the processor
    for packet in hostile:
        ask("signed", packet, "m", __version__)
        ask("uprightXmp", packet)
    assert ask("decode", grown)["kept"]["icc"] is None
    with pytest.raises(FileError, match="scans"):
        ask("decode", many)
    assert ask("seconds") - begun < 20
