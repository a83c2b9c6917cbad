"""What a film holds is read right, of every kind of film."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from film_clips import CASES, captioned, make_clip

from mssn.errors import FilmError
from mssn.film.facts import is_film, probe
from mssn.film.headers import quantisers
from mssn.film.kinds import Film
from mssn.film.pyav import url


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "depth", "chroma", "alpha", "interlaced"),
    [
        ("src.mp4", "h264", "yuv420p", 8, "420", False, False),
        ("bt709.mkv", "h264", "yuv444p", 8, "444", False, False),
        ("ten.mkv", "ffv1", "yuv420p10le", 10, "420", False, False),
        ("gray.mkv", "ffv1", "gray", 8, "grey", False, False),
        ("gbrp.mkv", "h264", "gbrp", 8, "rgb", False, False),
        ("alpha.webm", "vp9", "yuva420p", 8, "420", True, False),
        ("alpha.mov", "prores", "yuva444p12le", 12, "444", True, False),
        ("mjpeg.avi", "mjpeg", "yuvj420p", 8, "420", False, False),
        ("inter.mpg", "mpeg2video", "yuv420p", 8, "420", False, True),
        ("v.gif", "gif", "bgra", 8, "rgb", False, False),
    ],
)
def test_pixels(name, codec, pixels, depth, chroma, alpha, interlaced) -> None:
    video = probe(CASES / name).video
    found = video.codec, video.format, video.depth, video.chroma, video.alpha, video.interlaced
    assert found == (codec, pixels, depth, chroma, alpha, interlaced)


@pytest.mark.parametrize(
    ("name", "matrix", "full", "primaries", "transfer", "siting", "tagged"),
    [
        ("bt709.mkv", 1, False, 1, 1, None, True),
        ("bt601.mkv", 6, False, 6, 6, None, True),
        ("hdr10.mkv", 9, False, 9, 16, 1, True),
        ("mjpeg.avi", 5, True, 2, 2, 2, True),  # JPEG's samples lie in the centre
        ("full.mp4", 6, True, 6, 6, 1, False),
        ("src.mp4", 6, False, 6, 6, 1, False),  # untagged and small: BT.601, as players take it
        ("gbrp.mkv", 0, True, 1, 13, None, True),
    ],
)
def test_colours(name, matrix, full, primaries, transfer, siting, tagged) -> None:
    colours = probe(CASES / name).video.colours
    found = colours.matrix, colours.full, colours.primaries, colours.transfer, colours.siting, colours.tagged
    assert found == (matrix, full, primaries, transfer, siting, tagged)


@pytest.mark.parametrize(("height", "matrix", "primaries"), [(240, 6, 6), (576, 6, 5), (720, 1, 1)])
def test_untagged_films_are_what_players_take_them_for(tmp_path, height, matrix, primaries) -> None:
    """BT.601's matrix has two numbers, 5 and 6."""
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
        frame = av.VideoFrame(64, height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux([*stream.encode(frame), *stream.encode(None)])
    colours = probe(path).video.colours
    assert (5 if colours.matrix == 6 else colours.matrix) == (5 if matrix == 6 else matrix)
    assert colours.primaries == primaries and not colours.tagged


def test_what_else_is_said() -> None:
    rot, sar, hdr = (probe(CASES / name).video for name in ("rot.mp4", "sar.mkv", "hdr10.mkv"))
    assert rot.rotation == (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)
    assert sar.aspect == Fraction(32, 27) and sar.rotation is None
    assert hdr.hdr.light == (1000, 400) and hdr.hdr.mastering is not None
    assert hdr.hdr.mastering[:2] == (Fraction(17, 25), Fraction(8, 25))  # x and y of red
    assert hdr.hdr.mastering[-2:] == (Fraction(1, 10000), 1000)  # the darkest and the brightest, cd/m2
    assert not rot.hdr
    ntsc = probe(CASES / "ntsc.mp4").video
    assert (ntsc.rate, ntsc.frames, ntsc.end) == (Fraction(24000, 1001), 25, Fraction(25 * 1001, 24000))


def test_a_display_matrix_that_turns_nothing_is_none(tmp_path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(0)
        frame = av.VideoFrame(64, 48, "yuv420p")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert probe(tmp_path / "a.mp4").video.rotation is None


def kinds(film: Film) -> list[tuple[str, str, bool, str, str]]:
    return [(one.kind, one.codec, one.cover, one.language, one.title) for one in film.others]


def test_the_other_streams() -> None:
    fonts, multi, chap = (probe(CASES / name) for name in ("fonts.mkv", "multi.mkv", "chap.mkv"))
    assert [kind[:3] for kind in kinds(fonts)] == [
        ("subtitle", "ass", False),
        ("attachment", "Font.ttf", False),
        ("video", "png", True),
    ]
    assert kinds(multi) == [
        ("audio", "pcm_s16le", False, "jpn", ""),
        ("audio", "opus", False, "eng", "Commentary"),
    ]
    assert len(chap.chapters) == 2 and chap.metadata["title"] == "T"
    assert str(multi.others[1]) == 'stream 2 (audio: opus, eng, "Commentary")'


def test_captions_are_found(tmp_path) -> None:
    assert probe(captioned(tmp_path / "a.mkv")).video.captions
    assert not probe(CASES / "src.mp4").video.captions


def test_the_stronger_the_compression_the_higher_the_strength(tmp_path) -> None:
    """From the quantiser of H.264, HEVC and AV1, from JPEG's own tables."""
    for encoder, wanted in (("libx264", "h264"), ("libx265", "hevc"), ("libsvtav1", "av1")):
        strengths = []
        for crf in ("10", "30", "50"):
            options = {"crf": crf, "x265-params": "log-level=none"}
            if encoder != "libx265":
                del options["x265-params"]
            path = make_clip(
                tmp_path / f"{encoder}{crf}.mkv", 10, encoder=encoder, options=options, sound=False
            )
            video = probe(path).video
            assert video.codec == wanted and video.compression.lossy
            strengths.append(video.compression.strength)
        assert strengths == sorted(strengths) and strengths[0] < strengths[-1]
    assert not probe(CASES / "ten.mkv").video.compression.lossy
    assert not probe(CASES / "idx.mkv").video.compression.lossy  # H.264 with the quantiser 0
    assert probe(CASES / "mjpeg.avi").video.compression.kind == "JPEG"


@pytest.mark.parametrize("ending", [".mkv", ".mp4", ".ts"])
def test_the_quantiser_of_hevc_and_av1_is_read_from_their_heads(tmp_path, ending) -> None:
    params = "qp=30:ipratio=1:pbratio=1:log-level=none"
    hevc = make_clip(
        tmp_path / f"hevc{ending}", 10, encoder="libx265", options={"x265-params": params}, sound=False
    )
    with av.open(str(hevc)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert set(quantisers(container.streams.video[0], packets)) == {("qp", 30)}
    h264 = make_clip(
        tmp_path / "h264.mkv", 10, options={"qp": "30", "ipratio": "1", "pbratio": "1"}, sound=False
    )
    one, other = (probe(path).video.compression for path in (hevc, h264))
    assert one.quality == other.quality and (one.kind, other.kind) == ("hevc", "h264")
    if ending == ".ts":
        return
    av1 = make_clip(tmp_path / f"av1{ending}", 10, encoder="libsvtav1", options={"crf": "35"}, sound=False)
    with av.open(str(av1)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        found = quantisers(container.streams.video[0], packets)
    assert len(found) >= 10 and max(found) == ("index", 4 * 35)


def test_reading_heads_prints_nothing(tmp_path, capfd, caplog) -> None:
    path = make_clip(tmp_path / "a.mkv", 10, encoder="libx265", options={"x265-params": "log-level=none"})
    level = av.logging.get_level()
    probe(path)
    assert capfd.readouterr() == ("", "") and not caplog.records and av.logging.get_level() == level


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "the file is empty"), (b"no film at all" * 99, "cannot be read as a film")],
)
def test_what_is_no_film_gets_one_line(tmp_path, content, said) -> None:
    (tmp_path / "a.mkv").write_bytes(content)
    with pytest.raises(FilmError, match=said) as raised:
        probe(tmp_path / "a.mkv")
    assert "\n" not in str(raised.value) and "a.mkv" in str(raised.value)


def test_a_file_with_nothing_but_sound_is_no_film(tmp_path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with pytest.raises(FilmError, match="holds no moving pictures"):
        probe(tmp_path / "a.mkv")
    with pytest.raises(FilmError, match="No such file"):
        probe(tmp_path / "missing.mkv")


@pytest.mark.parametrize(
    "name", ["-a.mp4", "a'b\"c.mp4", "%03d.mp4", "a:b.mp4", "Zoë 映画.mp4", "x" * 250 + ".mp4"]
)
def test_any_name_will_do(tmp_path, name) -> None:
    shutil.copy(CASES / "one.mp4", tmp_path / name)
    assert probe(tmp_path / name).video.frames == 1
    assert url(Path("a:b")).startswith("file:/")


def test_films_by_their_endings() -> None:
    assert all(is_film(Path(name)) for name in ("a.mkv", "a.MP4", "b.m2ts", "c.webm", "d.h264", "e.y4m"))
    assert not any(is_film(Path(name)) for name in ("a.png", "a.gif", "a.webp", "mkv", "a.mkv.txt"))
