"""Files that libvips does not decode: Pillow and its plugins do, and libvips gets the pixels.

BMP, PPM and their kin, and TIFFs with JPEGs of the old kind, need Pillow alone; HEIC and JPEG XL need the
plugins of the extra "formats" (`mssn.image.plugins`). None of it is imported before such a file comes. TIFFs
of 8-bit L*a*b* are here because libvips has to be told otherwise what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from typing import IO, Any, cast

import numpy as np
import pyvips

from mssn.image.channels import LAB_NOTE
from mssn.image.heif import is_heic
from mssn.image.jxl import is_jxl
from mssn.image.tiff import Directory, directories
from mssn.image.vips import COLOURS, SAMPLES, field, lies

_DIB = b"\x28\0\0\0"  # how a BMP without its file header begins
_OLD_JPEG = 6  # the compression of TIFF 6.0 itself, which the decoder of libvips's wheel lacks
_CHANNELS = {"1": 1, "L": 1, "I": 1, "RGB": 3, "RGBA": 4}
EXIF_ASIDE = "mssn-exif"  # where libvips does not look for it: it takes long over hostile blocks


@dataclass(frozen=True)
class Stranger:
    """A file that libvips does not decode, of which the head is known.

    Attributes:
        shape: Height, width and channels of its pixels, upright; 2 and 4 channels end with transparency.
        dtype: uint8, uint16 (full range, or the bits that the fields name, shifted up) or float32.
        pixels: Decodes them.
        fields: What libvips would call its header: "vips-loader", "exif-data" and so on.
        notes: What of the file does not come along.
        dpi: Dots per inch, or None.
    """

    shape: tuple[int, int, int]
    dtype: type[np.generic]
    pixels: Callable[[], np.ndarray]
    fields: dict[str, int | str | bytes | None]
    notes: tuple[str, ...] = ()
    dpi: float | None = None

    @property
    def header(self) -> pyvips.Image:
        """The picture, all black: nothing is decoded."""
        height, width, bands = self.shape
        black: Any = pyvips.Image.black(width, height, bands=bands)
        return self._named(black.cast(SAMPLES[self.dtype.__name__]))

    def decoded(self) -> pyvips.Image:
        """The picture."""
        return self._named(pyvips.Image.new_from_array(np.ascontiguousarray(self.pixels())))

    def _named(self, image: Any) -> pyvips.Image:
        colours = 3 if image.bands > 2 else 1
        per_mm = 1.0 if self.dpi is None else self.dpi / 25.4  # 1 is libvips's word for unknown
        space = COLOURS[colours, self.dtype.__name__]
        image = image.copy(interpretation=space, xres=per_mm, yres=per_mm)
        kinds = {int: "gint_type", str: "gstr_type", bytes: "blob_type"}
        if self.dpi is not None:
            image.set_type(pyvips.GValue.gstr_type, "resolution-unit", cast(Any, "in"))
        for name, value in (self.fields | {"orientation": 1}).items():  # else libvips takes it from the EXIF
            if value is not None:
                image.set_type(getattr(pyvips.GValue, kinds[type(value)]), name, cast(Any, value))
        return image


def kind_of_stranger(head: bytes, pages: Sequence[Directory]) -> str:
    """Which of the kinds that `open_stranger` knows a file is, by its first bytes; "" if it is none.

    Args:
        head: The beginning of the file.
        pages: Its directories, if it is a TIFF.
    """
    if head[:2] == b"BM" or (head[:4] == _DIB and head[12:14] == b"\1\0"):
        return "bmp"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "ppm"
    if pages and (pages[0].is_lab_of_8_bits or pages[0].compression == _OLD_JPEG):
        return "lab" if pages[0].is_lab_of_8_bits else "tiff"
    if is_jxl(head):
        return "jxl"
    # Some builds of libvips decode HEIC, so it is theirs without the plugin.
    return "heif" if is_heic(head) and find_spec("pillow_heif") else ""


def open_stranger(kind: str, file: IO[bytes]) -> Stranger:
    """Read the head of a file.

    Args:
        kind: See `kind_of_stranger`.
        file: An open file, at its beginning; it must stay open until the pixels are decoded.

    Raises:
        ImportError: The plugin it needs is not installed.
        Exception: Whatever decoders raise of damaged files.
    """
    if kind in ("heif", "jxl"):
        from mssn.image.plugins import open_heif, open_jxl

        return open_heif(file) if kind == "heif" else open_jxl(file)
    if kind == "lab":
        return _lab(file)
    # Not `Image.open`, which has limits of its own and tries everything that it knows.
    from PIL.BmpImagePlugin import BmpImageFile, DibImageFile
    from PIL.PpmImagePlugin import PpmImageFile
    from PIL.TiffImagePlugin import TiffImageFile

    start = file.read(2)
    file.seek(0)
    opener = {
        "bmp": BmpImageFile if start == b"BM" else DibImageFile,
        "ppm": PpmImageFile,
        "tiff": TiffImageFile,
    }
    # Of a TIFF the content, because Pillow's decoder would take over the open file.
    image: Any = opener[kind](BytesIO(file.read()) if kind == "tiff" else file)
    if kind == "ppm" and image.mode == "RGB" and image.tile[0][3] != "RGB" and image.tile[0][3][1] > 255:
        return _deep_ppm(file, image)
    wanted = {"P": "RGB", "RGBX": "RGB"}.get(image.mode, image.mode)
    if wanted not in _CHANNELS:
        raise ValueError(f"pixels of mode {wanted}; save it as grey or RGB")
    width, height = image.size
    dtype = np.uint16 if wanted == "I" else np.uint8
    return Stranger(
        shape=(height, width, _CHANNELS[wanted]),
        dtype=dtype,
        pixels=lambda: np.asarray(image.convert("L" if wanted == "1" else wanted)).astype(dtype),
        fields={
            "vips-loader": f"{kind}load",
            "bits-per-sample": 1 if image.mode == "1" else None,
            "xmp-data": image.info.get("xmp"),
            "icc-profile-data": image.info.get("icc_profile"),
        },
        dpi=image.info.get("dpi", (None,))[0],
    )


def _deep_ppm(file: IO[bytes], image: Any) -> Stranger:
    """Colours of more than 8 bits, which Pillow would round."""
    (width, height), (decoder, _, offset, (_, most)) = image.size, image.tile[0]
    if decoder != "ppm":
        raise ValueError("16-bit colours in a PPM of text; save it as binary (P6)")

    def pixels() -> np.ndarray:
        file.seek(offset)
        data = np.frombuffer(file.read(6 * width * height), ">u2")
        if len(data) < 3 * width * height:
            raise OSError("image file is truncated")
        levels = np.minimum(data, most).reshape(height, width, 3)
        return np.rint(levels * (65535 / most)).astype(np.uint16)

    return Stranger((height, width, 3), np.uint16, pixels, {"vips-loader": "ppmload"})


def _lab(file: IO[bytes]) -> Stranger:
    """A TIFF of 8-bit L*a*b*, which libvips knows no type for; as RGB it reads the numbers.

    a* and b* are signed, and meant for D50, as here.
    """
    page = next(directories(file))
    file.seek(0)
    content = page.as_rgb(file.read())

    def opened() -> Any:
        return pyvips.Image.new_from_buffer(content, "", access="sequential", fail_on="error")

    def pixels() -> np.ndarray:
        stored = opened().copy_memory().autorot().numpy()
        lab = np.dstack([stored[:, :, :1] * (100 / 255), stored[:, :, 1:].view(np.int8)])
        plane: Any = pyvips.Image.new_from_array(lab.astype(np.float32)).copy(interpretation="lab")
        return plane.icc_export(output_profile="srgb", depth=8).numpy()

    header = opened()
    shape = (header.width, header.height, 3) if lies(header) else (header.height, header.width, 3)
    fields = {
        "vips-loader": "tiffload",
        "n-pages": field(header, "n-pages", 1),
        "xmp-data": field(header, "xmp-data", None),
    }
    return Stranger(
        shape, np.uint8, pixels, fields, (LAB_NOTE,), None if header.xres == 1 else header.xres * 25.4
    )
