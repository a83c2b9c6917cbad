"""The boxes of an AVIF file: its colour tag, and room for tags and EXIF that libvips would not write so.

Sources: ISO/IEC 14496-12 (boxes; iloc, iinf, iref, in sections 8.11); ISO/IEC 23008-12 (HEIF), sections 9.3
(ipco, ipma) and A.2.1 (EXIF); the item layout is that of every file libheif writes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

_MOST = 2**24  # bytes of the boxes that describe a picture
_MATRIX = 6  # H.273: what libheif's encoder takes for RGB to YCbCr unless told otherwise
Codes = tuple[int, int]
"""Primaries and transfer as H.273 numbers them."""


def colour_codes(file: IO[bytes]) -> Codes | None:
    """Primaries and transfer that an AVIF states.

    Args:
        file: An open file, at its beginning.
    """
    while len(head := file.read(8)) == 8:
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        if name == b"meta" and 12 <= size <= _MOST:
            properties = _down(file.read(size - 8)[4:], b"iprp", b"ipco")
            for kind, content in _boxes(properties):
                if kind == b"colr" and content[:4] == b"nclx" and len(content) >= 8:
                    return struct.unpack_from(">HH", content, 4)
            return None
        if size == 1:
            size = int.from_bytes(file.read(8), "big") - 8
        if size < 8:
            return None
        file.seek(size - 8, 1)
    return None


def with_items(avif: bytes, exif: bytes | None, codes: Codes | None) -> bytes:
    """An AVIF of libheif with an EXIF block and a colour tag.

    Args:
        avif: The file, without EXIF and without such a tag.
        exif: The block, from its "II" or "MM" on.
        codes: The tag.
    """
    if not exif and not codes:
        return avif
    outer = list(_boxes(avif))
    place = 0  # of the description
    for name, content in outer:
        if name == b"meta":
            break
        place += 8 + len(content)
    old = dict(outer)[b"meta"]
    inner = dict(_boxes(old[4:]))
    growth = len(_described(inner, exif, codes, len(avif), 0)) - len(old) + 4
    new = _box(b"meta", old[:4] + _described(inner, exif, codes, len(avif) + growth, growth))
    data = _box(b"mdat", bytes(4) + exif) if exif else b""  # the 4 bytes: nothing in front of the block
    return avif[:place] + new + avif[place + 8 + len(old) :] + data


def _described(
    inner: dict[bytes, bytes], exif: bytes | None, codes: Codes | None, end: int, growth: int
) -> bytes:
    """The boxes of the description; data that follows them moves by its growth."""
    new = dict(inner)
    item, count = _picture(inner), struct.unpack_from(">H", inner[b"iinf"], 4)[0]
    fresh = count + 1
    extent = None
    if exif:
        entry = struct.pack(">IHH4sx", 0x02000001, fresh, 0, b"Exif")  # version 2, hidden
        new[b"iinf"] = (
            inner[b"iinf"][:4] + struct.pack(">H", fresh) + inner[b"iinf"][6:] + _box(b"infe", entry)
        )
        reference = _box(b"cdsc", struct.pack(">HHH", fresh, 1, item))
        new[b"iref"] = inner.get(b"iref", bytes(4)) + reference
        extent = (fresh, end + 8, 4 + len(exif))
    if codes:
        properties = dict(_boxes(inner[b"iprp"]))
        number = 1 + sum(1 for _ in _boxes(properties[b"ipco"]))
        tag = _box(b"colr", b"nclx" + struct.pack(">HHHB", *codes, _MATRIX, 0x80))  # full range
        new[b"iprp"] = _box(b"ipco", properties[b"ipco"] + tag) + _box(
            b"ipma", _associated(properties[b"ipma"], item, number)
        )
    new[b"iloc"] = _located(inner[b"iloc"], growth, extent)
    return b"".join(_box(name, content) for name, content in new.items())


def _picture(inner: dict[bytes, bytes]) -> int:
    """The item that is the picture."""
    return struct.unpack_from(">H", inner[b"pitm"], 4)[0]


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
    version, sizes, more = iloc[0], iloc[4], iloc[5]
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version == 1 else 0
    count = struct.unpack_from(">H", iloc, 6)[0]
    out, place = bytearray(iloc[:6] + struct.pack(">H", count + bool(extent))), 8
    for _ in range(count):
        head = 4 + 2 * (version == 1)
        in_file = version == 0 or iloc[place + 3] & 15 == 0  # else inside the description itself
        out += iloc[place : place + head]
        place += head
        base, place = _number(iloc, place, base_size)
        moved = growth if in_file else 0
        out += (base + moved * bool(base_size)).to_bytes(base_size, "big")
        extents = struct.unpack_from(">H", iloc, place)[0]
        out += iloc[place : place + 2]
        place += 2
        for _ in range(extents):
            out += iloc[place : place + index_size]
            offset, place = _number(iloc, place + index_size, offset_size)
            out += (offset + moved * (not base_size)).to_bytes(offset_size, "big")
            out += iloc[place : place + length_size]
            place += length_size
    if extent:
        item, offset, length = extent
        out += struct.pack(">H", item) + bytes(2 if version == 1 else 0) + bytes(2)
        out += (offset if not offset_size else 0 * offset).to_bytes(base_size, "big")
        out += struct.pack(">H", 1) + bytes(index_size)
        out += offset.to_bytes(offset_size, "big") + length.to_bytes(length_size, "big")
    return bytes(out)


def _number(data: bytes, place: int, size: int) -> tuple[int, int]:
    return int.from_bytes(data[place : place + size], "big"), place + size


def _down(data: bytes, *names: bytes) -> bytes:
    """The content of a box inside boxes; nothing where there is none."""
    for name in names:
        data = next((content for kind, content in _boxes(data) if kind == name), b"")
    return data


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents, up to what is damaged."""
    place = 0
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        size = len(data) - place if size == 0 else size  # 0: up to the end
        if size < 8:
            return
        yield data[place + 4 : place + 8], data[place + 8 : place + size]
        place += size


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content
