"""Words of libvips: its names of kinds of pixels, header fields, decoders; its errors and complaints."""

from __future__ import annotations

import atexit
import logging
from typing import Any

import pyvips

SAMPLES = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
"""Its names of dtypes."""
COLOURS = {
    (1, "uint8"): "b-w",
    (3, "uint8"): "srgb",
    (1, "uint16"): "grey16",
    (3, "uint16"): "rgb16",
    (1, "float32"): "b-w",
    (3, "float32"): "scrgb",
}
"""Its names of grey (1 channel) and RGB (3) of each dtype."""


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


def lies(image: pyvips.Image) -> bool:
    """Whether the picture is stored on its side: upright, its width and height change places."""
    return field(image, "orientation", 1) in (5, 6, 7, 8)


def reason(error: pyvips.Error) -> str:
    """The last of the lines libvips gives, which names the innermost cause."""
    lines = [line.strip() for line in str(error.detail or error.message).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
