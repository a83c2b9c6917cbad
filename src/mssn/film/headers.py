"""The quantiser of codecs whose decoders do not export it, from the heads of a film's first packets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

READ = ("hevc", "av1")
_SAID = re.compile(r"\s(init_qp_minus26|slice_qp_delta|base_q_idx)\s.*= (-?\d+)\s*$")
_logging = Lock()


@contextmanager
def told(level: int) -> Iterator[None]:
    """Inside, FFmpeg tells so much of what it does; that is the process's, so one at a time."""
    import av

    with _logging:
        before = av.logging.get_level()
        av.logging.set_level(level)
        av.logging.set_libav_level(level)
        try:
            yield
        finally:
            av.logging.set_libav_level(av.logging.INFO)
            av.logging.set_level(before)


def quantisers(stream: Any, packets: Sequence[Any]) -> list[tuple[str, int]]:
    """The quantisers of slices or frames, as FFmpeg's own reader of heads tells them.

    Only for a few packets: each line that FFmpeg prints passes through Python.

    Args:
        stream: One whose codec is in `READ`.
        packets: Its first ones.

    Returns:
        Of HEVC ("qp", QP), of AV1 ("index", base_q_idx) of each.
    """
    import av
    from av.bitstream import BitStreamFilterContext
    from av.error import FFmpegError

    # Of all threads, so that nothing of what others do is printed meanwhile.
    with told(av.logging.INFO), av.logging.Capture(local=False) as lines, suppress(FFmpegError):
        reader = BitStreamFilterContext("trace_headers", stream)
        for packet in packets:
            if packet.size:
                reader.filter(av.Packet(bytes(packet)))  # a copy, for the reader keeps what it is given
    base, found = 26, list[tuple[str, int]]()
    for _, _, line in lines:
        if said := _SAID.search(line):
            name, value = said[1], int(said[2])
            if name == "init_qp_minus26":
                base = 26 + value
            else:
                found.append(("index", value) if name == "base_q_idx" else ("qp", base + value))
    return found
