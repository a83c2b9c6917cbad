"""A decoded picture: the one place that knows of alpha, pages, single bits and inks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mssn.errors import ImageError
from mssn.image.alpha import bleed
from mssn.image.compression import LOSSLESS, Compression
from mssn.image.png import Chunk

_SAMPLES = (np.uint8, np.uint16, np.float32)
Change = Callable[[np.ndarray], np.ndarray]
"""Makes an H x W x C plane another one of the same channels and dtype."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture file, upright, with everything needed to write it again.

    All arrays have the same height, width and dtype: uint8 (0..255), uint16 (0..65535) or float32 (nominally
    0..1; brighter than white is possible). Several pages or frames of one size stand below each other.

    Attributes:
        pixels: H x W x 1 (grey) or H x W x 3 (RGB, or in a picture of inks the paper's light that cyan,
            magenta and yellow leave: 255 - C, 255 - M, 255 - Y).
        alpha: H x W x 1, 0 = transparent, not multiplied into `pixels`; None if opaque.
        black: H x W x 1, the light that black ink leaves, 255 - K; None unless it is a picture of inks.
        bits: bits of a sample in the file, where fewer than the dtype has: 1, 10 or 12; else None.
        icc: ICC colour profile of the pixels, or None (then sRGB is meant).
        colours: colour tags (primaries, gamma, sRGB) as chunks of a PNG; they count where `icc` is None.
        exif: EXIF block with its orientation set to 1, because the pixels are already turned, and without
            thumbnail; or None.
        xmp: XMP packet, likewise, or None.
        iptc: Photoshop block with IPTC (caption, copyright) of a JPEG, or None.
        text: texts of a PNG, as its chunks.
        dpi: horizontal dots per inch, or None where the file names none.
        pixel_aspect: vertical dots per inch for each horizontal one.
        format: "png", "jpeg", "webp", "tiff", "avif", "heic", "jxl", "gif", "bmp" or "ppm": what the picture
            was read from.
        pages: pages or frames in `pixels`.
        delays: milliseconds each frame of an animation stays; empty for pages.
        loop: how often an animation runs; 0 for ever.
        left_out: pages or frames of the file that are not in `pixels`.
        compression: how the file was compressed.
        others: the pages behind the first of a TIFF whose pages differ in size or kind, one picture each;
            `pixels` is then the first alone.
        notes: what of the file did not come along, in short clauses: "damaged XMP left out".

    Raises:
        ImageError: shapes or dtypes are not the above.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    black: np.ndarray | None = None
    bits: int | None = None
    icc: bytes | None = None
    colours: tuple[Chunk, ...] = ()
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    text: tuple[Chunk, ...] = ()
    dpi: float | None = None
    pixel_aspect: float = 1.0
    format: str = "png"
    pages: int = 1
    delays: tuple[int, ...] = ()
    loop: int = 0
    left_out: int = 0
    compression: Compression = LOSSLESS
    others: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape or dtype not in _SAMPLES:
            raise ImageError(
                f"pixels must be H x W x 1 or 3 of uint8, uint16 or float32, not {shape} of {dtype}"
            )
        if shape[0] % self.pages:
            raise ImageError(f"{shape[0]} rows are not {self.pages} pages of one height")
        for name, plane in (("alpha", self.alpha), ("black", self.black)):
            if plane is not None and (plane.shape, plane.dtype) != ((*shape[:2], 1), dtype):
                wanted, given = f"{(*shape[:2], 1)} of {dtype}", f"{plane.shape} of {plane.dtype}"
                raise ImageError(f"{name} must be {wanted} like its pixels, not {given}")

    @classmethod
    def from_array(cls, array: np.ndarray) -> Picture:
        """The picture that an array of pixels is, or several of one size as its pages.

        Args:
            array: H x W (grey), H x W x C or N x H x W x C, C being 1, 2, 3 or 4 (grey, grey and alpha, RGB,
                RGB and alpha); uint8 (0..255), uint16 (0..65535) or finite floats (nominally 0..1), of
                which 32 bits are kept.

        Raises:
            ImageError: It is nothing of the above.
        """
        if not isinstance(array, np.ndarray):
            raise ImageError(f"expected a NumPy array, not a {type(array).__name__}")
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused below
                array = array.astype(np.float32, copy=False)
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        channels = array.shape[-1] if array.ndim in (3, 4) else 1
        if array.ndim not in (2, 3, 4) or channels > 4 or array.size == 0 or array.dtype not in _SAMPLES:
            raise ImageError(
                "expected an array of H x W, H x W x 1..4 or N x H x W x 1..4 pixels, uint8, uint16 or "
                f"floats; got {array.shape} of {array.dtype}"
            )
        if array.dtype == np.float32 and not np.isfinite(array).all():
            if array.ndim < 4:
                raise ImageError("some of the pixels are not numbers")
            first = next(index for index, one in enumerate(array) if not np.isfinite(one).all())
            raise ImageError(f"picture {first} of the batch (counted from 0) has pixels that are not numbers")
        pages = len(array) if array.ndim == 4 else 1
        planes = array[:, :, None] if array.ndim == 2 else array.reshape(-1, *array.shape[-2:])
        colors = 1 if channels < 3 else 3
        alpha = planes[:, :, colors:] if channels > colors else None
        return cls(planes[:, :, :colors], alpha=alpha, pages=pages)

    def to_array(self, axes: int) -> np.ndarray:
        """The array with so many axes, 2 to 4, that `from_array` would take for this picture."""
        planes = self.pixels if self.alpha is None else np.concatenate([self.pixels, self.alpha], axis=2)
        if axes == 2:
            return planes[:, :, 0]
        return planes if axes == 3 else planes.reshape(self.pages, -1, *planes.shape[1:])

    @property
    def stays_lossless(self) -> bool:
        """Whether formats that lose something by default should lose nothing: the source was one of them."""
        return self.format in ("webp", "avif", "jxl") and not self.compression.lossy

    @property
    def nbytes(self) -> int:
        """Bytes of all planes."""
        return sum(p.nbytes for p in (self.pixels, self.alpha, self.black) if p is not None)

    @property
    def resolution(self) -> tuple[float, float] | None:
        """Dots per inch, horizontal and vertical, where the file names any."""
        return None if self.dpi is None else (self.dpi, self.dpi * self.pixel_aspect)

    @property
    def page_size(self) -> tuple[int, int]:
        """Height and width of a page in pixels."""
        return self.pixels.shape[0] // self.pages, self.pixels.shape[1]

    def resized(self, colors: Change, alpha: Change, *, bleeding: bool = True) -> Picture:
        """Make every page larger or smaller, each by itself; what was black or white stays so.

        Args:
            colors: Resizes the plane of grey or RGB, and that of black ink.
            alpha: Resizes the transparency.
            bleeding: Continue visible colours under transparent pixels first, so that what is hidden there
                does not shine through at the edges.
        """
        if self.pages > 1:
            return self.joined([page.resized(colors, alpha, bleeding=bleeding) for page in self.split()])
        visible = self.pixels
        if self.alpha is not None and bleeding:
            visible = bleed(visible, self.alpha)
        pixels = colors(visible)
        if self.bits == 1:
            pixels = np.where(pixels < 128, 0, 255).astype(np.uint8)
        return replace(
            self,
            pixels=pixels,
            alpha=None if self.alpha is None else alpha(self.alpha),
            black=None if self.black is None else colors(self.black),
        )

    def each(self, change: Change) -> Picture:
        """The picture with every plane (pixels, alpha, black) changed in the same way."""
        alpha, black = (None if plane is None else change(plane) for plane in (self.alpha, self.black))
        return replace(self, pixels=change(self.pixels), alpha=alpha, black=black)

    def split(self) -> list[Picture]:
        """One picture for each page or frame."""
        rows = self.pixels.shape[0] // self.pages
        single = replace(self, pages=1, delays=())
        return [single.each(lambda plane, n=n: plane[n * rows : (n + 1) * rows]) for n in range(self.pages)]

    def joined(self, pages: list[Picture]) -> Picture:
        """The pages below each other again; everything else as here."""
        alpha, black = (
            None if planes[0] is None else np.concatenate(planes)
            for planes in zip(*((page.alpha, page.black) for page in pages), strict=True)
        )
        pixels = np.concatenate([page.pixels for page in pages])
        return replace(self, pixels=pixels, alpha=alpha, black=black)
