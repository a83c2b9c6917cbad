"""Every kind of picture file comes out as it went in: mode, depth, profile, pages; other programs agree."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

from mssn.api import load
from mssn.image.read import read
from mssn.image.scratch import ScratchArrays
from mssn.runtime.base import Computed
from mssn.upscaling.files import upscale_file
from mssn.upscaling.jobs import MEMORY, Options
from mssn.upscaling.size import Factor
from mssn.upscaling.tiled import TiledModel
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily

WIDE = pyvips.Operation.call("profile_load", "p3")
PRESS = pyvips.Operation.call("profile_load", "cmyk")


class Repeater:
    """A network that repeats every pixel, so that what must come out is known."""

    name, scale, halo = "repeater", 2, 1
    precision: Computed = "fp32"

    def run(self, lr: np.ndarray) -> np.ndarray:
        return lr.repeat(2, axis=2).repeat(2, axis=3)


def repeater() -> Upscaler:
    return Upscaler(ModelFamily("repeater", (2,), lambda *_: TiledModel(Repeater())), Factor(2))


def slopes(*channels: float, dtype: str = "uint8", height: int = 24) -> np.ndarray:
    """Height x 32 x channels of slopes from dark to bright, each its own way."""
    rows, columns = np.mgrid[0:height, 0:32] / 32
    planes = [(0.1 + 0.5 * rows + 0.35 * columns) * share for share in channels]
    full = 1 if dtype == "float32" else np.iinfo(dtype).max
    return (np.stack(planes, axis=2) * full).astype(dtype)


def pillow(mode: str, *channels: float, **options: Any) -> Callable[[Path], None]:
    array = slopes(*channels)

    def make(path: Path) -> None:
        image = Image.fromarray(array.squeeze(), "RGB" if mode in ("1", "P") else mode)
        image = image.convert(mode) if mode in ("1", "P") else image
        image.save(path, **options)

    return make


def tiff(array: np.ndarray, **options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        tifffile.imwrite(path, array.squeeze(), **options)

    return make


def vips(array: np.ndarray, interpretation: str, **options: Any) -> Callable[[Path], None]:
    image = pyvips.Image.new_from_array(array, interpretation=interpretation)
    return lambda path: image.write_to_file(str(path), **options)


def frames(**options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        all_frames = [Image.fromarray(np.roll(slopes(1, 0.5, 0.8), 5 * n, axis=1)) for n in range(3)]
        all_frames[0].save(path, save_all=True, append_images=all_frames[1:], **options)

    return make


TIMES = {"duration": [100, 250, 50], "loop": 0}
RGB, INKS = (1, 0.5, 0.8), (0.2, 0.9, 0.5, 0.3)
P3, EXTRA = {"icc_profile": WIDE}, {"extrasamples": ["unassalpha"]}
DEEP: Any = {"dtype": "uint16"}
FLOAT: Any = {"dtype": "float32"}
SEPARATED, TRUE = {"photometric": "separated"}, {"photometric": "rgb"}
EXACT = {"lossless": True, "effort": 0}


@dataclass(frozen=True)
class Case:
    """How a file is made, what it becomes, and how far a lossy format may stray, in shares of white."""

    make: Callable[[Path], None]
    source: str
    target: str
    tolerance: float = 0.0


CASES = {
    "grey 8": Case(pillow("L", 1), "a.png", "b.png"),
    "grey 16": Case(vips(slopes(1, **DEEP), "grey16"), "a.png", "b.png"),
    "grey 8 and alpha": Case(pillow("LA", 1, 0.7), "a.png", "b.png"),
    "grey 16 and alpha": Case(vips(slopes(1, 0.7, **DEEP), "grey16"), "a.png", "b.png"),
    "RGB 8": Case(pillow("RGB", *RGB), "a.png", "b.png"),
    "RGB 16": Case(vips(slopes(*RGB, **DEEP), "rgb16"), "a.png", "b.png"),
    "RGBA 8": Case(pillow("RGBA", *RGB, 0.7), "a.png", "b.png"),
    "RGBA 16": Case(vips(slopes(*RGB, 0.7, **DEEP), "rgb16"), "a.png", "b.png"),
    "palette": Case(pillow("P", *RGB), "a.png", "b.png"),
    "palette with a hole": Case(pillow("P", *RGB, transparency=3), "a.png", "b.png"),
    "black or white": Case(pillow("1", *RGB), "a.png", "b.png"),
    "wide gamut": Case(pillow("RGB", *RGB, **P3), "a.png", "b.png"),
    "TIFF grey 16": Case(tiff(slopes(1, **DEEP)), "a.tif", "b.tif"),
    "TIFF RGBA 16": Case(tiff(slopes(*RGB, 0.7, **DEEP), **TRUE, **EXTRA), "a.tif", "b.tif"),
    "TIFF float grey": Case(tiff(slopes(1, **FLOAT)), "a.tif", "b.tif", 1e-6),
    "TIFF float RGB": Case(tiff(slopes(*RGB, **FLOAT), **TRUE), "a.tiff", "b.tiff", 1e-6),
    "TIFF brighter than white": Case(tiff(slopes(3, 1, 5, **FLOAT) - 0.2, **TRUE), "a.tif", "b.tif", 0.1),
    "TIFF float RGBA": Case(tiff(slopes(*RGB, 0.7, **FLOAT), **TRUE, **EXTRA), "a.tif", "b.tif", 1e-6),
    "TIFF CMYK 8": Case(tiff(slopes(*INKS), **SEPARATED), "a.tif", "b.tif"),
    "TIFF CMYK 16": Case(tiff(slopes(*INKS, **DEEP), **SEPARATED), "a.tif", "b.tif"),
    "TIFF fax": Case(pillow("1", *RGB, compression="group4"), "a.tif", "b.tif"),
    "TIFF pages": Case(frames(), "a.tif", "b.tif"),
    "TIFF wide gamut": Case(pillow("RGB", *RGB, **P3), "a.tif", "b.tif"),
    "JPEG grey": Case(pillow("L", 1, quality=95), "a.jpg", "b.jpg", 0.03),
    "JPEG wide gamut": Case(pillow("RGB", *RGB, quality=95, **P3), "a.jpg", "b.jpg", 0.03),
    "JPEG CMYK": Case(pillow("CMYK", *INKS, quality=95, icc_profile=PRESS), "a.jpg", "b.jpg", 0.03),
    "WebP with alpha": Case(pillow("RGBA", *RGB, 0.7, lossless=True), "a.webp", "b.webp", 0.04),
    "WebP moving": Case(frames(lossless=True, **TIMES), "a.webp", "b.webp", 0.05),
    "GIF moving": Case(frames(**TIMES), "a.gif", "b.webp", 0.05),
    "AVIF 8": Case(vips(slopes(*RGB), "srgb", **EXACT), "a.avif", "b.avif", 0.03),
    "AVIF 10": Case(vips(slopes(*RGB, **DEEP), "rgb16", bitdepth=10, **EXACT), "a.avif", "b.avif", 0.03),
    "AVIF 12": Case(vips(slopes(*RGB, **DEEP), "rgb16", bitdepth=12, **EXACT), "a.avif", "b.avif", 0.03),
}  # fmt: skip


def facts(path: Path) -> dict[str, object]:
    """What another program says of a file."""
    facts: dict[str, object] = {}
    with Image.open(path) if not tifffile_only(path) else tifffile.TiffFile(path) as seen:
        if isinstance(seen, tifffile.TiffFile):
            page: Any = seen.pages.first
            facts |= {
                "depth": page.bitspersample,
                "kind": page.photometric.name,
                "format": page.sampleformat,
            }
            facts |= {
                "pages": len(seen.pages),
                "profile": page.iccprofile,
                "samples": page.samplesperpixel,
            }
        else:
            facts |= {"mode": {"P": "RGB", "GIF": "RGB"}.get(seen.mode, seen.mode)}
            facts |= {"profile": seen.info.get("icc_profile"), "frames": getattr(seen, "n_frames", 1)}
    return facts


def tifffile_only(path: Path) -> bool:
    return path.suffix in (".tif", ".tiff")


@pytest.mark.parametrize("memory", [MEMORY, 0], ids=["in memory", "through files"])
@pytest.mark.parametrize("name", CASES)
def test_what_goes_in_comes_out(tmp_path: Path, name: str, memory: int) -> None:
    case = CASES[name]
    source, target = tmp_path / case.source, tmp_path / case.target
    case.make(source)
    done = upscale_file(repeater(), source, target, Options(memory=memory))
    assert sorted(os.listdir(tmp_path)) == [case.source, case.target]  # no scraps
    before, after = read(source, into=target.suffix), read(target, into=target.suffix)
    assert (done.before, done.after, done.left_out) == ((32, 24), (64, 48), 0)
    assert (after.pages, after.delays, after.loop) == (before.pages, before.delays, before.loop)
    assert (after.icc, after.bits, after.pixels.dtype) == (before.icc, before.bits, before.pixels.dtype)
    full = 1 if after.pixels.dtype == np.float32 else np.iinfo(after.pixels.dtype).max
    for plane in ("pixels", "black"):
        was, has = getattr(before, plane), getattr(after, plane)
        assert (was is None) == (has is None)
        if was is not None:
            wanted = was.repeat(2, axis=0).repeat(2, axis=1).astype(float)
            visible = slice(None) if after.alpha is None else after.alpha[:, :, 0] > full / 2
            assert np.abs(wanted - has)[visible].max() <= case.tolerance * full + 1e-9
    assert (before.alpha is None) == (after.alpha is None)
    theirs, ours = facts(source), facts(target)
    if "palette" in name:
        theirs["mode"] = "RGBA" if "hole" in name else "RGB"
    if source.suffix == target.suffix:
        theirs.pop("profile") if theirs["profile"] is None else None
        assert theirs.items() <= ours.items()


def test_a_moving_gif_becomes_webp_with_its_times(tmp_path: Path) -> None:
    frames(**TIMES)(tmp_path / "a.gif")
    upscale_file(repeater(), tmp_path / "a.gif", tmp_path / "b.webp")
    with Image.open(tmp_path / "b.webp") as seen:
        assert (getattr(seen, "n_frames", 1), seen.size, seen.info["loop"]) == (3, (64, 48), 0)
    picture = read(tmp_path / "b.webp", into=".webp")
    assert picture.delays == (100, 250, 50)


def test_formats_without_pages_get_the_first_and_say_so(tmp_path: Path) -> None:
    frames(**TIMES)(tmp_path / "a.gif")
    done = upscale_file(repeater(), tmp_path / "a.gif", tmp_path / "b.png")
    assert (done.pages, done.left_out) == (1, 2)
    first = read(tmp_path / "a.gif").pixels
    assert np.array_equal(read(tmp_path / "b.png").pixels, first.repeat(2, axis=0).repeat(2, axis=1))


def test_pages_of_different_sizes_are_not_mixed(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(slopes(*RGB), photometric="rgb")
        file.write(slopes(*RGB)[:12, :16], photometric="rgb")
    done = upscale_file(repeater(), tmp_path / "a.tif", tmp_path / "b.tif")
    assert (done.pages, done.left_out) == (2, 0)
    picture = read(tmp_path / "b.tif", into=".tif")
    assert [page.pixels.shape for page in (picture, *picture.others)] == [(48, 64, 3), (24, 32, 3)]


def test_stripping_takes_exif_and_xmp_but_not_the_colours(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    Image.fromarray(slopes(*RGB)).save(tmp_path / "a.jpg", exif=exif, icc_profile=WIDE)
    for metadata in ("keep", "strip"):
        target = tmp_path / f"{metadata}.jpg"
        upscale_file(repeater(), tmp_path / "a.jpg", target, Options(metadata=metadata))
        with Image.open(target) as seen:
            assert (seen.getexif().get(0x010F) == "a camera") == (metadata == "keep")
            assert seen.info["icc_profile"] == WIDE


def test_colours_hidden_by_transparency_do_not_shine_through(tmp_path: Path) -> None:
    """A red disc on transparent black: wherever it is visible after enlarging, it is as red as before."""
    rows, columns = np.mgrid[0:40, 0:40]
    inside = ((rows - 20) ** 2 + (columns - 20) ** 2 < 150)[:, :, None]
    array = np.where(inside, [220, 30, 30, 255], [0, 0, 0, 0]).astype(np.uint8)
    Image.fromarray(array).save(tmp_path / "a.png")
    upscale_file(load("mssn-s"), tmp_path / "a.png", tmp_path / "b.png")
    large = read(tmp_path / "b.png")
    assert large.alpha is not None
    seen = large.pixels[large.alpha[:, :, 0] > 0].astype(int)
    assert np.abs(seen - [220, 30, 30]).max() < 12


def test_highlights_change_nothing_elsewhere() -> None:
    pixels = slopes(*RGB, dtype="float32")
    bright = pixels.copy()
    bright[0, 0] = 1000
    upscaler = load("mssn-s")
    plain, lit = upscaler(pixels), upscaler(bright)
    assert np.array_equal(plain[40:, 48:], lit[40:, 48:])
    assert lit[:2, :2].max() > 500 and lit.min() >= 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_through_files_is_turning_in_memory(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(slopes(*RGB)).save(tmp_path / "a.png", exif=exif)
    with ScratchArrays(0, tmp_path) as scratch:
        assert np.array_equal(
            read(tmp_path / "a.png", scratch=scratch).pixels, read(tmp_path / "a.png").pixels
        )


def test_turned_pages_are_not_mixed(tmp_path: Path) -> None:
    pages = pyvips.Image.new_from_array(np.concatenate([slopes(*RGB), slopes(0.2, 0.2, 0.2)]))
    pages = pages.copy(interpretation="srgb")
    pages.set_type(pyvips.GValue.gint_type, "page-height", 24)
    pages.set_type(pyvips.GValue.gint_type, "orientation", 6)
    pages.tiffsave(str(tmp_path / "a.tif"))
    done = upscale_file(repeater(), tmp_path / "a.tif", tmp_path / "b.tif")
    assert (done.before, done.after, done.pages, done.left_out) == ((24, 32), (48, 64), 2, 0)


@pytest.mark.skipif(os.name != "posix", reason="names as POSIX knows them")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/n\xff"))
    folder.mkdir()
    CASES["RGBA 8"].make(folder / "a.png")
    done = upscale_file(repeater(), folder / "a.png", folder / "b.png", Options(memory=0))
    assert done.after == (64, 48)
