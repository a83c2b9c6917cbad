"""A file is opened once, by Python; head, compression, frames and libvips all work on that."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path
from typing import cast

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 (Pillow saves .jxl with it)
import pytest
import pyvips
from PIL import Image, ImageCms

import mssn
from mssn.errors import ImageError
from mssn.image.picture import Picture
from mssn.image.png import chunk
from mssn.image.profile import profile_of
from mssn.image.read import read, read_rgb
from mssn.image.source import PictureFile
from mssn.image.write import to_bytes, write
from mssn.upscaling.files import upscale_file
from mssn.upscaling.jobs import Options
from mssn.upscaling.size import Factor
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily

BICUBIC = Upscaler(ModelFamily("bicubic", (), lambda *_: pytest.fail("no network is needed")), Factor(2))
MAKERS = {
    "a.png": {},
    "a.jpg": {"quality": 60},
    "a.webp": {"lossless": True},
    "a.tif": {"compression": "jpeg"},
    "a.avif": {},
    "a.gif": {},
    "a.bmp": {},
    "a.ppm": {},
    "a.heic": {},
    "a.jxl": {},
    "lab.tif": {},
}
PAGED = {"pages.tif": {}, "moving.gif": {"duration": 80}, "moving.webp": {"duration": 80}, "moving.png": {}}
INTO = {".gif": ".webp", ".bmp": ".png", ".ppm": ".png"}
pillow_heif.register_heif_opener()
_opened: list[str] | None = None


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None and isinstance(arguments[0], str | bytes | os.PathLike):
        _opened.append(os.fsdecode(arguments[0]))


sys.addaudithook(_watch)  # cannot be taken away again, so it looks only when it is asked to


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Names of the files that Python opens; libvips must open none by name."""
    names: list[str] = []

    def refuse(name: object) -> None:
        pytest.fail(f"libvips opens {name}")

    monkeypatch.setattr(pyvips.Source, "new_from_file", refuse)
    monkeypatch.setattr(pyvips.Image, "new_from_file", refuse)
    monkeypatch.setattr(sys.modules[__name__], "_opened", names)
    return names


def make(folder: Path, name: str, photo: np.ndarray) -> Path:
    frames = [Image.fromarray(np.roll(photo, 9 * n, axis=0)) for n in range(3)]
    if name == "lab.tif":
        profiles = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
        frames[0] = cast(Image.Image, ImageCms.profileToProfile(frames[0], *profiles, outputMode="LAB"))
    more = {"save_all": True, "append_images": frames[1:]} if name in PAGED else {}
    frames[0].save(folder / name, **{**MAKERS, **PAGED}[name], **more)
    return folder / name


@pytest.mark.parametrize("memory", [2**30, 0])
@pytest.mark.parametrize("name", [*MAKERS, *PAGED])
def test_a_picture_is_opened_once(tmp_path, photo, name, memory, opened) -> None:
    source = make(tmp_path, name, photo)
    target = tmp_path / f"large{INTO.get(source.suffix, source.suffix)}"
    opened.clear()
    done = upscale_file(BICUBIC, source, target, Options(memory=memory))
    assert opened.count(str(source)) == 1
    assert done.pages == (1 if name in MAKERS or name == "moving.png" else 3)
    for reader in (read, read_rgb, lambda source: PictureFile(source).size):
        opened.clear()
        reader(source)
        assert opened == [str(source)]


@pytest.mark.parametrize("name", ["a.gif", "moving.gif", "a.jpg"])
def test_naming_its_result_opens_it_no_second_time(tmp_path, photo, name, opened) -> None:
    source = make(tmp_path, name, photo)
    opened.clear()
    target = mssn.upscale(source, model="bicubic")
    assert opened.count(str(source)) == 1
    assert target.suffix == {"a.gif": ".png", "moving.gif": ".webp", "a.jpg": ".jpg"}[name]


@pytest.mark.parametrize("name", [*MAKERS, *PAGED])
def test_a_file_and_its_content_are_the_same(tmp_path, photo, name) -> None:
    source = make(tmp_path, name, photo)
    into = source.suffix.replace("gif", "webp")
    file, content = PictureFile(source), PictureFile(source.read_bytes())
    for fact in ("compression", "extras", "size", "format", "animated", "signed"):
        assert getattr(file, fact) == getattr(content, fact)
    one, other = read(file, into=into), read(content, into=into)  # after facts that libvips was asked for
    assert np.array_equal(one.pixels, other.pixels)
    assert file.animated == name.startswith("moving.") * (source.suffix != ".png")
    assert file.extras.frames == (3 if name == "moving.png" else 1)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts what the process holds open")
def test_files_are_closed_again(tmp_path, photo) -> None:
    sources = [make(tmp_path, name, photo) for name in (*MAKERS, *PAGED)]
    (tmp_path / "broken.png").write_bytes(sources[0].read_bytes()[:200])

    def held() -> int:
        for source in (*sources, tmp_path / "broken.png"):
            try:
                PictureFile(source).signed  # noqa: B018
                read(source, into=source.suffix)
            except ImageError:
                pass
        return sum(
            os.path.realpath(f"/proc/self/fd/{n}").startswith(str(tmp_path))
            for n in os.listdir("/proc/self/fd")
        )

    assert held() == held() == 0


def test_a_file_that_is_replaced_while_it_is_read_stays_what_it_was(tmp_path, photo) -> None:
    """The open file counts, not what its name means later."""
    write(tmp_path / "a.png", Picture(photo))
    file = PictureFile(tmp_path / "a.png")
    write(tmp_path / "a.png", Picture(photo[:8, :8]))
    assert np.array_equal(read(file).pixels, photo)


def test_a_result_is_signed_in_every_format(tmp_path, photo) -> None:
    write(tmp_path / "a.png", Picture(photo))
    assert not PictureFile(tmp_path / "a.png").signed
    for ending in ("avif", "heic", "jpg", "jxl", "png", "tif", "webp"):
        target = tmp_path / f"large.{ending}"
        upscale_file(BICUBIC, tmp_path / "a.png", target)
        assert PictureFile(target).signed
        upscale_file(BICUBIC, tmp_path / "a.png", target, Options(force=True, metadata="strip"))
        assert not PictureFile(target).signed


def test_complaints_in_any_letters_go_to_the_log(capfd, caplog) -> None:
    """The name of a profile is in Latin-1, and libvips quotes it."""
    plain = to_bytes(Picture(np.zeros((4, 4, 3), np.uint8)), ".png")
    profile = bytearray(profile_of((), grey=False) or b"")
    profile[136:140] = b"\xff" * 4  # where the first tag lies
    named = chunk(b"iCCP", b"t\xfcr\0\0" + zlib.compress(bytes(profile)))
    assert read(plain[:33] + named + plain[33:]).notes == ("damaged colour profile left out",)
    assert "t\ufffdr" in caplog.text
    assert capfd.readouterr() == ("", "")
