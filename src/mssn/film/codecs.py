"""Which encoder a kind of film gets, with which pixel format and options."""

from __future__ import annotations

from dataclasses import dataclass

from mssn.film.facts import Video

CODECS = ("av1", "h264", "hevc", "vp9", "ffv1", "prores")


@dataclass(frozen=True)
class Encoding:
    """How pictures are encoded.

    Args:
        codec: One of `CODECS`.
        encoder: FFmpeg's name of what encodes.
        format: FFmpeg's name of the pixel format it gets.
        options: Its options, as FFmpeg names them.
        tag: Four letters that name the codec in MP4; "" for the usual ones.
    """

    codec: str
    encoder: str
    format: str
    options: tuple[tuple[str, str], ...] = ()
    tag: str = ""


def encoding_for(
    video: Video, container: str, size: tuple[int, int], codec: str | None, quality: int | None
) -> Encoding:
    """What encodes the result.

    Args:
        video: The source.
        container: FFmpeg's name of the target's format.
        size: Height and width of the result.
        codec: What is asked for; None: what suits.
        quality: 1 to 100; None: the usual.

    Raises:
        FilmError: The codec cannot hold the pictures, or its encoder is not in this build.
    """
    deep = video.depth > 8
    return Encoding(
        "av1",
        "libsvtav1",
        "yuv420p10le" if deep else "yuv420p",
        (("crf", "28"), ("preset", "8")),
    )
