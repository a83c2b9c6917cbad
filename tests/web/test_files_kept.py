"""What travels with a picture is changed by the page as it is by the package, byte for byte."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from page_files import IPTC, Ask
from PIL import Image

from mssn.image.exif import fitting_exif, resolution_of, upright_exif, without_previews
from mssn.image.profile import profile_of
from mssn.image.xmp import signed, upright_xmp
from mssn.version import __version__


def test_profiles_of_colour_tags_are_those_of_python(ask: Ask) -> None:
    rng = np.random.default_rng(5)
    tags: list[tuple[tuple[bytes, bytes], ...]] = [()]
    tags += [((b"cICP", bytes((p, t, 0, 1))),) for p in (*range(14), 22) for t in (1, 4, 5, 7, 8, 13, 16, 17)]
    tags += [((b"gAMA", struct.pack(">I", gamma)),) for gamma in (0, 1, 45455, 45600, 100_000, 2**32 - 1)]
    for _ in range(20):
        numbers = rng.integers(1, 80_000, 8)
        tags.append(((b"gAMA", struct.pack(">I", 50_000)), (b"cHRM", struct.pack(">8I", *numbers))))
    tags += [((b"cHRM", bytes(32)),), ((b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 9)))]
    for colours in tags:
        for grey in (False, True):
            mine = ask("profileOf", [[name.decode(), content] for name, content in colours], grey)
            assert mine == profile_of(colours, grey=grey), colours


RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
OURS = 'xmlns:mssn="urn:mssn:1.0/"'
INNER = [
    "",
    f'<rdf:Description rdf:about="" {OURS} mssn:Model="a" mssn:Version="0"/>',
    f'<rdf:Description rdf:about="" {OURS}><mssn:Model>a</mssn:Model></rdf:Description>',
    '<rdf:Description xmlns:m="urn:mssn:1.0/" m:Model=\'a\' xmlns:d="d" d:x="&#65;&lt;"/>',
    f'<rdf:Description xmlns:d="d"><d:x/><mssn:y {OURS} d:z="1"/> text</rdf:Description>',
    f"<rdf:Description {OURS}><mssn:y/>\n</rdf:Description>\n<rdf:Description/>",
    f"<Description {RDF.replace(':rdf', '')}/><!-- <rdf:RDF> --><![CDATA[<]]>",
    "<rdf:Description></rdf:Wrong>",
    '<rdf:Description a="1" a="2"/>',
    '<rdf:Description xmlns:a="x" xmlns:b="x" a:c="1" b:c="2"/>',
    "<unknown:x/>",
    '<rdf:Description a="<"/>',
    "&undefined;",
    "<a",
    "]]>",
    "\0",
]
PACKETS = [f'<x:xmpmeta xmlns:x="m"><rdf:RDF {RDF}>{inner}</rdf:RDF></x:xmpmeta>'.encode() for inner in INNER]
PACKETS += [
    b"",
    b"\xff" + PACKETS[0],
    PACKETS[0][:80] + b"\xff" + PACKETS[0][80:],
    b"<x/>",
    b"text",
    b"<a/><b/>",
    b'<!DOCTYPE a [<!ENTITY b "c">]><a/>',
    f"<r:RDF {RDF.replace(':rdf', ':r')}/> ".encode(),
    f'\ufeff<?xml version="1.0" encoding="latin1"?><rdf:RDF {RDF}>é</rdf:RDF>\0\0'.encode(),
    f"<a {RDF}><rdf:RDF/><b><rdf:RDF ></rdf:RDF ></b></a>  ".encode(),
]


def test_notes_in_a_packet_are_those_of_python(ask: Ask) -> None:
    for packet in [*PACKETS, signed(PACKETS[0], "first") or b""]:
        for model in ("mssn-s-photo 0.64", "M<&\"'é\n"):
            assert ask("signed", packet, model, __version__) == signed(packet, model), packet
    assert ask("signed", None, "m", __version__) == signed(None, "m")
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
        packet = PACKETS[1].decode().replace("<x", '<?xml version="1.0"?><x', 1).encode(encoding)
        assert ask("signed", packet, "m", __version__) == signed(packet, "m"), encoding
        assert ask("uprightXmp", packet) == upright_xmp(packet)
    for turned in (
        b'<a tiff:Orientation="6"/>',
        b"<tiff:Orientation>8</tiff:Orientation>",
        b"tiff:Orientation = '3",
    ):
        assert ask("uprightXmp", turned) == upright_xmp(turned) != turned


def test_exif_is_changed_as_in_python(ask: Ask) -> None:
    rng = np.random.default_rng(2)
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x0100], exif[0x0101], exif[0x011A], exif[0x011B] = (
        "M",
        6,
        9,
        9,
        72.5,
        72.5,
    )
    exif.get_ifd(0x8769)[0xA002] = 9
    block = exif.tobytes()
    thumbnail = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\x1a\0\2\x02\1\0\4\0\0\0\1\0\0\0\x38"
    thumbnail += b"\x02\2\0\4\0\0\0\1\0\0\0\x04\0\0\0\0abcd"
    blocks = [block, block[6:], thumbnail, thumbnail + bytes(9), b"", b"II", b"Exif\0\0MM\0*\xff\xff\xff\xff"]
    for original in (block, thumbnail):
        for _ in range(60):
            changed = bytearray(original)
            for place in rng.integers(0, len(changed), 2):
                changed[place] = rng.integers(0, 256)
            blocks.append(bytes(changed[: rng.integers(len(changed) // 2, len(changed) + 1)]))
    for one in blocks:
        assert ask("uprightExif", one) == upright_exif(one)
        found, wanted = ask("resolutionOf", one), resolution_of(one)
        assert found == pytest.approx(wanted) if wanted else found is None
        for dpi in (None, (300.0, 150.0)):
            assert ask("fittingExif", one, 70_000, 40, dpi) == fitting_exif(one, 70_000, 40, dpi)
    previews = IPTC + b"8BIM\x04\x0c\x01a\0\0\0\3abc\0" + b"8BIM\x03\xed\0\0\0\0\0\2ab" + b"rest"
    for photoshop in (previews, previews[:60], previews[:-8], b"other", b""):
        assert ask("withoutPreviews", photoshop) == without_previews(photoshop)
