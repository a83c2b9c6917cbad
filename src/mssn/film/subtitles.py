"""Subtitles that are lines of text, from one format into another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from mssn.film.pyav import faults, opened
from mssn.film.reading import Reading

_BRACES = re.compile(r"\{((?:\\[^{}]*)+)\}")  # in ASS, and in SRT that borrows from it: {\an8}, {\i1\b1}
_MARK = re.compile(r"\\(\d?[a-z]+)([^\\]*)")
_SAME = {"1c": "c", "a": "an"}
_OFF = {"b": "0", "i": "0", "u": "0", "s": "0", "an": "2"}  # as lines are without a mark
_UNREAD = {  # marks of a format that FFmpeg leaves out
    "subrip": re.compile(r"\{\\(?!an?\d)[^{}]*\}"),
    "webvtt": re.compile(r"<(?:[cv][ .]|lang|ruby|\d)"),
}


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


class _Trial:
    """Converts the lines of a stream, and looks at what is left of them."""

    def __init__(self, source: Any, container: str, codec: str) -> None:
        import av

        self._target = av.open(BytesIO(), "w", format=container)
        self._stream, self._decoder = TextStream(self._target, source, codec), source.codec_context
        self._unread = _UNREAD.get(self._decoder.codec.canonical_name)
        self._back: Any = av.CodecContext.create(codec, "r")
        self._back.extradata = self._stream.stream.codec_context.extradata

    def loses(self, packet: Any) -> bool:
        """Whether lines of a packet are shown at another place, or look otherwise, once converted."""
        text = bytes(packet).decode(errors="replace")
        if (self._unread and self._unread.search(text)) or packet.has_sidedata("webvtt_settings"):
            return True
        made = self._stream(packet)
        if made is None:
            return False
        return _shown(self._decoder, packet) != _shown(self._back, made)


def first_losses(path: Path, wanted: Mapping[int, str], container: str) -> dict[int, float]:
    """When a conversion loses something of lines for the first time, by their stream, in seconds.

    Args:
        path: A film.
        wanted: What streams would be converted to, by their index.
        container: FFmpeg's name of the result's format.
    """
    found: dict[int, float] = {}
    with opened(path) as source:
        trials = {index: _Trial(source.streams[index], container, codec) for index, codec in wanted.items()}
        for packet in Reading(source).packets():
            trial = trials.get(packet.stream_index)
            if trial is None:
                continue
            try:
                lost = trial.loses(packet)
            except faults():  # it is broken, which is said when the film is made
                continue
            if lost:
                found[packet.stream_index] = float((packet.pts or 0) * packet.time_base)
                del trials[packet.stream_index]
            if not trials:
                break
    return found


def _shown(decoder: Any, packet: Any) -> list[tuple[str, dict[str, str]]]:
    """Every letter of a packet's lines, and what is special about it."""
    return [letter for line in decoder.decode2(packet) or () for letter in _letters(line.ass.decode())]


def _letters(event: str) -> Iterator[tuple[str, dict[str, str]]]:
    now: dict[str, str] = {}
    text = (
        event.split(",", 8)[-1].replace("\\{{}", "{").replace("\u2060", "")
    )  # braces and \ of the text itself
    parts = _BRACES.split(text.strip())
    for text, marks in zip(parts[::2], [*parts[1::2], ""], strict=True):
        yield from ((letter, dict(now)) for letter in text)
        found: list[tuple[str, str]] = _MARK.findall(marks)
        for name, value in found:
            key = _SAME.get(name, name)
            if name == "r":
                now.clear()
            elif value in ("", _OFF.get(key)):
                now.pop(key, None)
            else:
                now[key] = value
