"""What a file says about its picture: header fields, its EXIF, XMP and ICC blocks, and our note in the XMP.

Source of the XMP part: XMP specification, part 1 (2012), sections 7.3 (packets) and 7.4 (an rdf:RDF may hold
any number of rdf:Description), and part 3 (2020), section 1.1.3 (JPEG).
"""

from __future__ import annotations

import re
import struct
from html import escape
from io import BytesIO
from typing import IO, Any

import pyvips

from mssn.version import __version__

_ORIENTATION = 0x0112
_SHORT = 3

_OURS = "urn:mssn:1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_END = b"</rdf:RDF>"
_NOTE = re.compile(
    rb'<rdf:Description rdf:about="" xmlns:mssn="urn:mssn:1.0/" mssn:Model="[^"<>]*" mssn:Version="[^"<>]*"/>'
)
_HEAD = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_TAIL = b'<?xpacket end="w"?>'


def upright_exif(exif: bytes) -> bytes | None:
    """Set the orientation in an EXIF block to 1, so that turned pixels are not turned again.

    Only those bytes change: maker notes and everything else a parser might not understand survive.

    Args:
        exif: EXIF block, with or without its leading "Exif" mark.

    Returns:
        The block with orientation 1, or None if it is damaged (then no orientation can hide in it).

    Source: TIFF 6.0, section 2 (header, directory, 12-byte entries).
    """
    start = 6 if exif.startswith(b"Exif\0\0") else 0
    order = {b"II": "<", b"MM": ">"}.get(exif[start : start + 2])
    if order is None:
        return None
    patched = bytearray(exif)
    try:
        directory = start + struct.unpack_from(order + "I", exif, start + 4)[0]
        for index in range(struct.unpack_from(order + "H", exif, directory)[0]):
            entry = directory + 2 + 12 * index
            if struct.unpack_from(order + "H", exif, entry)[0] == _ORIENTATION:
                # Type, count, then the value at the left of its four bytes in either byte order.
                struct.pack_into(order + "HIHH", patched, entry + 2, _SHORT, 1, 1, 0)
    except struct.error:
        return None
    return bytes(patched)


def upright_xmp(xmp: bytes) -> bytes:
    """Set the orientation in an XMP packet to 1; its length, which XMP promises to keep, stays."""
    return re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))[2-8]", rb"\g<1>1", xmp)


def png_frames(file: IO[bytes]) -> int:
    """Frames of an animated PNG, of which decoders that do not know them show the first; 1 of anything else.

    Args:
        file: An open file, at its beginning.

    Source: PNG, third edition (2025), section 11.3.6: the chunk acTL comes before the first IDAT.
    """
    if file.read(8) != b"\x89PNG\r\n\x1a\n":
        return 1
    while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
        if head[4:] == b"acTL":
            return max(int.from_bytes(file.read(4), "big"), 1)
        file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    return 1


def describes(icc: bytes, space: str) -> bool:
    """Whether an ICC profile is one for "GRAY", "RGB " or "CMYK"; a wrong one would spoil the picture.

    Source: ICC.1, section 7.2.6: the colour space stands at bytes 16..19.
    """
    return icc[16:20] == space.encode()


def field(image: pyvips.Image, name: str, default: Any) -> Any:
    """A header field, or `default` where the file has none."""
    return image.get(name) if image.get_typeof(name) else default


def loader(image: pyvips.Image) -> str:
    """The decoder that opened the file: "png", "jpeg", "webp", "tiff", "heif", "gif", "svg" ..."""
    return str(image.get("vips-loader")).split("load")[0]


def kind_of(image: pyvips.Image) -> str:
    """The format by its usual name: the one HEIF container holds both AVIF and HEIC."""
    if loader(image) != "heif":
        return loader(image)
    return "heic" if field(image, "heif-compression", "hevc") == "hevc" else "avif"


def reason(error: pyvips.Error) -> str:
    """The last of the lines libvips gives, which names the innermost cause."""
    lines = [line.strip() for line in str(error.detail or error.message).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


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


def is_signed(xmp: bytes | None) -> bool:
    """Whether an XMP packet holds a note of `signed`, in whatever form other programs have left it."""
    return xmp is not None and _OURS.encode() in xmp


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
