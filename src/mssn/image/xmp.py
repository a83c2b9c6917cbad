"""Note in a picture's XMP which model enlarged it, and leave everything else in it alone.

Source: XMP specification, part 1 (2012), sections 7.3 (packets) and 7.4 (an rdf:RDF may hold any number of
rdf:Description), and part 3 (2020), section 1.1.3 (JPEG).
"""

from __future__ import annotations

import re
from html import escape
from io import BytesIO

from mssn.version import __version__

_OURS = "urn:mssn:1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_END = b"</rdf:RDF>"
_NOTE = re.compile(
    rb'<rdf:Description rdf:about="" xmlns:mssn="urn:mssn:1.0/" mssn:Model="[^"<>]*" mssn:Version="[^"<>]*"/>'
)
_HEAD = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_TAIL = b'<?xpacket end="w"?>'


def signed(xmp: bytes | None, model: str) -> bytes:
    """Note the model in an XMP packet, in the place of an earlier note.

    Args:
        xmp: The packet, or None for a new one.
        model: For instance "mssn-s-photo".

    Returns:
        The packet with mssn:Model and mssn:Version; one that is damaged stays as it is.
    """
    name = "".join(letter if letter.isprintable() else "?" for letter in model)
    note = (
        f'<rdf:Description rdf:about="" xmlns:mssn="{_OURS}" '
        f'mssn:Model="{escape(name)}" mssn:Version="{__version__}"/>'
    ).encode()
    if xmp is None:
        return (
            _HEAD
            + b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="%s">' % _RDF.encode()
            + note
            + b"</rdf:RDF></x:xmpmeta>"
            + _TAIL
        )
    cleared = _NOTE.sub(b"", xmp)
    if cleared.count(_END) == 1 and b"<!" not in cleared and _OURS.encode() not in cleared:
        return cleared.replace(_END, note + _END)
    return _rewritten(xmp, note) or xmp


def compact(xmp: bytes) -> bytes:
    """The packet without the white space at its end that leaves room for changes in place."""
    return re.sub(rb"\s+(<\?xpacket end=[^>]*\?>)\s*$", rb"\1", xmp)


def _rewritten(xmp: bytes, note: bytes) -> bytes | None:
    """For packets that other programs have merged our note into: parsed, cleared, and written anew."""
    from xml.etree import ElementTree  # here, because hardly any picture needs it

    if b"<!DOCTYPE" in xmp or b"<!ENTITY" in xmp:
        return None  # a small packet could grow without end
    try:
        for _, (prefix, uri) in ElementTree.iterparse(BytesIO(_bare(xmp)), ["start-ns"]):
            if not re.fullmatch(r"ns\d+|", prefix):  # these ElementTree keeps for itself
                ElementTree.register_namespace(prefix, uri)
        root = ElementTree.fromstring(_bare(xmp))
        rdf = root if root.tag == f"{{{_RDF}}}RDF" else root.find(f".//{{{_RDF}}}RDF")
        if rdf is None:
            return None
        for node in list(rdf.iter()):
            for key in [key for key in node.attrib if key.startswith(f"{{{_OURS}}}")]:
                del node.attrib[key]
            for child in [child for child in node if child.tag.startswith(f"{{{_OURS}}}")]:
                node.remove(child)
        rdf.append(ElementTree.fromstring(note.replace(b" ", b' xmlns:rdf="%s" ' % _RDF.encode(), 1)))
        return _HEAD + ElementTree.tostring(root, encoding="utf-8") + _TAIL
    except (ElementTree.ParseError, ValueError, LookupError):
        return None


def _bare(xmp: bytes) -> bytes:
    """Without the packet's wrapper, behind which no parser expects anything."""
    return re.sub(rb"<\?xpacket.*?\?>", b"", xmp, flags=re.DOTALL).strip(b"\0 \t\r\n")
