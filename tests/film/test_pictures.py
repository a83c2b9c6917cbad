"""Frames in and out as numbered pictures, moving pictures and Y4M; read back by other programs."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mssn

av = pytest.importorskip("av")

from film_clips import CASES, decoded, drawn, make_clip  # noqa: E402

from mssn.errors import FilmError, ImageError, MssnError  # noqa: E402
from mssn.film.inputs import Numbered, Pipe, is_pattern, rate_of  # noqa: E402
from mssn.film.plan import FilmOptions  # noqa: E402
from mssn.film.results import make  # noqa: E402
from mssn.image.picture import Picture  # noqa: E402
from mssn.image.read import read  # noqa: E402
from mssn.image.write import write  # noqa: E402

BICUBIC = mssn.load("bicubic", 2)
SAME = mssn.load("bicubic", 1)
V_GIF = [0, 0.4, 0.7, 0.8, 0.9]  # when its frames are shown, for 0.1 s at last


def made(source: Path, target: Path, upscaler=BICUBIC, **options):
    return make(upscaler, source, target, FilmOptions(**options))


def numbered(folder: Path, numbers) -> Path:
    """Pictures of `drawn`; the pattern that stands for them."""
    folder.mkdir()
    for number in numbers:
        write(folder / f"{number:06d}.png", Picture(drawn(number)))
    return folder / "%06d.png"


def probed(path: Path | bytes, *entries: str, form: str = "") -> dict:
    """What ffprobe, of another build than PyAV's FFmpeg, says of the film in a file."""
    named = isinstance(path, Path)
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-of", "json", "-show_entries", *entries]
    command += ["-f", form] if form else []
    done = subprocess.run(
        [*command, str(path) if named else "-"],
        capture_output=True,
        check=True,
        input=None if named else path,
    )
    return json.loads(done.stdout)


def times(path: Path) -> list[float]:
    return [float(frame["pts_time"]) for frame in probed(path, "frame=pts_time")["frames"]]


# Numbered pictures


def test_a_film_becomes_pictures_from_1_on(tmp_path) -> None:
    film = make_clip(tmp_path / "a.mkv", 5, encoder="ffv1", options={"level": "3"})
    done = made(film, tmp_path / "frames" / "%06d.png")
    assert [path.name for path in sorted((tmp_path / "frames").iterdir())] == [
        f"00000{n}.png" for n in range(1, 6)
    ]
    assert done.notes == ("times, audio left out",)
    third = read(tmp_path / "frames" / "000003.png")
    assert np.array_equal(third.pixels, [*mssn.upscale_frames(film, model="bicubic")][2].pixels)


def test_pictures_have_the_depth_and_transparency_of_the_film(tmp_path) -> None:
    made(CASES / "ten.mkv", tmp_path / "ten%d.png")
    ten = read(tmp_path / "ten1.png").pixels
    assert ten.dtype == np.uint16 and len(np.unique(ten)) > 256
    made(CASES / "alpha.webm", tmp_path / "clear%d.webp")
    clear = read(tmp_path / "clear1.webp").alpha
    assert clear is not None and 120 < clear.mean() < 132
    made(CASES / "gray.mkv", tmp_path / "grey%d.png")
    assert read(tmp_path / "grey1.png").pixels.shape == (96, 128, 1)


def test_pictures_become_pictures_with_their_own_numbers(tmp_path) -> None:
    """No rate is asked for: none of them needs one."""
    made(numbered(tmp_path / "in", range(7, 10)), tmp_path / "out" / "%d.png", SAME)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["7.png", "8.png", "9.png"]
    assert np.array_equal(read(tmp_path / "out" / "8.png").pixels, drawn(8))


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(24000, 1001)])
def test_pictures_become_a_film_of_the_rate_asked_for(tmp_path, rate) -> None:
    source = numbered(tmp_path / "in", range(1000, 1012))
    made(source, tmp_path / "film.mkv", SAME, rate=rate, codec="ffv1")
    stream = probed(tmp_path / "film.mkv", "stream=r_frame_rate,width,height")["streams"][0]
    assert Fraction(stream["r_frame_rate"]) == rate
    assert times(tmp_path / "film.mkv") == pytest.approx([float(n / rate) for n in range(12)], abs=6e-4)
    with av.open(str(tmp_path / "film.mkv")) as container:
        for number, frame in enumerate(container.decode(video=0), 1000):
            assert np.array_equal(frame.to_ndarray(format="rgb24"), drawn(number))


def test_sixteen_bits_stay(tmp_path) -> None:
    ramp = np.broadcast_to(np.arange(0, 65536, 512, dtype=np.uint16)[None, :, None], (32, 128, 3))
    for number in (1, 2):
        write(tmp_path / f"{number}.png", Picture(np.ascontiguousarray(ramp)))
    made(tmp_path / "%d.png", tmp_path / "film.mkv", SAME, rate=Fraction(5))
    with av.open(str(tmp_path / "film.mkv")) as container:
        frame = next(container.decode(video=0))
    assert frame.format.components[0].bits > 10
    back = frame.to_ndarray(format="gbrp16le")[:, :, 0].astype(int)
    assert np.abs(back - ramp[:, :, 0]).max() <= 65536 >> frame.format.components[0].bits


def test_pictures_need_a_rate_to_become_a_film(tmp_path) -> None:
    source = numbered(tmp_path / "in", (1, 2))
    for target in ("a.mkv", "a.gif", "a.y4m"):
        with pytest.raises(FilmError, match=r"pictures have no times; say how many .* as in `rate` 25"):
            made(source, tmp_path / target)
    with pytest.raises(FilmError, match=r"has times of its own; leave `rate` out"):
        made(CASES / "src.mp4", tmp_path / "%d.png", rate=Fraction(25))


def test_a_missing_picture_is_found_before_the_work(tmp_path) -> None:
    source = numbered(tmp_path / "in", (1, 2, 4))
    with pytest.raises(FilmError, match=r"000003.png: is missing between 000001.png and 000004.png"):
        made(source, tmp_path / "a.mkv", rate=Fraction(25))
    with pytest.raises(FilmError, match=r"no such pictures"):
        made(tmp_path / "in" / "%d.jpg", tmp_path / "a.mkv", rate=Fraction(25))


def test_pictures_that_are_there_are_refused_kept_or_replaced(tmp_path) -> None:
    film = make_clip(tmp_path / "a.mkv", 4, sound=False)
    target = tmp_path / "%d.png"
    write(tmp_path / "2.png", Picture(drawn(9)))
    with pytest.raises(FilmError, match=r"2.png: exists already; use `force=True` .* or `skip_existing`"):
        made(film, target)
    assert not (tmp_path / "1.png").exists()
    make(BICUBIC, film, target, FilmOptions(), keep=True)
    assert [read(tmp_path / f"{n}.png").pixels.shape[0] for n in range(1, 5)] == [96, 48, 96, 96]
    write(tmp_path / "7.png", Picture(drawn(9)))
    done = made(film, target, force=True)
    assert read(tmp_path / "2.png").pixels.shape[0] == 96
    assert "1 pictures of an earlier run lie among them, such as 7.png" in done.notes
    with pytest.raises(FilmError, match=r"would replace the originals"):
        made(numbered(tmp_path / "in", (1, 2)), tmp_path / "in" / "%06d.png", force=True)


def test_percent_signs_in_other_names_mean_themselves(tmp_path) -> None:
    folder = tmp_path / "100% %s"
    folder.mkdir()
    for number in (3, 4):
        write(folder / f"50%a{number:03d}.png", Picture(drawn(number)))
    made(folder / "50%a%03d.png", tmp_path / "out.nut.mkv", SAME, rate=Fraction(2))
    assert len(times(tmp_path / "out.nut.mkv")) == 2
    film = shutil.copy(CASES / "src.mp4", tmp_path / "odd %03d.mp4")
    assert not is_pattern(Path(film)) and not is_pattern(tmp_path / "other %03d.mp4")
    assert is_pattern(tmp_path / "other %03d.png")
    assert not is_pattern(tmp_path / "50%.png") and not is_pattern(tmp_path / "%d-%d.png")
    assert made(Path(film), tmp_path / "odd.mkv").frames == 25


def test_numbers_are_those_that_the_pattern_writes(tmp_path) -> None:
    for name in ("1.png", "02.png", "3.png", "10.png", "x4.png", "5.jpg"):
        (tmp_path / name).touch()
    assert Numbered(tmp_path / "%d.png").there() == [1, 3, 10]
    assert Numbered(tmp_path / "%02d.png").there() == [2, 10]


# Moving pictures


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "apng", "mkv"])
def test_a_moving_gif_keeps_its_times(tmp_path, ending) -> None:
    target = tmp_path / f"v.{ending}"
    done = made(CASES / "v.gif", target)
    assert (done.frames, done.after, done.missing) == (5, (128, 96), ())
    if ending == "mkv":
        assert times(target) == pytest.approx(V_GIF, abs=1e-3)
        return
    with Image.open(target) as image:
        count = image.n_frames  # type: ignore[attr-defined]
        assert (count, image.size, image.info["loop"]) == (5, (128, 96), 0)
        shown = []
        for number in range(5):
            image.seek(number)
            image.load()
            shown.append(image.info["duration"])
    assert shown == [400, 300, 100, 100, 100]


@pytest.mark.parametrize(("ending", "far"), [("gif", 30), ("webp", 8), ("png", 0)])
def test_moving_pictures_show_what_the_film_shows(tmp_path, ending, far) -> None:
    film = make_clip(tmp_path / "a.mkv", 4, sound=False, encoder="ffv1")
    made(film, tmp_path / f"a.{ending}", SAME)
    expected = [frame.pixels for frame in mssn.upscale_frames(film, 1, model="bicubic")]
    with Image.open(tmp_path / f"a.{ending}") as image:
        for number, pixels in enumerate(expected):
            image.seek(number)
            difference = np.asarray(image.convert("RGB")).astype(int) - pixels
            assert np.abs(difference).mean() <= far


@pytest.mark.parametrize("ending", ["webp", "png", "gif"])
def test_moving_pictures_are_films(tmp_path, ending) -> None:
    """WebP is one that FFmpeg does not read."""
    frames = [Image.fromarray(drawn(number)) for number in range(4)]
    options: dict[str, Any] = {"lossless": True} if ending == "webp" else {}
    options |= {"save_all": True, "append_images": frames[1:], "duration": [40, 200, 80, 120]}
    frames[0].save(tmp_path / f"a.{ending}", **options)
    made(tmp_path / f"a.{ending}", tmp_path / "a.mkv", SAME)
    assert times(tmp_path / "a.mkv") == pytest.approx([0, 0.04, 0.24, 0.32], abs=1e-3)
    with av.open(str(tmp_path / "a.mkv")) as container:
        for number, frame in enumerate(container.decode(video=0)):
            difference = frame.to_ndarray(format="rgb24").astype(int) - drawn(number)
            assert np.abs(difference).mean() <= (40 if ending == "gif" else 0)


@pytest.mark.parametrize("plays", [0, 1, 2, 5])
@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_moving_pictures_repeat_as_often(tmp_path, ending, plays) -> None:
    """GIF counts what comes after the first time; the others count all."""
    frames = [Image.fromarray(drawn(number)) for number in range(2)]
    repeats = {1: {}} if ending == "gif" else {1: {"loop": 1}}
    options: dict[str, Any] = repeats.get(plays, {"loop": max(plays - (ending == "gif"), 0)})
    frames[0].save(tmp_path / f"a.{ending}", save_all=True, append_images=frames[1:], duration=100, **options)
    for other in ("gif", "webp", "png"):
        done = made(tmp_path / f"a.{ending}", tmp_path / f"b.{other}", SAME)
        assert not any("repeats" in note for note in done.notes)
        with Image.open(tmp_path / f"b.{other}") as image:
            if other == "gif" and plays == 1:
                assert "loop" not in image.info
            else:
                assert image.info["loop"] == max(plays - (other == "gif"), 0)
    for target in ("c.mkv", "c.y4m", "c%d.bmp.png"):
        done = made(tmp_path / f"a.{ending}", tmp_path / target, SAME)
        assert any("how often it repeats" in note and "left out" in note for note in done.notes)


def test_what_does_not_say_how_often_it_repeats_does_so_for_ever(tmp_path) -> None:
    film = make_clip(tmp_path / "a.mkv", 2, sound=False)
    for ending in ("gif", "webp", "apng"):
        done = made(film, tmp_path / f"a.{ending}", SAME)
        assert done.notes == ("repeats for ever: its source does not say how often",)
        with Image.open(tmp_path / f"a.{ending}") as image:
            assert image.info["loop"] == 0


def test_transparency_moves_along(tmp_path) -> None:
    for ending, far in (("webp", 4), ("png", 3)):
        made(CASES / "alpha.webm", tmp_path / f"a.{ending}")
        with Image.open(tmp_path / f"a.{ending}") as image:
            image.seek(1)
            alpha = np.asarray(image.convert("RGBA"))[:, :, 3]
        assert abs(alpha.mean() - 126) < far
        assert next(mssn.upscale_frames(tmp_path / f"a.{ending}", model="bicubic")).pixels.shape[2] == 4


def test_a_film_too_fast_for_gif_keeps_its_pace(tmp_path) -> None:
    film = make_clip(tmp_path / "fast.mkv", 60, 120, sound=False)
    done = made(film, tmp_path / "a.gif")
    assert done.notes[-1].endswith("frames are left out that followed within 0.02 s")
    shown = times(tmp_path / "a.gif")
    assert min(np.diff(shown)) > 0.0199 and 0.46 < shown[-1] <= 0.49
    assert len(shown) + int(done.notes[-1].split()[0]) == 60


def test_one_picture_is_no_film(tmp_path) -> None:
    write(tmp_path / "a.png", Picture(drawn(0)))
    for target in ("a.mkv", "a.gif", "%d.png"):
        with pytest.raises(FilmError, match=r"a.png: is one picture, and no film"):
            made(tmp_path / "a.png", tmp_path / target)


# Y4M


def y4m(name: str) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", str(CASES / name), "-strict", "-1", "-f", "yuv4mpegpipe", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def piped(content: bytes, target: Path = Path("-"), upscaler=BICUBIC, **options):
    """What becomes of a stream that can neither go back nor be opened twice."""
    out = io.BytesIO()

    class In:
        read = staticmethod(io.BytesIO(content).read)

    class Out:
        write = staticmethod(out.write)

    to = Out() if target == Path("-") else None
    done = make(upscaler, Path("-"), target, FilmOptions(**options), pipe=Pipe(In()), out=to)
    return done, out.getvalue()


@pytest.mark.parametrize(
    ("name", "pixels", "frames"),
    [("src.mp4", "yuv420p", 25), ("ten.mkv", "yuv420p10le", 3), ("gray.mkv", "gray", 3)],
)
def test_y4m_goes_through(name, pixels, frames) -> None:
    done, large = piped(y4m(name))
    stream = probed(large, "stream=width,height,pix_fmt,nb_read_frames,r_frame_rate", "-count_frames")[
        "streams"
    ][0]
    assert (stream["pix_fmt"], int(stream["nb_read_frames"])) == (pixels, frames) == (pixels, done.frames)
    assert (stream["width"], stream["height"]) == done.after
    assert stream["r_frame_rate"] == probed(CASES / name, "stream=r_frame_rate")["streams"][0]["r_frame_rate"]


@pytest.mark.parametrize(("tag", "black", "white"), [("FULL", 0, 255), ("LIMITED", 16, 235)])
def test_a_stream_keeps_its_samples(tag, black, white) -> None:
    """A ramp of grey, enlarged by 1: the same, to rounding, and of the same range."""
    luma = np.broadcast_to(np.linspace(black, white, 64).round().astype(np.uint8), (48, 64)).tobytes()
    chroma = bytes([128]) * (64 * 48 // 2)
    small = f"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420mpeg2 XCOLORRANGE={tag}\nFRAME\n".encode() + luma + chroma
    back = piped(small, upscaler=SAME)[1]
    header, _, samples = back.partition(b"\nFRAME\n")
    assert header.startswith(b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420mpeg2 ") and header.endswith(tag.encode())
    difference = np.frombuffer(samples, np.uint8).astype(int) - np.frombuffer(luma + chroma, np.uint8)
    assert np.abs(difference).max() <= 1


def test_a_stream_becomes_a_film_a_row_of_pictures_or_a_moving_one(tmp_path) -> None:
    small = y4m("src.mp4")
    for name in ("a.mkv", "a.mp4", "a.gif"):
        done, _ = piped(small, tmp_path / name)
        assert (done.frames, len(times(tmp_path / name))) == (25, 25)
        assert times(tmp_path / name) == pytest.approx([n / 25 for n in range(25)], abs=1e-3)
    piped(small, tmp_path / "rows" / "%d.png")
    assert len(list((tmp_path / "rows").iterdir())) == 25
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "a.mkv", "a.mp4", "rows"]


def test_frames_at_odd_times_come_at_a_steady_pace(tmp_path) -> None:
    """What stays longer is repeated."""
    film = make_clip(tmp_path / "a.mkv", 4, times=[0, 1, 4, 5], sound=False, encoder="ffv1")
    done = made(film, tmp_path / "a.y4m", SAME)
    expected = [samples for _, samples in decoded(film)]
    rate = Fraction(probed(tmp_path / "a.y4m", "stream=r_frame_rate")["streams"][0]["r_frame_rate"])
    shown = [samples for _, samples in decoded(tmp_path / "a.y4m")]
    moments = [Fraction(number) / rate for number in range(len(shown))]
    begins = [Fraction(number, 25) for number in (0, 1, 4, 5)]
    for moment, samples in zip(moments, shown, strict=True):
        near = [n for n, begin in enumerate(begins) if begin <= moment + Fraction(1, 2) / rate]
        assert np.abs(samples[:48].astype(int) - expected[near[-1]][:48]).max() <= 2
    assert any("at a steady" in note for note in done.notes)


def test_a_broken_stream_says_so() -> None:
    whole = y4m("src.mp4")
    assert piped(whole)[0].missing == ()
    done, _ = piped(whole[:-1000])
    assert (done.frames, done.missing) == (24, ("the stream breaks off within a frame",))
    with pytest.raises(FilmError):
        piped(whole[:300])
    with pytest.raises(FilmError, match=r"has a rate of its own"):
        piped(whole, rate=Fraction(25))


@pytest.mark.parametrize("name", ["src.mp4", "odd.webm", "ten.mkv", "gray.mkv"])
def test_a_file_that_ends_within_a_frame_says_so(tmp_path, name) -> None:
    """FFmpeg takes the frames that are whole for all that there are."""
    whole, path = y4m(name), tmp_path / "a.y4m"
    path.write_bytes(whole)
    all_of_it = made(path, tmp_path / "a.mkv", SAME)
    assert all_of_it.missing == ()
    for short, target in ((1, "b.mkv"), (999, "b.y4m"), (1000, "b%d.png")):
        path.write_bytes(whole[:-short])
        done = made(path, tmp_path / target, SAME)
        assert (done.frames, done.missing) == (all_of_it.frames - 1, ("the file breaks off within a frame",))
    assert made(path, tmp_path / "c.mkv", SAME, end=0.05).missing == ()  # nothing is missing up to there


def test_what_a_full_pipe_says_is_said() -> None:
    class Full:
        def write(self, data: bytes, /) -> int:
            raise MssnError("standard output takes no more")

    with pytest.raises(MssnError, match=r"takes no more"):
        make(BICUBIC, CASES / "src.mp4", Path("-"), FilmOptions(), out=Full())


def test_a_stream_is_held_nowhere(tmp_path) -> None:
    """Its beginning is kept until it was looked at; then memory does not grow with its length."""
    import tracemalloc

    header, frame = b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg\n", b"FRAME\n" + bytes(64 * 48 * 3 // 2)

    class Endless:
        def __init__(self, frames: int) -> None:
            self.left, self.waits = frames, header

        def read(self, size: int = -1, /) -> bytes:
            while len(self.waits) < size and self.left:
                self.left -= 1
                self.waits += frame
            data, self.waits = self.waits[:size], self.waits[size:]
            return data

    class Nowhere:
        def write(self, data: bytes, /) -> int:
            return len(data)

    def peak(frames: int) -> int:
        tracemalloc.start()
        pipe = Pipe(Endless(frames))
        made_of = make(SAME, Path("-"), Path("-"), FilmOptions(), pipe=pipe, out=Nowhere())
        assert made_of.frames == frames
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(20)
    assert peak(1200) < peak(300) + 200_000


def test_rates_as_people_write_them() -> None:
    assert [rate_of(text) for text in ("25", "29.97", "24000/1001")] == [
        25,
        Fraction(2997, 100),
        Fraction(24000, 1001),
    ]
    for text in ("0", "-1", "abc", "1/0", ""):
        with pytest.raises(FilmError, match=r"`rate` must be frames a second, 25 or"):
            rate_of(text)


def test_what_frames_cannot_be_written_as(tmp_path) -> None:
    with pytest.raises(FilmError, match=r"cannot be written as .bmp"):
        made(CASES / "src.mp4", tmp_path / "%d.bmp")
    with pytest.raises((FilmError, ImageError), match=r"no such folder"):
        made(CASES / "src.mp4", tmp_path / "gone" / "a.gif")
