"""XMP packets: our note in them, and the few bytes that must change; everything else stays, byte for byte.

A packet comes from strangers. It is looked at in linear time, in one pass of a parser that builds nothing.

Source: XMP specification, part 1 (2012), sections 7.3 (packets) and 7.4 (an rdf:RDF may hold any number of
rdf:Description); W3C, "Namespaces in XML 1.0".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from xml.parsers import expat

from mssn.version import __version__

_OURS = "urn:mssn:1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_MOST = 2**24  # bytes; no program writes packets of such a length
_HEAD = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"  # in front of a packet in a JPEG
_TAIL = b'<?xpacket end="w"?>'
_WIDE = {  # first bytes of packets that are no UTF-8, longest first
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"<\0\0\0": "utf-32-le",
    b"\0\0\0<": "utf-32-be",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}
_BLANK = b"\xef\xbb\xbf\0 \t\r\n"
# Possessive throughout (++, *+): a pattern that does not match gives up at once, so all of this is linear.
_TAG = re.compile(rb"""</?+([^\s<>/"']++)(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+>""")
_ATTRIBUTE = re.compile(rb"""\s*+([^\s=<>/"']++)\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+')""")
_TURNED = re.compile(rb"""(tiff:Orientation(?:\s*+=\s*+["']|>))[2-8]""")


def signed(xmp: bytes | None, model: str) -> bytes | None:
    """Note the model in an XMP packet, in the place of an earlier note.

    Args:
        xmp: The packet, in UTF-8, 16 or 32, or None for a new one.
        model: For instance "mssn-s-photo".

    Returns:
        The packet, in UTF-8, with mssn:Model and mssn:Version in front of the end of its last rdf:RDF; None
        if it is damaged, has a DOCTYPE or no rdf:RDF, or is longer than 16 MiB.
    """
    name = "".join(letter if letter.isprintable() else "?" for letter in model)
    note = (
        f'<rdf:Description rdf:about="" xmlns:mssn="{_OURS}" '
        f'mssn:Model="{escape(name)}" mssn:Version="{__version__}"/>'
    ).encode("ascii", "xmlcharrefreplace")  # right in every encoding a packet may declare
    if xmp is None:
        start = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="%s">' % _RDF.encode()
        return _HEAD + start + note + b"</rdf:RDF></x:xmpmeta>" + _TAIL
    if len(xmp) > _MOST:
        return None
    try:
        xmp = _in_utf8(xmp)
        survey = _Survey(xmp)
    except (expat.ExpatError, ValueError):
        return None
    return _edited(xmp, [*survey.cuts, survey.addition(note)]) if survey.place is not None else None


def is_signed(xmp: bytes | None) -> bool:
    """Whether an XMP packet holds a note of `signed`, in whatever form other programs have left it."""
    encodings = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    return xmp is not None and any(_OURS.encode(encoding) in xmp for encoding in encodings)


def upright_xmp(xmp: bytes) -> bytes:
    """Set the orientation in an XMP packet to 1; the length, which XMP promises to keep, stays.

    Packets in UTF-16 or 32 become UTF-8; damaged ones stay.
    """
    try:
        return _TURNED.sub(rb"\g<1>1", _in_utf8(xmp))
    except ValueError:
        return xmp


def compact(xmp: bytes) -> bytes:
    """The packet without the white space at its end that leaves room for changes in place."""
    place = xmp.rfind(b"<?xpacket end=")
    return xmp if place < 0 else xmp[:place].rstrip() + xmp[place:].rstrip()


def _in_utf8(xmp: bytes) -> bytes:
    """The packet in UTF-8, at most one and a half times as long.

    Raises:
        ValueError: It is damaged.
    """
    for start, encoding in _WIDE.items():
        if xmp.startswith(start):
            text = xmp.decode(encoding).lstrip("\ufeff")
            if text.startswith("<?xml "):  # it declares the encoding that is no longer true
                text = text[text.find("?>") + 2 :]
            return text.encode()
    return xmp


def _edited(xmp: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """The packet with some spans (start, end) replaced."""
    parts, done = [], 0
    for start, end, replacement in sorted(edits):
        parts += [xmp[done:start], replacement]
        done = end
    return b"".join([*parts, xmp[done:]])


class _Survey:
    """Where our notes are in a packet, whatever form they have, and where a new one belongs.

    Attributes:
        cuts: (start, end, b"") of everything in our namespace: attributes, elements, declarations, and
            descriptions of which nothing else is left.
        place: Start of the last tag that ends an rdf:RDF, None if there is none.

    Raises:
        ExpatError: It is no well-formed XML.
        ValueError: It has a DOCTYPE, by which a small packet could grow without end.
    """

    def __init__(self, xmp: bytes) -> None:
        self.cuts: list[tuple[int, int, bytes]] = []
        self.place: int | None = None
        self._xmp, self._depth = xmp, 0
        self._begun: list[int] = []  # where the elements that we are in begin
        self._rdf = 0  # depth of the rdf:RDF we are in
        self._ours: tuple[int, int] | None = None  # start and depth of an element in our namespace
        self._declared: list[str] = []  # declarations of our namespace in the tag to come
        self._about: tuple[int, int, bool] | None = None  # an rdf:Description; see _begin
        self._lead = len(xmp) - len(xmp.lstrip(_BLANK))
        self._parser = expat.ParserCreate("utf-8", " ")
        self._parser.namespace_prefixes = True
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.StartNamespaceDeclHandler = self._declare
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.Parse(xmp[self._lead :].rstrip(b"\0"), True)

    def addition(self, note: bytes) -> tuple[int, int, bytes]:
        """The edit that adds a note, which uses the prefix rdf."""
        place = self.place or 0
        name, end = self._tag(place)
        if name != b"rdf:RDF":
            note = note.replace(b" ", b' xmlns:rdf="%s" ' % _RDF.encode(), 1)
        if self._xmp.startswith(b"</", place):
            return place, place, note
        return end - 2, end, b">" + note + b"</" + name + b">"  # <rdf:RDF/>

    def _tag(self, place: int) -> tuple[bytes, int]:
        """Name of the tag at a place, and where it ends."""
        found = _TAG.match(self._xmp, place)
        if found is None:
            raise ValueError("no tag")  # never in what the parser takes
        return found[1], found.end()

    def _refuse(self, *_: object) -> None:
        raise ValueError("a DOCTYPE")

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        if uri == _OURS:
            self._declared.append(f"xmlns:{prefix}" if prefix else "xmlns")

    def _begin(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        start = self._lead + self._parser.CurrentByteIndex
        self._begun.append(start)
        cuts = len(self.cuts)
        ours = [key for key in attributes if key.startswith(f"{_OURS} ")]
        if self._ours is None and name.startswith(f"{_OURS} "):
            self._ours = start, self._depth
        elif self._ours is None and (ours or self._declared):
            raw = [":".join(reversed(key.split(" ")[1:])) for key in ours]
            self._cut_attributes(start, {key.encode() for key in raw + self._declared})
        self._declared = []
        if not self._rdf and name.startswith(f"{_RDF} RDF"):
            self._rdf = self._depth
        elif self._rdf and self._depth == self._rdf + 1 and name.startswith(f"{_RDF} Description"):
            others = [key for key in attributes if key not in ours and not key.startswith(f"{_RDF} about")]
            self._about = start, cuts, not others

    def _end(self, _: str) -> None:
        start, begun = self._lead + self._parser.CurrentByteIndex, self._begun.pop()
        if self._xmp.endswith(b"/>", 0, start) and self._tag(begun)[1] == start:
            start = begun  # of <x/> the parser names the place behind it
        if self._ours is not None and self._ours[1] == self._depth:
            self.cuts.append((self._ours[0], self._tag(start)[1], b""))
            self._ours = None
        if self._depth == self._rdf:
            self._rdf, self.place = 0, start
        elif self._rdf and self._depth == self._rdf + 1 and self._about is not None:
            self._cut_description(*self._about, start)
            self._about = None
        self._depth -= 1

    def _cut_attributes(self, start: int, names: set[bytes]) -> None:
        found = _TAG.match(self._xmp, start)
        place = start if found is None else found.end(1)
        while found := _ATTRIBUTE.match(self._xmp, place):
            if found[1] in names:
                self.cuts.append((*found.span(), b""))
            place = found.end()

    def _cut_description(self, start: int, cuts: int, bare: bool, close: int) -> None:
        """Cut all of a description if it had a part of ours and nothing of others."""
        inside = self._tag(start)[1]
        mine = [cut for cut in self.cuts[cuts:] if cut[0] >= inside]
        if not bare or len(self.cuts) == cuts:
            return
        content = b"" if close == start else self._xmp[inside:close]
        if not _edited(content, [(a - inside, b - inside, b"") for a, b, _ in mine]).strip():
            self.cuts[cuts:] = [(start, self._tag(close)[1], b"")]
