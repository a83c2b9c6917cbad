"""PIL images of every mode: converted where that means something, else refused in one line."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.Image import Image as Pil

from mssn.errors import ImageError
from mssn.image.pil import from_pil, to_pil
from mssn.image.read import read


def slopes() -> np.ndarray:
    rows, columns = np.mgrid[0:40, 0:56]
    return np.stack([40 + 4 * rows, 30 + 3 * columns, 200 - 2 * rows - columns], axis=2).astype(np.uint8)


def back(image: Pil) -> Pil:
    return to_pil(from_pil(image), image.info)


@pytest.mark.parametrize(
    ("mode", "result"),
    [
        ("1", "1"),
        ("L", "L"),
        ("LA", "LA"),
        ("La", "LA"),
        ("P", "RGB"),
        ("PA", "RGBA"),
        ("RGB", "RGB"),
        ("RGBX", "RGB"),
        ("RGBA", "RGBA"),
        ("RGBa", "RGBA"),
        ("CMYK", "CMYK"),
        ("YCbCr", "RGB"),
        ("HSV", "RGB"),
        ("LAB", "RGB"),
    ],
)
def test_modes(mode, result) -> None:
    image = Image.fromarray(slopes())
    if mode in ("La", "PA"):
        image = image.convert({"La": "LA", "PA": "P"}[mode])
    image = image.convert(mode)
    large = back(image)
    assert (large.mode, large.size) == (result, (56, 40))
    wanted = np.asarray(image if mode == result else image.convert(result)).astype(int)
    assert np.array_equal(np.asarray(large).astype(int), wanted)
    if mode not in ("1", "L", "LA", "La", "P", "PA"):  # and so the colours are those it was made of
        assert np.abs(np.asarray(large.convert("RGB")).astype(int) - slopes()).max() <= 16


@pytest.mark.parametrize("order", ["", "B", "L", "N"])
def test_grey_of_16_bits(order) -> None:
    values = np.arange(2240, dtype=np.uint16).reshape(40, 56) * 29
    if order == "B":
        image = Image.frombytes("I;16B", (56, 40), values.astype(">u2").tobytes())
    else:
        image = Image.frombytes(f"I;16{order}", (56, 40), values.astype("<u2").tobytes())
    large = back(image)
    assert large.mode == "I;16" and np.array_equal(np.asarray(large), values)


def test_integers_and_floats() -> None:
    values = np.arange(2240).reshape(40, 56) * 29
    large = back(Image.fromarray(values.astype(np.int32)))
    assert large.mode == "I;16" and np.array_equal(np.asarray(large), values)
    floats = (values / 65535).astype(np.float32)
    large = back(Image.fromarray(floats))
    assert large.mode == "F" and np.array_equal(np.asarray(large), floats)
    for array, words in (
        (values.astype(np.int32) - 1, "mode I must hold numbers from 0 to 65535"),
        (values.astype(np.int32) + 65536, "mode I must hold numbers from 0 to 65535"),
        (values.astype(np.float32), "mode F must hold numbers from 0 to 1"),
        (np.full((3, 3), np.nan, np.float32), "mode F must hold numbers from 0 to 1"),
    ):
        with pytest.raises(ImageError, match=words):
            from_pil(Image.fromarray(array))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_colour_keys_become_transparency(mode) -> None:
    """As in the file they come from."""
    image = Image.fromarray(slopes()).convert(mode)
    key: Any = image.getpixel((9, 7)) if mode != "1" else 255
    file = io.BytesIO()
    image.save(file, "PNG", transparency=1 if mode == "1" else key)
    opened = Image.open(io.BytesIO(file.getvalue()))
    assert "transparency" in opened.info
    large = back(opened)
    assert large.mode == ("LA" if mode in ("1", "L") else "RGBA")
    hidden = (np.asarray(image.convert("L" if mode == "1" else mode)).reshape(40, 56, -1) == key).all(axis=2)
    assert np.array_equal(np.asarray(large)[:, :, -1], np.where(hidden, 0, 255)) and hidden.any()
    theirs = read(file.getvalue()).alpha
    assert theirs is not None and np.array_equal(theirs[:, :, 0], np.asarray(large)[:, :, -1])
    assert "transparency" not in large.info


def test_a_palette_of_transparent_colours() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 255], "RGBA")
    image.putpixel((1, 0), 1)
    assert np.asarray(back(image))[0].tolist() == [[10, 20, 30, 40], [50, 60, 70, 255]]


def test_what_means_nothing_is_refused() -> None:
    odd = Image.new("RGB", (2, 2))
    odd.info["transparency"] = b"\0"
    deep = Image.fromarray(np.zeros((2, 2), np.uint16))
    deep.info["transparency"] = 7
    for image, words in ((odd, "mode RGB .*convert it to RGB"), (deep, "mode I;16 with a transparent value")):
        with pytest.raises(ImageError, match=words) as caught:
            from_pil(image)
        assert "\n" not in str(caught.value)


def test_what_is_true_of_the_source_alone_is_left_out() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    lab = Image.fromarray(slopes()).convert("LAB")
    lab.info = {"icc_profile": profile, "dpi": (300, 300), "mp": {}, "mpoffset": 7}
    assert back(lab).info == {"dpi": (300, 300)}
    rgb = Image.fromarray(slopes())
    rgb.info = {"icc_profile": b"any", "exif": b"Exif\0\0", "comment": "kept"}
    assert back(rgb).info == rgb.info
