"""Frames become the right pixels, and pixels the right frames, by formulas and by other readers."""

from __future__ import annotations

import io
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

av = pytest.importorskip("av")

import mssn  # noqa: E402
from mssn.errors import FilmError  # noqa: E402
from mssn.film.color import Converter  # noqa: E402
from mssn.film.facts import Colours, probe  # noqa: E402
from mssn.film.plan import FilmOptions, plan_film  # noqa: E402

CASES = Path(__file__).parents[1] / "cases" / "video"
WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # of red and blue, by H.273
YUV = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv444p12le"]
GREY, RGB = ["gray", "gray10le", "gray12le", "ya8"], ["bgr0", "bgra", "gbrp10le", "gbrap12le", "rgb48le"]
CLEAR = ["yuva420p", "yuva422p10le", "yuva444p10le"]


def converter(
    form: str, size: tuple[int, int], *, to: str = "", deep: bool | None = None, **said: Any
) -> Any:
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
    samples = [
        np.floor(part + 0.5).clip(0, 2**bits - 1).astype(np.uint16)
        for part in encoded(rgb, matrix, full, bits)
    ]
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
    assert (
        np.abs(back.astype(int) - picture.repeat(2, 0).repeat(2, 1))[away].max()
        <= (2 if full else 3) * allowed
    )
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


SITINGS = {1: (0.5, 0.0), 2: (0.5, 0.5), 3: (0.0, 0.0), 4: (0.0, 0.5), 5: (1.0, 0.0), 6: (1.0, 0.5)}


@pytest.mark.parametrize("siting", SITINGS)
def test_chroma_lies_where_the_film_says(siting) -> None:
    """Rows and columns by which the first sample of chroma lies behind that of luma."""
    y, x = np.mgrid[0:64, 0:64]
    down, right = SITINGS[siting]
    for place, start in ((y, down), (x, right)):
        level = 400 + 2 * (place + start)  # what chroma is where its samples lie: at every other place
        frame = frame_of("yuv420p10le", np.full((64, 64), 500), np.full((64, 64), 512), level)
        convert = converter("yuv420p10le", (64, 64), siting=siting)
        pixels, _ = convert.to_rgb(frame)
        right_red = decoded([np.full((64, 64), 500), np.full((64, 64), 512), 400 + 2 * place], 1, False, 10)
        inside = np.s_[8:-8, 8:-8, 0]
        step = 2 * 65535 * (2 - 2 * 0.2126) / 896  # one pixel of the ramp, in red
        assert np.abs(pixels[inside] - right_red[inside] * 65535).max() < step / 20
        back = planes(convert.from_rgb(pixels, None))[2]
        assert np.abs(back[4:-4, 4:-4].astype(float) - planes(frame)[2][4:-4, 4:-4]).max() <= 1


@pytest.mark.parametrize("form", ["yuv420p", "yuv422p10le", "yuva420p"])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_an_odd_size_is_the_even_one_cut(form, full) -> None:
    """No column drifts: pixels far from the edge that was cut are the same, and those at it are as good."""
    rng = np.random.default_rng(1)
    whole = rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)
    whole[-1], whole[:, -1] = whole[-2], whole[:, -2]
    clear = whole[:, :, :1] if form == "yuva420p" else None
    even, odd = (converter(form, size, full=full, deep=False) for size in ((48, 64), (47, 63)))
    frame = even.from_rgb(whole, clear)
    cut = odd.from_rgb(whole[:47, :63], None if clear is None else clear[:47, :63])
    assert (cut.width, cut.height) == (63, 47)
    for large, small in zip(planes(frame), planes(cut), strict=True):
        assert np.array_equal(large[: len(small), : small.shape[1]], small)
    luma = planes(frame)[0].copy()
    luma[-1], luma[:, -1] = luma[-2], luma[:, -2]
    planes(frame)[0][...] = luma
    pixels, alpha = even.to_rgb(frame)
    found, alpha_found = odd.to_rgb(cut)
    assert np.array_equal(found, pixels[:47, :63])
    assert alpha_found is None or np.array_equal(alpha_found, alpha[:47, :63])


@pytest.mark.parametrize(
    "form", ["gbrp", "gbrap", "gbrap10le", "rgb24", "rgba", "rgb48be", "gray16be", "ya16le"]
)
def test_what_has_no_matrix_comes_back_as_it_was(form) -> None:
    kind = av.VideoFormat(form)
    bits, names = kind.components[0].bits, len(kind.components)
    dtype = np.uint16 if bits > 8 else np.uint8
    values = np.random.default_rng(2).integers(0, 2**bits, (9, 13, names)).astype(np.float64)
    values = np.floor(values * np.iinfo(dtype).max / (2**bits - 1) + 0.5).astype(dtype)
    colours = 1 if names < 3 else 3
    alpha = values[:, :, colours:] if names > colours else None
    convert = converter(form, (9, 13), full=True)
    pixels, opacity = convert.to_rgb(convert.from_rgb(values[:, :, :colours], alpha))
    assert np.array_equal(pixels, values[:, :, :colours])
    assert alpha is None or np.array_equal(opacity, alpha)


@pytest.mark.parametrize(
    ("form", "grey"), [("rgb555le", False), ("rgb565le", False), ("pal8", False), ("monow", True)]
)
def test_few_bits_reach_black_and_white(form, grey) -> None:
    frame = av.VideoFrame(16, 4, "gray")
    planes(frame)[0][...] = 255 * (np.arange(16) > 7)
    if form == "pal8":
        levels = np.stack([np.arange(256)] * 4, axis=1).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray((planes(frame)[0].copy(), levels), "pal8")
    else:
        frame = frame.reformat(format=form)
    kind = av.VideoFormat(form)
    convert = converter("gray" if grey else "gbrp", (4, 16), full=True)
    assert kind.components[0].bits <= 8
    pixels, alpha = convert.to_rgb(frame)
    assert pixels.shape == (4, 16, 1 if grey else 3)
    assert alpha is None
    assert set(pixels[:, :8].flat) == {0}
    assert set(pixels[:, 8:].flat) == {255}


def test_grey_becomes_what_a_codec_without_grey_holds() -> None:
    ramp = np.arange(256, dtype=np.uint8)[None, :, None].repeat(4, 0)
    luma, *chroma = planes(converter("gray", (4, 256), to="yuv420p").from_rgb(ramp, None))
    assert np.abs(luma - (16 + ramp[:, :, 0] / 255 * 219)).max() <= 0.51
    assert all((part == 128).all() for part in chroma)
    red, green, blue = np.moveaxis(
        converter("gray", (4, 256), to="rgb24").from_rgb(ramp, None).to_ndarray(), 2, 0
    )
    assert np.array_equal(red, ramp[:, :, 0])
    assert np.array_equal(red, green)
    assert np.array_equal(green, blue)


def test_opaque_where_nothing_is_said_of_it() -> None:
    pixels = np.zeros((4, 6, 3), np.uint16)
    *_, alpha = planes(converter("yuva444p10le", (4, 6)).from_rgb(pixels, None))
    assert (alpha == 1023).all()


def test_floats_are_refused() -> None:
    with pytest.raises(FilmError, match="grayf32le"):
        converter("grayf32le", (4, 4))


def decoded_frames(source: Any, decoder: str) -> Any:
    """All frames, by the decoder that keeps transparency."""
    context = source.streams.video[0].codec_context
    if context.name != decoder:
        context = av.CodecContext.create(decoder, "r")
    for packet in source.demux(video=0):
        yield from context.decode(packet if packet.size else None)


def twice(plane: np.ndarray) -> np.ndarray:
    """Every row and column two times."""
    return plane.repeat(2, axis=0).repeat(2, axis=1)


def case(name: str, target: Path, seen_as: str = "") -> tuple[tuple[bytes, str, int, int], dict[str, str]]:
    """A film of the cases, its pixels repeated, as another program reads it: samples and tags of frames."""
    for program in ("ffmpeg", "ffprobe"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    video = probe(CASES / name).video
    height, width = 2 * video.height, 2 * video.width
    form = {"yuvj420p": "yuv420p", "gbrp": "bgr0"}.get(video.format, video.format)
    plan = SimpleNamespace(format=form, height=height, width=width, colours=video.colours)
    convert = Converter(video, plan)  # type: ignore[arg-type]
    with av.open(CASES / name) as source, av.open(target, "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, form
        for frame in decoded_frames(source, video.decoder):
            pixels, alpha = convert.to_rgb(frame)
            clear = None if alpha is None else twice(alpha)
            result = convert.from_rgb(twice(pixels), clear)
            coder = stream.codec_context
            if not coder.is_open:
                coder.color_range, coder.colorspace = result.color_range, result.colorspace
                coder.color_primaries, coder.color_trc = result.color_primaries, result.color_trc
            result.pts, result.time_base = frame.pts, source.streams.video[0].time_base
            container.mux(stream.encode(result))
        container.mux(stream.encode(None))
    read = ["ffmpeg", "-v", "error", "-i", str(target), "-frames:v", "1", "-f", "rawvideo"]
    if seen_as:
        read, form = [*read, "-pix_fmt", seen_as], seen_as
    raw = subprocess.run([*read, "-"], check=True, capture_output=True).stdout
    asked = [
        "ffprobe",
        "-v",
        "error",
        "-show_entries",
        "stream=pix_fmt,color_space,color_range,color_primaries",
    ]
    told = subprocess.run([*asked, "-of", "default=nk=0:nw=1", str(target)], check=True, capture_output=True)
    return (raw, form, width, height), dict(line.split("=") for line in told.stdout.decode().split())


def samples(found: tuple[bytes, str, int, int]) -> list[np.ndarray]:
    """The planes that another program wrote."""
    raw, form, width, height = found
    kind = av.VideoFormat(form, width, height)
    dtype = np.dtype("<u2" if kind.components[0].bits > 8 else "u1")
    values, parts = np.frombuffer(raw, dtype), []
    for index, part in enumerate(kind.components):
        small = index in (1, 2) and not part.is_alpha
        size = (kind.chroma_height(), kind.chroma_width()) if small else (height, width)
        parts.append(values[: size[0] * size[1]].reshape(size))
        values = values[size[0] * size[1] :]
    return parts


@pytest.mark.parametrize(
    ("name", "space", "right"),
    [("bt709.mkv", "bt709", (63, 102, 240)), ("bt601.mkv", "smpte170m", (81, 90, 240))],
)
def test_red_stays_red(name, space, right, tmp_path) -> None:
    found, told = case(name, tmp_path / "large.mkv")
    assert told["color_space"] in (space, "bt470bg")
    for part, level in zip(samples(found), right, strict=True):
        assert np.abs(part.astype(int) - level).max() <= 2


def test_ten_bits_stay_ten(tmp_path) -> None:
    found, told = case("ten.mkv", tmp_path / "large.mkv")
    luma = np.unique(samples(found)[0])
    assert told["pix_fmt"] == "yuv420p10le"
    assert len(luma) > 256
    assert (luma % 4 > 0).mean() >= 0.5


@pytest.mark.parametrize("name", ["full.mp4", "mjpeg.avi"])
def test_full_range_stays_full(name, tmp_path) -> None:
    found, told = case(name, tmp_path / "large.mkv", seen_as="gbrp")
    assert told["color_range"] == "pc"
    darkest, lightest = min(part.min() for part in samples(found)), max(part.max() for part in samples(found))
    assert darkest < 6
    assert lightest > 249


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize(("form", "top"), [("gray", 255), ("gray10le", 1023), ("gray16le", 65535)])
def test_untagged_grey_is_what_players_show(tmp_path, form, top) -> None:
    """From 0 on: FFmpeg takes grey for full where nobody says otherwise, PyAV's and another build alike."""
    path, dtype = tmp_path / "grey.mkv", np.uint8 if top == 255 else np.uint16
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("ffv1", rate=25, options={"level": "3"})
        stream.width, stream.height, stream.pix_fmt = 256, 16, form
        frame = av.VideoFrame(256, 16, form)
        row = np.linspace(0, top, 256).round().astype(dtype)
        np.frombuffer(memoryview(frame.planes[0]), dtype).reshape(16, -1)[:, :256] = row
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        decoded: Any = next(container.decode(video=0))
    assert decoded.color_range == 0
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    shown = np.frombuffer(done.stdout, np.uint8).reshape(16, 256, 3)[0, :, 0]
    found = next(mssn.upscale_frames(path, 1, model="bicubic")).pixels[0, :, 0] / (1 if top == 255 else 257)
    for players in (shown, decoded.to_ndarray(format="rgb24")[0, :, 0]):
        assert np.abs(found - players).max() < 2  # swscale rounds 16 bits in a way of its own
    made = plan_film(probe(path), Path("a.mkv"), (32, 512), FilmOptions())
    assert made.format == form and made.colours.full


@pytest.mark.parametrize("name", ["gray.mkv", "gbrp.mkv"])
def test_no_matrix_no_change(name, tmp_path) -> None:
    large, told = case(name, tmp_path / "large.mkv", seen_as="gbrp" if name == "gbrp.mkv" else "")
    assert told["pix_fmt"] == ("gray" if name == "gray.mkv" else "bgr0")
    read = ["ffmpeg", "-v", "error", "-i", str(CASES / name), "-frames:v", "1", "-f", "rawvideo", "-"]
    raw = subprocess.run(read, check=True, capture_output=True).stdout
    small = samples((raw, large[1], large[2] // 2, large[3] // 2))
    for part, source in zip(samples(large), small, strict=True):
        assert np.array_equal(part, source.repeat(2, 0).repeat(2, 1))


def test_the_film_with_alpha_keeps_it(tmp_path) -> None:
    found, told = case("alpha.webm", tmp_path / "large.mkv")
    assert told["pix_fmt"] == "yuva420p"
    assert abs(samples(found)[3].mean() - 126) < 2


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
def test_a_coloured_line_does_not_lean(full) -> None:
    """Chroma that lies left is as far from an odd column on both sides; every pixel counts for it."""
    for column in range(24, 40):
        left, right = (column - 1) // 2, (column + 2) // 2
        picture = np.full((32, 64, 3), 90, np.uint8)
        picture[:, column] = 200, 80, 20
        for part in planes(converter("yuv420p", (32, 64), full=full).from_rgb(picture, None))[1:]:
            assert (part[:, (column + 1) // 2] != 128).all()
            assert np.abs(part[:, left].astype(int) - part[:, right]).max() <= 1
