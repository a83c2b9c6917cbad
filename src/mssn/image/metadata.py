"""What libvips says of a picture: header fields, its decoder, its errors."""

from __future__ import annotations

import atexit
from typing import Any

import pyvips


def _quiet() -> None:
    """Send GLib's complaints about damaged files where pyvips sends those of libvips: to Python's logging."""
    callback = getattr(pyvips, "_log_handler_cb", None)  # pyvips has no public one
    if callback is not None:
        levels = pyvips.GLogLevelFlags.LEVEL_CRITICAL | pyvips.GLogLevelFlags.LEVEL_WARNING
        number = pyvips.glib_lib.g_log_set_handler(b"GLib-GObject", levels, callback, pyvips.ffi.NULL)
        atexit.register(pyvips.glib_lib.g_log_remove_handler, b"GLib-GObject", number)


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
