"""The boxes of an AVIF file: its colour tag, and room for tags and EXIF that libvips would not write so.

Sources: ISO/IEC 14496-12 (boxes; iloc, iinf, iref, in sections 8.11); ISO/IEC 23008-12 (HEIF), sections 9.3
(ipco, ipma) and A.2.1 (EXIF); the item layout is that of every file libheif writes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import IO

_MOST = 2**24  # bytes of the boxes that describe a picture
_MOST_PARTS = 1000
MOST_BLOCKS = 16  # EXIF blocks to look at; a picture has one
_MATRIX = 6  # H.273: what libheif's encoder takes for RGB to YCbCr unless told otherwise
Codes = tuple[int, int]
"""Primaries and transfer as H.273 numbers them."""


def avif_facts(file: IO[bytes]) -> tuple[Codes | None, list[tuple[int, bytes]]]:
    """Primaries and transfer that an AVIF states; its EXIF blocks, and where the names of their items stand.

    Args:
        file: An open file.
    """
    place = 0
    file.seek(0)
    while len(head := file.read(8)) == 8:
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        if name == b"meta" and 12 <= size <= _MOST:
            meta = file.read(size - 8)
            return _codes(meta), _exif(file, meta, place + 8)
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
        if size < 8:
            break
        place += size
        file.seek(place)
    return None, []


def _codes(meta: bytes) -> Codes | None:
    for kind, content in _boxes(_down(meta[4:], b"iprp", b"ipco")):
        if kind == b"colr" and content[:4] == b"nclx" and len(content) >= 8:
            primaries, transfer = struct.unpack_from(">HH", content, 4)
            return primaries, transfer
    return None


def _exif(file: IO[bytes], meta: bytes, start: int) -> list[tuple[int, bytes]]:
    """EXIF blocks of a description that begins at `start`, and where the names of their items stand."""
    located = {item: (inside, extents) for item, inside, extents in _locations(_down(meta[4:], b"iloc"))}
    store, found, place = _down(meta[4:], b"idat"), list[tuple[int, bytes]](), 0
    while (place := meta.find(b"Exif", place + 1)) >= 0:
        for wide in (2, 4):  # bytes of an item's number, by the version of its entry
            entry = place - 10 - wide
            if meta[entry : entry + 4] != b"infe":
                continue
            inside, extents = located.get(int.from_bytes(meta[place - 2 - wide : place - 2], "big"), (0, []))
            wanted = extents if len(found) < MOST_BLOCKS else []
            block = _joined(BytesIO(store) if inside else file, wanted)
            found.append((start + place, block[4:]))  # the first 4: where the block begins
    return found


def _joined(file: IO[bytes], extents: list[tuple[int, int]]) -> bytes:
    """Parts of a file, up to 16 MiB of them."""
    parts, room = list[bytes](), _MOST
    for offset, length in extents[:_MOST_PARTS]:
        file.seek(offset)
        parts.append(file.read(min(length, room)))
        room -= len(parts[-1])
    return b"".join(parts)


def _locations(iloc: bytes) -> list[tuple[int, int, list[tuple[int, int]]]]:
    """(item, whether inside the description, its parts as (offset, length)), up to what is damaged."""
    found: list[tuple[int, int, list[tuple[int, int]]]] = []
    if len(iloc) < 8:
        return found
    version, place = iloc[0], 6

    def number(size: int) -> int:
        nonlocal place
        place += size
        if place > len(iloc):
            raise EOFError
        return int.from_bytes(iloc[place - size : place], "big")

    wide = 4 if version == 2 else 2
    with suppress(EOFError):
        for _ in range(number(wide)):
            item, inside = number(wide), number(2) & 15 if version else 0
            number(2)  # the file, which is this one
            base = number(iloc[5] >> 4)
            extents: list[tuple[int, int]] = []
            for _ in range(number(2)):
                number(iloc[5] & 15 if version else 0)
                extents.append((base + number(iloc[4] >> 4), number(iloc[4] & 15)))
            found.append((item, inside, extents))
    return found


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
        new[b"iprp"] = _tagged(inner[b"iprp"], codes, item)
    new[b"iloc"] = _located(inner[b"iloc"], growth, extent)
    return b"".join(_box(name, content) for name, content in new.items())


def _picture(inner: dict[bytes, bytes]) -> int:
    """The item that is the picture."""
    return struct.unpack_from(">H", inner[b"pitm"], 4)[0]


def _tagged(iprp: bytes, codes: Codes, item: int) -> bytes:
    """The properties with a colour tag; one that is there, of a lossless file, keeps its matrix."""
    properties = dict(_boxes(iprp))
    ipco, ipma = properties[b"ipco"], properties[b"ipma"]
    own = [content for name, content in _boxes(ipco) if name == b"colr" and content[:4] == b"nclx"]
    if own:
        ipco = ipco.replace(own[0], own[0][:4] + struct.pack(">HH", *codes) + own[0][8:], 1)
    else:
        number = 1 + sum(1 for _ in _boxes(ipco))
        ipco += _box(b"colr", b"nclx" + struct.pack(">HHHB", *codes, _MATRIX, 0x80))  # full range
        ipma = _associated(ipma, item, number)
    return _box(b"ipco", ipco) + _box(b"ipma", ipma)


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
    items = _locations(iloc) + ([(extent[0], 0, [extent[1:]])] if extent else [])
    moved = len(items) - bool(extent)  # the new one stands where it belongs
    out = struct.pack(">IHH", 1 << 24, 0x4400, len(items))  # version 1, all numbers of 4 bytes, no bases
    for index, (item, inside, extents) in enumerate(items):
        out += struct.pack(">HHHH", item, inside, 0, len(extents))
        for offset, length in extents:
            out += struct.pack(">II", offset + growth * (index < moved and not inside), length)
    return out


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
