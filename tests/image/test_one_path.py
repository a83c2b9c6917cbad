"""What is encoded in memory and what is encoded into a file is the same, byte for byte."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageCms

from mssn.image.kept import kept
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.scratch import ScratchArrays
from mssn.image.write import encode, to_bytes, write
from mssn.image.xmp import is_signed, signed

SUFFIXES = [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".avif"]
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXIF = b"II*\0\x08\0\0\0\1\0\x0f\1\2\0\4\0\0\0abc\0\0\0\0\0"
IPTC = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x08" + b"\x1c\x02\x74\x00\x03abc"


def loaded(pixels: np.ndarray, xmp: bytes | None) -> Picture:
    """A picture with all that can travel with it."""
    colours = ((b"cICP", bytes((12, 13, 0, 1))),)
    text = ((b"tEXt", b"Title\0" + b"x" * 40_000),)
    return Picture(
        pixels, icc=ICC, exif=EXIF, xmp=xmp, iptc=IPTC, dpi=300.0, colours=colours, text=text
    )  # fmt: skip


def long_xmp(length: int) -> bytes:
    """A packet whose length libvips would not write into a JPEG."""
    body = (signed(None, "x") or b"").replace(b"<x:xmpmeta ", b"<x:xmpmeta long='%s' " % (b"a" * length))
    assert len(body) > length
    return body


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["plain", "alpha", "long XMP", "deep", "grey", "pages", "file"])
def test_files_and_memory_get_the_same_bytes(tmp_path: Path, suffix: str, kind: str) -> None:
    pixels = np.random.default_rng(4).integers(0, 255, (40, 48, 3), np.uint8)
    picture = loaded(pixels, long_xmp(62_000 if kind == "long XMP" else 10))
    if kind == "alpha":
        picture = Picture(pixels, alpha=pixels[:, :, :1], exif=EXIF)
    elif kind == "deep":
        picture = loaded(pixels.astype(np.uint16) * 257, None)
    elif kind == "grey":
        picture = Picture(pixels[:, :, :1], exif=EXIF, xmp=b"<x/>")
    elif kind == "pages":
        picture = Picture(pixels, pages=2, delays=(50, 70) if suffix == ".webp" else (), exif=EXIF)
    with ScratchArrays(0, tmp_path) as scratch:
        if kind == "file":
            array = scratch.empty(pixels.shape, pixels.dtype)
            array[:] = pixels
            picture = loaded(array, b"<x/>")
        write(tmp_path / f"a{suffix}", picture)
        assert (tmp_path / f"a{suffix}").read_bytes() == to_bytes(picture, suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_everything_that_a_format_holds_arrives(tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(4).integers(0, 255, (40, 48, 3), np.uint8)
    picture = kept(loaded(pixels, long_xmp(62_000)), suffix, "mssn-s", "keep")
    write(tmp_path / f"a{suffix}", picture)
    back = read(tmp_path / f"a{suffix}")
    jpeg, tiff, png = suffix in (".jpg", ".jpeg"), suffix in (".tif", ".tiff"), suffix == ".png"
    assert (back.icc, back.xmp) == (ICC, picture.xmp)
    assert (back.exif or b"").removeprefix(b"Exif\0\0") == (b"" if tiff else EXIF)
    assert back.iptc == (IPTC if jpeg else None)
    assert back.text == (picture.text if png else ())
    assert back.colours == (picture.colours if png or suffix == ".avif" else ())
    assert back.dpi == (300 if png or jpeg or tiff else None)
    said = {note.split()[0] for note in picture.notes}
    assert said == {kind for kind, lost in (("EXIF", tiff), ("IPTC", not jpeg), ("text", not png)) if lost}


def test_what_no_jpeg_holds_is_said_and_the_result_is_signed_still() -> None:
    picture = Picture(np.zeros((8, 8, 3), np.uint8), xmp=long_xmp(70_000))
    done = kept(picture, ".jpg", "mssn-s", "keep")
    assert done.notes == ("XMP left out (too long for a JPEG)",)
    assert is_signed(read(to_bytes(done, ".jpg")).xmp)
    assert kept(picture, ".png", "mssn-s", "keep").notes == ()


def test_a_missing_part_of_the_xmp_is_said() -> None:
    packet = (signed(None, "x") or b"").replace(
        b"<rdf:Description ", b"<rdf:Description xmlns:xmpNote='http://ns.adobe.com/xmp/note/' "
        b"xmpNote:HasExtendedXMP='0123' ", 1,
    )  # fmt: skip
    picture = Picture(np.zeros((8, 8, 3), np.uint8), xmp=packet)
    assert kept(picture, ".jpg", "mssn-s", "keep").notes == ("extended XMP left out",)


class _Full(io.BytesIO):
    """A file that fails once it has so many bytes."""

    def __init__(self, room: int, failure: BaseException) -> None:
        super().__init__()
        self.room, self.failure = room, failure

    def write(self, data) -> int:
        if self.tell() + len(data) > self.room:
            raise self.failure
        return super().write(data)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("room", [0, 20_000])
@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt(), MemoryError()]
)
def test_a_failure_to_write_is_that_failure(capfd, suffix: str, room: int, failure: BaseException) -> None:
    picture = Picture(np.random.default_rng(5).integers(0, 255, (200, 200, 3), np.uint8))
    with pytest.raises(type(failure)) as caught:
        encode(_Full(room, failure), picture, suffix, None)
    assert caught.value is failure
    assert capfd.readouterr() == ("", "")
