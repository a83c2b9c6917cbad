"""AVIF and HEIC by their boxes: which of both a file is, what it says, and what libvips would not write so.

Sources: ISO/IEC 14496-12, sections 8.11 (iinf, iref); ISO/IEC 23008-12 (HEIF), sections 9.3 (ipco, ipma) and
A.2.1 (EXIF); the layout of items is that of every file libheif writes.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import IO

from mssn.image import av1
from mssn.image.boxes import box, boxes, inside, locations, outer_boxes

_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_MOST = 2**24  # bytes of the boxes that describe a picture
_MOST_PARTS = 1000
MOST_BLOCKS = 16  # EXIF blocks to look at; a picture has one
_MATRIX = 6  # H.273: what libheif's encoder takes for RGB to YCbCr unless told otherwise
Codes = tuple[int, int]
"""Primaries and transfer as H.273 numbers them."""


def is_heif(head: bytes) -> bool:
    """Whether a file that starts like this is an AVIF, a HEIC or a film."""
    return head[4:8] == b"ftyp"


def is_heic(head: bytes) -> bool:
    """Whether a file that starts like this is a HEIC."""
    brands = head[8:12] + head[16 : int.from_bytes(head[:4], "big")]
    return is_heif(head) and any(brand in brands for brand in _HEIC)


def is_lossless_avif(file: IO[bytes]) -> bool:
    """Whether an AVIF's picture was stored without loss: finest quantiser, nothing lost to a colour matrix.

    Of a picture in tiles, the first one is looked at. What cannot be followed counts as lossy.

    Args:
        file: An open file.
    """
    _, meta = _description(file)
    wanted = _first_av1(inside(meta[4:], b"iinf"))
    for item, within, extents in locations(inside(meta[4:], b"iloc")):
        if item == wanted and not within:
            return av1.is_lossless(_joined(file, extents[:1], 4096))
    return False


def _first_av1(iinf: bytes) -> int | None:
    """The number of the first item that AV1 has encoded; the picture's come before its transparency's."""
    for kind, info in boxes(iinf[8 if iinf[:1] > b"\0" else 6 :]):  # behind how many items there are
        wide = 4 if info[:1] == b"\3" else 2
        if kind == b"infe" and info[6 + wide : 10 + wide] == b"av01":
            return int.from_bytes(info[4 : 4 + wide], "big")
    return None


def avif_facts(file: IO[bytes]) -> tuple[Codes | None, list[tuple[int, bytes]]]:
    """Primaries and transfer that an AVIF states; its EXIF blocks, and where the names of their items stand.

    Args:
        file: An open file.
    """
    start, meta = _description(file)
    return _codes(meta), _exif(file, meta, start)


def _description(file: IO[bytes]) -> tuple[int, bytes]:
    """Where the content of the box that describes the pictures begins, and the content."""
    for name, place, length in outer_boxes(file):
        if name == b"meta" and length <= _MOST:
            file.seek(place)
            return place, file.read(length)
    return 0, b""


def _codes(meta: bytes) -> Codes | None:
    for kind, content in boxes(inside(meta[4:], b"iprp", b"ipco")):
        if kind == b"colr" and content[:4] == b"nclx" and len(content) >= 8:
            primaries, transfer = struct.unpack_from(">HH", content, 4)
            return primaries, transfer
    return None


def _exif(file: IO[bytes], meta: bytes, start: int) -> list[tuple[int, bytes]]:
    """EXIF blocks of a description that begins at `start`, and where the names of their items stand."""
    located = {item: (within, extents) for item, within, extents in locations(inside(meta[4:], b"iloc"))}
    store, found, place = inside(meta[4:], b"idat"), list[tuple[int, bytes]](), 0
    while (place := meta.find(b"Exif", place + 1)) >= 0:
        for wide in (2, 4):  # bytes of an item's number, by the version of its entry
            entry = place - 10 - wide
            if meta[entry : entry + 4] != b"infe":
                continue
            within, extents = located.get(int.from_bytes(meta[place - 2 - wide : place - 2], "big"), (0, []))
            wanted = extents[:_MOST_PARTS] if len(found) < MOST_BLOCKS else []
            block = _joined(BytesIO(store) if within else file, wanted, _MOST)
            found.append((start + place, block[4:]))  # the first 4: where the block begins
    return found


def _joined(file: IO[bytes], extents: list[tuple[int, int]], room: int) -> bytes:
    """Parts of a file, up to so many bytes."""
    parts = list[bytes]()
    for offset, length in extents:
        try:
            file.seek(offset)
        except (OSError, OverflowError):  # no file is that long
            break
        parts.append(file.read(min(length, room)))
        room -= len(parts[-1])
    return b"".join(parts)


def with_items(avif: bytes, exif: bytes | None, codes: Codes | None) -> bytes:
    """An AVIF of libheif with an EXIF block and a colour tag.

    Args:
        avif: The file, without EXIF and without such a tag.
        exif: The block, from its "II" or "MM" on.
        codes: The tag.
    """
    if not exif and not codes:
        return avif
    start, old = _description(BytesIO(avif))
    inner = dict(boxes(old[4:]))
    growth = len(_described(inner, exif, codes, len(avif), 0)) - len(old) + 4
    new = box(b"meta", old[:4] + _described(inner, exif, codes, len(avif) + growth, growth))
    data = box(b"mdat", bytes(4) + exif) if exif else b""  # the 4 bytes: nothing in front of the block
    return avif[: start - 8] + new + avif[start + len(old) :] + data


def _described(
    inner: dict[bytes, bytes], exif: bytes | None, codes: Codes | None, end: int, growth: int
) -> bytes:
    """The boxes of the description; data that follows them moves by its growth."""
    new = dict(inner)
    picture, count = (struct.unpack_from(">H", inner[name], 4)[0] for name in (b"pitm", b"iinf"))
    fresh = count + 1
    extent = None
    if exif:
        entry = struct.pack(">IHH4sx", 0x02000001, fresh, 0, b"Exif")  # version 2, hidden
        new[b"iinf"] = (
            inner[b"iinf"][:4] + struct.pack(">H", fresh) + inner[b"iinf"][6:] + box(b"infe", entry)
        )
        reference = box(b"cdsc", struct.pack(">HHH", fresh, 1, picture))
        new[b"iref"] = inner.get(b"iref", bytes(4)) + reference
        extent = (fresh, end + 8, 4 + len(exif))
    if codes:
        new[b"iprp"] = _tagged(inner[b"iprp"], codes, picture)
    new[b"iloc"] = _located(inner[b"iloc"], growth, extent)
    return b"".join(box(name, content) for name, content in new.items())


def _tagged(iprp: bytes, codes: Codes, item: int) -> bytes:
    """The properties with a colour tag; one that is there, of a lossless file, keeps its matrix."""
    properties = dict(boxes(iprp))
    ipco, ipma = properties[b"ipco"], properties[b"ipma"]
    own = [content for name, content in boxes(ipco) if name == b"colr" and content[:4] == b"nclx"]
    if own:
        ipco = ipco.replace(own[0], own[0][:4] + struct.pack(">HH", *codes) + own[0][8:], 1)
    else:
        number = 1 + sum(1 for _ in boxes(ipco))
        ipco += box(b"colr", b"nclx" + struct.pack(">HHHB", *codes, _MATRIX, 0x80))  # full range
        ipma = _associated(ipma, item, number)
    return box(b"ipco", ipco) + box(b"ipma", ipma)


def _associated(ipma: bytes, item: int, number: int) -> bytes:
    """One more property for an item."""
    wide = ipma[3] & 1
    place, parts = 8, [ipma[:8]]
    for _ in range(struct.unpack_from(">I", ipma, 4)[0]):
        owner, count = struct.unpack_from(">HB", ipma, place)
        end = place + 3 + count * (1 + wide)
        if owner == item:
            added = struct.pack(">H" if wide else ">B", number)
            parts += [struct.pack(">HB", owner, count + 1), ipma[place + 3 : end], added]
        else:
            parts.append(ipma[place:end])
        place = end
    return b"".join(parts)


def _located(iloc: bytes, growth: int, extent: tuple[int, int, int] | None) -> bytes:
    """Places moved by `growth`, and one more: (item, offset, length)."""
    items = locations(iloc) + ([(extent[0], 0, [extent[1:]])] if extent else [])
    moved = len(items) - bool(extent)  # the new one stands where it belongs
    out = struct.pack(">IHH", 1 << 24, 0x4400, len(items))  # version 1, all numbers of 4 bytes, no bases
    for index, (item, within, extents) in enumerate(items):
        out += struct.pack(">HHHH", item, within, 0, len(extents))
        for offset, length in extents:
            out += struct.pack(">II", offset + growth * (index < moved and not within), length)
    return out
