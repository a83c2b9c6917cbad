"""What comes along with a picture, and one place of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mssn
from mssn.errors import ImageError
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.resize import imresize
from mssn.image.write import to_bytes, write
from mssn.upscaling.crop import Crop
from mssn.upscaling.estimate import estimate
from mssn.upscaling.files import upscale_bytes, upscale_file
from mssn.upscaling.jobs import Job, Options

BICUBIC = mssn.load("bicubic", 2)


@pytest.fixture
def source(tmp_path, photo) -> Path:
    path = tmp_path / "a.png"
    write(path, Picture(photo, dpi=300))
    return path


def test_a_crop_is_a_picture_of_its_own(source, tmp_path, photo) -> None:
    done = upscale_file(mssn.load(), source, tmp_path / "b.png", Options(crop=Crop(10, 20, 31, 17)))
    assert (done.before, done.after) == ((31, 17), (62, 34))
    place = np.ascontiguousarray(photo[20:37, 10:41])
    assert np.array_equal(read(tmp_path / "b.png").pixels, mssn.upscale(place))


def test_a_crop_of_pages_with_alpha() -> None:
    pages = np.arange(2 * 5 * 6 * 4, dtype=np.uint8).reshape(2, 5, 6, 4)
    place = Crop(1, 2, 3, 2).of(Picture.from_array(pages))
    assert np.array_equal(place.to_array(4), pages[:, 2:4, 1:4])


NO_CROPS = ["", "1,2,3", "1,2,3,4,5", "1,2,0,4", "1,2,3,0", "-1,2,3,4", "a,b,c,d", "1.5,2,3,4"]


@pytest.mark.parametrize("text", NO_CROPS)
def test_what_is_no_crop(text) -> None:
    with pytest.raises(ImageError, match=r"`crop` is X,Y,W,H in pixels"):
        Crop.parse(text)


def test_a_crop_beyond_the_picture_is_refused(source, tmp_path, photo) -> None:
    height, width, _ = photo.shape
    assert Crop.parse(f"0, 0, {width}, {height}") == Crop(0, 0, width, height)
    for crop in (Crop(1, 0, width, height), Crop(0, 1, width, height)):
        with pytest.raises(ImageError, match=rf"a\.png: `crop` .* beyond its {width}x{height} pixels"):
            upscale_file(BICUBIC, source, tmp_path / "b.png", Options(crop=crop))
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize(("dpi", "expected"), [("keep", 300), ("scale", 600)])
def test_resolution(source, tmp_path, suffix, dpi, expected) -> None:
    """As another program reads it: the result of a print at 300 dpi is twice as large, or as large."""
    upscale_file(BICUBIC, source, tmp_path / f"b{suffix}", Options(dpi=dpi))
    with Image.open(tmp_path / f"b{suffix}") as image:
        assert image.info["dpi"] == pytest.approx((expected, expected), rel=1e-3)


def test_times_are_kept_on_request(source, tmp_path) -> None:
    os.utime(source, ns=(1_000_000_000, 1_234_567_890_000_000_000))
    for keep in (False, True):
        upscale_file(BICUBIC, source, tmp_path / f"{keep}.png", Options(keep_times=keep))
        assert ((tmp_path / f"{keep}.png").stat().st_mtime_ns == 1_234_567_890_000_000_000) == keep


def test_sidecars_come_along_upright(source, tmp_path) -> None:
    (tmp_path / "a.xmp").write_bytes(b'<x tiff:Orientation="6" crs:Tint="6"/>')
    (tmp_path / "a.png.xmp").write_bytes(b"anything at all")
    upscale_file(BICUBIC, source, tmp_path / "b.jpg")
    assert (tmp_path / "b.xmp").read_bytes() == b'<x tiff:Orientation="1" crs:Tint="6"/>'
    assert (tmp_path / "b.jpg.xmp").read_bytes() == b"anything at all"
    upscale_file(BICUBIC, source, tmp_path / "c.jpg", Options(metadata="strip"))
    assert not (tmp_path / "c.xmp").exists()


def test_a_sidecar_that_is_there_already_stays(source, tmp_path) -> None:
    (tmp_path / "a.xmp").write_bytes(b"new")
    (tmp_path / "b.xmp").write_bytes(b"old")
    assert upscale_file(BICUBIC, source, tmp_path / "b.jpg").notes == ("b.xmp exists already and stays",)
    assert (tmp_path / "b.xmp").read_bytes() == b"old"
    assert upscale_file(BICUBIC, source, tmp_path / "b.jpg", Options(force=True)).notes == ()
    assert (tmp_path / "b.xmp").read_bytes() == b"new"


@pytest.mark.parametrize(("suffix", "most"), [(".webp", 16383), (".jpg", 65500)])
def test_what_a_format_cannot_hold_is_refused_undecoded(tmp_path, suffix, most, monkeypatch) -> None:
    write(tmp_path / "a.png", Picture(np.zeros((2, 9000, 1), np.uint8)))
    wide = mssn.load("bicubic", 8)
    monkeypatch.setattr("mssn.upscaling.files.read", None)
    with pytest.raises(ImageError, match=rf"72000x16 pixels, but sides of \S+ files have {most} at most"):
        upscale_file(wide, tmp_path / "a.png", tmp_path / f"b{suffix}")
    with pytest.raises(ImageError, match=rf"have {most} at most"):
        upscale_bytes(wide, (tmp_path / "a.png").read_bytes(), Job(Path("-"), tmp_path / f"b{suffix}"))


def test_an_estimate_of_an_enormous_result_makes_a_small_one(tmp_path, photo, monkeypatch) -> None:
    encoded: list[tuple[int, int]] = []

    def watched(picture: Picture, suffix: str, quality: int | None) -> bytes:
        encoded.append(picture.page_size)
        return to_bytes(picture, suffix, quality=quality)

    monkeypatch.setattr("mssn.upscaling.estimate.to_bytes", watched)
    write(tmp_path / "a.png", Picture(photo))
    (plan,) = estimate(mssn.load("bicubic", 100), [Job(tmp_path / "a.png", tmp_path / "b.png")], Options())
    assert plan.after == (11200, 9600) and plan.seconds > 0
    assert encoded == [(1900, 1900)]


def test_an_estimate_is_near_and_writes_nothing(tmp_path, photo) -> None:
    large = imresize(photo, scale=6)
    for name in ("a.png", "b.png", "c.jpg", "d.jpg"):
        write(tmp_path / name, Picture(large))
    (tmp_path / "e.png").write_text("no picture")
    jobs = [Job(path, tmp_path / f"{path.stem}_x2{path.suffix}") for path in sorted(tmp_path.iterdir())]
    before = set(tmp_path.iterdir())
    upscaler = mssn.load()
    planned = estimate(upscaler, jobs, Options())
    assert set(tmp_path.iterdir()) == before
    assert [plan.error is None for plan in planned] == [True] * 4 + [False]
    for plan in planned[:4]:
        done = upscale_file(upscaler, plan.job.source, plan.job.target)
        assert (plan.before, plan.after) == (done.before, done.after)
        assert plan.size == pytest.approx(plan.job.target.stat().st_size, rel=0.5)
        assert done.seconds / 4 < plan.seconds < 4 * done.seconds


@pytest.mark.parametrize("suffix", [".jxl", ".heic"])
def test_a_missing_package_is_known_before_the_work(source, tmp_path, suffix, monkeypatch) -> None:
    monkeypatch.setattr("mssn.image.write.can_write", lambda suffix: False)
    monkeypatch.setattr("mssn.upscaling.files.read", None)
    with pytest.raises(ImageError, match=r"cannot be written here; pip install 'mssn\[formats\]'"):
        upscale_file(BICUBIC, source, tmp_path / f"b{suffix}")


def test_a_folder_that_cannot_be_written_to_is_known_before_the_work(source, tmp_path, monkeypatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr("mssn.upscaling.files.try_writing", refuse)
    monkeypatch.setattr("mssn.upscaling.files.read", None)
    with pytest.raises(ImageError, match=r"b\.png: cannot be written: Permission denied"):
        upscale_file(BICUBIC, source, tmp_path / "b.png")


def test_a_name_as_long_as_they_get_has_no_sidecar(tmp_path, photo) -> None:
    source = tmp_path / ("n" * 251 + ".png")
    write(source, Picture(photo))
    (tmp_path / "out").mkdir()
    assert upscale_file(BICUBIC, source, tmp_path / "out" / source.name).notes == ()


def test_a_sidecar_that_cannot_be_read_is_a_note(source, tmp_path, monkeypatch) -> None:
    (tmp_path / "a.xmp").write_bytes(b"x")

    def refuse(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert upscale_file(BICUBIC, source, tmp_path / "b.jpg").notes == ("a.xmp left out (Permission denied)",)


def test_what_changes_in_a_format_is_said(tmp_path) -> None:
    deep = np.zeros((8, 8, 4), np.uint16)
    write(tmp_path / "a.png", Picture.from_array(deep))
    notes = upscale_file(BICUBIC, tmp_path / "a.png", tmp_path / "b.jpg").notes
    assert notes == ("transparency laid on white", "16 bits rounded to 8")
    assert upscale_file(BICUBIC, tmp_path / "a.png", tmp_path / "b.tif").notes == ()


def test_a_comment_of_a_jpeg_is_spoken_of(tmp_path, photo) -> None:
    Image.fromarray(photo).save(tmp_path / "a.jpg", comment=b"by me")
    assert "comment left out" in upscale_file(BICUBIC, tmp_path / "a.jpg", tmp_path / "b.jpg").notes
