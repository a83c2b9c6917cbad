"""Colour profiles, good and bad, of grey, RGB and inks: every format takes them, or a note says why not."""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from mssn.image.kept import kept
from mssn.image.picture import Picture
from mssn.image.plugins import can_write
from mssn.image.profile import profile_of
from mssn.image.read import read
from mssn.image.write import to_bytes

SUFFIXES = [
    suffix for suffix in (".png", ".jpg", ".webp", ".tif", ".avif", ".heic", ".jxl") if can_write(suffix)
]
GAMMA = (b"gAMA", (100_000).to_bytes(4, "big"))  # linear light
PRESS: Any = pyvips.Operation.call("profile_load", "cmyk")
PROFILES = {
    "GRAY": profile_of((GAMMA,), grey=True) or b"",
    "RGB ": profile_of((GAMMA,), grey=False) or b"",
    "CMYK": bytes(PRESS),
}
LEFT_OUT = "damaged colour profile left out"
OTHER_KIND = "colour profile left out (it is for another kind of pixels)"
INKS, CONVERTED = "inks (CMYK) turned into sRGB", "colours turned into sRGB"


def sized(size: int, icc: bytes) -> bytes:
    return struct.pack(">I", size) + icc[4:]


def table_end(icc: bytes) -> int:
    return 132 + 12 * int.from_bytes(icc[128:132], "big")


DAMAGE = {
    "cut short": lambda icc: icc[: len(icc) // 2],
    "header alone": lambda icc: icc[:128],
    "some bytes": lambda icc: icc[:20],
    "one byte": lambda icc: icc[:1],
    "zeros": lambda icc: bytes(200),
    "said longer": lambda icc: sized(len(icc) + 64, icc),
    "said shorter": lambda icc: sized(len(icc) - 64, icc),
    "said to be nothing": lambda icc: sized(0, icc),
    "unsigned": lambda icc: icc[:36] + b"none" + icc[40:],
    "without tags": lambda icc: sized(132, icc[:128]) + bytes(4),
    "of too many tags": lambda icc: icc[:128] + b"\xff" * 4 + icc[132:],
    "of one tag twice": lambda icc: icc[:144] + icc[132:136] + icc[148:],
    "of an unknown version": lambda icc: icc[:8] + b"\x09" + icc[9:],
    "of an unknown intent": lambda icc: icc[:64] + b"\xff\xff" + icc[66:],
}
OTHERS = {
    "of other colours": lambda icc: icc[:16] + b"Lab " + icc[20:],
    "of no device": lambda icc: icc[:12] + b"link" + icc[16:],
    "of an unknown space": lambda icc: icc[:20] + b"RGB " + icc[24:],
}


def picture(kind: str, icc: bytes | None, *, alpha: bool = False) -> Picture:
    pixels = np.repeat(np.arange(16, 256, 16, dtype=np.uint8)[None, :, None], 6, axis=0)
    light = pixels if kind == "GRAY" else np.repeat(pixels, 3, axis=2)
    return Picture(
        light,
        black=pixels if kind == "CMYK" else None,
        alpha=np.full_like(pixels, 200) if alpha else None,
        icc=icc,
    )


def written(picture: Picture, suffix: str) -> tuple[Picture, list[str]]:
    """What is read again, and what of the notes is about colours."""
    made = kept(picture, suffix, "mssn-s", "keep")
    words = ("profile", "sRGB")
    return read(to_bytes(made, suffix)), [note for note in made.notes if any(word in note for word in words)]


def expected(kind: str, suffix: str) -> list[str]:
    """The notes about a picture whose profile is as it should be."""
    if kind == "CMYK":
        return [] if suffix in (".jpg", ".tif") else [INKS]
    lost = suffix == ".jxl" or (kind == "GRAY" and suffix in (".webp", ".avif"))
    return [CONVERTED] if lost else []


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", PROFILES)
def test_a_good_profile_is_kept_or_the_colours_become_srgb(kind, suffix) -> None:
    icc, notes = PROFILES[kind], expected(kind, suffix)
    again, said = written(picture(kind, icc), suffix)
    assert said == notes and again.notes == ()
    assert again.icc == (None if notes else icc)
    if kind != "CMYK":
        light = np.arange(16, 256, 16) / 255
        srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        row = again.pixels[3].astype(float) / np.iinfo(again.pixels.dtype).max
        loss = 4 if suffix in (".jpg", ".webp", ".avif", ".heic", ".jxl") else 0.5
        assert np.abs(row - (srgb if notes else light)[:, None]).max() * 255 <= loss


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", PROFILES)
def test_a_bad_profile_is_left_out_with_a_note(kind, suffix) -> None:
    inks = expected(kind, suffix) if kind == "CMYK" else []
    plain = to_bytes(kept(picture(kind, None), suffix, "mssn-s", "keep"), suffix)
    wrong = {f"of {other}": icc for other, icc in PROFILES.items() if other != kind}
    cases = [(LEFT_OUT, name, spoil(PROFILES[kind])) for name, spoil in DAMAGE.items()]
    cases += [(OTHER_KIND, name, spoil(PROFILES[kind])) for name, spoil in OTHERS.items()]
    cases += [(OTHER_KIND, name, icc) for name, icc in wrong.items()]
    for number, (note, name, icc) in enumerate(cases):
        made = kept(picture(kind, icc), suffix, "mssn-s", "keep")
        assert [n for n in made.notes if "profile" in n or "sRGB" in n] == [note, *inks], name
        assert made.icc is None
        if kind != "CMYK" or number % 6 == 0:  # whose conversion takes long
            assert to_bytes(replace(made, icc=icc), suffix) == plain, name


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", PROFILES)
def test_a_profile_whose_tags_make_no_sense_is_no_error(kind, suffix) -> None:
    icc = PROFILES[kind]
    end = table_end(icc)
    for filling in (b"\0", b"\xff"):
        _, said = written(picture(kind, icc[:end] + filling * (len(icc) - end)), suffix)
        inks = [INKS] if kind == "CMYK" else []
        assert said == ([LEFT_OUT, *inks] if expected(kind, suffix) else [])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", PROFILES)
def test_what_stands_behind_a_profile_goes(kind, suffix) -> None:
    icc = PROFILES[kind]
    again, said = written(picture(kind, icc + b"more"), suffix)
    assert said == expected(kind, suffix) and again.icc == (None if said else icc)
    end = icc + b"\0"  # of version 4 and no multiple of four: PNG would not take it
    again, said = written(picture(kind, sized(len(end), end)), suffix)
    assert said == expected(kind, suffix)
    if not said:
        assert again.icc is not None and again.icc[4 : len(icc)] == icc[4:]


def test_grey_becomes_srgb_in_16_bits_with_its_transparency() -> None:
    deep = Picture(np.full((5, 7, 1), 32768, np.uint16), np.full((5, 7, 1), 9000, np.uint16))
    again, said = written(replace(deep, icc=PROFILES["GRAY"]), ".avif")
    assert said == [CONVERTED] and again.alpha is not None
    assert abs(int(again.pixels[2, 3, 0]) - 65535 * (1.055 * 0.5 ** (1 / 2.4) - 0.055)) < 600


def test_inks_of_floats_become_srgb() -> None:
    whole = picture("CMYK", PROFILES["CMYK"])
    floats = replace(
        whole, **{name: getattr(whole, name).astype(np.float32) / 255 for name in ("pixels", "black")}
    )
    as_floats, as_bytes = (read(to_bytes(inks, ".png")).pixels for inks in (floats, whole))
    assert as_floats.dtype == np.uint16
    assert np.abs(as_floats / 257 - as_bytes).max() < 2


@pytest.mark.parametrize(("kind", "mode"), [("GRAY", "L"), ("RGB ", "RGB"), ("CMYK", "CMYK")])
@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_files_with_damaged_profiles_are_read_and_written(form, mode, kind) -> None:
    for spoil in DAMAGE.values():
        file = BytesIO()
        Image.new(mode, (9, 8)).save(file, form, icc_profile=spoil(PROFILES[kind]))
        again, said = written(read(file.getvalue()), ".png")
        assert again.icc is None and said == [LEFT_OUT] + [INKS] * (mode == "CMYK")


def test_a_common_profile_comes_along_byte_by_byte() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for suffix in SUFFIXES:
        again, said = written(picture("RGB ", srgb), suffix)
        assert said == expected("RGB ", suffix) and again.icc in (srgb, None if said else srgb)
