"""What a film holds, asked once before anything is decided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mssn.errors import FilmError
from mssn.film.inputs import Given, plays
from mssn.film.kinds import Colours, Film, Hdr, Stream, Video
from mssn.film.looked import Looked, sitings, video_of
from mssn.film.pyav import opened
from mssn.image.formats import FILMS

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

__all__ = [
    "Colours",
    "Film",
    "Hdr",
    "Stream",
    "Video",
    "decoder_of",
    "film_stream",
    "frame_bytes",
    "is_film",
    "probe",
]


def is_film(path: Path) -> bool:
    """Whether a file's ending is that of films. Moving GIF, WebP and PNG count as pictures."""
    return path.suffix.lower() in FILMS


def probe(path: Path, given: Given = None) -> Film:
    """What a film holds: its header is read, and its first frames are decoded.

    Args:
        path: Its file, or a pattern of numbered pictures.
        given: Frames a second where it has no times; or the film itself, and the path is its name in errors.

    Raises:
        FilmError: It is no film that can be read, or holds no pictures.
        MissingDependencyError: PyAV is not installed.
    """
    with opened(path, given, look=True) as container:
        siting = sitings(container)
        stream = film_stream(path, container)
        video = video_of(stream, Looked(path, container, stream), siting.get(stream.index))
        if video.alpha and container.format.name in ("gif", "apng"):
            video = replace(video, alpha=_transparent(path))
        return Film(
            path=path,
            container=container.format.name,
            duration=container.duration / 1e6 if container.duration else None,
            start=(container.start_time or 0) / 1e6,
            video=video,
            others=tuple(_other(other) for other in container.streams if other.index != stream.index),
            chapters=tuple(dict(chapter) for chapter in container.chapters()),
            metadata=dict(container.metadata),
            given=given,
            plays=plays(path),
        )


def _transparent(path: Path) -> bool:
    """Whether a frame lets anything through; moving pictures come with transparency, used or not."""
    with opened(path) as container:
        for frame in container.decode(container.streams.video[0]):
            if frame.to_ndarray(format="rgba")[:, :, 3].min() < 255:
                return True
    return False


def film_stream(path: Path, container: InputContainer) -> av.VideoStream:
    """The stream that is the film: the first one of moving pictures.

    Raises:
        FilmError: There is none, or nothing here decodes it.
    """
    for stream in container.streams.video:
        if not _is_cover(stream):
            if stream.codec_context is None:
                raise FilmError(f"{path}: stream {stream.index} is in a format that nothing here decodes")
            return stream
    raise FilmError(f"{path}: holds no moving pictures")


def decoder_of(video: Video, stream: av.VideoStream) -> Any:
    """A codec context that decodes the film's packets, alpha included."""
    import av

    if video.decoder == stream.codec_context.name:
        return stream.codec_context
    return av.CodecContext.create(video.decoder, "r")


def frame_bytes(video: Video) -> int:
    """Bytes of a frame whose planes stand one behind the other."""
    import av

    parts = av.VideoFormat(video.format, video.width, video.height).components
    return sum(part.width * part.height * (1 if part.bits <= 8 else 2) for part in parts)


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def _other(stream: Any) -> Stream:
    context = stream.codec_context
    return Stream(
        index=stream.index,
        kind=stream.type,
        codec=context.codec.canonical_name if context is not None else (stream.name or ""),
        cover=stream.type == "video" and _is_cover(stream),
        language=stream.metadata.get("language", ""),
        title=stream.metadata.get("title", ""),
    )
