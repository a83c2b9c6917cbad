"""What a file tells of its compression, read back from files that other programs wrote."""

from __future__ import annotations

import io

import numpy as np
import pytest
import pyvips
from PIL import Image
from skimage.data import astronaut

from mssn.image.compression import HEAD, LOSSLESS, Compression, compression_of
from mssn.image.source import PictureFile


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
    for _ in range(300):
        broken = bytearray(file[:700])
        broken[rng.integers(2, 700)] = rng.integers(256)
        compression(bytes(broken))
