"""Picture files: what is written comes back, what is broken is refused in one line."""

import errno
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from mssn.errors import DataError, ImageError
from mssn.image.find import find_images
from mssn.image.formats import READABLE, WRITABLE
from mssn.image.picture import Picture
from mssn.image.read import read, read_rgb
from mssn.image.source import PictureFile
from mssn.image.write import write

TRUE_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> PNG colour type


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(7).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def smooth(channels: int = 3) -> np.ndarray:
    """40 x 56 slopes that lossy codecs keep within a few levels."""
    rows, columns = np.mgrid[0:40, 0:56]
    slopes = [40 + 4 * rows, 30 + 3 * columns, 200 - 2 * rows - columns]
    return np.stack(slopes[:channels], axis=2).astype(np.uint8)


def png_bytes(array: np.ndarray) -> bytes:
    """A PNG from the specification alone, since Pillow writes no 16-bit colour."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width, channels = array.shape
    head = struct.pack(">IIBBBBB", width, height, 8 * array.dtype.itemsize, TRUE_COLOURS[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(array.dtype.newbyteorder(">")).tobytes() for row in array)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def split(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    colours = 3 if array.shape[2] > 2 else 1
    return array[:, :, :colours], array[:, :, colours:] if array.shape[2] > colours else None


def assert_same(got: np.ndarray | None, wanted: np.ndarray | None, tolerance: int = 0) -> None:
    if wanted is None or got is None:
        assert got is wanted
        return
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    assert np.abs(got.astype(int) - wanted.astype(int)).max() <= tolerance


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_lossless_formats_are_exact_both_ways(
    tmp_path: Path, suffix: str, channels: int, dtype: type
) -> None:
    array = noise(9, 13, channels, dtype=dtype)
    ours, theirs = tmp_path / f"ours{suffix}", tmp_path / f"theirs{suffix}"
    if suffix == ".png":
        theirs.write_bytes(png_bytes(array))
    else:
        kind: Any = {"photometric": "rgb" if channels > 2 else "minisblack", "planarconfig": "contig"}
        tifffile.imwrite(theirs, array.squeeze(), **kind, extrasamples=["unassalpha"] * (channels in (2, 4)))
    pixels, alpha = split(array)
    write(ours, Picture(pixels, alpha))
    for path in (theirs, ours):
        picture = read(path)
        assert_same(picture.pixels, pixels)
        assert_same(picture.alpha, alpha)
        assert picture.format == {".png": "png", ".tif": "tiff"}[suffix]
        assert PictureFile(path).size == (9, 13)
    if suffix == ".tif" or dtype is np.uint8:  # Pillow would show 16-bit colour as 8 bit
        seen = tifffile.imread(ours) if suffix == ".tif" else np.asarray(Image.open(ours))
        np.testing.assert_array_equal(seen.reshape(array.shape), array)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_lossy_formats_stay_close(tmp_path: Path, suffix: str, channels: int, alpha: bool) -> None:
    pixels, veil = smooth(channels), np.repeat(smooth(1)[:, ::-1], 1, axis=2) if alpha else None
    path = tmp_path / f"a{suffix}"
    write(path, Picture(pixels, veil))
    picture = read(path)
    with Image.open(path) as seen:
        independent = np.asarray(seen.convert("RGB"))
    if suffix == ".jpg" and veil is not None:
        share = veil / 255
        pixels, veil = np.rint(pixels * share + 255 * (1 - share)).astype(np.uint8), None
    colour = np.repeat(pixels, 3, axis=2) if channels == 1 else pixels
    assert_same(picture.pixels, pixels if suffix == ".jpg" else colour, tolerance=10)
    assert_same(picture.alpha, veil, tolerance=4)
    assert_same(independent, colour, tolerance=10)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_sixteen_bit_is_rounded_for_formats_of_eight(tmp_path: Path, suffix: str) -> None:
    write(tmp_path / f"a{suffix}", Picture(smooth().astype(np.uint16) * 257))
    assert_same(read(tmp_path / f"a{suffix}").pixels, smooth(), tolerance=10)


def test_reading_rgb_rounds_repeats_and_drops(tmp_path: Path) -> None:
    deep = np.array([0, 128, 129, 385, 386, 65406, 65407, 65535], np.uint16).reshape(2, 4, 1)
    write(tmp_path / "a.png", Picture(deep, alpha=deep))
    wanted = np.rint(deep / 257).astype(np.uint8).repeat(3, axis=2)
    assert_same(read_rgb(tmp_path / "a.png"), wanted)
    assert wanted[0, :3, 0].tolist() == [0, 0, 1]


def test_quality_and_chroma(tmp_path: Path) -> None:
    write(tmp_path / "fine.jpg", Picture(noise(32, 32, 3)))
    write(tmp_path / "rough.jpg", Picture(noise(32, 32, 3)), quality=40)
    fine, rough = (Image.open(tmp_path / name) for name in ("fine.jpg", "rough.jpg"))
    with fine, rough:
        assert isinstance(fine, JpegImageFile) and isinstance(rough, JpegImageFile)
        assert [layer[1:3] for layer in fine.layer] == [(1, 1)] * 3  # 4:4:4: colour edges stay sharp
        assert rough.layer[0][1:3] == (2, 2)
    assert os.path.getsize(tmp_path / "fine.jpg") > 2 * os.path.getsize(tmp_path / "rough.jpg")
    for quality in (0, 101):
        with pytest.raises(ImageError, match="1 to 100"):
            write(tmp_path / "a.jpg", Picture(smooth()), quality=quality)


@pytest.mark.parametrize(("mode", "channels", "alpha"), [("1", 1, False), ("P", 3, False), ("P", 3, True)])
def test_palettes_and_single_bits_become_whole_pixels(
    tmp_path: Path, mode: str, channels: int, alpha: bool
) -> None:
    few: Any = {"colors": 16} if mode == "P" else {}
    hole: Any = {"transparency": 0} if alpha else {}
    source = Image.fromarray(smooth()).convert(mode, **few)
    source.save(tmp_path / "a.png", **hole)
    picture = read(tmp_path / "a.png")
    assert_same(
        picture.pixels, np.asarray(source.convert("L" if channels == 1 else "RGB")).reshape(40, 56, -1)
    )
    hidden = np.where(np.asarray(source) == 0, 0, 255).astype(np.uint8)[:, :, None]
    assert_same(picture.alpha, hidden if alpha else None)


def test_first_frame_of_a_gif(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (6, 4), colour).convert("P") for colour in ((255, 0, 0), (0, 0, 255))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read(tmp_path / "a.gif").pixels[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tif", ".gif"])
def test_cut_files_are_refused_quietly(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"holiday{suffix}"
    Image.fromarray(noise(64, 64, 3)).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ImageError, match="cut short") as caught:
        read(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


UNREADABLE = {
    "empty.png": (b"", "empty"),
    "text.png": (b"Dear diary,\ntoday", "is not a picture but text$"),
    "numbers.png": (b"2 2\n1 2\n3 4\n", "is not a picture but text$"),
    "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "an SVG drawing.*PNG"),
    "page.jpg": (b"<!DOCTYPE html>\n<html><body>404 Not found", "is not a picture but a web page$"),
    "paper.png": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is not a picture but a PDF document$"),
    "film.heic": (
        b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
        "is not a picture but a video; films are known by their endings, such as .mp4 and .mkv$",
    ),
    "layers.tif": (b"8BPS\0\1" + bytes(20), "a Photoshop document, which cannot be read; save it as"),
    "rubbish.png": (bytes(range(256)), "is not a picture of a known kind$"),
    "broken.bmp": (b"BM" + bytes(60), "damaged or cut short"),
    "broken.ppm": (b"P6\n1 x\n255\n123", "damaged or cut short"),
    "double.tif": (np.zeros((4, 4, 3), np.float64), "too many bits"),
    "signed.tif": (np.zeros((4, 4, 3), np.int16), "short samples"),
    "folder.png": (None, "is a folder"),
    "line\nbreak.png": (None, "No such file"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, name: str) -> None:
    path, (content, words) = tmp_path / name, UNREADABLE[name]
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        tifffile.imwrite(path, content, photometric="rgb", planarconfig="contig")
    elif name == "folder.png":
        path.mkdir()
    for reader in (read, read_rgb, lambda source: PictureFile(source).size):
        with pytest.raises(ImageError, match=words) as caught:
            reader(path)
        assert " ".join(str(path).split()) in str(caught.value) and "\n" not in str(caught.value)


def test_forbidden_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", forbid)  # real permissions do not stop an administrator
    with pytest.raises(ImageError, match=r"a\.png: cannot be read: Permission denied"):
        read(tmp_path / "a.png")


def test_size_limit_is_checked_before_decoding(tmp_path: Path) -> None:
    head = png_bytes(noise(30, 20, 3))[:60]  # the header alone: any decoding would fail otherwise
    (tmp_path / "a.png").write_bytes(head)
    with pytest.raises(ImageError, match="20 x 30 pixels exceed"):
        read(tmp_path / "a.png", max_pixels=599)
    with pytest.raises(ImageError, match="cut short"):
        read(tmp_path / "a.png", max_pixels=600)
    assert PictureFile(tmp_path / "a.png").size == (30, 20)


@pytest.mark.parametrize(
    "name", ["Grüße aus 東京 🗼.png", "two  words.jpg", "photo[1].tif", "x.png[page=1].webp"]
)
def test_any_name_will_do_and_changed_files_are_read_anew(tmp_path: Path, name: str) -> None:
    for pixels in (smooth(), smooth()[:, :28]):
        write(tmp_path / name, Picture(pixels))
        assert_same(read(tmp_path / name).pixels, pixels, tolerance=10)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("where", ["os.replace", "mssn.image.write.encode"])
@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), MemoryError()]
)
def test_a_failed_write_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, failure: BaseException
) -> None:
    def fail(*_: object) -> None:
        assert len(os.listdir(tmp_path)) == 2  # the hidden part file lies beside the target
        raise failure

    path = tmp_path / "kept.png"
    path.write_bytes(b"kept")
    monkeypatch.setattr(where, fail)
    expected = ImageError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected) as caught:
        write(path, Picture(smooth()))
    if expected is ImageError:
        assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert os.listdir(tmp_path) == ["kept.png"] and path.read_bytes() == b"kept"


def test_impossible_targets(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_bytes(b"")
    long = Picture(np.zeros((1, 17000, 3), np.uint8))
    for name, picture, words in (
        ("a.bmp", Picture(smooth()), r"'\.bmp'.*\.png"),
        ("a", Picture(smooth()), r"use one of"),
        ("folder.png", Picture(smooth()), "is a folder"),
        ("missing/a.png", Picture(smooth()), "No such file"),
        ("file/a.png", Picture(smooth()), "Not a directory"),
        ("a.webp", long, "cannot be encoded"),
    ):
        with pytest.raises(ImageError, match=words) as caught:
            write(tmp_path / name, picture)
        assert name in str(caught.value) and "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX knows them")
def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write(tmp_path / "a.png", Picture(smooth()))
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_picture_refuses_impossible_arrays() -> None:
    for pixels in (smooth()[:, :, :2], smooth()[0], smooth().astype(np.float64), smooth()[:0]):
        with pytest.raises(ImageError, match="pixels must be"):
            Picture(pixels)
    for alpha in (smooth(1)[:-1], smooth(1)[:, :, 0], smooth(1).astype(np.uint16)):
        with pytest.raises(ImageError, match="alpha must be"):
            Picture(smooth(), alpha)


def test_find_images_counts_like_a_person(tmp_path: Path) -> None:
    wanted = [
        "0.png",
        "2.PNG",
        "10.jpeg",
        "a/1.tif",
        "a/12.webp",
        "b10/1.gif",
        "B.avif",
        "c.Jpg",
        "d.bmp",
        "d.jfif",
        "d.mpo",
    ]
    for name in [*reversed(wanted), "notes.txt", ".hidden.png", ".cache/x.png", "a/.mssn-1.part", "old.psd"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)] == wanted


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for name, words in (("empty", "no pictures"), ("missing", "no such folder"), ("file", "is a file")):
        with pytest.raises(DataError, match=words) as caught:
            find_images(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


def test_import_reaches_no_other_picture_library() -> None:
    check = (
        "import sys, mssn.image.read, mssn.image.write; print({'PIL', 'torch', 'skimage'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert (answer.stdout.strip(), answer.stderr) == ("set()", "")
    assert set(WRITABLE) < set(READABLE)
