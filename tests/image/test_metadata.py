"""What travels with a picture arrives, and says the truth about the pixels it travels with."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms, ImageOps, IptcImagePlugin

from mssn.image.exif import upright_exif
from mssn.image.picture import Picture
from mssn.image.profile import describes
from mssn.image.read import read, read_rgb
from mssn.image.source import PictureFile
from mssn.image.write import write
from mssn.image.xmp import upright_xmp

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'


def smooth(channels: int = 3) -> np.ndarray:
    """40 x 56 slopes that lossy codecs keep within a few levels."""
    rows, columns = np.mgrid[0:40, 0:56]
    slopes = [40 + 4 * rows, 30 + 3 * columns, 200 - 2 * rows - columns]
    return np.stack(slopes[:channels], axis=2).astype(np.uint8)


def assert_close(got: np.ndarray, wanted: np.ndarray, tolerance: int) -> None:
    assert got.shape == wanted.shape
    assert np.abs(got.astype(int) - wanted.astype(int)).max() <= tolerance


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif"])
def test_profile_exif_and_xmp_come_along(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 1
    picture = Picture(smooth(), icc=SRGB, exif=b"Exif\0\0" + exif.tobytes()[6:], xmp=XMP, dpi=300.0)
    write(tmp_path / f"a{suffix}", picture)
    back = read(tmp_path / f"a{suffix}")
    assert back.icc == SRGB
    assert back.xmp == upright_xmp(XMP) and b'Orientation="1"' in (back.xmp or b"")
    assert suffix in (".webp", ".avif") or back.dpi == 300
    with Image.open(tmp_path / f"a{suffix}") as seen:
        assert seen.info["icc_profile"] == SRGB
        if suffix != ".tif":
            assert seen.getexif()[0x010F] == "Maker"
            assert back.exif and b"Maker" in back.exif


def test_profile_of_another_colour_space_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.png", Picture(smooth(1), icc=SRGB))
    assert read(tmp_path / "a.png").icc is None
    assert describes(SRGB, "RGB ") and not describes(SRGB, "GRAY")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_exactly_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    turns = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a),
    }
    wanted = turns[orientation](smooth())
    exif = Image.Exif()
    exif[0x0112] = orientation
    path, again = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    Image.fromarray(smooth()).save(path, quality=95, exif=exif)
    picture = read(path)
    assert PictureFile(path).size == picture.pixels.shape[:2] == wanted.shape[:2]
    assert_close(picture.pixels, wanted, 12)
    write(again, picture)
    assert_close(read(again).pixels, wanted, 16)
    with Image.open(again) as seen:  # another program, obeying the tag, must see the same
        assert seen.getexif().get(0x0112, 1) == 1
        assert_close(np.asarray(ImageOps.exif_transpose(seen)), wanted, 16)


@pytest.mark.parametrize("order", ["<", ">"])
def test_only_the_orientation_bytes_of_exif_change(order: str) -> None:
    mark = b"II" if order == "<" else b"MM"
    for start in (b"", b"Exif\0\0"):
        block = [
            start
            + mark
            + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, value, 0, 0)
            + b"maker note"
            for value in (1, 8)
        ]
        assert upright_exif(block[1]) == block[0] == upright_exif(block[0])
    assert upright_exif(b"Exif\0\0nonsense") is None
    assert upright_exif(mark + struct.pack(order + "HI", 42, 9999)) is None


def test_inks_become_srgb_without_their_profile_where_a_format_has_none(tmp_path: Path) -> None:
    inks = [(0, 0, 0, 0), (0, 0, 0, 255), (0, 255, 255, 0), (255, 0, 255, 0), (255, 255, 0, 0)]
    strip = np.array(inks, np.uint8).repeat(16, axis=0)[None].repeat(16, axis=0)
    press = pyvips.Operation.call("profile_load", "cmyk")
    for name, profile in (("a.jpg", None), ("a.tif", None), ("b.jpg", press), ("b.tif", press)):
        Image.fromarray(strip, "CMYK").save(tmp_path / name, icc_profile=profile)
        inked = read(tmp_path / name)
        assert inked.black is not None and inked.alpha is None
        write(tmp_path / "c.png", inked)
        picture = read(tmp_path / "c.png")
        np.testing.assert_array_equal(picture.pixels, read_rgb(tmp_path / name))
        white, black, red, green, blue = (picture.pixels[8, 16 * i + 8].astype(int) for i in range(5))
        assert picture.icc is None and picture.alpha is None and picture.black is None
        assert white.min() > 250 and black.max() < 60
        assert red.argmax() == 0 and green.argmax() == 1 and blue.argmax() == 2


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_avif_fills_the_whole_range(tmp_path: Path, bits: int) -> None:
    levels = (np.arange(64 * 64) % (1 << bits)).reshape(64, 64, 1)
    levels[-1, -1] = (1 << bits) - 1
    image = pyvips.Image.new_from_array((levels << (16 - bits)).astype(np.uint16), interpretation="grey16")
    image.write_to_file(str(tmp_path / "a.avif"), bitdepth=bits, lossless=True, effort=0)
    wanted = np.rint(levels * (65535 / ((1 << bits) - 1))).astype(np.uint16).repeat(3, axis=2)
    np.testing.assert_array_equal(read(tmp_path / "a.avif").pixels, wanted, strict=True)


def test_frames_of_a_moving_png_are_counted(photo: np.ndarray) -> None:
    buffer = io.BytesIO()
    frames = [Image.fromarray(np.roll(photo, 9 * n, axis=0)) for n in range(4)]
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    assert read(buffer.getvalue()).left_out == 3
    assert [PictureFile(buffer.getvalue()[:end]).extras.frames for end in (20, None)] == [1, 4]
    still = io.BytesIO()
    frames[0].save(still, "PNG")
    assert PictureFile(still.getvalue()).extras.frames == 1


def test_iptc_of_a_jpeg_comes_along(photo: np.ndarray, tmp_path: Path) -> None:
    notice = b"\x1c\x02\x74\x00\x0a(c) Me 202"  # record 2, data set 116: copyright notice
    iptc = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(notice)) + notice + b"\0"
    write(tmp_path / "a.jpg", Picture(photo, iptc=iptc))
    found = read(tmp_path / "a.jpg").iptc
    assert found is not None
    assert notice in found
    with Image.open(tmp_path / "a.jpg") as image:
        assert (IptcImagePlugin.getiptcinfo(image) or {})[2, 116] == b"(c) Me 202"
    write(tmp_path / "a.png", read(tmp_path / "a.jpg"))
    assert b"(c) Me" not in (tmp_path / "a.png").read_bytes()


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "avif"])
def test_no_exif_is_made_up(photo: np.ndarray, tmp_path: Path, ending: str) -> None:
    write(tmp_path / f"a.{ending}", Picture(photo, dpi=300))
    with Image.open(tmp_path / f"a.{ending}") as image:
        assert len(image.getexif()) == 0
    assert b"ColorSpace" not in (tmp_path / f"a.{ending}").read_bytes()
    assert read(tmp_path / f"a.{ending}").exif is None
