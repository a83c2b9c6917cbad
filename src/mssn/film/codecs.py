"""Which encoders may store a kind of film, best first, with which pixel format and options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mssn.film.facts import Hdr, Video
from mssn.film.pyav import require

# Codec -> what encodes it, best first. Those of graphics cards come last: they make larger files of the same
# quality, and where they are missing only the attempt to open them tells.
ENCODERS = {
    "av1": ("libsvtav1", "librav1e", "av1_nvenc", "av1_qsv", "av1_amf"),
    "h264": ("libx264", "libx264rgb", "h264_nvenc", "h264_qsv", "h264_amf", "h264_videotoolbox", "h264_mf"),
    "hevc": ("libx265", "hevc_nvenc", "hevc_qsv", "hevc_amf", "hevc_videotoolbox", "hevc_mf"),
    "vp9": ("libvpx-vp9", "vp9_qsv"),
    "ffv1": ("ffv1",),
    "prores": ("prores_ks", "prores_videotoolbox"),
}
HARDWARE = tuple(
    name
    for names in ENCODERS.values()
    for name in names
    if name.endswith(("_nvenc", "_qsv", "_amf", "_mf", "box"))
)
CODECS = (*ENCODERS, *HARDWARE)
QUALITY = 75  # where none is asked for

# What encoders read and the conversion from RGB writes: planar, or packed RGB.
_FORMATS = re.compile(
    r"yuva?4(20|22|44)p(1[026]le)?|gray(1[026]le)?|gbra?p(1[026]le)?|bgr0|bgra|rgb24|bgr24|nv12|p010le"
)
_MIDDLE = ("prores", "dnxhd", "cfhd", "apv")  # what cameras and editing programs write


@dataclass(frozen=True)
class Encoding:
    """How pictures are encoded.

    Args:
        codec: FFmpeg's name of what they are stored in.
        encoder: FFmpeg's name of what encodes.
        format: FFmpeg's name of the pixel format it gets.
        options: Its options, as FFmpeg names them.
        losses: What the pixel format cannot hold of the source's: "depth", "alpha", "chroma".
    """

    codec: str
    encoder: str
    format: str
    options: tuple[tuple[str, str], ...] = ()
    losses: tuple[str, ...] = ()


def codec_of(name: str) -> str:
    """The codec of a name in `CODECS`, which may be an encoder's."""
    return next(codec for codec, names in ENCODERS.items() if name == codec or name in names)


def offered() -> tuple[str, ...]:
    """Those of `CODECS` that this build of FFmpeg can encode."""
    require()
    return tuple(
        name for name in CODECS if any(_encoder(each) is not None for each in ENCODERS.get(name, (name,)))
    )


def _encoder(name: str) -> Any:
    """An encoder of FFmpeg's; None where this build lacks it."""
    import av

    try:
        return av.Codec(name, "w")
    except ValueError:
        return None


def usual(video: Video, size: tuple[int, int], container: str) -> tuple[str, ...]:
    """The codecs that suit a film, best first; later ones are for containers that do not hold the first.

    Args:
        video: The source.
        size: Height and width of the result.
        container: FFmpeg's name of its format.
    """
    clear = {"webm": ("vp9",), "mov": ("prores",), "matroska": ("ffv1",)}
    return (*(clear.get(container, ()) if video.alpha else ()), *_opaque(video, size))


def _opaque(video: Video, size: tuple[int, int]) -> tuple[str, ...]:
    deep = video.depth > 8
    everywhere = ("hevc", "h264") if deep else ("h264", "hevc")  # these say a pixel aspect themselves
    plain = ("av1", *everywhere, "vp9")
    if video.captions:
        return (*everywhere, *plain)
    if video.chroma == "grey":
        return ("ffv1", *plain)
    if video.chroma in ("444", "rgb"):
        # Beside lossless sources the files of FFV1 are no larger than these; beside others they would be.
        whole = ("hevc", "h264") if video.hdr or (deep and video.chroma == "rgb") else ("h264", "hevc")
        return (
            ("ffv1", *whole, "vp9")
            if not video.compression.lossy and not video.hdr
            else (*whole, "vp9", "av1")
        )
    if video.codec in _MIDDLE:
        return ("prores", *plain)
    if video.chroma != "420" and size[0] * size[1] < 4 * video.width * video.height:
        return (*everywhere, *plain)
    return plain  # at twice the size, 4:2:0 holds as many samples of colour as 4:2:2 did


def encodings(video: Video, codec: str, quality: int | None) -> Iterator[Encoding]:
    """Ways to encode a film in a codec, best first, as far as this build of FFmpeg has them.

    Args:
        video: The source.
        codec: One of `CODECS`.
        quality: 1 to 100; None: the usual.
    """
    from av.codec.codec import find_best_pix_fmt_of_list

    found: list[tuple[int, Encoding]] = []
    for encoder in ENCODERS.get(codec, (codec,)):
        if encoder in HARDWARE and found:
            break
        there = _encoder(encoder)
        if there is None:
            continue
        kinds = [each.name for each in there.video_formats or [] if _FORMATS.fullmatch(each.name)]
        if video.chroma == "grey" and encoder != "ffv1":  # hardly any player shows grey of these
            kinds = [kind for kind in kinds if kind.startswith(("yuv420", "yuva420", "nv12", "p010"))]
        while kinds:  # another one may do where the best does not open, as 4:4:4 at odd sizes
            best, flags = find_best_pix_fmt_of_list(kinds, video.format.replace("yuvj", "yuv"), video.alpha)
            if best is None:
                break
            kinds.remove(best.name)
            losses = _losses(video, int(flags))
            weight = sum(_WEIGHTS[each] for each in losses) + bool(int(flags) & 4)
            options = _options(encoder, best.name, quality, video.hdr)
            found.append((weight, Encoding(codec_of(codec), encoder, best.name, options, losses)))
    for _, encoding in sorted(found, key=lambda pair: pair[0]):
        yield encoding


_WEIGHTS = {"alpha": 8, "chroma": 4, "depth": 2}  # 1: other words for colours, as Y, Cb and Cr for RGB


def _losses(video: Video, flags: int) -> tuple[str, ...]:
    """In words; grey has no chroma to lose, and red, green and blue come back from Y, Cb and Cr."""
    said = {
        "chroma": bool(flags & 1) and video.chroma != "grey",
        "depth": bool(flags & 2),
        "alpha": bool(flags & 8),
    }
    return tuple(name for name, lost in said.items() if lost)


_QUALITIES = (1, 25, 75, 100)
_CRF = {  # at these qualities, with which the luma's PSNR is AV1's (paper/LOG.md)
    "libsvtav1": (62.43, 48.75, 20.25, 6),
    "libx264": (34, 26, 17.7, 11.5),
    "libx264rgb": (34, 26, 17.7, 11.5),
    "libx265": (37, 28.3, 18.8, 11.8),
    "libvpx-vp9": (48, 33.8, 17.1, 4.8),
}


def _crf(encoder: str, quality: int) -> float:
    return float(np.interp(quality, _QUALITIES, _CRF[encoder]))


def _options(encoder: str, pixels: str, quality: int | None, hdr: Hdr) -> tuple[tuple[str, str], ...]:
    """A codec's options for a quality; equal qualities look alike."""
    q = QUALITY if quality is None else quality
    if encoder == "libsvtav1":
        crf = {"crf": f"{_crf(encoder, q):.0f}", "preset": "8"}
        light = [
            "enable-variance-boost=1",  # else faces in the dark lose their features (paper/LOG.md)
            *([f"mastering-display={_display(hdr, 1, 1)}"] if hdr.mastering else []),
            *([f"content-light={hdr.light[0]},{hdr.light[1]}"] if hdr.light else []),
        ]
        return tuple((crf | {"svtav1-params": ":".join(light)}).items())
    if encoder in ("libx264", "libx264rgb"):
        light = [
            *([f"mastering-display={_display(hdr, 50000, 10000)}"] if hdr.mastering else []),
            *([f"cll={hdr.light[0]},{hdr.light[1]}"] if hdr.light else []),
        ]
        crf = {"crf": f"{_crf(encoder, q):.1f}", "preset": "medium"}
        return tuple((crf | ({"x264-params": ":".join(light)} if light else {})).items())
    if encoder == "libx265":
        light = [
            "log-level=none",
            *([f"master-display={_display(hdr, 50000, 10000)}"] if hdr.mastering else []),
            *([f"max-cll={hdr.light[0]},{hdr.light[1]}"] if hdr.light else []),
        ]
        return (("crf", f"{_crf(encoder, q):.1f}"), ("preset", "fast"), ("x265-params", ":".join(light)))
    if encoder == "libvpx-vp9":
        crf = str(round(_crf(encoder, q)))
        return (("crf", crf), ("b", "0"), ("deadline", "good"), ("cpu-used", "4"), ("row-mt", "1"))
    if encoder == "ffv1":
        return (("level", "3"), ("slicecrc", "1"))
    if encoder == "prores_ks":
        profile = 4 if "444" in pixels else min(3, q // 25)
        return (
            ("profile", str(profile)),
            ("vendor", "apl0"),
            ("alpha_bits", "16" if "yuva" in pixels else "0"),
        )
    return _hardware(encoder, q)


def _display(hdr: Hdr, colour: int, light: int) -> str:
    """A mastering display as encoders take it, in fractions (1) or in counts of 1/50000 and 1/10000 cd/m2."""
    assert hdr.mastering is not None
    *places, least, most = hdr.mastering
    numbers = [f"{float(each * colour):.5g}" if colour == 1 else str(round(each * colour)) for each in places]
    red, green, blue, white = (f"({numbers[n]},{numbers[n + 1]})" for n in range(0, 8, 2))
    ends = [f"{float(each):.8g}" if light == 1 else str(round(each * light)) for each in (most, least)]
    return f"G{green}B{blue}R{red}WP{white}L({ends[0]},{ends[1]})"


def _hardware(encoder: str, q: int) -> tuple[tuple[str, str], ...]:
    """What graphics cards take for a quality: quantisers, or numbers of their own."""
    quantiser = str(round(43 - 0.3 * q))
    if encoder.endswith("_nvenc"):
        return (("rc", "vbr"), ("cq", quantiser), ("b", "0"), ("preset", "p5"))
    if encoder.endswith("_qsv"):
        return (("global_quality", quantiser),)
    if encoder.endswith("_amf"):
        return (("rc", "cqp"), ("qp_i", quantiser), ("qp_p", quantiser))
    if encoder.endswith("_mf"):
        return (("rate_control", "quality"), ("quality", str(q)))
    if encoder.endswith("_videotoolbox"):
        return (("flags", "+qscale"), ("global_quality", str(round(q * 118))))
    return ()
