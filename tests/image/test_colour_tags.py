"""A picture with colour tags looks the same after it was written, in whatever format."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from mssn.image.heif import avif_facts, with_items
from mssn.image.kept import kept
from mssn.image.picture import Picture
from mssn.image.png import chunk
from mssn.image.profile import is_srgb, profile_of
from mssn.image.read import read
from mssn.image.write import to_bytes

P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
REC2020 = (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)
SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


def gamma(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(100_000 / value))


def corners(*xy: float) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(100_000 * value) for value in xy))


def codes(primaries: int, transfer: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes((primaries, transfer, 0, 1))


PQ, HLG = codes(9, 16), codes(9, 18)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
ICC = PROFILE.tobytes()
TAGS = {
    "linear": (gamma(1),),
    "gamma 2.2, P3": (gamma(2.2), corners(*P3)),
    "P3": (codes(12, 13),),
    "Rec. 2020, linear": (codes(9, 8),),
    "PQ": (PQ, (b"cLLI", bytes(8)), (b"mDCV", bytes(24))),
    "HLG": (HLG,),
    "sRGB": ((b"sRGB", b"\0"), gamma(2.2), corners(*SRGB)),
}


def tagged(*chunks: tuple[bytes, bytes], grey: bool = False) -> bytes:
    """A PNG of colours (not only neutral ones) with chunks in front of its pixels."""
    levels = np.array([0, 60, 128, 255], np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(8, 8, 3).repeat(4, 0).repeat(4, 1)
    buffer = io.BytesIO()
    Image.fromarray(grid[:, :, 0] if grey else grid).save(buffer, "PNG")
    plain = buffer.getvalue()
    return plain[:33] + b"".join(chunk(*each) for each in chunks) + plain[33:]


@pytest.mark.parametrize("name", TAGS)
def test_a_png_keeps_its_tags(name) -> None:
    picture = read(tagged(*TAGS[name]))
    assert picture.colours == TAGS[name] and picture.icc is None
    again = to_bytes(picture, ".png")
    assert read(again).colours == TAGS[name]
    for each in TAGS[name]:
        assert 0 < again.index(chunk(*each)) < again.index(b"IDAT")
    assert kept(picture, ".png", "mssn-s", "strip").colours == TAGS[name]


@pytest.mark.parametrize("name", ["P3", "Rec. 2020, linear", "PQ", "HLG"])
def test_avif_and_png_hold_the_same_codes(name) -> None:
    picture = read(tagged(*TAGS[name]))
    avif = to_bytes(picture, ".avif")
    number = dict(TAGS[name])[b"cICP"]
    assert avif_facts(io.BytesIO(avif))[0] == (number[0], number[1])
    back = read(avif)
    assert back.colours == ((b"cICP", number),) and back.icc is None
    assert np.abs(back.pixels.astype(int) - picture.pixels).mean() < 4  # the matrix is the encoder's
    untagged = to_bytes(replace(picture, colours=()), ".avif")
    with Image.open(io.BytesIO(avif)) as seen, Image.open(io.BytesIO(untagged)) as plain:
        assert np.array_equal(np.asarray(seen), np.asarray(plain))
    for suffix in (".avif", ".png"):
        assert read(to_bytes(back, suffix)).colours == back.colours


def test_a_lossless_avif_stays_so() -> None:
    """Its tag also says that red, green and blue are stored as they are."""
    pixels = read(tagged()).pixels
    image = pyvips.Image.new_from_array(pixels).copy(interpretation="srgb")
    avif = with_items(image.write_to_buffer(".avif", lossless=True, keep="icc"), b"", (9, 16))
    assert avif_facts(io.BytesIO(avif))[0] == (9, 16)
    assert np.array_equal(read(avif).pixels, pixels)
    with Image.open(io.BytesIO(avif)) as seen:
        assert np.array_equal(np.asarray(seen), pixels)


def test_an_avif_of_others_keeps_its_codes() -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(tagged())).save(buffer, "AVIF")
    content = bytearray(buffer.getvalue())
    place = content.index(b"nclx")
    content[place + 4 : place + 8] = struct.pack(">HH", 9, 16)
    back = read(bytes(content))
    assert read(to_bytes(back, ".avif")).colours == back.colours == (PQ,)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("grey", [False, True])
def test_other_formats_get_a_profile(suffix, grey) -> None:
    picture = read(tagged(*TAGS["gamma 2.2, P3"], grey=grey))
    written = kept(picture, suffix, "mssn-s", "keep")
    back = read(to_bytes(written, suffix))
    assert back.icc is not None and back.colours == () and written.notes == ()
    assert back.pixels.shape[2] == (1 if grey and suffix in (".jpg", ".tif") else 3)
    with Image.open(io.BytesIO(to_bytes(written, suffix))) as seen:
        assert seen.info["icc_profile"] == back.icc
        ImageCms.profileToProfile(
            seen, ImageCms.ImageCmsProfile(io.BytesIO(back.icc)), PROFILE, outputMode="RGB"
        )


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("name", ["PQ", "HLG"])
def test_what_no_profile_says_is_said(suffix, name) -> None:
    picture = read(tagged(*TAGS[name]))
    for metadata in ("keep", "strip"):
        written = kept(picture, suffix, "mssn-s", metadata)
        assert written.notes == ("colour tags left out (PNG and AVIF can hold them)",)
        assert read(to_bytes(written, suffix)).icc is None


def test_plain_srgb_gets_no_profile() -> None:
    plain = [
        (),
        TAGS["sRGB"],
        (gamma(2.2),),
        (corners(*SRGB),),
        (codes(1, 13),),
        (codes(2, 2),),
        (codes(1, 1),),
    ]
    for chunks in plain:
        assert is_srgb(chunks)
        assert read(to_bytes(read(tagged(*chunks)), ".tif")).icc is None
    assert not is_srgb((PQ,)) and not is_srgb((gamma(1),)) and not is_srgb((codes(12, 13),))


def test_a_profile_wins_where_there_is_one() -> None:
    picture = replace(read(tagged(gamma(1))), icc=ICC)
    assert read(to_bytes(picture, ".jpg")).icc == ICC
    back = read(to_bytes(picture, ".png"))
    assert (back.icc, back.colours) == (ICC, (gamma(1),))


def test_a_profile_of_an_avif_wins_in_a_png_too() -> None:
    avif = to_bytes(replace(read(tagged(PQ)), icc=ICC), ".avif")
    back = read(avif)
    assert (back.icc, back.colours) == (ICC, (PQ,))
    assert read(to_bytes(back, ".avif")).colours == (PQ,)
    png = read(to_bytes(back, ".png"))
    assert (png.icc, png.colours) == (ICC, ())


def test_a_profile_for_other_pixels_is_left_out_and_said() -> None:
    grey = Picture(np.zeros((4, 4, 1), np.uint8), icc=ICC)
    for metadata in ("keep", "strip"):
        notes = kept(grey, ".png", "mssn-s", metadata).notes
        assert notes == ("colour profile left out (it is for another kind of pixels)",)
    assert read(to_bytes(grey, ".png")).icc is None


def test_codes_that_leave_all_open_are_none() -> None:
    avif = to_bytes(read(tagged(codes(2, 2))), ".avif")
    assert avif_facts(io.BytesIO(avif))[0] == (2, 2) and read(avif).colours == ()


def xyz_of(primaries: tuple[float, ...]) -> np.ndarray:
    """RGB to XYZ under the own white, by solving for what makes white white."""
    white, *three = (
        [x / y, 1, (1 - x - y) / y] for x, y in zip(primaries[::2], primaries[1::2], strict=True)
    )
    columns = np.array(three).T
    return columns * np.linalg.solve(columns, white)


@pytest.mark.parametrize(
    ("chunks", "primaries", "light"),
    [
        ((gamma(1),), SRGB, lambda v: v),
        ((gamma(2.2), corners(*P3)), P3, lambda v: v**2.2),
        ((codes(9, 8),), REC2020, lambda v: v),
        ((codes(12, 13),), P3, lambda v: np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)),
        ((codes(12, 4),), P3, lambda v: v**2.2),
    ],
)
def test_a_colour_engine_sees_what_the_tags_say(tmp_path, chunks, primaries, light) -> None:
    """Against arithmetic from the chromaticities alone; all white points here are that of sRGB."""
    profile = profile_of(chunks, grey=False)
    assert profile is not None
    (tmp_path / "a.icc").write_bytes(profile)
    values = np.random.default_rng(1).uniform(0.2, 0.8, (8, 8, 3))
    values[..., 1] = np.maximum(values[..., 1], values[..., 0])  # inside of sRGB's gamut, as tests see it
    values = values.mean(axis=2, keepdims=True) + 0.15 * (values - values.mean(axis=2, keepdims=True))
    stored = pyvips.Image.new_from_array((values * 65535).astype(np.uint16)).copy(interpretation="rgb16")
    shown = stored.icc_transform("srgb", input_profile=str(tmp_path / "a.icc"), intent="relative", depth=16)
    linear = light(values) @ xyz_of(primaries).T @ np.linalg.inv(xyz_of(SRGB)).T
    wanted = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)
    assert wanted.min() > 0 and wanted.max() < 1
    assert np.abs(shown.numpy() / 65535 - wanted).max() < 0.004


def test_a_grey_profile_has_one_curve() -> None:
    profile = profile_of((gamma(1),), grey=True)
    assert profile is not None
    grey = Image.fromarray(np.full((4, 4), 128, np.uint8))
    seen = ImageCms.profileToProfile(
        grey, ImageCms.ImageCmsProfile(io.BytesIO(profile)), PROFILE, outputMode="RGB"
    )
    assert seen is not None
    assert np.abs(np.asarray(seen).astype(int) - 188).max() <= 1  # half the light


@pytest.mark.parametrize(
    "nonsense",
    [
        (gamma(1), (b"cHRM", bytes(32))),
        ((b"gAMA", bytes(4)),),
        (corners(0.3, 0.3, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3),),
        (codes(200, 13),),
        (codes(1, 0),),
        ((b"cHRM", b"\xff" * 32), gamma(1)),
        ((b"gAMA", struct.pack(">I", 1)),),
    ],
)
def test_tags_without_sense_become_no_profile(nonsense) -> None:
    assert profile_of(nonsense, grey=False) is None
    picture = kept(Picture(np.zeros((4, 4, 3), np.uint8), colours=nonsense), ".jpg", "mssn-s", "keep")
    assert len(picture.notes) == 1
    to_bytes(picture, ".jpg")


def test_chunks_of_a_wrong_length_or_behind_the_pixels_are_no_tags() -> None:
    whole = tagged((b"gAMA", bytes(3)), (b"cICP", bytes(5)))
    assert read(whole).colours == ()
    assert read(whole[:-12] + chunk(*gamma(1)) + whole[-12:]).colours == ()
    assert read(tagged(gamma(1), gamma(2))).colours == (gamma(1),)
