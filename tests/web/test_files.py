"""The page reads, keeps and writes picture files as the package does; asked of Node.js, compared with Python."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms
from skimage.data import astronaut

from mssn.errors import ImageError
from mssn.image.exif import fitting_exif, resolution_of, upright_exif, without_previews
from mssn.image.kept import kept
from mssn.image.picture import Picture
from mssn.image.png import chunk
from mssn.image.profile import profile_of
from mssn.image.read import read
from mssn.image.source import PictureFile
from mssn.image.write import to_bytes
from mssn.image.xmp import signed, upright_xmp
from mssn.upscaling.naming import beside
from mssn.upscaling.size import Factor
from mssn.version import __version__

HERE = Path(__file__).parent
CASES = Path(os.environ.get("MSSN_DATA", HERE.parents[2] / "shared" / "data")).parent / "cases"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
IPTC = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x08" + b"\x1c\x02\x74\x00\x03abc"
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
Ask = Callable[..., Any]


class FileError(Exception):
    """What the page says instead of a picture."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tobytes()
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: packed(each) for key, each in value.items()}
    return [packed(each) for each in value] if isinstance(value, list | tuple) else value


def unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"base64"}:
            return base64.b64decode(value["base64"])
        return {key: unpacked(each) for key, each in value.items()}
    return [unpacked(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def ask(packages: Path) -> Iterator[Ask]:
    """Asks the page's modules: ask(name, arguments ...), as files.mjs lists them."""
    with subprocess.Popen(
        ["node", HERE / "files.mjs", __version__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:

        def asked(name: str, *arguments: Any) -> Any:
            assert running.stdin is not None and running.stdout is not None
            running.stdin.write(json.dumps([name, *packed(arguments)]) + "\n")
            running.stdin.flush()
            answer = json.loads(running.stdout.readline())
            if "error" in answer:
                raise FileError(answer["error"], answer["message"])
            return unpacked(answer["value"])

        yield asked
        running.kill()


def saved(picture: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(buffer, kind, **options)
    return buffer.getvalue()


def given(picture: Picture) -> dict[str, Any]:
    """A picture as the page knows it."""
    height, width, channels = picture.pixels.shape
    return {
        "width": width,
        "height": height,
        "channels": channels,
        "pixels": picture.pixels,
        "alpha": picture.alpha,
        "kept": {
            **{name: getattr(picture, name) for name in ("icc", "exif", "xmp", "iptc")},
            "colours": [[name.decode(), content] for name, content in picture.colours],
            "text": [[name.decode(), content] for name, content in picture.text],
            "dpi": picture.resolution,
            "source": picture.format,
            "lossless": picture.stays_lossless,
            "bits": picture.bits,
        },
    }


def to_8(plane: np.ndarray) -> np.ndarray:
    return ((plane.astype(int) + 128) // 257).astype(np.uint8) if plane.dtype == np.uint16 else plane


def assert_same(found: dict[str, Any], wanted: Picture) -> None:
    """Pixels, transparency and all that travels with them."""
    pixels = to_8(wanted.pixels)
    shape = found["height"], found["width"], found["channels"]
    assert shape == pixels.shape
    assert np.array_equal(np.frombuffer(found["pixels"], np.uint8).reshape(shape), pixels)
    assert (found["alpha"] is None) == (wanted.alpha is None)
    if wanted.alpha is not None:
        alpha = np.frombuffer(found["alpha"], np.uint8).reshape(wanted.alpha.shape)
        assert np.array_equal(alpha, to_8(wanted.alpha))
    travels, theirs = found["kept"], given(wanted)["kept"]
    if wanted.resolution is not None:
        assert travels["dpi"] == pytest.approx(wanted.resolution, abs=0.06)
        theirs["dpi"] = travels["dpi"]
    if theirs["bits"] != 1:
        theirs["bits"] = None
    assert travels == theirs
    told = wanted.compression
    assert found["compression"] == {"lossy": told.lossy, "kind": told.kind, "quality": told.quality}
    assert found["format"] == wanted.format


def small() -> np.ndarray:
    return np.ascontiguousarray(astronaut()[40:83, 200:257])


def png(width: int, height: int, bits: int, kind: int, seed: int, *extra: bytes, interlaced: bool) -> bytes:
    """A PNG of random samples and filters."""
    rng = np.random.default_rng(seed)
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b""
    for x, y, dx, dy in passes if interlaced else [(0, 0, 1, 1)]:
        columns, lines = -(-(width - x) // dx), -(-(height - y) // dy)
        if columns > 0:
            for _ in range(lines):
                filtered = rng.integers(0, 5) if kind != 3 else 0  # others would name colours at random
                rows += bytes([filtered]) + rng.bytes(-(-columns * bits * samples // 8))
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    start = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *extra]
    packed_rows = zlib.compress(rows)
    parts = [packed_rows[n : n + 700] for n in range(0, len(packed_rows), 700)]
    return b"".join([*start, *(chunk(b"IDAT", part) for part in parts), chunk(b"IEND", b"")])


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", [0, 2, 3, 4, 6])
def test_every_kind_of_png(ask: Ask, kind: int, interlaced: bool) -> None:
    palette = np.random.default_rng(0).bytes(768)
    depths = {0: (1, 2, 4, 8, 16), 3: (1, 2, 4, 8)}.get(kind, (8, 16))
    for bits in depths:
        tables = [chunk(b"PLTE", palette)] if kind == 3 else []
        clear = {0: struct.pack(">H", 1), 2: struct.pack(">3H", 1, 2, 3), 3: palette[:2]}.get(kind)
        for transparency in [[], [chunk(b"tRNS", clear)]] if clear else [[]]:
            for width, height in [(1, 1), (1, 7), (33, 21)]:
                extra = [*tables, *transparency]
                file = png(width, height, bits, kind, bits + width, *extra, interlaced=interlaced)
                found = ask("decode", file)
                assert_same(found, read(file))
                assert ("16 bits rounded to 8" in found["notes"]) == (bits == 16)


def test_transparent_colours_of_a_png(ask: Ask) -> None:
    flat = np.full((4, 6, 3), (9, 8, 7), np.uint8)
    flat[1:3] = 5
    file = saved(flat, "PNG", transparency=(9, 8, 7))
    alpha = np.frombuffer(ask("decode", file)["alpha"], np.uint8).reshape(4, 6)
    assert alpha[[0, 3]].max() == 0 and alpha[1:3].min() == 255
    assert_same(ask("decode", file), read(file))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_pixels_of_a_jpeg(ask: Ask, subsampling: int) -> None:
    for quality in (10, 75, 95, 100):
        for options in ({}, {"progressive": True}, {"optimize": True}):
            file = saved(small(), "JPEG", quality=quality, subsampling=subsampling, **options)
            assert_same(ask("decode", file), read(file))


def test_grey_jpegs_stay_grey(ask: Ask) -> None:
    file = saved(small()[:, :, 0], "JPEG", quality=60)
    assert ask("decode", file)["channels"] == 1
    assert_same(ask("decode", file), read(file))


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"lossless": True, "exact": True}, {"quality": 90}, {"quality": 20}]
)
def test_pixels_of_a_webp(ask: Ask, options: dict[str, Any]) -> None:
    soft = np.dstack([small(), np.linspace(0, 255, 43 * 57).reshape(43, 57).astype(np.uint8)])
    for picture in (small(), soft):
        file = saved(picture, "WEBP", **options)
        assert_same(ask("decode", file), read(file))


def test_the_first_frame_of_what_moves(ask: Ask) -> None:
    frames = [Image.fromarray(np.roll(small(), 5 * n, axis=0)) for n in range(3)]
    for kind in ("WEBP", "PNG"):
        file = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        found = ask("decode", file)
        assert_same(found, read(file))
        assert "only the first of 3 frames" in found["notes"]


def test_a_frame_that_does_not_fill_its_canvas(ask: Ask) -> None:
    inner = saved(small(), "WEBP", lossless=True)[12:]
    numbers = [n.to_bytes(3, "little") for n in (2, 3, 56, 42, 100)]  # place in twos, size less 1, time
    frame = b"".join(numbers) + b"\0" + inner
    head = bytes((0x12, 0, 0, 0)) + (69).to_bytes(3, "little") + (59).to_bytes(3, "little")
    chunks = [(b"VP8X", head), (b"ANIM", bytes(6)), (b"ANMF", frame)]
    body = b"WEBP" + b"".join(n + struct.pack("<I", len(c)) + c + bytes(len(c) % 2) for n, c in chunks)
    file = b"RIFF" + struct.pack("<I", len(body)) + body
    found = ask("decode", file)
    pixels = np.frombuffer(found["pixels"], np.uint8).reshape(60, 70, 3)
    alpha = np.frombuffer(found["alpha"], np.uint8).reshape(60, 70)
    assert np.array_equal(pixels[6:49, 4:61], small())
    assert alpha[6:49, 4:61].min() == 255 and alpha.sum() == 255 * small()[:, :, 0].size


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_are_turned_once(ask: Ask, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A], exif[0x011B], exif[0x0128] = orientation, "Maker", 300.0, 200.0, 2
    options = {"lossless": True} if kind == "WEBP" else {}
    file = saved(small(), kind, exif=exif.tobytes(), **options)
    found = ask("decode", file)
    assert_same(found, read(file))
    assert found["kept"]["dpi"] == ([200, 300] if orientation > 4 else [300, 200])
    for form, suffix in SUFFIXES.items():
        again = read(ask("encode", found, form, None, {"model": "m"}))
        wanted = read(to_bytes(kept(read(file), suffix, "m", "keep"), suffix))
        assert again.exif == wanted.exif and b"Maker" in (again.exif or b"")
        assert again.pixels.shape == read(file).pixels.shape


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
def test_files_that_went_wrong_once(ask: Ask) -> None:
    for path in sorted(CASES.glob("*.*")):
        if path.suffix in (".png", ".jpg", ".webp"):
            wanted = read(path)
            found = ask("decode", path.read_bytes())
            assert_same(found, wanted)
            assert tuple(found["notes"]) == wanted.notes


def loaded(pixels: np.ndarray, **changes: Any) -> Picture:
    """A picture with all that can travel with it."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0100], exif[0x011A], exif[0x011B], exif[0x0128] = "Maker", 9, 72.0, 72.0, 2
    wide = ((b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),)
    every: dict[str, Any] = {
        "icc": SRGB,
        "colours": wide,
        "exif": upright_exif(exif.tobytes()),
        "xmp": signed(None, "another"),
        "iptc": IPTC,
        "text": ((b"tEXt", b"Title\0x"),),
        "dpi": 300.0,
    }
    return Picture(pixels, **{**every, **changes})


NOISE = np.random.default_rng(0).bytes(150_000)
SOFT = np.linspace(0, 255, 43 * 57).astype(np.uint8).reshape(43, 57, 1)
PICTURES = {
    "all": lambda: loaded(small()),
    "from a PNG": lambda: loaded(small(), icc=None),
    "from an AVIF": lambda: loaded(small(), icc=None, format="avif", colours=((b"cICP", b"\x0c\x0d\0\1"),)),
    "HDR": lambda: loaded(small(), icc=None, colours=((b"cICP", b"\x09\x10\0\1"),)),
    "transparent": lambda: loaded(small(), alpha=SOFT),
    "grey": lambda: loaded(small()[:, :, :1]),
    "grey and tagged": lambda: loaded(small()[:, :, :1], icc=None),
    "grey and transparent": lambda: loaded(small()[:, :, :1], alpha=SOFT),
    "bilevel": lambda: Picture(np.where(small()[:, :, :1] > 99, 255, 0).astype(np.uint8), bits=1),
    "bare": lambda: Picture(small()),
    "long XMP": lambda: loaded(small(), xmp=signed(None, "x" * 70_000)),
    "damaged XMP": lambda: loaded(small(), xmp=b"<x:xmpmeta"),
    "long EXIF": lambda: loaded(small(), exif=loaded(small()).exif + bytes(70_000)),
    "long IPTC": lambda: loaded(small(), iptc=IPTC + bytes(70_000)),
    "large profile": lambda: loaded(small(), icc=(len(SRGB) + 150_000).to_bytes(4, "big") + SRGB[4:] + NOISE),
    "JPEG": lambda: loaded(small(), format="jpeg"),
}


@pytest.mark.parametrize("form", SUFFIXES)
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("metadata", ["keep", "strip"])
def test_what_is_written(ask: Ask, name: str, form: str, metadata: Any) -> None:
    picture = PICTURES[name]()
    suffix, options = SUFFIXES[form], {"model": "mssn-s-photo 0.64", "metadata": metadata}
    fitted = kept(picture, suffix, options["model"], metadata)
    mine = read(ask("encode", given(picture), form, None, options))
    theirs = read(to_bytes(fitted, suffix))
    for each in ("icc", "exif", "xmp", "iptc", "text", "dpi", "pixel_aspect", "bits", "format"):
        assert getattr(mine, each) == getattr(theirs, each), each
    assert dict(mine.colours) == dict(theirs.colours)
    assert PictureFile(ask("encode", given(picture), form, None, options)).signed == (metadata == "keep")
    notes = list(fitted.notes)
    if form == "webp" and "grey" in name and picture.icc:
        notes.append("colour profile left out (it is for another kind of pixels)")
    assert sorted(set(ask("leftOut", given(picture), form, options))) == sorted(set(notes))
    if form == "webp":
        assert mine.pixels.shape == theirs.pixels.shape
    else:  # the same, of a JPEG too
        assert np.array_equal(mine.pixels, theirs.pixels)
    assert (mine.alpha is None) == (theirs.alpha is None)
    if mine.alpha is not None:
        assert np.array_equal(mine.alpha, theirs.alpha)


def scan(jpeg: bytes) -> bytes:
    place = 2
    while jpeg[place + 1] != 0xDA:
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return jpeg[place:]


@pytest.mark.parametrize("quality", [None, 1, 49, 50, 75, 89, 90, 100])
def test_jpegs_are_those_of_the_command_line_to_the_bit(ask: Ask, quality: int | None) -> None:
    rng = np.random.default_rng(3)
    for height, width in [(1, 1), (1, 7), (8, 8), (9, 17), (16, 16), (17, 15), (33, 40), (100, 75)]:
        for colour in (astronaut()[:height, :width], rng.integers(0, 256, (height, width, 3), np.uint8)):
            colour = np.ascontiguousarray(colour)
            soft = np.ascontiguousarray(colour[::-1, :, 1:2])
            grey = np.ascontiguousarray(colour[:, :, :1])
            for picture in (Picture(colour), Picture(grey), Picture(colour, alpha=soft)):
                mine = ask("encode", given(picture), "jpeg", quality, {"model": "m"})
                assert scan(mine) == scan(to_bytes(picture, ".jpg", quality=quality))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


@pytest.mark.parametrize("quality", [None, 80, 50])
def test_webps_are_close_to_those_of_the_command_line(ask: Ask, quality: int | None) -> None:
    picture = Picture(np.ascontiguousarray(astronaut()[:256, :256]))
    mine = ask("encode", given(picture), "webp", quality, {"model": "m"})
    theirs = to_bytes(kept(picture, ".webp", "m", "keep"), ".webp", quality=quality)
    assert len(mine) == pytest.approx(len(theirs), rel=0.02)
    assert psnr(read(mine).pixels, picture.pixels) > psnr(read(theirs).pixels, picture.pixels) - 0.3
    assert read(mine).compression == read(theirs).compression


def test_what_was_stored_without_loss_stays_so(ask: Ask) -> None:
    file = saved(small(), "WEBP", lossless=True)
    again = read(ask("again", file, "webp", None, {"model": "m"})["file"])
    assert not again.compression.lossy and np.array_equal(again.pixels, small())
    assert read(ask("again", file, "webp", 80, {"model": "m"})["file"]).compression.lossy


def test_pngs_are_no_larger_than_those_of_the_command_line(ask: Ask) -> None:
    for pixels in (astronaut(), astronaut()[:, :, :1]):
        picture = Picture(np.ascontiguousarray(pixels))
        mine = ask("encode", given(picture), "png", None, {"model": "m"})
        assert len(mine) < 1.02 * len(to_bytes(picture, ".png"))


def test_a_result_too_large_for_its_format_is_refused(ask: Ask) -> None:
    line = given(Picture(np.zeros((1, 16384, 1), np.uint8)))
    with pytest.raises(FileError, match="16383") as refused:
        ask("encode", line, "webp", None, {"model": "m"})
    assert refused.value.code == "too-large"
    assert read(ask("encode", line, "png", None, {"model": "m"})).pixels.shape == (1, 16384, 1)


def test_compression_is_told_as_in_python(ask: Ask) -> None:
    for quality in (1, 5, 10, 25, 49, 50, 51, 75, 85, 90, 95, 98, 100):
        files = [saved(small(), "JPEG", quality=quality), saved(small(), "WEBP", quality=quality)]
        files += [pyvips.Image.new_from_array(small()).jpegsave_buffer(Q=quality, interlace=True)]
        files += [saved(small(), "WEBP", quality=quality, method=0)]
        for file in files:
            told = PictureFile(file).compression
            wanted = {"lossy": told.lossy, "kind": told.kind, "quality": told.quality}
            assert ask("compressionOf", file) == wanted
    for options in ({}, {"Q": 50}, {"lossless": True}, {"bitdepth": 10}, {"lossless": True, "effort": 0}):
        for pixels in (small(), np.tile(astronaut(), (1, 3, 1))[:70]):
            file = pyvips.Image.new_from_array(pixels).heifsave_buffer(compression="av1", **options)
            told = PictureFile(file).compression
            assert ask("compressionOf", file)["lossy"] == told.lossy, options
            assert ask("compressionOf", file)["kind"] == told.kind


@pytest.mark.parametrize("kind", ["AVIF", "GIF", "BMP"])
def test_pictures_that_the_browser_decodes(ask: Ask, kind: str) -> None:
    soft = np.dstack([small(), np.full((43, 57), 7, np.uint8)])
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    more = {"exif": exif.tobytes(), "icc_profile": SRGB} if kind == "AVIF" else {}
    frames = {"save_all": True, "append_images": [Image.fromarray(small()[::-1])]} if kind == "GIF" else {}
    file = saved(small(), kind, **more, **frames)
    rgba = soft if kind == "AVIF" else np.dstack([small(), np.full((43, 57), 255, np.uint8)])
    image = {"width": 57, "height": 43, "rgba": rgba, "converted": False}
    found = ask("decodeIn", file, image)
    assert found["format"] == kind.lower() and found["pixels"] == small().tobytes()
    assert (found["alpha"] is not None) == (kind == "AVIF")
    assert found["kept"]["icc"] == (SRGB if more else None)
    assert (b"Maker" in (found["kept"]["exif"] or b"")) == bool(more)
    assert ("only the first of 2 frames" in found["notes"]) == bool(frames)
    converted = ask("decodeIn", file, {**image, "converted": True})
    assert converted["kept"]["icc"] is None
    assert ("colours converted to sRGB" in converted["notes"]) == bool(more)
    for what, code in ((None, "unsupported"),):
        with pytest.raises(FileError) as refused:
            ask("decodeIn", file, what)
        assert refused.value.code == code
    with pytest.raises(FileError, match="57 x 43") as large:
        ask("decode", file, {"maxPixels": 57 * 43 - 1})
    assert large.value.code == "too-large"


def test_colour_tags_of_an_avif_come_along(ask: Ask) -> None:
    picture = Picture(small(), colours=((b"cICP", b"\x0c\x0d\0\1"),), xmp=signed(None, "m"))
    file = to_bytes(picture, ".avif")
    rgba = np.dstack([small(), np.full((43, 57), 255, np.uint8)])
    found = ask("decodeIn", file, {"width": 57, "height": 43, "rgba": rgba, "converted": False})
    assert found["kept"]["colours"] == [["cICP", b"\x0c\x0d\0\1"]]
    assert found["kept"]["xmp"] == picture.xmp


def test_inks_are_left_to_the_browser(ask: Ask) -> None:
    file = saved(Image.fromarray(small()).convert("CMYK"), "JPEG", icc_profile=SRGB)
    rgba = np.dstack([small(), np.full((43, 57), 255, np.uint8)])
    found = ask("decodeIn", file, {"width": 57, "height": 43, "rgba": rgba, "converted": False})
    assert found["pixels"] == small().tobytes() and found["kept"]["icc"] is None
    assert "inks (CMYK) turned into sRGB" in found["notes"]


def test_profiles_of_colour_tags_are_those_of_python(ask: Ask) -> None:
    rng = np.random.default_rng(5)
    tags: list[tuple[tuple[bytes, bytes], ...]] = [()]
    tags += [((b"cICP", bytes((p, t, 0, 1))),) for p in (*range(14), 22) for t in (1, 4, 5, 7, 8, 13, 16, 17)]
    tags += [((b"gAMA", struct.pack(">I", gamma)),) for gamma in (0, 1, 45455, 45600, 100_000, 2**32 - 1)]
    for _ in range(20):
        numbers = rng.integers(1, 80_000, 8)
        tags.append(((b"gAMA", struct.pack(">I", 50_000)), (b"cHRM", struct.pack(">8I", *numbers))))
    tags += [((b"cHRM", bytes(32)),), ((b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 9)))]
    for colours in tags:
        for grey in (False, True):
            mine = ask("profileOf", [[name.decode(), content] for name, content in colours], grey)
            assert mine == profile_of(colours, grey=grey), colours


PACKETS = [
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b"%b</rdf:RDF></x:xmpmeta>" % inner
    for inner in (
        b"",
        b'<rdf:Description rdf:about="" xmlns:mssn="urn:mssn:1.0/" mssn:Model="a" mssn:Version="0"/>',
        b'<rdf:Description rdf:about="" xmlns:mssn="urn:mssn:1.0/"><mssn:Model>a</mssn:Model></rdf:Description>',
        b'<rdf:Description xmlns:m="urn:mssn:1.0/" m:Model=\'a\' xmlns:d="d" d:x="&#65;&lt;"/>',
        b'<rdf:Description xmlns:d="d"><d:x/><mssn:y xmlns:mssn="urn:mssn:1.0/" d:z="1"/> text</rdf:Description>',
        b'<Description xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/><!-- <rdf:RDF> --><![CDATA[<]]>',
        b"<rdf:Description></rdf:Wrong>",
        b'<rdf:Description a="1" a="2"/>',
        b"<unknown:x/>",
        b'<rdf:Description a="<"/>',
        b"&undefined;",
        b"<a",
        b"]]>",
        b"\xff",
        b"\0",
    )
] + [
    b"",
    b"<x/>",
    b"text",
    b"<a/><b/>",
    b'<!DOCTYPE a [<!ENTITY b "c">]><a/>',
    b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>',
    b'\xef\xbb\xbf<?xml version="1.0" encoding="latin1"?><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b"\xc3\xa9</r:RDF>\0\0",
    b'<a xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:RDF/><b><rdf:RDF ></rdf:RDF ></b></a>  ',
]


def test_notes_in_a_packet_are_those_of_python(ask: Ask) -> None:
    for packet in [*PACKETS, signed(PACKETS[0], "first") or b""]:
        for model in ("mssn-s-photo 0.64", "M<&\"'é\n"):
            assert ask("signed", packet, model, __version__) == signed(packet, model), packet
    assert ask("signed", None, "m", __version__) == signed(None, "m")
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
        packet = PACKETS[1].decode().replace("<x", '<?xml version="1.0"?><x', 1).encode(encoding)
        assert ask("signed", packet, "m", __version__) == signed(packet, "m"), encoding
        assert ask("uprightXmp", packet) == upright_xmp(packet)
    for turned in (b'<a tiff:Orientation="6"/>', b"<tiff:Orientation>8</tiff:Orientation>", b"tiff:Orientation = '3"):
        assert ask("uprightXmp", turned) == upright_xmp(turned) != turned


def test_exif_is_changed_as_in_python(ask: Ask) -> None:
    rng = np.random.default_rng(2)
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x0100], exif[0x0101], exif[0x011A], exif[0x011B] = "M", 6, 9, 9, 72.5, 72.5
    exif.get_ifd(0x8769)[0xA002] = 9
    block = exif.tobytes()
    thumbnail = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\x1a\0\2\x02\1\0\4\0\0\0\1\0\0\0\x38"
    thumbnail += b"\x02\2\0\4\0\0\0\1\0\0\0\x04\0\0\0\0abcd"
    blocks = [block, block[6:], thumbnail, thumbnail + bytes(9), b"", b"II", b"Exif\0\0MM\0*\xff\xff\xff\xff"]
    for original in (block, thumbnail):
        for _ in range(60):
            changed = bytearray(original)
            for place in rng.integers(0, len(changed), 2):
                changed[place] = rng.integers(0, 256)
            blocks.append(bytes(changed[: rng.integers(len(changed) // 2, len(changed) + 1)]))
    for one in blocks:
        assert ask("uprightExif", one) == upright_exif(one)
        found, wanted = ask("resolutionOf", one), resolution_of(one)
        assert found == pytest.approx(wanted) if wanted else found is None
        for dpi in (None, (300.0, 150.0)):
            assert ask("fittingExif", one, 70_000, 40, dpi) == fitting_exif(one, 70_000, 40, dpi)
    previews = IPTC + b"8BIM\x04\x0c\x01a\0\0\0\3abc\0" + b"8BIM\x03\xed\0\0\0\0\0\2ab" + b"rest"
    for photoshop in (previews, previews[:60], previews[:-8], b"other", b""):
        assert ask("withoutPreviews", photoshop) == without_previews(photoshop)


def test_names_are_those_of_the_command_line(ask: Ask) -> None:
    names = ["photo.jpg", "photo.JPG", "a.b.png", "кот.webp", "x.jfif", "x.JPE", "a.tif", "a.bmp", "a.heic"]
    names += ["a.mpo", "none", ".hidden", "dot.", "two words.jpeg", "a.gif", "🐈.png", "a.PNG.png"]
    for name in names:
        for scale in (2, 4, 1.5, 0.25, 1 / 3, 2.0000001, 0.00001, 16):
            wanted = beside(Path(name), Factor(scale)).name
            every = ["avif", "heic", "jpeg", "jxl", "png", "tiff", "webp"]
            assert ask("resultName", name, scale, "same", every) == wanted
            few = ask("resultName", name, scale, "same", ["png", "jpeg", "webp"])
            readable = wanted.lower().endswith((".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp"))
            assert few == (wanted if readable else f"{wanted.rpartition('.')[0]}.png")
    assert ask("resultName", "a.jpeg", 2, "jpeg", ["jpeg"]) == "a_x2.jpeg"
    assert ask("resultName", "a.png", 2, "jpeg", ["jpeg"]) == "a_x2.jpg"


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


def test_damaged_files_give_one_clear_error(ask: Ask) -> None:
    rng = np.random.default_rng(4)
    for name, whole in files().items():
        for _ in range(40):
            changed = bytearray(whole)
            for place in rng.integers(0, len(changed), rng.integers(1, 5)):
                changed[place] = rng.integers(0, 256)
            length = int(rng.integers(0, len(changed))) if rng.integers(2) else len(changed)
            try:
                ask("decode", bytes(changed[:length]), {"maxPixels": 10**6})
            except FileError as error:
                assert error.code in ("not-a-picture", "unsupported", "too-large"), (name, error)


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
        with pytest.raises(FileError, match="pixels exceed") as refused:
            ask("decode", file, {"maxPixels": 100_000_000})
        assert refused.value.code == "too-large"


def test_metadata_that_grow_or_nest_take_linear_time(ask: Ask) -> None:
    """Each of these would take minutes in a reader that looks at anything twice for each of its parts."""
    nested = b"<a xmlns:p%d='u'>"
    deep = b"".join(nested % n for n in range(100_000)) + b"</a>" * 100_000
    begin, end = PACKETS[0].split(b"</rdf:RDF>")
    hostile = [begin + deep + b"</rdf:RDF>" + end, b"<" * 1_000_000, b"<a b='" * 300_000, b"<!--" * 300_000]
    hostile += [begin + b"<rdf:Description m='" + b" " * 4_000_000, b"tiff:Orientation" + b" " * 4_000_000]
    bomb = b"icc\0\0" + zlib.compress(bytes(200_000_000))
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b" " * 200_000_000)
    start = saved(small(), "PNG")
    grown = start[:33] + chunk(b"iCCP", bomb) + chunk(b"iTXt", text) + start[33:]
    scans = saved(small(), "JPEG", progressive=True)
    last = scans.rfind(b"\xff\xda")
    many = scans[:-2] + scans[last:-2] * 2000 + scans[-2:]
    begun = time.perf_counter()
    for packet in hostile:
        ask("signed", packet, "m", __version__)
        ask("uprightXmp", packet)
    assert ask("decode", grown)["kept"]["icc"] is None
    with pytest.raises(FileError, match="scans"):
        ask("decode", many)
    assert time.perf_counter() - begun < 60
