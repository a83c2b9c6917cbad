"""HEIC and JPEG XL, read and written by pillow-heif and pillow-jxl-plugin: the extra "formats"."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from typing import IO, Any

import numpy as np
import pyvips

from mssn.errors import ImageError
from mssn.image import vips
from mssn.image.exif import EXIF_MARK
from mssn.image.formats import HEIC, HOW_TO_GET_THEM, JXL, PLUGGED
from mssn.image.jxl import head_of
from mssn.image.picture import Picture
from mssn.image.strangers import EXIF_ASIDE, Stranger

_PACKAGES = dict.fromkeys(HEIC, "pillow_heif") | {JXL: "pillow_jxl"}


def can_write(suffix: str) -> bool:
    """Whether files of this ending, one of `mssn.image.formats.WRITABLE`, can be written here."""
    if suffix in PLUGGED and find_spec(_PACKAGES[suffix]) is None:
        return False
    if suffix not in HEIC:
        return True
    import pillow_heif

    return bool(pillow_heif.libheif_info()["HEIF"])  # the name of its encoder; some builds have none


def open_heif(file: IO[bytes]) -> Stranger:
    """Read the head of a HEIC file; of several pictures the primary one.

    Turns and flips that the file asks for are made by the decoder; EXIF's orientation is no more than a copy
    of them (ISO/IEC 23008-12), so it does not count here.

    Raises:
        ImportError: The plugin is not installed.
        Exception: Whatever it raises of damaged files.
    """
    import pillow_heif

    pictures = pillow_heif.open_heif(file, convert_hdr_to_8bit=False)
    picture = pictures[pictures.primary_index]
    (width, height), info = picture.size, picture.info
    channels = {"I": 1, "L": 1, "LA": 2, "La": 2, "RGB": 3}.get(picture.mode.split(";")[0], 4)
    bits = int(info["bit_depth"])

    def pixels() -> np.ndarray:
        array = np.asarray(picture)
        array = array[:, :, None] if array.ndim == 2 else array
        return _divided(array) if picture.premultiplied_alpha else array

    gain_map = any("gainmap" in kind.lower() for kind in info.get("aux", {}))
    return Stranger(
        shape=(height, width, channels),
        dtype=np.uint16 if bits > 8 else np.uint8,
        pixels=pixels,
        fields={
            "vips-loader": "heifload",
            "heif-compression": "hevc",
            "bits-per-sample": bits,
            "n-pages": len(pictures),
            "exif-data": info.get("exif"),
            "xmp-data": info.get("xmp"),
            "icc-profile-data": info.get("icc_profile"),
        },
        notes=("gain map left out",) if gain_map else (),
    )


def _divided(array: np.ndarray) -> np.ndarray:
    """Colours that were multiplied by the transparency, as they were before."""
    colours, alpha = array[:, :, :-1].astype(np.float32), array[:, :, -1:]
    most = np.iinfo(array.dtype).max
    plain = np.rint(colours * (most / np.maximum(alpha, 1).astype(np.float32))).clip(0, most)
    return np.concatenate([plain.astype(array.dtype), alpha], axis=2)


def open_jxl(file: IO[bytes]) -> Stranger:
    """Read the head of a JPEG XL file; of a moving one the decoder gives the last frame.

    Raises:
        ImportError: The plugin is not installed.
        ImageError: It is a picture of inks.
        Exception: Whatever the plugin raises of damaged files.
    """
    import pillow_jxl

    head = head_of(file)
    if head.black:
        raise ImageError("JPEG XL pictures of inks (CMYK) are not supported; save it as TIFF")
    shape = (head.height, head.width, (1 if head.grey else 3) + head.alpha)
    deep = head.bits > 8 and shape[2] == 1  # the plugin rounds others to 8 bits
    dtype = np.uint8 if not deep else np.float32 if head.floats else np.uint16
    fields: dict[str, int | str | bytes | None] = {
        "vips-loader": "jxlload",
        EXIF_ASIDE: head.exif and EXIF_MARK + head.exif,
        "xmp-data": head.xmp,
    }

    def pixels() -> np.ndarray:
        file.seek(0)
        is_jpeg, _, data, icc, _ = pillow_jxl.Decoder(num_threads=-1)(file.read())
        if is_jpeg:  # what comes is the JPEG that was packed, with its metadata
            from mssn.image.source import PictureFile  # which opens this one, too

            jpeg: Any = PictureFile(data).open(None)
            fields[EXIF_ASIDE] = vips.field(jpeg, "exif-data", fields.get(EXIF_ASIDE))
            for name in ("xmp-data", "icc-profile-data"):
                fields[name] = vips.field(jpeg, name, fields.get(name))
            return jpeg.copy_memory().autorot().numpy().reshape(shape)
        if not head.srgb:
            fields["icc-profile-data"] = icc
        halves = head.floats and deep and len(data) == 2 * head.height * head.width
        return np.frombuffer(data, np.float16 if halves else dtype).reshape(shape).astype(dtype)

    notes = (
        f"{head.bits} bits rounded to 8" if head.bits > 8 and not deep else "",
        "only the last frame" if head.animated else "",
        "further channels left out" if head.others else "",
        "compressed metadata left out" if head.packed else "",
    )
    return Stranger(shape, dtype, pixels, fields, tuple(filter(None, notes)))


def encode(picture: Picture, suffix: str, quality: int | None) -> bytes:
    """Encode a picture as HEIC (8 or 10 bits) or as JPEG XL (8 bits, sRGB).

    Args:
        picture: Grey or RGB, integers; for JPEG XL 8 bits without a profile.
        suffix: One of `mssn.image.formats.PLUGGED`.
        quality: 1..100; None for 90 (HEIC), 95 (JPEG XL), or no loss if the picture was stored so.

    Raises:
        ImageError: The plugin, or its encoder, is not installed.
        pyvips.Error: It cannot be encoded; like other encoders' errors.
    """
    if not can_write(suffix):
        raise ImageError(f"'{suffix}' files cannot be written here; {HOW_TO_GET_THEM}")
    planes = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha]
    array = np.concatenate(planes, axis=2)
    height, width, channels = array.shape
    mode = ("L", "LA", "RGB", "RGBA")[channels - 1]
    try:
        if suffix == JXL:
            return _jxl(picture, mode, array, quality)
        import pillow_heif

        target = BytesIO()
        pillow_heif.encode(
            mode if array.dtype == np.uint8 else f"{mode};16",
            (width, height),
            array.tobytes(),
            target,
            quality=quality or 90,
            chroma=420,  # what phones and browsers decode
            bit_depth=picture.bits if picture.bits in (10, 12) else 10,
            exif=picture.exif,
            xmp=picture.xmp,
            icc_profile=picture.icc,
        )
        return target.getvalue()
    except (OSError, RuntimeError, ValueError) as error:
        raise pyvips.Error(" ".join(str(error).split())) from error


def _jxl(picture: Picture, mode: str, array: np.ndarray, quality: int | None) -> bytes:
    import pillow_jxl

    lossless = quality is None and picture.stays_lossless
    make: Any = pillow_jxl.Encoder  # its hints are those of an older version
    encoder = make(
        mode=mode,
        lossless=lossless,
        quality=100 if lossless else quality or 95,
        decoding_speed=0,
        effort=7,
        use_container=True,
        use_original_profile=False,
        num_threads=-1,
    )
    exif = picture.exif and bytes(4) + picture.exif.removeprefix(EXIF_MARK)  # an offset of 0 comes first
    blocks = {"exif": exif, "xmp": picture.xmp, "jumb": None}
    height, width = array.shape[:2]
    return encoder(array.tobytes(), width, height, jpeg_encode=False, compress=False, **blocks)
