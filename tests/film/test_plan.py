"""Everything is decided before the first frame: what encodes, what does not fit, what is lost."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from film_clips import CASES, captioned, make_clip

from mssn.errors import FilmError
from mssn.film.facts import probe
from mssn.film.frames import Frames
from mssn.film.plan import FilmOptions, FilmPlan, ending_for, plan_film

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def plan(name: str | Path, target: str = "a.mkv", scale: float = 2, **options) -> FilmPlan:
    film = probe(CASES / name)
    size = round(film.video.height * scale), round(film.video.width * scale)
    return plan_film(film, Path(target), size, FilmOptions(**options))


@pytest.mark.parametrize(
    ("name", "target", "encoder", "pixels"),
    [
        ("src.mp4", "a.mp4", "libsvtav1", "yuv420p"),
        ("src.mp4", "a.mov", "libx264", "yuv420p"),  # QuickTime knows no AV1
        ("sizechange.ts", "a.ts", "libx264", "yuv420p"),  # nor do transport streams
        ("ten.mkv", "a.mkv", "libsvtav1", "yuv420p10le"),
        ("ten.mkv", "a.mov", "libx265", "yuv420p10le"),
        ("hdr10.mkv", "a.mkv", "libsvtav1", "yuv420p10le"),
        ("bt709.mkv", "a.mkv", "libx264", "yuv444p"),
        ("bt709.mkv", "a.webm", "libvpx-vp9", "yuv444p"),
        ("gbrp.mkv", "a.mkv", "libx264rgb", "bgr24"),
        ("gray.mkv", "a.mkv", "ffv1", "gray"),
        ("gray.mkv", "a.mp4", "libsvtav1", "yuv420p"),  # next to nothing reads FFV1 in MP4
        ("alpha.webm", "a.webm", "libvpx-vp9", "yuva420p"),
        ("alpha.webm", "a.mkv", "ffv1", "yuva420p"),
        ("alpha.mov", "a.mov", "prores_ks", "yuva444p10le"),
        ("mjpeg.avi", "a.mkv", "libsvtav1", "yuv420p"),
        ("sar.mkv", "a.mkv", "libx264", "yuv420p"),  # AV1 in Matroska would lose the pixel aspect
        ("v.gif", "a.mkv", "ffv1", "bgra"),
    ],
)
def test_what_encodes_a_kind_of_film(name, target, encoder, pixels) -> None:
    found = plan(name, target)
    assert (found.encoding.encoder, found.format) == (encoder, pixels)
    assert not any("transparency" in note for note in found.notes)


def test_films_with_captions_get_a_codec_that_keeps_them(tmp_path) -> None:
    path = captioned(tmp_path / "a.mkv")
    film = probe(path)
    found = plan_film(film, tmp_path / "b.mkv", (96, 128), FilmOptions())
    assert found.encoding.codec == "h264" and found.captions
    lost = plan_film(film, tmp_path / "b.mkv", (96, 128), FilmOptions(codec="av1"))
    assert not lost.captions and any("closed captions are lost in av1" in note for note in lost.notes)


@pytest.mark.parametrize("codec", ["av1", "h264", "hevc", "vp9", "ffv1"])
def test_a_codec_that_is_asked_for_is_used(codec) -> None:
    assert plan("src.mp4", codec=codec).encoding.codec == codec
    assert plan("src.mp4", "a.mov", codec="prores").encoding.codec == "prores"


@pytest.mark.parametrize("codec", ["h264_nvenc", "hevc_qsv", "h264_videotoolbox"])
def test_an_encoder_of_a_graphics_card_works_or_is_refused_in_a_line(codec) -> None:
    with suppress(FilmError):
        assert plan("src.mp4", codec=codec).encoding.encoder == codec
        return
    with pytest.raises(FilmError, match=r"leave `codec` out") as raised:
        plan("src.mp4", codec=codec)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("scale", [3, 5])
@pytest.mark.parametrize("codec", [None, "h264", "hevc", "vp9", "ffv1"])
def test_odd_sizes_come_out_exactly(codec, scale) -> None:
    """H.264 and HEVC need 4:4:4 for that; of one frame the plan has read the size back."""
    found = plan("odd.webm", "a.mkv", scale, codec=codec)
    assert (found.width, found.height) == (round(63 * scale), round(47 * scale))
    assert found.format == ("yuv444p" if codec in ("h264", "hevc") else "yuv420p")


def test_quality_sets_the_quantiser_and_the_default_is_one_of_the_scale() -> None:
    for codec in ("av1", "h264", "hevc", "vp9"):
        found = [
            float(dict(plan("src.mp4", codec=codec, quality=quality).encoding.options)["crf"])
            for quality in (1, 30, 75, 100)
        ]
        assert found == sorted(found, reverse=True) and len(set(found)) == 4 and found[-1] > 0
        assert (
            dict(plan("src.mp4", codec=codec).encoding.options)["crf"]
            == dict(plan("src.mp4", codec=codec, quality=75).encoding.options)["crf"]
        )
    assert any("FFV1 is lossless" in note for note in plan("gray.mkv", quality=50).notes)


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("multi.mkv", "a.mp4", r"stream 1 \(audio: pcm_s16le, jpn\) does not fit into .mp4; write .mkv"),
        ("fonts.mkv", "a.mp4", r"stream 1 \(subtitle: ass, jpn\) does not fit into .mp4; write .mkv"),
        ("src.mp4", "a.webm", r"stream 1 \(audio: aac, und\) does not fit into .webm; write .mkv"),
        ("rot.mp4", "a.ts", "does not keep rotation; write .mkv"),
        ("sar.mkv", "a.webm", "does not keep pixel aspect 32:27; write .mkv"),
        ("src.mp4", "a.xyz", "films are written as .mkv"),
    ],
)
def test_what_does_not_fit_is_said_before_the_first_frame(name, target, said) -> None:
    with pytest.raises(FilmError, match=said) as raised:
        plan(name, target)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("codec", "target"),
    [("av1", "a.mov"), ("av1", "a.ts"), ("vp9", "a.ts"), ("ffv1", "a.mov"), ("prores", "a.mp4")],
)
def test_a_codec_that_the_container_does_not_hold_is_named(codec, target) -> None:
    said = (
        f"{codec} does not fit into {Path(target).suffix}; leave `codec` out, choose another, or write .mkv$"
    )
    with pytest.raises(FilmError, match=said):
        plan("src.mp4", target, codec=codec)


def test_a_size_that_no_encoder_takes_is_named() -> None:
    said = r"^a.mp4: libsvtav1 does not work for 64000x48000 pixels \(.+\); make it smaller$"
    with pytest.raises(FilmError, match=said):
        plan("src.mp4", "a.mp4", 1000)


def test_frames_that_are_too_large_are_refused() -> None:
    with pytest.raises(FilmError, match=r"src.mp4: 64 x 48 pixels exceed the limit of 0.001 million"):
        plan("src.mp4", max_pixels=1000)
    with pytest.raises(FilmError, match=r"64 x 48 pixels exceed"):
        Frames(probe(CASES / "src.mp4"), FilmOptions(max_pixels=64 * 48 - 1))
    assert plan("src.mp4", max_pixels=64 * 48).width == 128


def test_hdr_is_kept_or_refused() -> None:
    assert plan("hdr10.mkv").hdr == probe(CASES / "hdr10.mkv").video.hdr
    for codec in ("vp9", "ffv1"):
        with pytest.raises(FilmError, match=r"does not keep .*HDR metadata"):
            plan("hdr10.mkv", codec=codec)


def test_what_is_lost_is_said() -> None:
    assert any("transparency is lost" in note for note in plan("alpha.webm", "a.mp4").notes)
    assert any("12 bits become 10" in note for note in plan("alpha.mov", "a.mov").notes)
    assert any("deinterlaced" in note for note in plan("inter.mpg").notes)
    assert any("converted to subrip" in note for note in plan("movtext.mp4").notes)
    assert plan("src.mp4", "a.mp4").notes == ()
    with pytest.raises(FilmError, match="interlaced"):
        plan("inter.mpg", interlaced="refuse")


def subtitled(path: Path, *lines: str, form: str = "srt") -> Path:
    """A film with subtitles."""
    words = [f"{n}\n00:00:00.{n}00 --> 00:00:00.{n}50{line}" for n, line in enumerate(lines, 1)]
    text = path.with_suffix(f".{form}")
    words = words if form == "vtt" else [each.replace("00.", "00,") for each in words]
    text.write_text(("WEBVTT\n\n" if form == "vtt" else "") + "\n\n".join(words) + "\n")
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        str(CASES / "src.mp4"),
        "-i",
        str(text),
        "-map",
        "0:v",
        "-map",
        "1",
    ]
    subprocess.run([*command, "-c", "copy", str(path)], check=True)
    return path


@needs_ffmpeg
@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("srt", "\n{\\an8}Above"),
        ("srt", "\n{\\pos(10,20)}There"),
        ("srt", '\nA <font color="#ff0000">red</font> word'),
        ("vtt", " line:0 position:20% align:start\nAbove"),
        ("vtt", "\n<v Bob>Who speaks"),
    ],
)
def test_lines_that_stand_elsewhere_or_look_otherwise_are_not_converted(tmp_path, form, line) -> None:
    path = subtitled(tmp_path / "a.mkv", "\nplain", line, form=form)
    with pytest.raises(
        FilmError, match=r"stream 1 \(subtitle: .*would lose places or .*0.20 s, in .mp4; write .mkv"
    ):
        plan(path, "a.mp4")
    assert plan(path).notes == ()


@needs_ffmpeg
@pytest.mark.parametrize("target", ["a.mp4", "a.mov", "a.webm"])
def test_lines_that_lose_nothing_are_converted(tmp_path, target) -> None:
    lines = (
        "\nplain",
        "\n<i>some</i> and <b>thick</b> and <u>lined</u>",
        "\ntwo\nlines",
        "\n{brace} a\\b & c",
    )
    notes = plan(subtitled(tmp_path / "a.mkv", *lines), target).notes
    (note,) = [note for note in notes if "stream 1" in note]
    assert " is converted to " in note and "lose" not in note


@needs_ffmpeg
def test_letters_that_end_a_line_of_webvtt_are_no_marks(tmp_path) -> None:
    """FFmpeg writes "I <3 you" as it stands, and what follows would be gone."""
    with pytest.raises(FilmError, match=r"would lose .*in .webm; write .mkv"):
        plan(subtitled(tmp_path / "a.mkv", "\nI <3 you"), "a.webm")


@needs_ffmpeg
def test_what_matroska_cannot_copy_is_converted_and_not_refused(tmp_path) -> None:
    path = subtitled(tmp_path / "a.mkv", "\nplain", "\n<i>some</i>")
    film = tmp_path / "a.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-c", "copy", "-c:s", "mov_text", str(film)], check=True
    )
    assert any(note.endswith("is converted to subrip") for note in plan(film).notes)


def test_colours_follow_the_pixel_format() -> None:
    assert plan("mjpeg.avi").colours.siting == 1  # AV1 has no word for the centre
    assert plan("mjpeg.avi", codec="h264").colours.siting == 2
    assert plan("bt709.mkv").colours == probe(CASES / "bt709.mkv").video.colours
    grey = plan("gbrp.mkv", "a.mkv", codec="av1").colours  # R, G, B as Y, Cb, Cr: another matrix
    assert grey.matrix == 6 and not grey.full


def test_a_rounded_size_keeps_the_shape() -> None:
    assert plan("src.mp4").aspect == 1
    film = probe(CASES / "sar.mkv")
    found = plan_film(film, Path("a.mkv"), (96, 192), FilmOptions())  # 72x48 made a third wider
    assert found.aspect * Fraction(192, 96) == Fraction(16, 9)


def test_the_result_keeps_its_container_if_that_holds_it() -> None:
    size = (96, 128)
    assert ending_for(probe(CASES / "src.mp4"), size, FilmOptions()) == (".mp4", None)
    ending, why = ending_for(probe(CASES / "inter.mpg"), size, FilmOptions())
    assert ending == ".mkv" and why is not None and ".mpg cannot hold the result" in why
    ending, why = ending_for(probe(CASES / "sizechange.ts"), size, FilmOptions(codec="av1"))
    assert ending == ".mkv" and why is not None and "written as .mkv" in why


def test_a_second_film_is_named_as_such(tmp_path) -> None:
    stream = probe(make_clip(tmp_path / "a.mkv", 2)).others[0]
    assert str(replace(stream, kind="video", codec="h264")) == "stream 1 (second film: h264)"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"codec": "x265"}, "`codec` must be one of"),
        ({"quality": 0}, "`quality` must be 1 to 100"),
        ({"quality": True}, "`quality` must be 1 to 100"),
        ({"interlaced": "no"}, "`interlaced` must be"),
        ({"start": -1}, "`start` must be seconds"),
        ({"end": float("nan")}, "`end` must be seconds"),
        ({"start": 2, "end": 2}, "must come after `start`"),
    ],
)
def test_options_that_make_no_sense(options, said) -> None:
    with pytest.raises(FilmError, match=said):
        FilmOptions(**options)
