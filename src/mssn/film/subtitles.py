"""Subtitles that are lines of text, from one format into another."""

from __future__ import annotations

from typing import Any


class TextStream:
    """A stream of a result whose lines come from a stream of another format.

    Args:
        target: The result, before its header.
        source: The stream of the film.
        codec: FFmpeg's name of the format wanted.
    """

    def __init__(self, target: Any, source: Any, codec: str) -> None:
        self._decoder = source.codec_context
        self._decoder.open(strict=False)
        self.stream = target.add_stream(codec)
        self._encoder = self.stream.codec_context
        # Both sides speak through ASS, whose header says what plain text looks like.
        self._encoder.subtitle_header = self._decoder.subtitle_header
        self._encoder.time_base = self.stream.time_base = source.time_base
        self._encoder.open()

    def __call__(self, packet: Any) -> Any:
        """A packet in the other format, shown as long; None where nothing is shown."""
        lines = self._decoder.decode2(packet)
        if lines is None or not len(lines):
            return None
        made = self._encoder.encode_subtitle(lines)
        made.pts, made.dts, made.duration = packet.pts, packet.pts, packet.duration
        made.time_base = packet.time_base
        return made
