"""What becomes of everything in a film that is not its pictures: copied, converted, or refused in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from mssn.errors import FilmError
from mssn.film.kinds import Film, Stream
from mssn.film.pyav import faults, opened
from mssn.film.subtitles import first_losses


@dataclass(frozen=True)
class Carried:
    """What becomes of one of a film's other streams.

    Args:
        stream: Which.
        codec: FFmpeg's name of what it is converted to; None: its packets are copied.
    """

    stream: Stream
    codec: str | None = None


_TEXT = {"matroska": "subrip", "webm": "webvtt", "mp4": "mov_text", "mov": "mov_text"}
_TEXTS = ("subrip", "mov_text", "webvtt", "text")  # plain lines with a beginning and an end
_COVERS = {"matroska": ("png", "mjpeg", "bmp", "gif", "webp"), "mp4": ("png", "mjpeg", "bmp")}
# FFmpeg would write it, but next to nothing else reads it.
_UNREAD = {"mp4": ("pcm_", "flac", "truehd", "dts", "vorbis")}
# FFmpeg writes anything into a transport stream; this is what it knows again.
_TRANSPORT = (
    *("aac", "aac_latm", "ac3", "eac3", "mp2", "mp3", "dts", "truehd", "opus", "pcm_bluray", "h264", "hevc"),
    *("mpeg2video", "dvb_subtitle", "dvb_teletext", "hdmv_pgs_subtitle", "klv", "timed_id3", "scte_35"),
)
_SUGGESTED = {"matroska": ".mkv", "mov": ".mov", "mp4": ".mp4", "mpegts": ".ts"}


def carry(film: Film, target: Path, container: str) -> tuple[tuple[Carried, ...], tuple[str, ...]]:
    """Decide what becomes of a film's other streams, chapters and title.

    Args:
        film: The source.
        target: Where the result goes.
        container: FFmpeg's name of its format.

    Returns:
        The streams that are kept, and what is to be said of the others.

    Raises:
        FilmError: A stream does not fit, but would into another container.
    """
    found: list[Carried] = []
    notes: list[str] = []
    # A film from a pipe has no other streams, and cannot be opened once more.
    source: Any
    with opened(film.path) if film.others else nullcontext() as source:
        for stream in film.others:
            made: Any = source.streams[stream.index]
            if stream.kind == "data" and film.chapters and stream.codec == "bin_data":
                continue  # how MP4 stores chapters, which are kept as such
            if stream.kind == "data" and "timecode" in made.metadata:
                continue  # the pictures have it as a tag, from which MP4 and MOV make such a stream again
            if holds(container, stream, made):
                found.append(Carried(stream))
            elif stream.codec in _TEXTS and container in _TEXT:
                found.append(Carried(stream, _TEXT[container]))
            elif others := [_SUGGESTED[other] for other in _SUGGESTED if holds(other, stream, made)]:
                ending = target.suffix.lower()
                if stream.kind == "data":
                    notes.append(f"{stream} is not kept: {ending} cannot hold it")
                else:
                    raise FilmError(f"{film.path}: {stream} does not fit into {ending}; write {others[0]}")
            else:
                notes.append(f"{stream} is not kept: no container here can hold it")
        notes += _converted(film, target, container, source, [each for each in found if each.codec])
    if container == "mpegts" and (film.chapters or "title" in film.metadata):
        notes.append("chapters and title are not kept: transport streams have none")
    return tuple(found), tuple(notes)


def _converted(film: Film, target: Path, container: str, source: Any, texts: list[Carried]) -> Iterator[str]:
    """What is said of subtitles in another format; refused where that loses something and .mkv would not."""
    wanted = {each.stream.index: str(each.codec) for each in texts}
    lost = first_losses(film.path, wanted, container) if wanted else {}
    for stream, codec in ((each.stream, each.codec) for each in texts):
        if stream.index not in lost:
            yield f"{stream} is converted to {codec}"
            continue
        what = f"places or looks of its lines, first at {lost[stream.index]:.2f} s"
        if holds("matroska", stream, source.streams[stream.index]):
            ending = target.suffix.lower()
            raise FilmError(f"{film.path}: {stream} would lose {what}, in {ending}; write .mkv")
        yield f"{stream} is converted to {codec}, which loses {what}"


def holds(container: str, stream: Stream, made: Any) -> bool:
    """Whether a container can hold a stream, which FFmpeg says by writing a header.

    Args:
        container: FFmpeg's name of the format.
        stream: What is known of it.
        made: The stream itself, of a file that is open.
    """
    import av

    if stream.cover:
        return stream.codec in _COVERS.get(container, ())
    if stream.kind == "attachment":
        return container == "matroska"
    if stream.codec.startswith(_UNREAD.get(container, ("none",))):
        return False
    if container == "mpegts" and stream.codec not in _TRANSPORT:
        return False
    file = BytesIO()
    try:
        with av.open(file, "w", format=container) as trial:
            copy = trial.add_stream_from_template(made, opaque=True)
            trial.start_encoding()
            if stream.kind == "data":  # of these the header alone tells too little
                packet = next(packet for packet in made.container.demux(made) if packet.size)
                packet.stream, packet.pts, packet.dts = copy, 0, 0
                trial.mux(packet)
        if stream.kind == "data":
            file.seek(0)
            with av.open(file) as trial:
                return any(one.type == "data" for one in trial.streams)
    except (*faults(), StopIteration):
        return False
    return True
