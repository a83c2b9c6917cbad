"""A picture file, opened once: its head, its compression, its frames and libvips all work on that."""

from __future__ import annotations

import atexit
import logging
import os
from contextlib import suppress
from functools import cached_property
from io import BytesIO
from typing import IO, Any

import pyvips

from mssn.errors import ImageError
from mssn.image.compression import HEAD, compression_of
from mssn.image.extras import extras_of, shown
from mssn.image.metadata import field, kind_of, loader, reason
from mssn.image.xmp import is_signed

# HEIC is listed because some builds of libvips decode it; the others then say so, instead of passing it over.
READABLE = (".avif", ".gif", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_LOADERS = ("gif", "heif", "jpeg", "png", "tiff", "webp")
_STRANGERS = {b"BM": "a BMP picture", b"P5": "a PGM picture", b"P6": "a PPM picture"}  # by first bytes
_COLOURS = ("b-w", "grey16", "srgb", "rgb", "rgb16", "scrgb", "cmyk")
_SAMPLES = ("uchar", "ushort", "float")
_PAGED = {"tiff": (".tif", ".tiff"), "gif": (".webp",), "webp": (".webp",)}  # what can hold their pages


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


def display_name(source: str | os.PathLike[str] | bytes) -> str:
    """The source as it may stand in a one-line message, whatever bytes its path is made of."""
    if isinstance(source, bytes):
        return "standard input"
    return " ".join(os.fsencode(source).decode(errors="replace").split())


class PictureFile:
    """A picture file, or the content of one, opened once.

    What Python itself has to know of the file is read when this is made; from then on the open file is
    libvips's, which keeps it until nothing refers to this object or its pictures.

    Args:
        source: Path of a file, or a file's content.

    Attributes:
        name: The source in one line, for messages.
        compression: How the picture was compressed.
        extras: What libvips does not tell of it.

    Raises:
        ImageError: It is missing, empty, a folder or a pipe.
    """

    def __init__(self, source: str | os.PathLike[str] | bytes) -> None:
        self.name = display_name(source)
        if isinstance(source, bytes):
            self._read_head(BytesIO(source))
            self._stream = pyvips.Source.new_from_memory(shown(source, self.extras.hidden))
            return
        if os.path.isdir(source):
            raise ImageError(f"{self.name}: is a folder, not a picture")
        if os.path.exists(source) and not os.path.isfile(source):
            raise ImageError(f"{self.name}: is a pipe or a device, not a file; - reads standard input")
        try:
            with open(source, "rb", buffering=0) as file:
                self._read_head(file)
                if self.extras.hidden:
                    content = shown(file.read(), self.extras.hidden)
                    self._stream = pyvips.Source.new_from_memory(content)
                    return
                # A descriptor, not a name: libvips would open a name again, takes [..] in it for options, and
                # would answer from its cache for a file changed since. It keeps a duplicate.
                self._stream = pyvips.Source.new_from_descriptor(file.fileno())
        except OSError as error:
            raise ImageError(f"{self.name}: cannot be read: {error.strerror or error}") from error

    def _read_head(self, file: IO[bytes]) -> None:
        """Read what libvips does not tell; before it reads, because both share one place in the file."""
        head = file.read(HEAD)
        if not head:
            raise ImageError(f"{self.name}: the file is empty")
        self._start = head[:2]
        self.compression = compression_of(file, head)
        file.seek(0)
        self.extras = extras_of(file, head)
        file.seek(0)

    @cached_property
    def header(self) -> pyvips.Image:
        """The first page or frame, of which only the header is decoded yet.

        Raises:
            ImageError: It is not a picture, or damaged.
        """
        return self._open({})

    def open(self, max_pixels: int | None, into: str = "") -> pyvips.Image:
        """The picture to decode, after a look at its header; what cannot be decoded faithfully is refused.

        Args:
            max_pixels: Refuse larger pictures; None for any size.
            into: Ending of the file to write. If it can hold them and they have one size, all pages or frames
                are opened, below each other; else the first.

        Raises:
            ImageError: As `mssn.image.read.read`.
        """
        image, name = self.header, self.name
        pages = field(image, "n-pages", 1) if into in _PAGED.get(loader(image), ()) else 1
        if max_pixels is not None and image.width * image.height * pages > max_pixels:
            size = f"{image.width} x {image.height} pixels" + (f" on {pages} pages" if pages > 1 else "")
            limit = f"the limit of {max_pixels / 1e6:g} million (`max_megapixels`)"
            raise ImageError(f"{name}: {size} exceed {limit}")
        if pages > 1 and field(image, "orientation", 1) == 1:  # turning would mix them
            # Pages of different sizes, a thumbnail for instance, cannot be had at once: the first is the
            # picture.
            with suppress(ImageError):
                image = self._open({"n": -1})
        if loader(image) not in _LOADERS:
            raise ImageError(f"{name}: is not one of the readable kinds ({', '.join(READABLE)})")
        if image.format not in _SAMPLES:
            raise ImageError(f"{name}: {image.format} samples are not supported; save it with 8 or 16 bit")
        if image.interpretation not in _COLOURS or image.bands > 4 + (image.interpretation == "cmyk"):
            kind = f"{image.bands} channels of '{image.interpretation}'"
            raise ImageError(f"{name}: {kind} are not supported; save it as grey or RGB")
        return image

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels of the upright picture.

        Raises:
            ImageError: As `read`, except that damage behind the header goes unnoticed.
        """
        image = self.open(None)
        lying = field(image, "orientation", 1) in (5, 6, 7, 8)
        return (image.width, image.height) if lying else (image.height, image.width)

    @property
    def format(self) -> str:
        """What the file is: "png", "jpeg" ... as `Picture.format`.

        Raises:
            ImageError: As `size`.
        """
        return kind_of(self.open(None))

    @property
    def animated(self) -> bool:
        """Whether it holds several frames of a GIF or WebP animation.

        Raises:
            ImageError: As `size`.
        """
        return self.format in ("gif", "webp") and field(self.header, "n-pages", 1) > 1

    @property
    def signed(self) -> bool:
        """Whether a note in its XMP says that we made it.

        Raises:
            ImageError: As `size`.
        """
        return is_signed(field(self.header, "xmp-data", None))

    def _open(self, options: dict[str, int]) -> pyvips.Image:
        try:
            # `fail_on` makes cut files errors, not half-grey pictures.
            opened: Any = pyvips.Image.new_from_source(
                self._stream, "", access="sequential", fail_on="error", **options
            )
        except pyvips.Error as error:
            if "unable to load from source" in error.message:
                what = _STRANGERS.get(self._start, "not a picture of a known kind")
                raise ImageError(f"{self.name}: is {what}; readable are {', '.join(READABLE)}") from error
            if "samples out of range" in error.detail:
                raise ImageError(
                    f"{self.name}: its samples have too many bits; save it with 8, 16 or 32"
                ) from error
            raise ImageError(f"{self.name}: the file is damaged or cut short ({reason(error)})") from error
        return opened
