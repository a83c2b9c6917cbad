"""How strongly a film was compressed, on the scale of pictures.

From the quantiser where the decoder exports it or the packets' heads say it, else from bits a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from mssn.film.headers import READ, quantisers
from mssn.image.compression import LOSSLESS, Compression
from mssn.image.jpeg import quality_of

# A film's step that calls for what a JPEG of quality 50 does. A JPEG's own step is 14 there; but films take
# most of a frame from others that are as good, and their loop filters have removed the blocks (paper/LOG.md).
_STEP = 45.0
# Bits that H.264 needs for what another codec stores in one, and bits a pixel of H.264 at quantiser 25.
_BETTER = {"hevc": 1.5, "vp9": 1.5, "av1": 1.8, "vvc": 2.0, "vp8": 0.9, "mpeg4": 1.2, "msmpeg4v3": 1.2}
_OTHERS, _BITS = 0.8, 0.25
_INTRA = ("prores", "dnxhd", "dvvideo", "cfhd", "jpeg2000", "apv")  # little is lost, every frame for itself


def compression_of(stream: Any, packets: Sequence[Any], frames: Sequence[Any]) -> Compression:
    """How a film was stored.

    Args:
        stream: Its stream.
        packets: The first of its packets.
        frames: What they were decoded to.
    """
    codec = stream.codec_context.codec
    if codec.lossless and not codec.lossy:
        return LOSSLESS
    name = codec.canonical_name
    if name == "mjpeg":
        return Compression(kind="JPEG", quality=quality_of(bytes(packets[0])))
    if (found := compression_of_frames(codec, frames)) is not None:
        return found
    if name in _INTRA:
        return Compression(kind="", quality=95)
    said = quantisers(stream, packets) if name in READ else []
    step = fmean(_of_head(*one) for one in said) if said else _step_of_bits(stream, packets, name)
    return Compression(kind=name, quality=None if step is None else quality_of_step(step))


def compression_of_frames(codec: Any, frames: Sequence[Any]) -> Compression | None:
    """How some frames were stored, if their decoder exports the quantiser.

    Args:
        codec: Theirs.
        frames: Those of a scene's beginning.
    """
    steps = [step for frame in frames if (step := _step(frame)) is not None]
    if not steps:
        return None
    step = fmean(steps)
    if step < 0.7 and codec.lossless:  # H.264's lossless mode has the quantiser 0
        return LOSSLESS
    return Compression(kind=codec.canonical_name, quality=quality_of_step(step))


def quality_of_step(step: float) -> int:
    """The quality of a JPEG that calls for as much as a film whose quantiser has such steps (of 255)."""
    scale = step / _STEP
    return round(min(99.0, max(1.0, 100 - 50 * scale if scale <= 1 else 50 / scale)))


def _step(frame: Any) -> float | None:
    """The quantiser's step in levels of 8 bits, averaged over a frame."""
    for data in frame.side_data:
        if data.type.name == "VIDEO_ENC_PARAMS":
            qp = data.qp + (
                fmean(data.block_params(n).delta_qp for n in range(data.nb_blocks)) if data.nb_blocks else 0
            )
            kind = int(data.codec_type)
            if kind == 1:
                return _step_of_qp(qp)
            if kind == 2:  # MPEG-2: the weights of low frequencies are about 18 of 16
                return 2.2 * qp
            if kind == 0:
                return _step_of_index(qp)
    return None


def _of_head(kind: str, value: int) -> float:
    return _step_of_qp(value) if kind == "qp" else _step_of_index(value)


def _step_of_qp(qp: float) -> float:
    """Of H.264 and HEVC: doubles every six, 1 at 4."""
    return 2 ** ((qp - 4) / 6)


def _step_of_index(index: float) -> float:
    """Of VP9 and AV1: from 0.5 at 0 to 228 at 255."""
    return 0.5 * 456 ** (index / 255)


def _step_of_bits(stream: Any, packets: Sequence[Any], name: str) -> float | None:
    rate, size = stream.guessed_rate, stream.codec_context.width * stream.codec_context.height
    bits = stream.bit_rate
    if not bits and packets and rate:
        bits = 8 * fmean(packet.size for packet in packets if packet.size) * float(rate)
    if not (bits and rate and size):
        return None
    share = float(bits / rate / size) * _BETTER.get(name, _OTHERS) / _BITS
    return _step_of_qp(25 - 6 * math.log2(max(share, 1e-4)))
