"""Formats beside libvips's own: BMP, PPM, MPO, Ultra HDR JPEG, HEIC and JPEG XL."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
import pyvips
from PIL import Image, ImageCms

from mssn.errors import ImageError
from mssn.image import plugins
from mssn.image.compression import LOSSLESS, Compression
from mssn.image.jpeg import has_gain_map, without_gain_map
from mssn.image.jxl import head_of
from mssn.image.picture import Picture
from mssn.image.read import read, read_rgb
from mssn.image.source import PictureFile
from mssn.image.strangers import kind_of_stranger
from mssn.image.write import to_bytes, write
from mssn.upscaling.files import upscale_file
from mssn.upscaling.naming import beside
from mssn.upscaling.size import Factor
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily

CASES = Path(__file__).parent.parent / "cases"
BICUBIC = Upscaler(ModelFamily("bicubic", (), lambda *_: pytest.fail("no network is needed")), Factor(2))
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'


def slopes(channels: int = 3) -> np.ndarray:
    """40 x 56 pixels that lossy codecs keep within a few levels."""
    rows, columns = np.mgrid[0:40, 0:56]
    planes = [40 + 4 * rows, 30 + 3 * columns, 200 - 2 * rows - columns, 255 - columns]
    return np.stack(planes[:channels], axis=2).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def exif(orientation: int = 1) -> bytes:
    block = Image.Exif()
    block[0x0112], block[0x010F] = orientation, "a maker"
    return block.tobytes()


@pytest.mark.parametrize("kind", ["BMP", "PPM", "DIB"])
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P"])
def test_bmp_and_ppm_are_read_by_their_content(tmp_path, kind, mode) -> None:
    image = Image.fromarray(slopes()).convert(mode)
    wanted = np.asarray(image.convert("RGB" if mode in ("P", "RGB") else "L")).reshape(40, 56, -1)
    content = saved(image.convert("RGB") if (kind, mode) == ("PPM", "P") else image, kind)
    path = tmp_path / "holiday.png"  # whatever they are called
    path.write_bytes(content)
    for source in (path, content):
        picture = read(source)
        assert np.array_equal(picture.pixels, wanted)
        assert picture.format == ("ppm" if kind == "PPM" else "bmp")
        assert picture.bits == (1 if mode == "1" else None)
        assert (picture.alpha, picture.compression, picture.notes) == (None, LOSSLESS, ())
        assert PictureFile(source).size == (40, 56)
        assert np.array_equal(read_rgb(source), np.broadcast_to(wanted, (40, 56, 3)))
    target = beside(tmp_path / f"a.{kind.lower()}", Factor(2))
    assert target.name == "a_x2.png"
    assert upscale_file(BICUBIC, path, target).after == (112, 80)


@pytest.mark.parametrize(("mark", "channels"), [(b"P5", 1), (b"P6", 3)])
@pytest.mark.parametrize("most", [65535, 1023, 255, 100])
def test_depth_of_a_ppm(mark, channels, most) -> None:
    levels = np.array([0, 1, most // 2, most] * 3).reshape(2, 6 // channels, channels)
    body = levels.astype(">u2" if most > 255 else np.uint8).tobytes()
    content = mark + b" # a comment\n%d 2\n%d\n" % (6 // channels, most) + body
    picture = read(content)
    limit = 65535 if most > 255 else 255
    assert picture.pixels.dtype == (np.uint16 if most > 255 else np.uint8)
    assert np.abs(picture.pixels - levels * (limit / most)).max() < 0.501
    for cut in (len(content) - 1, len(content) - len(body), 12, 3):
        with pytest.raises(ImageError, match="cut short"):
            read(content[:cut])


def test_colours_of_16_bits_in_a_ppm_of_text_are_refused() -> None:
    with pytest.raises(ImageError, match=r"text; save it as binary \(P6\)"):
        read(b"P3\n1 1\n65535\n1 2 3\n")


def test_resolution_of_a_bmp() -> None:
    assert read(saved(Image.fromarray(slopes()), "BMP", dpi=(300, 300))).dpi == pytest.approx(300, abs=0.1)


def test_limits_count_before_anything_is_decoded() -> None:
    """The heads alone: decoding would say that they are cut short."""
    jxl = to_bytes(Picture(slopes()), ".jxl")[:120]
    for content in (b"P6\n20000 30000\n255\n", saved(Image.fromarray(slopes()), "BMP")[:60], jxl):
        with pytest.raises(ImageError, match="pixels exceed the limit"):
            read(content, max_pixels=2000)
    with pytest.raises(ImageError, match="cut short"):  # beyond Pillow's own limit, but not beyond ours
        read(b"P6\n20000 10000\n255\n", max_pixels=200_000_000)


def test_an_ultra_hdr_jpeg_is_its_base_picture(tmp_path) -> None:
    content = (CASES / "ultra-hdr.jpg").read_bytes()
    picture = read(content)
    with Image.open(io.BytesIO(content)) as image:
        assert np.abs(picture.pixels.astype(int) - np.asarray(image.convert("RGB"))).max() <= 2
    assert picture.format == "jpeg" and picture.compression.kind == "JPEG"
    assert picture.notes == ("gain map left out",) and picture.left_out == 0
    done = upscale_file(BICUBIC, CASES / "ultra-hdr.jpg", tmp_path / "large.jpg")
    assert done.notes == ("gain map left out",)
    large = (tmp_path / "large.jpg").read_bytes()
    assert large[:2] == b"\xff\xd8" and not has_gain_map(large)
    assert read(large).notes == ()


def test_the_result_promises_no_gain_map(tmp_path) -> None:
    """Google's mark in the XMP, which would make viewers look for one."""
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" '
        b'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="a phone"/></rdf:RDF></x:xmpmeta>'
    )
    content = saved(Image.fromarray(slopes()), "JPEG", xmp=packet)
    assert has_gain_map(content) and not has_gain_map(saved(Image.fromarray(slopes()), "JPEG"))
    picture = read(content)
    assert picture.notes == ("gain map left out",)
    assert picture.xmp == packet.replace(b'hdrgm:Version="1.0"', b"")
    assert without_gain_map(packet) == picture.xmp
    write(tmp_path / "large.jpg", picture)
    assert not has_gain_map((tmp_path / "large.jpg").read_bytes())


def test_further_pictures_of_an_mpo_are_counted(tmp_path) -> None:
    frames = [Image.fromarray(np.roll(slopes(), 9 * n, axis=1)) for n in range(3)]
    path = tmp_path / "stereo.mpo"
    frames[0].save(path, save_all=True, append_images=frames[1:], quality=95)
    picture = read(path)
    assert np.abs(picture.pixels.astype(int) - slopes()).max() <= 8
    assert (picture.format, picture.pages, picture.left_out) == ("jpeg", 1, 2)
    target = beside(path, Factor(2))
    assert target.name == "stereo_x2.jpg"
    assert upscale_file(BICUBIC, path, target).left_out == 2
    assert read(target).left_out == 0
    assert read(saved(frames[0], "JPEG")).left_out == 0


@pytest.mark.parametrize("ending", [".jfif", ".jpe"])
def test_other_endings_of_a_jpeg_stay_a_jpeg(tmp_path, ending) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(saved(Image.fromarray(slopes()), "JPEG", quality=80))
    target = beside(path, Factor(2))
    assert target.name == f"a_x2{ending}"
    upscale_file(BICUBIC, path, target)
    assert target.read_bytes()[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_heic_both_ways(tmp_path, channels, deep) -> None:
    pixels = slopes(channels)
    shown = pixels.astype(np.uint16) * 257 if deep else pixels
    alpha = shown[:, :, 3:] if channels == 4 else None
    picture = Picture(shown[:, :, :3], alpha, xmp=XMP, exif=exif())
    write(tmp_path / "a.heic", picture)
    assert (tmp_path / "a.heic").read_bytes()[4:11] == b"ftyphei"
    again = read(tmp_path / "a.heic")
    assert (again.format, again.compression) == ("heic", Compression(kind="HEIC"))
    assert again.pixels.dtype == shown.dtype and again.bits == (10 if deep else None)
    scale = 257 if deep else 1
    assert np.abs(again.pixels.astype(int) - shown[:, :, :3]).max() <= 10 * scale
    assert (again.xmp, again.exif) == (XMP, exif())
    if alpha is not None:
        assert again.alpha is not None and np.abs(again.alpha.astype(int) - alpha).max() <= 4 * scale
    small, large = (len(to_bytes(picture, ".heic", quality=q)) for q in (20, 95))
    assert small < large


def test_white_of_a_deep_heic_is_white() -> None:
    white = np.full((16, 16, 3), 65535, np.uint16)
    assert read(to_bytes(Picture(white), ".heic", quality=100)).pixels.min() >= 65535 - 64


def test_a_turned_heic_is_turned_once(tmp_path) -> None:
    """Pillow's plugin writes EXIF's orientation as a turn of the file."""
    image = Image.fromarray(slopes())
    pillow_heif.from_pillow(image).save(tmp_path / "upright.heic", quality=90)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = pillow_heif.from_bytes("RGB", image.size, image.tobytes())
    file.save(tmp_path / "turned.heic", quality=90, exif=exif(6), icc_profile=profile)
    upright, turned = read(tmp_path / "upright.heic"), read(tmp_path / "turned.heic")
    assert upright.pixels.shape == (40, 56, 3) and PictureFile(tmp_path / "turned.heic").size == (56, 40)
    quarter = np.rot90(slopes(), -1)
    assert np.abs(turned.pixels.astype(int) - quarter).max() <= 10
    assert turned.icc == profile
    assert turned.exif is not None
    found = Image.Exif()
    found.load(turned.exif)
    assert (found[0x0112], found[0x010F]) == (1, "a maker")
    again = read(to_bytes(turned, ".heic"))
    assert again.pixels.shape == turned.pixels.shape and again.icc == profile


def test_a_heic_of_several_pictures_shows_the_primary_one(tmp_path) -> None:
    frames = [Image.fromarray(np.full((32, 32, 3), level, np.uint8)) for level in (50, 150, 250)]
    file = pillow_heif.HeifFile()
    for frame in frames:
        file.add_from_pillow(frame)
    file.save(tmp_path / "burst.heic", primary_index=1)
    picture = read(tmp_path / "burst.heic")
    assert abs(picture.pixels.mean() - 150) < 3
    assert (picture.pages, picture.left_out) == (1, 2)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_jpeg_xl_both_ways(tmp_path, channels) -> None:
    pixels, colours = slopes(channels), 3 if channels > 2 else 1
    alpha = pixels[:, :, colours:] if channels in (2, 4) else None
    picture = Picture(pixels[:, :, :colours], alpha, xmp=XMP, exif=exif())
    write(tmp_path / "a.jxl", picture)
    again = read(tmp_path / "a.jxl")
    assert again.format == "jxl" and again.compression == Compression(kind="JPEG XL")
    assert again.pixels.shape == (40, 56, colours)
    assert np.abs(again.pixels.astype(int) - picture.pixels).max() <= 10
    assert (again.alpha is None) == (alpha is None)
    assert (again.xmp, again.exif, again.icc) == (XMP, picture.exif, None)
    assert PictureFile(tmp_path / "a.jxl").size == (40, 56)


def test_jpeg_xl_is_stored_without_loss_if_it_was(tmp_path) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (40, 56, 4), dtype=np.uint8)
    for array in (noise[:, :, 0], noise[:, :, :3], noise):
        content = saved(Image.fromarray(array), "JXL", lossless=True)
        picture = read(content)
        assert picture.compression == LOSSLESS
        again = read(to_bytes(picture, ".jxl"))
        assert again.compression == LOSSLESS
        assert np.array_equal(again.pixels, picture.pixels)
        assert read(to_bytes(picture, ".jxl", quality=80)).compression.lossy
    assert read(saved(Image.fromarray(noise), "JXL", quality=80)).compression == Compression(kind="JPEG XL")


def test_grey_jpeg_xl_of_16_bits_and_of_floats_keeps_them() -> None:
    deep = np.arange(2240, dtype=np.uint16).reshape(40, 56) * 29
    picture = read(saved(Image.fromarray(deep), "JXL", lossless=True))
    assert picture.pixels.dtype == np.uint16 and np.array_equal(picture.pixels[:, :, 0], deep)
    assert picture.notes == ()
    floats = (deep / 65535).astype(np.float32)
    picture = read(saved(Image.fromarray(floats), "JXL", lossless=True))
    assert picture.pixels.dtype == np.float32 and np.allclose(picture.pixels[:, :, 0], floats)


def test_what_the_decoder_of_jpeg_xl_cannot_give_is_noted() -> None:
    picture = read(CASES / "sixteen-bits.jxl")
    assert np.array_equal(picture.pixels, slopes())
    assert picture.notes == ("16 bits rounded to 8",)
    assert picture.icc is not None  # the file says that it is linear light
    moving = read(CASES / "moving.jxl")
    assert moving.pixels.shape == (12, 20, 1) and moving.pixels[0, 0, 0] == 200
    assert moving.notes == ("only the last frame",)
    assert read(CASES / "further-channels.jxl").notes == ("further channels left out",)


def test_jpeg_xl_is_written_in_srgb() -> None:
    """Its encoder takes no profile, so the colours are converted: they look the same."""
    linear = read(CASES / "sixteen-bits.jxl")
    wanted = np.where(
        slopes() / 255 <= 0.0031308, 12.92 * slopes() / 255, 1.055 * (slopes() / 255) ** (1 / 2.4) - 0.055
    )
    again = read(to_bytes(linear, ".jxl"))
    assert again.icc is None
    assert np.abs(again.pixels - 255 * wanted).max() < 2


def test_a_jpeg_packed_as_jpeg_xl(tmp_path) -> None:
    import pillow_jxl

    jpeg = saved(Image.fromarray(slopes()), "JPEG", quality=90, exif=exif(6))
    make: Any = pillow_jxl.Encoder
    encoder = make(
        mode="RGB", lossless=True, quality=100, effort=3, decoding_speed=0,
        use_container=True, use_original_profile=True, num_threads=1,
    )  # fmt: skip
    (tmp_path / "a.jxl").write_bytes(encoder(jpeg, 56, 40, jpeg_encode=True))
    picture, plain = read(tmp_path / "a.jxl"), read(jpeg)
    assert picture.format == "jxl" and picture.compression == Compression(kind="JPEG")
    assert np.array_equal(picture.pixels, plain.pixels) and picture.pixels.shape == (56, 40, 3)
    assert PictureFile(tmp_path / "a.jxl").size == (56, 40)
    assert picture.exif == plain.exif


def test_a_head_of_jpeg_xl_is_read_in_every_form() -> None:
    assert head_of(io.BytesIO(b"\xff\x0a" + bytes([0b01001111, 0]) + bytes(20))).width == 64  # small, 1 : 1
    with pytest.raises(ValueError, match="cut short"):
        head_of(io.BytesIO(b"\xff\x0a\x00"))


@pytest.mark.parametrize("ending", [".heic", ".jxl"])
def test_cut_files_of_the_plugins_are_refused(tmp_path, ending, capfd) -> None:
    whole = to_bytes(Picture(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)), ending)
    for share in (0.02, 0.2, 0.5, 0.97):
        (tmp_path / "a").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ImageError, match="cut short") as caught:
            read(tmp_path / "a")
        assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("ending", "package"), [(".heic", "pillow_heif"), (".jxl", "pillow_jxl")])
def test_without_the_plugins_one_line_says_how_to_get_them(tmp_path, monkeypatch, ending, package) -> None:
    content = to_bytes(Picture(slopes()), ending)
    monkeypatch.setitem(__import__("sys").modules, package, None)
    for module in ("mssn.image.strangers", "mssn.image.plugins"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None if name == package else object())
    (tmp_path / f"a{ending}").write_bytes(content)
    with pytest.raises(ImageError, match=r"pip install 'mssn\[formats\]'") as caught:
        read(tmp_path / f"a{ending}")
    assert "\n" not in str(caught.value)
    assert beside(tmp_path / f"a{ending}", Factor(2)).suffix == ".png"
    with pytest.raises(ImageError, match=r"pip install 'mssn\[formats\]'"):
        write(tmp_path / f"b{ending}", Picture(slopes()))
    assert not (tmp_path / f"b{ending}").exists()


def test_without_an_encoder_heic_becomes_png(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pillow_heif, "libheif_info", lambda: {"HEIF": ""})
    assert not plugins.can_write(".heic")
    assert beside(tmp_path / "a.heic", Factor(2)).name == "a_x2.png"


def test_exif_of_jpeg_xl_that_would_keep_libvips_busy_does_not() -> None:
    """Entries that all point to the directory they stand in: libvips would look at each of them each time."""
    entries = struct.pack("<HHII", 0x8769, 4, 1, 8) * 20_000
    hostile = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 20_000) + entries + bytes(4)
    content = to_bytes(Picture(slopes(), exif=hostile), ".jxl")
    started = time.process_time()
    picture = read(content)
    assert time.process_time() - started < 2
    assert picture.exif in (None, hostile)


def test_an_avif_is_left_to_libvips() -> None:
    avif = saved(Image.fromarray(slopes()), "AVIF")
    assert kind_of_stranger(avif, ()) == ""
    assert read(avif).format == "avif"


def test_results_that_are_written_come_back(tmp_path) -> None:
    for ending in (".jxl", ".heic", ".tif"):
        write(tmp_path / f"a{ending}", Picture(slopes()))
        assert np.abs(read(tmp_path / f"a{ending}").pixels.astype(int) - slopes()).max() <= 10


def test_lossless_webp_stays_lossless(tmp_path) -> None:
    source, target = CASES / "lossless.webp", tmp_path / "large.webp"
    upscale_file(BICUBIC, source, target)
    upscale_file(BICUBIC, source, tmp_path / "large.png")
    assert np.array_equal(read(target).pixels, read(tmp_path / "large.png").pixels)
    assert read(target).compression == LOSSLESS
    assert read(to_bytes(read(source), ".webp", quality=80)).compression.lossy  # who asks for less gets less
    assert read(to_bytes(Picture(slopes()), ".webp")).compression.lossy  # no file that was lossless


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("channels", [3, 4])
def test_lossless_avif_stays_lossless(bits, channels) -> None:
    noise = np.random.default_rng(3).integers(0, 2**bits, (40, 56, channels))
    image: Any = pyvips.Image.new_from_array((noise << (16 - bits)).astype(np.uint16))
    image = image.copy(interpretation="rgb16")
    if bits == 8:
        image = (image >> 8).cast("uchar").copy(interpretation="srgb")
    picture = read(image.heifsave_buffer(compression="av1", lossless=True, bitdepth=bits))
    assert picture.compression == LOSSLESS
    again = read(to_bytes(picture, ".avif"))
    assert again.compression == LOSSLESS
    assert np.array_equal(again.pixels, picture.pixels)
    assert (again.alpha is None) == (channels == 3)


@pytest.mark.parametrize(
    "options", [{"quality": 100}, {"quality": 100, "subsampling": "4:4:4"}, {"quality": 80}]
)
def test_other_avifs_are_lossy(photo, options) -> None:
    """The finest quantiser alone is not lossless: YCbCr rounds."""
    assert read(saved(Image.fromarray(photo), "AVIF", **options)).compression == Compression(kind="AVIF")
