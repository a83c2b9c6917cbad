"""Frames become the right pixels, and pixels the right frames: held against the formulas, and other readers."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

av = pytest.importorskip("av")

from mssn.errors import FilmError  # noqa: E402
from mssn.film.color import Converter  # noqa: E402
from mssn.film.facts import Colours, probe  # noqa: E402

CASES = Path(__file__).parents[1] / "cases" / "video"
WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # of red and blue, by H.273
YUV = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv444p12le"]
GREY, RGB = ["gray", "gray10le", "gray12le", "ya8"], ["bgr0", "bgra", "gbrp10le", "gbrap12le", "rgb48le"]
CLEAR = ["yuva420p", "yuva422p10le", "yuva444p10le"]


def converter(form: str, size: tuple[int, int], *, to: str = "", deep: bool | None = None, **said: Any) -> Any:
    """A converter of frames of a pixel format into those of the same, or another one, of a size."""
    kind, out = av.VideoFormat(form), av.VideoFormat(to or form)
    chroma = "rgb" if kind.is_rgb else "grey" if len(kind.components) < 3 else "yuv"
    known = {"matrix": 1, "full": kind.is_rgb, "primaries": 1, "transfer": 1, "siting": 1, "tagged": True}
    colours = Colours(**{**known, **said})
    depth = max(part.bits for part in kind.components)
    depth = depth if deep is None else 16 if deep else 8
    video = SimpleNamespace(format=form, depth=depth, chroma=chroma, colours=colours)
    plan = SimpleNamespace(format=out.name, height=size[0], width=size[1], colours=colours)
    return Converter(video, plan)  # type: ignore[arg-type]


def planes(frame: Any) -> list[np.ndarray]:
    """The samples of a frame whose components lie apart."""
    bits = frame.format.components[0].bits
    views = [np.frombuffer(memoryview(p), np.uint8 if bits <= 8 else "<u2") for p in frame.planes]
    rows = [view.reshape(plane.height, -1) for view, plane in zip(views, frame.planes, strict=True)]
    return [row[:, : plane.width] for row, plane in zip(rows, frame.planes, strict=True)]


def frame_of(form: str, *samples: np.ndarray) -> Any:
    """A frame of planar samples; chroma is given as large as luma, and every so many of it taken."""
    frame = av.VideoFrame(samples[0].shape[1], samples[0].shape[0], form)
    for view, given in zip(planes(frame), samples, strict=True):
        rows, columns = (-(-a // b) for a, b in zip(given.shape, view.shape, strict=True))
        view[...] = given[::rows, ::columns]
    return frame


def encoded(rgb: np.ndarray, matrix: int, full: bool, bits: int) -> list[np.ndarray]:
    """Y, Cb, Cr of R, G, B from 0 to 1, by the formulas of H.273, not rounded."""
    red, blue = WEIGHTS[matrix]
    r, g, b = np.moveaxis(rgb, -1, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    chroma = (b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)
    step, top, middle = 2.0 ** (bits - 8), 2**bits - 1, 2 ** (bits - 1)
    if full:
        return [y * top, *(c * top + middle for c in chroma)]
    return [y * 219 * step + 16 * step, *(c * 224 * step + middle for c in chroma)]


def decoded(samples: list[np.ndarray], matrix: int, full: bool, bits: int) -> np.ndarray:
    """R, G, B from 0 to 1 of whole Y, Cb, Cr: the inverse, clipped."""
    found = np.stack(encoded(np.vstack([np.zeros(3), np.eye(3)]), matrix, full, bits))
    black, linear = found[:, 0], found[:, 1:] - found[:, :1]
    return ((np.stack(samples, axis=-1) - black) @ np.linalg.inv(linear).T).clip(0, 1)


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", WEIGHTS)
@pytest.mark.parametrize("form", YUV)
def test_the_formulas_of_the_standard(form, matrix, full) -> None:
    bits = av.VideoFormat(form).components[0].bits
    rgb = np.random.default_rng(0).random((8, 12, 3))
    rgb[:2] = rgb[:2].round()  # corners of the cube: the colours of bars
    rgb = rgb.repeat(16, axis=0).repeat(16, axis=1)  # so large that chroma is itself in the middles
    samples = [np.floor(part + 0.5).clip(0, 2**bits - 1).astype(np.uint16) for part in encoded(rgb, matrix, full, bits)]
    convert = converter(form, rgb.shape[:2], matrix=matrix, full=full)
    pixels, alpha = convert.to_rgb(frame_of(form, *samples))
    middle = (slice(7, None, 16), slice(7, None, 16))
    top = np.iinfo(pixels.dtype).max
    assert (pixels.dtype, alpha) == (np.uint8 if bits == 8 else np.uint16, None)
    right = decoded([part[middle].astype(float) for part in samples], matrix, full, bits)
    assert np.abs(pixels[middle] - right * top).max() <= (0.52 if bits == 8 else 5)
    # And back, from what was given, in all depths.
    for deep in (False, True):
        dtype = np.uint16 if deep else np.uint8
        given = np.floor(rgb * np.iinfo(dtype).max + 0.5).astype(dtype)
        back = convert.from_rgb(given, None)
        exact = encoded(given / np.iinfo(dtype).max, matrix, full, bits)
        for view, part in zip(planes(back), exact, strict=True):
            rows, columns = (a // b for a, b in zip(part.shape, view.shape, strict=True))
            found = view[7 // rows :: 16 // rows, 7 // columns :: 16 // columns]
            assert np.abs(found - part[middle].clip(0, 2**bits - 1)).max() <= 0.5 + 0.07 * 2 ** (bits - 8)
        assert (back.format.name, back.colorspace, back.color_range) == (form, matrix, 2 if full else 1)


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("form", YUV)
def test_grey_has_no_colour_and_its_ends_are_black_and_white(form, full) -> None:
    bits = av.VideoFormat(form).components[0].bits
    black, white = (0, 2**bits - 1) if full else (16 << bits - 8, 235 << bits - 8)
    ramp = np.arange(black, white + 1).astype(np.uint16).repeat(2)[None].repeat(2, axis=0)
    middle = np.full_like(ramp, 1 << bits - 1)
    convert = converter(form, ramp.shape, full=full)
    pixels, _ = convert.to_rgb(frame_of(form, ramp, middle, middle))
    assert np.array_equal(pixels[:, :, :2], pixels[:, :, 1:])
    assert (pixels[0, 0, 0], pixels[0, -1, 0]) == (0, np.iinfo(pixels.dtype).max)
    assert (np.diff(pixels[0, ::2, 0].astype(int)) > 0).all()
    luma, *chroma = planes(convert.from_rgb(pixels, None))
    assert np.array_equal(luma, ramp)
    assert all((part == 1 << bits - 1).all() for part in chroma)


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("form", [*YUV, *GREY, *RGB, *CLEAR])
def test_a_ramp_and_bars_come_back_through_ffv1(form, full) -> None:
    """Enlarged by repetition, encoded without loss, decoded: within a level away from edges of colour."""
    kind = av.VideoFormat(form)
    grey, deep = len(kind.components) < 3, kind.components[0].bits > 8
    dtype = np.uint16 if deep else np.uint8
    top = np.iinfo(dtype).max
    ramp = np.linspace(0, top, 256).round().astype(dtype)[None, :, None].repeat(32, 0)
    bars = np.array([[c >> 2 & 1, c >> 1 & 1, c & 1] for c in range(7, -1, -1)]).repeat(32, 0)[None]
    picture = np.concatenate([ramp.repeat(3, 2), (bars.repeat(48, 0) * 0.75 * top).astype(dtype)])
    picture = picture[:32, :, :1] if grey else picture
    clear = ramp[:, ::-1].repeat(3, 0)[: len(picture)] if kind.components[-1].is_alpha else None
    said = {} if kind.is_rgb else {"full": full}
    small = converter(form, picture.shape[:2], **said).from_rgb(picture, clear)
    convert = converter(form, (2 * len(picture), 512), **said)
    pixels, alpha = convert.to_rgb(small)
    twice = [p if p is None else p.repeat(2, 0).repeat(2, 1) for p in (pixels, alpha)]
    back, alpha_back = convert.to_rgb(through_ffv1(convert.from_rgb(*twice)))
    level = 257 if not deep else 65535 / (2 ** kind.components[0].bits - 1)
    away = np.ones(back.shape[:2], bool)
    away[24:] = False  # where bars begin and end, chroma that is stored coarsely is a mean of both
    for start in range(0, 512, 64):
        away[96:, start + 24 : start + 40] = True
    allowed = 1 if not deep else 1.15 * level
    assert np.abs(back.astype(int) - picture.repeat(2, 0).repeat(2, 1))[away].max() <= (2 if full else 3) * allowed
    assert np.abs(back.astype(int) - twice[0])[away].max() <= allowed
    assert (alpha_back is None) == (clear is None)
    if clear is not None:
        assert np.abs(alpha_back.astype(int) - clear.repeat(2, 0).repeat(2, 1)).max() <= allowed


def through_ffv1(frame: Any) -> Any:
    file = io.BytesIO()
    with av.open(file, "w", format="nut") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        return next(container.decode(video=0))
