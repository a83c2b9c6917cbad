"""HDR metadata that change with the frames do not come along, and a line says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest
from film_clips import drawn

from mssn.film.facts import probe
from mssn.film.plan import FilmOptions, plan_film


def bits(*fields: tuple[int, int]) -> bytes:
    """Numbers of so many bits, one behind the other; of 0 bits: in the code of Exp-Golomb."""
    text = "".join(
        f"{value:0{count}b}" if count else f"{value + 1:0{2 * (value + 1).bit_length() - 1}b}"
        for value, count in fields
    )
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def unit(kind: int, content: bytes) -> bytes:
    """A NAL unit of HEVC, in which three zeros in a row stand nowhere."""
    safe = bytearray()
    for byte in content:
        if safe[-2:] == b"\0\0" and byte <= 3:
            safe.append(3)
        safe.append(byte)
    return b"\0\0\0\1" + bytes((kind << 1, 1)) + bytes(safe)


def hdr10_plus() -> bytes:
    """The message of SMPTE ST 2094-40: one window, its brightest colours, no curve."""
    window = ((1000, 17), (900, 17), (800, 17), (500, 17), (0, 4), (5, 10))
    said = b"\xb5\x00\x3c\x00\x01\x04\x01" + bits((1, 2), (400, 27), (0, 1), *window, (0, 1), (0, 1), (0, 1))
    return unit(39, bytes((4, len(said))) + said + b"\x80")


def dolby_vision() -> bytes:
    """Its unit 62 (RPU) of profile 8: curves that change nothing, no residual, no display management."""
    depths = ((2, 0), (2, 0), (4, 0))
    header = ((2, 6), (18, 11), (1, 4), (0, 4), (1, 1), (0, 1), (0, 2), (23, 0), (1, 2), (0, 1), *depths)
    flags = ((0, 1), (0, 3), (0, 1), (1, 1), (0, 1), (0, 1))
    pivots = ((0, 0), (0, 10), (1023, 10)) * 3
    curves = ((0, 0), (0, 0), (0, 1), (0, 0), (0, 23), (1, 0), (0, 23)) * 3
    fields = (*header, *flags, (0, 0), (0, 0), (0, 0), *pivots, (0, 0), (0, 0), *curves)
    return unit(62, b"\x19" + bits(*fields) + b"\0\0\0\0\x80")


def with_units(path: Path, before: bytes, behind: bytes) -> Path:
    """A film in HEVC with a unit before, and one behind, the pictures of each frame."""
    with av.open(str(path), "w") as container:
        options = {"x265-params": "log-level=none:bframes=0:repeat-headers=1"}
        stream: Any = container.add_stream("libx265", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        for frame in [*(av.VideoFrame.from_ndarray(drawn(n), "rgb24") for n in range(5)), None]:
            for packet in stream.encode(frame):
                whole: Any = av.Packet(before + bytes(packet) + behind)
                whole.pts = whole.dts = packet.pts
                whole.time_base, whole.duration = packet.time_base, packet.duration
                whole.is_keyframe, whole.stream = packet.is_keyframe, stream
                container.mux(whole)
    return path


@pytest.mark.parametrize(
    ("before", "behind", "names"),
    [
        (hdr10_plus(), b"", "HDR10+"),
        (b"", dolby_vision(), "Dolby Vision"),
        (hdr10_plus(), dolby_vision(), "HDR10+ and Dolby Vision"),
        (b"", b"", None),
    ],
)
def test_what_is_not_kept_is_said(tmp_path, before, behind, names) -> None:
    film = probe(with_units(tmp_path / "a.mkv", before, behind))
    plan = plan_film(film, tmp_path / "b.mkv", (96, 128), FilmOptions())
    said = f"{names} metadata, which change with the frames, are not kept"
    assert plan.notes == (() if names is None else (said,))
    assert not plan.hdr.moving
