"""What stands beside the pictures comes through, read back by another build of FFmpeg where there is one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from film_clips import CASES, captioned, captions_of, make_clip

from mssn.film.encoder import encoded, tag
from mssn.film.facts import probe
from mssn.film.mux import SegmentWriter, delay, join, packets, steady, with_captions
from mssn.film.plan import FilmOptions, FilmPlan, plan_film
from mssn.film.source import Source

needs_ffprobe = pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")


def carried(source: Path, target: Path, each: int = 10, **options: Any) -> FilmPlan:
    """A film made twice as large by repeating pixels, in segments of so many frames."""
    film, chosen = probe(source), FilmOptions(**options)
    plan = plan_film(film, target, (film.video.height * 2, film.video.width * 2), chosen)
    frames, segments, writer = Source(film, chosen), list[Path](), None
    for decoded in frames:
        old = decoded.frame
        frame = old.reformat(plan.width, plan.height, plan.format, interpolation="POINT")
        frame.pts, frame.time_base = decoded.pts, frames.time_base
        tag(frame, plan.colours)
        if decoded.number % each == 0:
            if writer is not None:
                writer.close()
            segments.append(target.parent / f"{target.name}-{decoded.number}")
            writer = SegmentWriter(segments[-1], plan)
        assert writer is not None
        writer.write(with_captions(frame, old) if plan.captions else frame)
    assert writer is not None
    writer.close()
    with open(target, "w+b") as part:
        join(film, plan, segments, part, start=chosen.start, end=chosen.end)
    return plan


def told(path: Path, *entries: str) -> dict[str, Any]:
    """What ffprobe says of a file."""
    command = ["ffprobe", "-v", "error", "-of", "json", *entries, str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def iter_any(packets: Any) -> Iterator[Any]:
    """The same, of no declared type."""
    return iter(packets)


def seen(path: Path, index: int = 0) -> list[float]:
    """When the packets of a stream are shown, in order."""
    entries = ("-select_streams", str(index), "-show_entries", "packet=pts_time")
    return sorted(float(packet["pts_time"]) for packet in told(path, *entries)["packets"])


def contents(path: Path, index: int) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams[index]) if packet.size]


@needs_ffprobe
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("vfr.mkv", "a.mkv"),
        ("vfr.mkv", "a.mp4"),
        ("vfr.mp4", "a.mp4"),
        ("ntsc.mp4", "a.mp4"),
        ("ntsc.mp4", "a.mov"),  # H.264, with B-frames
        ("f120.mp4", "a.mp4"),
        ("late_audio.mkv", "a.mp4"),
        ("one.mp4", "a.mp4"),
        ("multi.mkv", "a.mkv"),
        ("frag.mp4", "a.mp4"),
        ("v.gif", "a.mkv"),
    ],
)
def test_time_stamps(tmp_path, name, target) -> None:
    """Of each frame within 1 ms; between sound and picture within 2 ms."""
    carried(CASES / name, tmp_path / target, each=7)
    before, after = seen(CASES / name), seen(tmp_path / target)
    assert len(after) == len(before)
    assert max(abs(one - two) for one, two in zip(before, after, strict=True)) < 0.0011
    if len(told(CASES / name, "-show_streams")["streams"]) > 1:
        sound = seen(CASES / name, 1)[0] - before[0], seen(tmp_path / target, 1)[0] - after[0]
        assert abs(sound[0] - sound[1]) < 0.002


@needs_ffprobe
def test_ntsc_is_exact(tmp_path) -> None:
    for target in ("a.mp4", "a.mov", "a.mkv"):
        carried(CASES / "ntsc.mp4", tmp_path / target)
        stream = told(tmp_path / target, "-show_streams")["streams"][0]
        assert stream["r_frame_rate"] == stream["avg_frame_rate"] == "24000/1001"


@needs_ffprobe
def test_frames_are_decoded_before_they_are_shown_across_segments(tmp_path) -> None:
    """Encoders of segments know nothing of each other; the times of decoding must rise all the same."""
    for name, target in (("vfr.mp4", "a.mov"), ("idx.mkv", "b.mov"), ("src.mp4", "c.mov")):
        assert carried(CASES / name, tmp_path / target, each=5).encoding.encoder == "libx264"
        found = told(tmp_path / target, "-select_streams", "0", "-show_entries", "packet=pts,dts")["packets"]
        assert all(one["dts"] < two["dts"] for one, two in pairwise(found))
        assert all(one["dts"] <= one["pts"] for one in found)


@needs_ffprobe
@pytest.mark.parametrize(
    ("name", "target", "wanted"),
    [
        ("bt709.mkv", "a.mkv", {"color_space": "bt709", "color_range": "tv", "color_primaries": "bt709"}),
        ("bt601.mkv", "a.mkv", {"color_space": "smpte170m", "color_transfer": "smpte170m"}),
        ("src.mp4", "a.mp4", {"color_space": "smpte170m", "chroma_location": "left"}),
        ("full.mp4", "a.mp4", {"color_range": "pc"}),
        ("mjpeg.avi", "a.mkv", {"color_range": "pc", "color_space": "bt470bg"}),
        ("sar.mkv", "a.mkv", {"sample_aspect_ratio": "32:27", "width": 144}),
        ("sar.mkv", "a.mp4", {"sample_aspect_ratio": "32:27"}),
        ("gray.mkv", "a.mkv", {"pix_fmt": "gray"}),
        ("gbrp.mkv", "a.mkv", {"pix_fmt": "gbrp", "color_space": "gbr"}),
        ("ten.mkv", "a.mkv", {"pix_fmt": "yuv420p10le"}),
        ("alpha.mov", "a.mov", {"pix_fmt": "yuva444p12le"}),
        ("odd.webm", "a.webm", {"width": 126, "height": 94, "pix_fmt": "yuv420p"}),
    ],
)
def test_what_headers_say(tmp_path, name, target, wanted) -> None:
    carried(CASES / name, tmp_path / target)
    stream = told(tmp_path / target, "-show_streams")["streams"][0]
    assert {key: stream.get(key) for key in wanted} == wanted


@needs_ffprobe
@pytest.mark.parametrize(("target", "codec"), [("a.mkv", "av1"), ("a.mp4", "av1"), ("a.mov", "hevc")])
def test_hdr(tmp_path, target, codec) -> None:
    carried(CASES / "hdr10.mkv", tmp_path / target)
    entries = ("-show_frames", "-read_intervals", "%+#1", "-show_streams")
    found = told(tmp_path / target, *entries)
    stream = found["streams"][0]
    assert stream["codec_name"] == codec
    assert stream["codec_tag_string"] == {"a.mkv": "[0][0][0][0]", "a.mp4": "av01", "a.mov": "hvc1"}[target]
    assert (stream["color_transfer"], stream["color_primaries"], stream["color_space"]) == (
        "smpte2084",
        "bt2020",
        "bt2020nc",
    )
    data = {one["side_data_type"]: one for one in found["frames"][0]["side_data_list"]}
    mastering, light = data["Mastering display metadata"], data["Content light level metadata"]
    assert (light["max_content"], light["max_average"]) == (1000, 400)
    numbers = {key: Fraction(value) for key, value in mastering.items() if "/" in str(value)}
    wanted = {"red_x": 0.68, "green_y": 0.69, "white_point_x": 0.3127, "max_luminance": 1000}
    assert all(abs(float(numbers[key]) - value) < 1e-4 for key, value in wanted.items())


@pytest.mark.parametrize("each", [1, 2, 3])
def test_segments_of_few_frames_in_hevc(tmp_path, each) -> None:
    """Their packets may come out of libx265 with any time of decoding, which no container takes."""
    film = make_clip(tmp_path / "in.mkv", 6, sound=False)
    carried(film, tmp_path / "a.mkv", each, codec="hevc")
    with av.open(str(tmp_path / "a.mkv")) as container:
        assert len(list(container.decode(video=0))) == 6


@pytest.mark.parametrize("undefined", [8571432972125049500, -8571432972125049500, 11])
def test_times_of_decoding_that_mean_nothing_are_replaced(undefined) -> None:
    class Few:
        def encode(self, frame: Any) -> list[av.Packet[Any]]:
            made = [av.Packet(b"a"), av.Packet(b"b")]
            for number, packet in enumerate(made):
                packet.pts, packet.dts = 10 - number, undefined + number
            return made

    stream: Any = Few()
    assert [(packet.pts, packet.dts) for packet in encoded(stream, None, 3)] == [(10, 3), (9, 4)]


@needs_ffprobe
def test_a_film_is_turned_once(tmp_path) -> None:
    carried(CASES / "rot.mp4", tmp_path / "a.mp4")
    stream = told(tmp_path / "a.mp4", "-show_streams")["streams"][0]
    assert (stream["width"], stream["height"]) == (128, 96)
    turned = [one["rotation"] for one in stream["side_data_list"] if "rotation" in one]
    assert turned == [90]
    carried(CASES / "rot.mp4", tmp_path / "a.mkv")
    assert probe(tmp_path / "a.mkv").video.rotation == probe(CASES / "rot.mp4").video.rotation


def test_fonts_and_covers_byte_for_byte(tmp_path) -> None:
    carried(CASES / "fonts.mkv", tmp_path / "a.mkv")
    before, after = probe(CASES / "fonts.mkv"), probe(tmp_path / "a.mkv")
    assert [str(one) for one in after.others] == [str(one) for one in before.others]
    with av.open(str(CASES / "fonts.mkv")) as one, av.open(str(tmp_path / "a.mkv")) as two:
        assert one.streams[2].data == two.streams[2].data  # type: ignore[attr-defined]
        assert one.streams[2].metadata == two.streams[2].metadata
    assert contents(CASES / "fonts.mkv", 3) == contents(tmp_path / "a.mkv", 3)  # the cover
    assert contents(CASES / "fonts.mkv", 1) == contents(tmp_path / "a.mkv", 1)  # ASS


def with_cover(path: Path, place: int, source: Path) -> Path:
    """A film in MP4 whose cover is its first stream, or its last."""
    cover = contents(CASES / "fonts.mkv", 3)[0]
    with (
        av.open(str(CASES / "fonts.mkv")) as has,
        av.open(str(source)) as film,
        av.open(str(path), "w") as made,
    ):
        streams = [*film.streams]
        streams.insert(place if place >= 0 else len(streams), has.streams[3])
        new = {id(one): made.add_stream_from_template(one, opaque=True) for one in streams}
        new[id(has.streams[3])].disposition = has.streams[3].disposition  # type: ignore[misc]
        made.start_encoding()
        picture = av.Packet(cover)
        picture.stream, picture.pts, picture.dts = new[id(has.streams[3])], 0, 0
        made.mux(picture)
        for packet in film.demux():
            if packet.size:
                packet.stream = new[id(packet.stream)]
                made.mux(packet)
    return path


@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("target", ["b.mp4", "b.mkv"])
def test_a_cover_stays_one(tmp_path, place, target) -> None:
    source = with_cover(tmp_path / "a.mp4", place, CASES / "src.mp4")
    assert [one.cover for one in probe(source).others].count(True) == 1
    carried(source, tmp_path / target)
    found = next(one for one in probe(tmp_path / target).others if one.cover)
    assert contents(tmp_path / target, found.index) == contents(CASES / "fonts.mkv", 3)


@needs_ffprobe
def test_flags_languages_titles_and_packets(tmp_path) -> None:
    carried(CASES / "multi.mkv", tmp_path / "a.mkv")
    entries = ("-show_entries", "stream=codec_name:stream_disposition:stream_tags=language,title")
    assert (
        told(tmp_path / "a.mkv", *entries)["streams"][1:]
        == told(CASES / "multi.mkv", *entries)["streams"][1:]
    )
    for index in (1, 2):
        assert contents(tmp_path / "a.mkv", index) == contents(CASES / "multi.mkv", index)
        assert seen(tmp_path / "a.mkv", index) == seen(CASES / "multi.mkv", index)


@needs_ffprobe
@pytest.mark.parametrize("target", ["a.mkv", "a.mp4", "a.mov"])
def test_chapters_and_title(tmp_path, target) -> None:
    carried(CASES / "chap.mkv", tmp_path / target)
    before, after = (
        told(path, "-show_chapters", "-show_format") for path in (CASES / "chap.mkv", tmp_path / target)
    )
    assert after["format"]["tags"]["title"] == "T"

    def said(found: dict[str, Any]) -> list[tuple[float, float, str]]:
        return [
            (float(one["start_time"]), float(one["end_time"]), one["tags"]["title"])
            for one in found["chapters"]
        ]

    assert said(after) == said(before) and len(said(after)) == 2


@pytest.mark.parametrize(
    ("target", "codec"), [("a.mp4", "mov_text"), ("a.mkv", "subrip"), ("a.webm", "webvtt")]
)
def test_subtitles_are_copied_or_converted(tmp_path, target, codec) -> None:
    """The cue of the case: "hello" from 0.1 to 0.9 s or so; text and times stay."""
    carried(CASES / "movtext.mp4", tmp_path / target)

    def cues(path: Path) -> list[tuple[float, float, str]]:
        with av.open(str(path)) as container:
            stream: Any = container.streams.subtitles[0]
            assert path.parent != tmp_path or stream.codec_context.codec.canonical_name == codec
            return [
                (
                    round(float(packet.pts * packet.time_base), 3),
                    round(float(packet.duration * packet.time_base), 3),
                    lines[0].dialogue.decode(),
                )
                for packet in iter_any(container.demux(stream))
                if packet.size and (lines := stream.codec_context.decode2(packet))
            ]

    assert cues(tmp_path / target) == cues(CASES / "movtext.mp4") != []
    if target == "a.mkv":  # and back
        carried(tmp_path / "a.mkv", tmp_path / "back.mp4")
        codec = "mov_text"
        assert cues(tmp_path / "back.mp4") == cues(CASES / "movtext.mp4")


@pytest.mark.parametrize("target", ["b.mkv", "b.mp4"])
def test_captions_stay_with_their_frames(tmp_path, target) -> None:
    source = captioned(tmp_path / "a.mkv")
    carried(source, tmp_path / target)
    assert captions_of(tmp_path / target) == captions_of(source)
    assert len(set(captions_of(source))) == 25


def test_transparency_comes_back(tmp_path) -> None:
    for name, target in (("alpha.webm", "a.webm"), ("alpha.mov", "a.mov"), ("alpha.webm", "a.mkv")):
        carried(CASES / name, tmp_path / target)
        assert probe(tmp_path / target).video.alpha


@needs_ffprobe
def test_sound_lies_beside_the_pictures_it_belongs_to(tmp_path) -> None:
    """Of 4 s of film, no packet stands further from its neighbours in time than half a second."""
    make_clip(tmp_path / "a.mp4", 100)
    for target in ("b.mp4", "b.mkv"):
        carried(tmp_path / "a.mp4", tmp_path / target, each=50)
        found = told(tmp_path / target, "-show_entries", "packet=dts_time,pts_time,pos")["packets"]
        found.sort(key=lambda packet: int(packet["pos"]))
        times = [float(packet.get("dts_time", packet.get("pts_time"))) for packet in found]
        assert all(abs(one - two) < 0.5 for one, two in pairwise(times))


@needs_ffprobe
def test_a_part_begins_at_0_with_its_sound(tmp_path) -> None:
    make_clip(tmp_path / "a.mp4", 100)
    carried(tmp_path / "a.mp4", tmp_path / "b.mp4", start=1, end=3)
    pictures, sound = seen(tmp_path / "b.mp4"), seen(tmp_path / "b.mp4", 1)
    assert pictures == pytest.approx([n / 25 for n in range(50)])
    assert 0 <= sound[0] < 0.13 and 1.8 < sound[-1] < 2


@needs_ffprobe
def test_transport_streams_begin_at_0_elsewhere(tmp_path) -> None:
    carried(CASES / "sizechange.ts", tmp_path / "a.mkv")
    found = seen(tmp_path / "a.mkv")
    assert len(found) == 50 and all(one < two for one, two in pairwise(found)) and found[0] < 0.1


@needs_ffprobe
def test_headers_say_the_rate_there_is(tmp_path) -> None:
    """A source whose header says 50 where 25 frames come; one of changing rate gets none."""
    carried(CASES / "vfr.mkv", tmp_path / "a.mkv")
    assert told(tmp_path / "a.mkv", "-show_streams")["streams"][0]["avg_frame_rate"] == "0/0"
    made = make_clip(tmp_path / "b.mkv", 20, 50, times=range(0, 40, 2), sound=False)
    carried(made, tmp_path / "c.mkv")
    assert told(tmp_path / "c.mkv", "-show_streams")["streams"][0]["avg_frame_rate"] == "25/1"


def test_rates_and_delays() -> None:
    plan = plan_film(probe(CASES / "ntsc.mp4"), Path("a.mkv"), (96, 128), FilmOptions())
    assert steady([0, 1001, 2002], plan) == Fraction(24000, 1001)
    assert steady([0, 1000, 2000], plan) == 24
    assert steady([0, 1001, 5000], plan) is None
    assert delay([0, 4, 2, 1, 3], [0, 1, 2, 3, 4]) == 2
    assert delay([0, 1, 2], [0, 1, 2]) == 0 and delay([], []) == 0


def test_segments_keep_every_time_base_and_times_before_0(tmp_path) -> None:
    plan = plan_film(probe(CASES / "ntsc.mp4"), Path("a.mov"), (96, 128), FilmOptions())
    writer = SegmentWriter(tmp_path / "a", plan)
    times = [-1501, -500, 501, 2002, 2003, 99999999]
    for time in times:
        frame = av.VideoFrame(128, 96, plan.format)
        frame.pts, frame.time_base = time, plan.time_base
        writer.write(frame)
    writer.close()
    assert sorted(packet.pts for packet in packets([tmp_path / "a"], plan.time_base)) == times
    assert next(packets([tmp_path / "a"], plan.time_base)).is_keyframe


def moved(path: Path, source: Path, by: Fraction) -> Path:
    """A copy in MP4 that begins so much earlier: what comes before 0 is hidden by edit lists."""
    with av.open(str(source)) as film, av.open(str(path), "w") as made:
        new = {one.index: made.add_stream_from_template(one, opaque=True) for one in film.streams}
        for packet in iter_any(film.demux()):
            if packet.size:
                shift = round(by / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = new[packet.stream_index]
                made.mux(packet)
    return path


@needs_ffprobe
@pytest.mark.parametrize("target", ["b.mp4", "b.mkv"])
def test_what_an_edit_list_hides_stays_hidden(tmp_path, target) -> None:
    """Of 25 frames 0.32 s are cut away; what is left begins with its sound."""
    source = moved(tmp_path / "a.mp4", CASES / "src.mp4", Fraction(8, 25))
    carried(source, tmp_path / target)
    pictures, sound = seen(tmp_path / target), seen(tmp_path / target, 1)
    assert len(pictures) == 17
    before = {content: time for time, content in zip(seen(source, 1), contents(source, 1), strict=True)}
    after = zip(sound, contents(tmp_path / target, 1), strict=True)
    assert all(abs(time - pictures[0] - before[content]) < 0.002 for time, content in after)
    assert target == "b.mp4" or (sound[0] >= 0 and pictures[0] < 0.1)


@needs_ffprobe
@pytest.mark.parametrize("target", ["b.mov", "b.mp4", "b.mkv"])
def test_a_second_film_and_the_time_code_are_kept(tmp_path, target) -> None:
    with av.open(str(CASES / "src.mp4")) as film, av.open(str(tmp_path / "a.mov"), "w") as made:
        new = [made.add_stream_from_template(film.streams[n], opaque=True) for n in (0, 0, 1)]
        new[0].metadata["timecode"] = "01:00:00:00"
        for packet in iter_any(film.demux()):
            copies = {0: new[:2], 1: new[2:]}[packet.stream_index] if packet.size else []
            for stream in copies:
                twin = av.Packet(bytes(packet))
                twin.pts, twin.dts, twin.time_base = packet.pts, packet.dts, packet.time_base
                twin.duration, twin.is_keyframe, twin.stream = packet.duration, packet.is_keyframe, stream
                made.mux(twin)
    assert [one.kind for one in probe(tmp_path / "a.mov").others] == ["video", "audio", "data"]
    assert carried(tmp_path / "a.mov", tmp_path / target).notes == ()
    streams = told(tmp_path / target, "-show_streams")["streams"]
    tags = {key.lower(): value for key, value in streams[0]["tags"].items()}
    assert tags["timecode"] == "01:00:00:00"
    assert contents(tmp_path / target, 1) == contents(tmp_path / "a.mov", 1)


@needs_ffprobe
def test_what_telephones_say_is_kept(tmp_path) -> None:
    said = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.location.ISO6709": "+47.1+8.5/"}
    with (
        av.open(str(CASES / "one.mp4")) as film,
        av.open(str(tmp_path / "a.mov"), "w", container_options={"movflags": "use_metadata_tags"}) as made,
    ):
        new = made.add_stream_from_template(film.streams[0], opaque=True)
        made.metadata.update(said)
        for packet in iter_any(film.demux()):
            if packet.size:
                packet.stream = new
                made.mux(packet)
    carried(tmp_path / "a.mov", tmp_path / "b.mov")
    assert said.items() <= told(tmp_path / "b.mov", "-show_format")["format"]["tags"].items()
