"""How a picture was stored: without loss, or compressed, and how strongly.

Read from the file's own tables, never guessed from its pixels.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from mssn.image import webp
from mssn.image.heif import is_heic, is_heif, is_lossless_avif
from mssn.image.jpeg import is_jpeg, quality_of, quality_of_table
from mssn.image.jxl import head_of, is_jxl
from mssn.image.tiff import Directory, directories, is_tiff

HEAD = 1 << 20  # bytes read of a file: tables come before the picture, thumbnails and profiles before them
_TIFF_JPEG, _TIFF_WEBP = (6, 7), 50001  # JPEG of TIFF 6.0 itself, and of its Technical Note 2


@dataclass(frozen=True)
class Compression:
    """What its file tells of a picture's compression.

    Args:
        lossy: Whether something was thrown away.
        kind: "JPEG", "WebP", "JPEG XL", "AVIF" or "HEIC" of a lossy picture, also of one inside a TIFF.
        quality: 1..100 on the scale of libjpeg or libwebp, estimated; None where it is not known.
    """

    lossy: bool = True
    kind: str = ""
    quality: int | None = None

    @property
    def strength(self) -> float:
        """How strongly the file was compressed, as a network is told: `strength_of` its quality.

        The least of what was stored without loss. Where the quality is not known, that of files as cameras
        and phones write them; of kinds that the web likes, of smaller ones, too.
        """
        if not self.lossy:
            return LEAST
        usual = _USUAL["JPEG" if self.kind in ("JPEG", "") else "others"]
        return strength_of(usual if self.quality is None else self.quality, self.kind)


LEAST = 0.1  # the strength of a picture of which nothing bad is known
_USUAL = {"JPEG": 85, "others": 78}  # qualities of files that do not tell theirs
_STRONG = 30  # and one that is as bad as any
_SMOOTHED = 0.7  # beside a JPEG's, of kinds whose decoders smooth the traces themselves


def strength_of(quality: float, kind: str = "JPEG") -> float:
    """How strongly a JPEG of a quality from 1 to 100 was compressed: `LEAST` to 1, which 30 and less have.

    The root spreads the upper qualities, where a step changes most. WebP of the same number loses as much
    (in PSNR on Y within 0.5 dB from 30 to 95, paper/LOG.md), but leaves less to remove: weights for
    photographs began to pay at quality 85 where a JPEG's did at 92 (paper/results/degraded.json).
    """
    strength = (1 - LEAST) * min(1.0, max(0.0, (100 - quality) / (100 - _STRONG))) ** 0.5
    return LEAST + strength * (1 if kind in ("JPEG", "") else _SMOOTHED)


LOSSLESS = Compression(lossy=False)  # stored without loss, or from no file


def compression_of(file: IO[bytes], head: bytes) -> Compression:
    """How the picture in an open file was compressed.

    The quality of a JPEG is estimated from its quantisation table, also where the JPEG lies in a TIFF, that
    of a WebP from its first picture's header. JPEG XL is lossy if its colours were transformed, AVIF if its
    quantiser or its colour matrix loses anything. HEIC counts as lossy (its lossless form is rare);
    everything else is lossless.

    Args:
        file: The whole file; of a TIFF more than the head is looked at.
        head: Its first `HEAD` bytes, fewer if it is shorter.
    """
    if is_tiff(head):
        return _of_tiff(file)
    if is_jpeg(head):
        return Compression(kind="JPEG", quality=quality_of(head))
    if webp.is_webp(head):
        return _of_webp(head)
    if is_jxl(head):
        return _of_jxl(head)
    if is_heic(head):
        return Compression(kind="HEIC")
    return Compression(kind="AVIF") if is_heif(head) and not is_lossless_avif(file) else LOSSLESS


def _of_jxl(head: bytes) -> Compression:
    """Without the XYB transform it is stored as it was: without loss, or a JPEG as a JPEG."""
    try:
        found = head_of(BytesIO(head))
    except ValueError:  # whoever decodes it will say what is wrong
        return Compression(kind="JPEG XL")
    if found.jpeg:
        return Compression(kind="JPEG")
    return Compression(kind="JPEG XL") if found.xyb else LOSSLESS


def _of_tiff(file: IO[bytes]) -> Compression:
    """Of the first page."""
    page = next(directories(file), Directory())
    if page.compression == _TIFF_WEBP:
        return _of_webp(_read_at(file, page.first_strip, 1 << 16))
    if page.compression not in _TIFF_JPEG:
        return LOSSLESS
    if page.old_table and page.jpeg_tables is None:
        table = _read_at(file, page.old_table, 64)
        return Compression(kind="JPEG", quality=quality_of_table(table) if len(table) == 64 else None)
    # Without tables of its own, the page's strips are whole JPEG streams.
    place, length = page.jpeg_tables or (page.first_strip, 1 << 16)
    return Compression(kind="JPEG", quality=quality_of(_read_at(file, place, min(length, HEAD))))


def _read_at(file: IO[bytes], place: int, length: int) -> bytes:
    with suppress(OSError, OverflowError):  # no file is that long
        file.seek(place)
        return file.read(length)
    return b""


def _of_webp(head: bytes) -> Compression:
    frame = webp.first_lossy(head)
    return LOSSLESS if frame is None else Compression(kind="WebP", quality=webp.quality_of(frame))
