"""What a file tells of its compression, read back from files that other programs wrote."""

from __future__ import annotations

import io
import struct
import time

import numpy as np
import pytest
import pyvips
from PIL import Image
from skimage.data import astronaut

from mssn.image.compression import HEAD, LOSSLESS, Compression, compression_of
from mssn.image.source import PictureFile
from mssn.image.tiff import directories


def compression(content: bytes) -> Compression:
    file = io.BytesIO(content)
    return compression_of(file, file.read(HEAD))


def saved(photo: np.ndarray, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("quality", [1, 5, 10, 25, 30, 49, 50, 51, 60, 75, 85, 90, 95, 98, 100])
def test_quality_of_a_jpeg(photo, quality) -> None:
    assert compression(saved(photo, "JPEG", quality=quality)).quality == pytest.approx(quality, abs=1)
    theirs = pyvips.Image.new_from_array(photo).jpegsave_buffer(Q=quality, interlace=True)
    assert compression(theirs).quality == pytest.approx(quality, abs=1)


def test_a_table_behind_a_large_profile_is_found(photo) -> None:
    file = saved(photo, "JPEG", quality=70, icc_profile=bytes(300_000), exif=b"Exif\0\0" + bytes(60_000))
    assert compression(file) == Compression(kind="JPEG", quality=70)


def test_webp_says_which_codec_it_used(photo) -> None:
    frames = [Image.fromarray(np.roll(photo, 5 * n, axis=0)) for n in range(3)]
    with_alpha = np.dstack([photo, photo[:, :, 0]])
    for lossless in (False, True):
        options = {"lossless": lossless, "quality": 80}
        moving = saved(photo, "WEBP", save_all=True, append_images=frames, **options)
        for file in (saved(photo, "WEBP", **options), saved(with_alpha, "WEBP", **options), moving):
            found = compression(file)
            assert found.lossy == (not lossless)
            assert found.quality is None if lossless else found.quality == pytest.approx(80, abs=4)


@pytest.mark.parametrize("method", [0, 4, 6])
@pytest.mark.parametrize("quality", [80, 85, 90, 95, 100])
def test_quality_of_a_webp(quality, method) -> None:
    picture = astronaut()[:256, :256]
    found = compression(saved(picture, "WEBP", quality=quality, method=method)).quality
    assert found == pytest.approx(quality, abs=3)


def test_lower_qualities_of_webp_are_seen_roughly() -> None:
    qualities = [5, 20, 40, 60, 75]
    found = [
        compression(saved(astronaut()[:256, :256], "WEBP", quality=quality)).quality for quality in qualities
    ]
    assert found == pytest.approx(qualities, abs=8)
    assert found == sorted(found, key=lambda quality: quality or 0)


def test_jpeg_inside_a_tiff(photo, tmp_path) -> None:
    file = saved(photo, "TIFF", compression="jpeg", quality=40)
    assert compression(file) == Compression(kind="JPEG", quality=40)
    theirs = pyvips.Image.new_from_array(photo).tiffsave_buffer(compression="jpeg", Q=85, tile=True)
    assert compression(theirs) == Compression(kind="JPEG", quality=85)
    (tmp_path / "a.tif").write_bytes(theirs)
    assert PictureFile(tmp_path / "a.tif").compression == compression(theirs)
    for length in (0, 4, 7, 8, 9, 100, len(theirs) // 2, len(theirs) - 5):
        compression(theirs[:length])
    lossless = pyvips.Image.new_from_array(photo).tiffsave_buffer(compression="deflate")
    assert compression(lossless) == LOSSLESS


def test_jpeg_inside_a_big_tiff(photo) -> None:
    theirs = pyvips.Image.new_from_array(photo).tiffsave_buffer(compression="jpeg", Q=60, bigtiff=True)
    assert theirs[:4] == b"II+\0"
    assert compression(theirs) == Compression(kind="JPEG", quality=60)
    lossless = pyvips.Image.new_from_array(photo).tiffsave_buffer(compression="lzw", bigtiff=True)
    assert compression(lossless) == LOSSLESS


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tables", ["stream", "old tables", "strip"])
def test_jpeg_of_tiff_6_itself(photo, order, tables) -> None:
    """Its tables lie in a JPEG stream, by themselves, or in the strip."""
    jpeg = saved(photo, "JPEG", quality=40)
    at = jpeg.index(b"\xff\xdb") + 5
    entries = [(256, 4, 112), (257, 4, 96), (259, 3, 6), (273, 4, 8)]
    entries += {"stream": [(513, 4, 8)], "old tables": [(519, 4, 8 + at)], "strip": []}[tables]
    mark = b"II*\0" if order == "<" else b"MM\0*"
    body = b"".join(
        struct.pack(order + "HHI", tag, kind, 1)
        + (struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value))
        for tag, kind, value in entries
    )
    directory = struct.pack(order + "H", len(entries)) + body + bytes(4)
    file = mark + struct.pack(order + "I", 8 + len(jpeg)) + jpeg + directory
    assert compression(file) == Compression(kind="JPEG", quality=40)


def test_webp_inside_a_tiff(photo) -> None:
    for lossless in (False, True):
        file = pyvips.Image.new_from_array(photo).tiffsave_buffer(compression="webp", Q=80, lossless=lossless)
        found = compression(file)
        assert found.lossy == (not lossless)
        assert lossless or found.quality == pytest.approx(80, abs=4)


@pytest.mark.parametrize(("kind", "lossy"), [("PNG", False), ("TIFF", False), ("GIF", False), ("AVIF", True)])
def test_other_kinds(photo, kind, lossy, tmp_path) -> None:
    file = saved(photo, kind)
    (tmp_path / "file").write_bytes(file)
    assert compression(file) == PictureFile(tmp_path / "file").compression
    assert compression(file).lossy == lossy


def test_damaged_files_tell_what_they_can(photo) -> None:
    file = saved(photo, "JPEG", quality=70)
    for length in range(0, 700, 7):
        assert compression(file[:length]).quality in (None, 70)
    rng = np.random.default_rng(0)
    big = pyvips.Image.new_from_array(photo).tiffsave_buffer(compression="jpeg", bigtiff=True)
    for whole in (file[:700], saved(photo, "TIFF", compression="jpeg"), big):
        for _ in range(300):
            broken = bytearray(whole)
            broken[rng.integers(2, len(broken))] = rng.integers(256)
            broken[rng.integers(2, 300) - len(broken)] = rng.integers(256)
            compression(bytes(broken))


def test_directories_that_run_in_a_circle_or_never_end_are_read_once() -> None:
    circle = b"II*\0" + struct.pack("<IHI", 8, 0, 8)
    assert len(list(directories(io.BytesIO(circle)))) == 1
    chain = b"II*\0" + struct.pack("<I", 8)
    chain += b"".join(struct.pack("<H12xI", 1, 8 + 18 * (n + 1)) for n in range(200_000))
    started = time.monotonic()
    assert len(list(directories(io.BytesIO(chain)))) == 1 << 16
    assert time.monotonic() - started < 20
