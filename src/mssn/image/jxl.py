"""The head of a JPEG XL file: its size and kind, which must be known before it is decoded.

Source: ISO/IEC 18181-1 (2024), annex D (sizes, metadata), and 18181-2, section 9 (boxes).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import IO

from mssn.image.boxes import outer_boxes

_CODESTREAM, _CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_ENOUGH = 1 << 14  # bytes of the codestream that hold its head, names of channels included
_MOST = 1 << 26  # bytes of EXIF or XMP
_MOST_BOXES = 1 << 12
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
_SIDE = ((1, 9), (1, 13), (1, 18), (1, 30))  # U32 of the standard: (offset, bits) of each choice
_ENUM = ((0, 0), (1, 0), (2, 4), (18, 6))
_GREY, _XYB, _CUSTOM, _D65, _SRGB, _SRGB_CURVE = 1, 2, 2, 1, 1, 13
_ALPHA, _SPOT, _BLACK, _FILTER = 0, 2, 4, 5  # kinds of extra channels


@dataclass(frozen=True)
class Head:
    """What a JPEG XL file says of its picture.

    Attributes:
        height: In pixels, upright.
        width: Likewise.
        grey: Whether it has one channel of colour, not three.
        bits: Of a sample.
        floats: Whether samples are floating point numbers.
        alpha: Whether it may be transparent.
        black: Whether it is a picture of inks.
        others: Further channels.
        animated: Whether it moves.
        xyb: Whether colours went through the XYB transform, which loses something.
        srgb: Whether its colours are sRGB, or grey with sRGB's curve.
        jpeg: Whether it is a JPEG, packed without loss.
        packed: Whether metadata are compressed; these are not looked at.
        exif: EXIF block, or None.
        xmp: XMP packet, or None.
    """

    height: int
    width: int
    grey: bool
    bits: int
    floats: bool
    alpha: bool
    black: bool
    others: int
    animated: bool
    xyb: bool
    srgb: bool
    jpeg: bool
    packed: bool
    exif: bytes | None
    xmp: bytes | None


def is_jxl(start: bytes) -> bool:
    """Whether a file that starts like this is a JPEG XL file."""
    return start.startswith((_CODESTREAM, _CONTAINER))


def head_of(file: IO[bytes]) -> Head:
    """Read the head of a JPEG XL file.

    Args:
        file: An open file, at its beginning.

    Raises:
        ValueError: It is damaged.
    """
    boxes = _contents(file)
    codestream = boxes.get(b"jxlc", b"")
    if codestream[:2] != _CODESTREAM:
        raise ValueError("no codestream")
    bits = _Bits(codestream[2:])
    height, width = bits.size()
    depth, floats, channels = 8, False, list[int]()
    lying = animated = grey = False
    xyb = srgb = True
    if not bits.flag():
        if bits.flag():
            lying = bits.number(3) >= 4
            if bits.flag():
                bits.size()
            if bits.flag():
                bits.preview()
            if animated := bits.flag():
                bits.choice((100, 0), (1000, 0), (1, 10), (1, 30))
                bits.choice((1, 0), (1001, 0), (1, 8), (1, 10))
                bits.choice((0, 0), (0, 3), (0, 16), (0, 32))
                bits.flag()
        depth, floats = bits.depth()
        bits.flag()
        channels = [bits.channel() for _ in range(bits.choice((0, 0), (1, 0), (2, 4), (1, 12)))]
        xyb = bits.flag()
        grey, srgb = bits.colours()
    return Head(
        height=width if lying else height,
        width=height if lying else width,
        grey=grey,
        bits=depth,
        floats=floats,
        alpha=_ALPHA in channels,
        black=_BLACK in channels,
        others=len(channels) - channels.count(_SPOT) - (_ALPHA in channels),  # spot colours are shown
        animated=animated,
        xyb=xyb,
        srgb=srgb,
        jpeg=b"jbrd" in boxes,
        packed=b"brob" in boxes,
        exif=_exif(boxes.get(b"Exif", b"")),
        xmp=boxes.get(b"xml "),
    )


def _exif(box: bytes) -> bytes | None:
    """EXIF without the offset in front of it, which some encoders leave out."""
    for start in (4, 0):
        if box[start : start + 4] in (b"II*\0", b"MM\0*"):
            return box[start:]
    return None


def _contents(file: IO[bytes]) -> dict[bytes, bytes]:
    """What the boxes of interest hold; of the codestream the beginning, as if it lay in one."""
    start = file.read(len(_CONTAINER))
    if start != _CONTAINER:
        return {b"jxlc": start + file.read(_ENOUGH)}
    found: dict[bytes, bytes] = {}
    for kind, place, length in islice(outer_boxes(file), _MOST_BOXES):
        most = _ENOUGH if kind in (b"jxlc", b"jxlp") else _MOST if kind in (b"Exif", b"xml ") else 0
        file.seek(place)
        content = file.read(min(length, most))
        if kind == b"jxlp":
            found[b"jxlc"] = (found.get(b"jxlc", b"") + content[4:])[:_ENOUGH]
        else:
            found.setdefault(kind, content)
    return found


class _Bits:
    """Bits, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def number(self, bits: int) -> int:
        """An unsigned number."""
        first, end = self._place // 8, (self._place + bits + 7) // 8
        if end > len(self._data):
            raise ValueError("its head is cut short")
        value = int.from_bytes(self._data[first:end], "little") >> self._place % 8
        self._place += bits
        return value & ((1 << bits) - 1)

    def flag(self) -> bool:
        return bool(self.number(1))

    def choice(self, *choices: tuple[int, int]) -> int:
        """A number in one of four forms, each an offset and so many bits."""
        offset, bits = choices[self.number(2)]
        return offset + self.number(bits)

    def size(self) -> tuple[int, int]:
        """Height and width."""
        small = self.flag()

        def side() -> int:
            return 8 * (self.number(5) + 1) if small else self.choice(*_SIDE)

        height, ratio = side(), self.number(3)
        if not ratio:
            return height, side()
        above, below = _RATIOS[ratio]
        return height, height * above // below

    def preview(self) -> None:
        eighths, pixels = ((16, 0), (32, 0), (1, 5), (33, 9)), ((1, 6), (65, 8), (321, 10), (1345, 12))
        forms = eighths if self.flag() else pixels
        self.choice(*forms)
        if not self.number(3):
            self.choice(*forms)

    def depth(self) -> tuple[int, bool]:
        """Bits of a sample, and whether they are a floating point number."""
        if self.flag():
            bits = self.choice((32, 0), (16, 0), (24, 0), (1, 6))
            self.number(4)
            return bits, True
        return self.choice((8, 0), (10, 0), (12, 0), (1, 6)), False

    def channel(self) -> int:
        """The kind of an extra channel."""
        if self.flag():
            return _ALPHA
        kind = self.choice(*_ENUM)
        self.depth()
        self.choice((0, 0), (3, 0), (4, 0), (1, 3))
        for _ in range(self.choice((0, 0), (0, 4), (16, 5), (48, 10))):
            self.number(8)
        if kind == _ALPHA:
            self.flag()
        elif kind == _SPOT:
            self.number(64)
        elif kind == _FILTER:
            self.choice((1, 0), (0, 2), (3, 4), (19, 8))
        return kind

    def colours(self) -> tuple[bool, bool]:
        """Whether they are grey, and whether they are sRGB."""
        if self.flag():
            return False, True
        profile, space = self.flag(), self.choice(*_ENUM)
        grey = space == _GREY
        if profile or space == _XYB:
            return grey, False
        white = self._point(1)
        primaries = _SRGB if grey else self._point(3)
        if self.flag():
            return grey, False
        return grey, (white, primaries, self.choice(*_ENUM)) == (_D65, _SRGB, _SRGB_CURVE)

    def _point(self, points: int) -> int:
        """A white point or primaries, by number; points of one's own are passed over."""
        kind = self.choice(*_ENUM)
        if kind == _CUSTOM:
            for _ in range(2 * points):
                self.choice((0, 19), (524_288, 19), (1_048_576, 20), (2_097_152, 21))
        return kind
