"""What libvips says of a picture: header fields, its decoder, its errors."""

from __future__ import annotations

import atexit
import logging
from typing import Any

import pyvips


def _quiet() -> None:
    """Send complaints of libvips and GLib about damaged files to Python's logging, whatever their letters.

    pyvips does so for libvips, but fails at messages that are no UTF-8, which names in a PNG need not be.
    """
    levels = pyvips.GLogLevelFlags.LEVEL_CRITICAL | pyvips.GLogLevelFlags.LEVEL_WARNING
    for domain in (b"VIPS", b"GLib-GObject"):
        number = pyvips.glib_lib.g_log_set_handler(domain, levels, _LOG, pyvips.ffi.NULL)
        atexit.register(pyvips.glib_lib.g_log_remove_handler, domain, number)


def _log(domain: Any, level: int, message: Any, _: object) -> None:
    known = pyvips.GLogLevelFlags.LEVEL_TO_LOGGER.get(level, logging.WARNING)
    words = (pyvips.ffi.string(part).decode(errors="replace") for part in (domain, message))
    logging.getLogger("pyvips").log(known, ": ".join(words))


_LOG = pyvips.ffi.callback("GLogFunc", _log)  # a name, so that it lives as long as the program
_quiet()


def describes(icc: bytes, space: str) -> bool:
    """Whether an ICC profile is one for "GRAY", "RGB " or "CMYK"; a wrong one would spoil the picture.

    Source: ICC.1, section 7.2.6: the colour space stands at bytes 16..19.
    """
    return icc[16:20] == space.encode()


def field(image: pyvips.Image, name: str, default: Any) -> Any:
    """A header field, or `default` where the file has none."""
    return image.get(name) if image.get_typeof(name) else default


def loader(image: pyvips.Image) -> str:
    """The decoder that opened the file: "png", "jpeg", "webp", "tiff", "heif", "gif", "svg" ..."""
    return str(image.get("vips-loader")).split("load")[0]


def kind_of(image: pyvips.Image) -> str:
    """The format by its usual name: the one HEIF container holds both AVIF and HEIC."""
    if loader(image) != "heif":
        return loader(image)
    return "heic" if field(image, "heif-compression", "hevc") == "hevc" else "avif"


def reason(error: pyvips.Error) -> str:
    """The last of the lines libvips gives, which names the innermost cause."""
    lines = [line.strip() for line in str(error.detail or error.message).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
