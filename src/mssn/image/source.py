"""A picture file, opened once: its head, its compression, its frames and libvips all work on that."""

from __future__ import annotations

import math
import os
import weakref
from contextlib import suppress
from io import BytesIO
from threading import RLock
from typing import IO, Any

import pyvips

from mssn.errors import ImageError
from mssn.image.channels import CHANNELS, plain
from mssn.image.compression import HEAD, compression_of
from mssn.image.extras import extras_of, shown
from mssn.image.formats import HOW_TO_GET_THEM, TIFF
from mssn.image.jpeg import has_comment, has_gain_map, is_jpeg, pictures_in
from mssn.image.strangers import Stranger, kind_of_stranger, open_stranger
from mssn.image.tiff import directories
from mssn.image.unreadable import damaged, what_else
from mssn.image.vips import SAMPLES, field, kind_of, lies, loader, reason
from mssn.image.xmp import is_signed

_LOADERS = ("bmp", "gif", "heif", "jpeg", "jxl", "png", "ppm", "tiff", "webp")
_PAGED = {"tiff": TIFF, "gif": (".webp",), "webp": (".webp",)}  # what can hold their pages
_EXTRA = {"heif": "a HEIC picture", "jxl": "a JPEG XL picture"}  # kinds of the extra "formats"
HOW_TO_READ_IT = f"{HOW_TO_GET_THEM} to read it"


def display_name(source: str | os.PathLike[str] | bytes) -> str:
    """The source as it may stand in a one-line message, whatever bytes its path is made of."""
    if isinstance(source, bytes):
        return "these bytes"
    return " ".join(os.fsencode(source).decode(errors="replace").split())


class PictureFile:
    """A picture file, or the content of one, opened once.

    What Python itself has to know of the file is read when this is made; from then on the open file is
    libvips's, which keeps it until nothing refers to this object or its pictures.

    Args:
        source: Path of a file, or a file's content.
        name: What messages call it; default its path.

    Attributes:
        name: The source in one line, for messages.
        compression: How the picture was compressed.
        extras: What libvips does not tell of it.
        directories: Of a TIFF, one for each page.
        gain_map: Whether it is an Ultra HDR JPEG, of which the gain map is not decoded.

    Raises:
        ImageError: It is missing, empty, a folder or a pipe.
    """

    def __init__(self, source: str | os.PathLike[str] | bytes, name: str | None = None) -> None:
        self.name = display_name(source) if name is None else name
        self._opening = RLock()  # and no `Once`: it would keep the file open, in a circle
        self._header: pyvips.Image | None = None
        self._opened: tuple[Stranger, pyvips.Image] | None = None
        if isinstance(source, bytes):
            self._read_head(BytesIO(source))
            self._take(source)
            return
        if os.path.isdir(source):
            raise ImageError(f"{self.name}: is a folder, not a picture")
        if os.path.exists(source) and not os.path.isfile(source):
            raise ImageError(f"{self.name}: is a pipe or a device, not a file; - reads standard input")
        try:
            with open(source, "rb", buffering=0) as file:
                self._read_head(file)
                if self.extras.hidden:
                    self._take(file.read())
                    return
                # A descriptor, not a name: libvips would open a name again, takes [..] in it for options, and
                # would answer from its cache for a file changed since. It keeps a duplicate.
                self._stream = pyvips.Source.new_from_descriptor(file.fileno())
                if self._stranger:  # libvips will not read it; Pillow will, until this object goes
                    self._file = os.fdopen(os.dup(file.fileno()), "rb")
                    weakref.finalize(self, self._file.close)
        except OSError as error:
            raise ImageError(f"{self.name}: cannot be read: {error.strerror or error}") from error
        except ValueError as error:  # a name that no file can have
            raise ImageError(f"{self.name}: cannot be read: {error}") from error

    def _read_head(self, file: IO[bytes]) -> None:
        """Read what libvips does not tell; before it reads, because both share one place in the file."""
        head = file.read(HEAD)
        if not head:
            raise ImageError(f"{self.name}: the file is empty")
        self._start = head[:4096]
        self._is_jpeg = is_jpeg(head)
        self.gain_map = self._is_jpeg and has_gain_map(head)
        self._has_comment = self._is_jpeg and has_comment(head)
        self._pictures = pictures_in(head) - self.gain_map if self._is_jpeg else 1
        self.directories = tuple(directories(file))
        self._stranger = kind_of_stranger(self._start, self.directories)
        self.compression = compression_of(file, head)
        file.seek(0)
        self.extras = extras_of(file, head)
        file.seek(0)

    def _take(self, content: bytes) -> None:
        content = shown(content, self.extras.hidden)
        self._file: IO[bytes] = BytesIO(content)
        self._stream = pyvips.Source.new_from_memory(content)

    @property
    def header(self) -> pyvips.Image:
        """The first page or frame, of which only the header is decoded yet.

        Raises:
            ImageError: It is not a picture, or damaged.
        """
        with self._opening:
            if self._header is None:
                self._header = self._foreign[1] if self._stranger else self._open({})
            return self._header

    @property
    def _foreign(self) -> tuple[Stranger, pyvips.Image]:
        """What libvips does not decode, and its header."""
        with self._opening:
            if self._opened is None:
                self._opened = self._open_stranger()
            return self._opened

    def _open_stranger(self) -> tuple[Stranger, pyvips.Image]:
        self._file.seek(0)
        try:
            stranger = open_stranger(self._stranger, self._file)
            return stranger, stranger.header
        except ImportError as error:
            kind = _EXTRA.get(self._stranger, "a picture that needs Pillow")
            raise ImageError(f"{self.name}: is {kind}; {HOW_TO_READ_IT}") from error
        except Exception as error:
            raise damaged(self.name, error) from error

    @property
    def pages(self) -> tuple[int, ...]:
        """Numbers of a TIFF's pages, without smaller copies and masks; of any other file (0,)."""
        return tuple(n for n, page in enumerate(self.directories) if page.is_page or n == 0) or (0,)

    def separate(self, into: str) -> bool:
        """Whether pages have to be opened one by one (`open_page`), because they differ or are turned.

        Args:
            into: Ending of the file to write.
        """
        if len(self.pages) < 2 or self._stranger or into not in TIFF:
            return False
        kinds = {self.directories[n].kind for n in self.pages}
        turned = field(self.header, "orientation", 1) != 1  # turning all at once would mix them
        return len(kinds) > 1 or turned or len(self.pages) < len(self.directories)

    def pages_into(self, into: str) -> int:
        """How many pages or frames `open` would give for a file of this ending.

        Raises:
            ImageError: As `size`.
        """
        if self.separate(into):
            return len(self.pages)
        image = self._checked(None, into)
        return image.height // field(image, "page-height", image.height)

    def open(self, max_pixels: int | None, into: str = "") -> pyvips.Image:
        """The picture to decode, after a look at its header; what cannot be decoded faithfully is refused.

        Args:
            max_pixels: Refuse larger pictures; None for any size.
            into: Ending of the file to write. If it can hold them and they are of one kind, all pages or
                frames are opened, below each other; else the first.

        Raises:
            ImageError: As `mssn.image.read.read`.
        """
        image = self._checked(max_pixels, into)
        if not self._stranger:
            return image
        try:
            return self._foreign[0].decoded()
        except Exception as error:
            raise damaged(self.name, error) from error

    def open_page(self, number: int) -> pyvips.Image:
        """One page of a TIFF, as `open`."""
        return self._suitable(self._open({"page": number}), number)

    def _checked(self, max_pixels: int | None, into: str) -> pyvips.Image:
        image, separate = self.header, self.separate(into)
        count = field(image, "n-pages", 1) if into in _PAGED.get(loader(image), ()) else 1
        pixels, size = image.width * image.height * count, f"{image.width} x {image.height} pixels"
        if separate:
            count, pixels = len(self.pages), sum(math.prod(self.directories[n].size) for n in self.pages)
            size = f"{pixels} pixels"
        if max_pixels is not None and pixels > max_pixels:
            limit = f"the limit of {max_pixels / 1e6:g} million (`max_megapixels`)"
            raise ImageError(f"{self.name}: {size}{f' on {count} pages' * (count > 1)} exceed {limit}")
        if count > 1 and not separate:
            with suppress(ImageError):  # frames of different sizes: the first is the picture
                image = self._open({"n": -1})
        return self._suitable(image, 0)

    def _suitable(self, image: pyvips.Image, number: int) -> pyvips.Image:
        """With channels that we know, or refused."""
        name = f"{self.name}: page {number + 1}" if number else self.name
        if loader(image) not in _LOADERS:
            raise ImageError(f"{name}: is {what_else(self._start)}")
        image = self._plain(image, number)[0]
        if image.format not in SAMPLES.values():
            raise ImageError(f"{name}: {image.format} samples are not supported; save it with 8 or 16 bit")
        if image.interpretation not in CHANNELS or image.bands > 4 + (image.interpretation == "cmyk"):
            kind = f"{image.bands} channels of '{image.interpretation}'"
            raise ImageError(f"{name}: {kind} are not supported; save it as grey or RGB")
        return image

    def _plain(self, image: pyvips.Image, number: int) -> tuple[pyvips.Image, tuple[str, ...]]:
        return plain(image, self.directories[number] if number < len(self.directories) else None)

    @property
    def count(self) -> int:
        """Pages, frames or pictures in the file."""
        if self.directories:
            return len(self.pages)
        return max(field(self.header, "n-pages", 1), self.extras.frames, self._pictures)

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the file does not come along, in short clauses.

        Raises:
            ImageError: As `size`.
        """
        found = list(self._foreign[0].notes if self._stranger else self._plain(self.header, 0)[1])
        if self.gain_map:
            found.append("gain map left out")
        if self._has_comment:
            found.append("comment left out")
        if smaller := len(self.directories) - len(self.pages) if self.directories else 0:
            found.append("a smaller copy left out" if smaller == 1 else f"{smaller} smaller copies left out")
        return (*found, *self.extras.notes)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels of the upright picture.

        Raises:
            ImageError: As `read`, except that damage behind the header goes unnoticed.
        """
        image = self._checked(None, "")
        return (image.width, image.height) if lies(image) else (image.height, image.width)

    @property
    def format(self) -> str:
        """What the file is: "png", "jpeg" ... as `Picture.format`.

        Raises:
            ImageError: As `size`.
        """
        return kind_of(self._checked(None, ""))

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
        # Otherwise libvips would take an Ultra HDR JPEG for a format of its own.
        opener: Any = pyvips.Image.jpegload_source if self._is_jpeg else pyvips.Image.new_from_source
        arguments = (self._stream,) if self._is_jpeg else (self._stream, "")
        try:
            # `fail_on` makes cut files errors, not half-grey pictures.
            return opener(*arguments, access="sequential", fail_on="error", **options)
        except pyvips.Error as error:
            if "unable to load from source" in error.message:
                raise ImageError(f"{self.name}: is {what_else(self._start)}") from error
            if "samples out of range" in error.detail:
                raise ImageError(
                    f"{self.name}: its samples have too many bits; save it with 8, 16 or 32"
                ) from error
            raise ImageError(f"{self.name}: the file is damaged or cut short ({reason(error)})") from error
