"""Small films that tests make, and what is in the files that come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

CASES = Path(__file__).parent / "cases" / "video"


def drawn(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Frame `number` of a moving picture, H x W x 3."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [(x * 3 + number * 5) % 256, (y * 4 + number * 3) % 256, (x * y // 8 + number) % 256]
    return np.stack(planes, axis=2).astype(np.uint8)


def make_clip(
    path: Path,
    frames: int = 25,
    rate: Fraction | int = 25,
    *,
    times: Sequence[int] | None = None,
    sound: bool = True,
    encoder: str = "libx264",
    options: dict[str, str] | None = None,
    **kept: str,
) -> Path:
    """Make a film of `drawn` frames, with a tone beside them.

    Args:
        path: The file.
        frames: How many.
        rate: How many a second.
        times: When each is shown, in frames; default: one after the other.
        sound: Whether there is any.
        encoder: Of the frames.
        options: Of the encoder.
        kept: Options of the container.
    """
    import av

    rate = Fraction(rate)
    with av.open(str(path), "w", options=kept) as container:
        stream = container.add_stream(encoder, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = 1 / rate
        tone = container.add_stream("aac", rate=8000, layout="mono") if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(drawn(number), "rgb24")
            frame.pts, frame.time_base = number if times is None else times[number], 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone is not None:
            for start in range(0, int(8000 * frames / rate), 1024):
                wave = np.sin(np.arange(start, start + 1024) / 3).astype(np.float32)[None]
                heard = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
                heard.pts, heard.sample_rate, heard.time_base = start, 8000, Fraction(1, 8000)
                container.mux(tone.encode(heard))
            container.mux(tone.encode(None))
    return path


def decoded(path: Path) -> Iterator[tuple[Fraction, np.ndarray]]:
    """Every frame of a film's first pictures: when it is shown, and its samples."""
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.pts * frame.time_base, frame.to_ndarray()


def packets_of(path: Path) -> list[tuple[int, int | None, int | None, bytes]]:
    """All packets of a file: stream, time stamps in its time base, content."""
    import av

    with av.open(str(path)) as container:
        return [(p.stream_index, p.pts, p.dts, bytes(p)) for p in container.demux() if p.size]
