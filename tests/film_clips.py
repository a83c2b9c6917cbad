"""Small films that tests make, and what is in the files that come out."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mssn.film.threads import ordinary_threads

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
    still: bool = False,
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
        still: Whether all frames are the first one.
        encoder: Of the frames.
        options: Of the encoder.
        kept: Options of the container.
    """
    import av

    rate = Fraction(rate)
    # An encoder may make the calling thread a real-time one, which would stay so in later tests.
    with ordinary_threads(), av.open(str(path), "w", options=kept) as container:
        stream: Any = container.add_stream(encoder, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = 1 / rate
        tone = container.add_stream("aac", rate=8000, layout="mono") if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(drawn(0 if still else number), "rgb24")
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


def scene(seed: int, frames: int, height: int = 72, width: int = 96) -> list[np.ndarray]:
    """A picture that moves slowly."""
    rng = np.random.default_rng(seed)
    rough = np.kron(rng.integers(0, 256, (height // 8, width // 8 + 16, 3)), np.ones((8, 8, 1)))
    return [rough[:, number // 4 : number // 4 + width].astype(np.uint8) for number in range(frames)]


def film_of(path: Path, *parts: tuple[Sequence[np.ndarray], int], **options: str) -> Path:
    """A film of H.264 whose parts were each encoded with a quantiser of its own, one behind the other."""
    import av

    number = 0
    with av.open(str(path), "w") as container:
        stream: Any = None
        for pictures, quantiser in parts:
            made = path.with_name("part.h264")
            given = {"qp": str(quantiser), "bf": "0", "x264-params": "aq-mode=0", **options}
            with av.open(str(made), "w") as one:
                encoder: Any = one.add_stream("libx264", rate=25, options=given)
                encoder.height, encoder.width = pictures[0].shape[:2]
                encoder.pix_fmt = "yuv420p"
                for picture in pictures:
                    one.mux(encoder.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
                one.mux(encoder.encode(None))
            with av.open(str(made)) as one:
                stream = stream or container.add_stream_from_template(one.streams.video[0])
                for packet in one.demux(video=0):
                    if packet.size:
                        packet.stream, packet.time_base = stream, Fraction(1, 25)
                        packet.pts, packet.dts, packet.duration = number, number, 1
                        container.mux(packet)
                        number += 1
            made.unlink()
    return path


def decoded(path: Path) -> Iterator[tuple[Fraction, np.ndarray]]:
    """Every frame of a film's first pictures: when it is shown, and its samples."""
    import av

    with av.open(str(path)) as container:
        frames: Iterator[Any] = container.decode(video=0)
        for frame in frames:
            yield frame.pts * frame.time_base, frame.to_ndarray()


def packets_of(path: Path) -> list[tuple[int, int | None, int | None, bytes]]:
    """All packets of a file: stream, time stamps in its time base, content."""
    import av

    with av.open(str(path)) as container:
        return [(p.stream_index, p.pts, p.dts, bytes(p)) for p in container.demux() if p.size]


def cut_to(source: Path, target: Path, share: float) -> Path:
    """A copy that ends early."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


def captioned(path: Path) -> Path:
    """A film whose frames carry closed captions (SEI messages), each another pair of bytes."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        number = 0
        for frame in [*(av.VideoFrame.from_ndarray(drawn(n), "rgb24") for n in range(25)), None]:
            for packet in stream.encode(frame):
                pair = bytes([0xFC, 0x80 | (0x41 + number), 0x80])
                said = b"\xb5\x00\x31GA94\x03\x41\xff" + pair + b"\xff"
                message = b"\x00\x00\x00\x01\x06\x04" + bytes([len(said)]) + said + b"\x80"
                whole = av.Packet(message + bytes(packet))
                whole.pts, whole.dts, whole.time_base = packet.pts, packet.dts, packet.time_base
                whole.is_keyframe, whole.stream, whole.duration = packet.is_keyframe, stream, packet.duration
                container.mux(whole)
                number += 1
    return path


def captions_of(path: Path) -> list[bytes]:
    """The closed captions of each frame."""
    import av

    with av.open(str(path)) as container:
        sides: list[Any] = [frame.side_data for frame in container.decode(video=0)]
        return [b"".join(bytes(one) for one in side if one.type.name == "A53_CC") for side in sides]


def frame_times(path: Path) -> list[float]:
    """When each frame is shown, in seconds, as another build of FFmpeg reads and decodes it."""
    shown = "frame=best_effort_timestamp_time"
    frames = probed(path, "-select_streams", "v:0", "-show_frames", "-show_entries", shown)["frames"]
    return [float(frame["best_effort_timestamp_time"]) for frame in frames]


def probed(path: Path, *options: str) -> dict[str, Any]:
    """What ffprobe says of a file; the test is skipped where there is none."""
    program = shutil.which("ffprobe")
    if program is None:
        pytest.skip("needs ffprobe, which is no part of PyAV")
    command = [program, "-v", "error", "-of", "json", *options, f"file:{path}"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
