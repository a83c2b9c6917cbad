"""The note of what enlarged a picture stands in its XMP once, and nothing else in there changes."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mssn.image.metadata import compact, signed
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import write

MODEL, RATING = "{urn:mssn:1.0/}Model", "{http://ns.adobe.com/xap/1.0/}Rating"
RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
RATED = '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>'
OURS = 'xmlns:mssn="urn:mssn:1.0/"'
TITLE = (
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt>'
    '<rdf:li xml:lang="x-default">T\u00fcr &amp; &lt;x&gt;</rdf:li></rdf:Alt></dc:title></rdf:Description>'
)


def packet(body: str, padding: int = 0) -> bytes:
    text = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f"{body}</x:xmpmeta>{' ' * padding}<?xpacket end='w'?>"
    )
    return text.encode()


def facts(xmp: bytes) -> dict[str, list[str]]:
    """Every attribute and text that an XML parser, which accepts nothing malformed, finds."""
    root = ElementTree.fromstring(re.sub(rb"<\?xpacket.*?\?>", b"", xmp).strip())
    found: dict[str, list[str]] = {}
    for node in root.iter():
        for key, value in [*node.attrib.items(), (node.tag, (node.text or "").strip())]:
            if value:
                found.setdefault(key, []).append(value)
    return found


NOTED = f'<rdf:Description rdf:about="" {OURS} mssn:Model="a" mssn:Version="0"/>'
BODIES = {
    "plain": f"{RDF}{RATED}{TITLE}</rdf:RDF>",
    "noted before": f"{RDF}{RATED}{NOTED}</rdf:RDF>",
    "merged by others": f"{RDF}{RATED}</rdf:RDF>".replace("xmp:Rating", f'{OURS} mssn:Model="a" xmp:Rating'),
    "as elements": f'{RDF}{RATED}<rdf:Description rdf:about="" {OURS}><mssn:Model>a</mssn:Model>'
    "</rdf:Description></rdf:RDF>",
    "a comment": f"{RDF}<!-- </rdf:RDF> -->{RATED}</rdf:RDF>",
    "space in the tag": f"{RDF}{RATED}</rdf:RDF >",
    "another prefix": f"{RDF}{RATED}</rdf:RDF>".replace("rdf:", "r:").replace("xmlns:rdf", "xmlns:r"),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_one_note_and_all_that_was_there(body) -> None:
    xmp, found = packet(body), {}
    for _ in range(2):
        xmp = signed(xmp, "mssn-s-photo")
        found = facts(xmp)
        assert found.pop(MODEL) == ["mssn-s-photo"]
        assert found.pop(RATING) == ["4"]
    if body is BODIES["plain"]:
        assert found["{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"] == ["T\u00fcr & <x>"]


def test_empty_packets_get_one() -> None:
    for xmp in (None, packet(RDF[:-1] + "/>"), packet(f"{RDF}</rdf:RDF>")):
        assert facts(signed(xmp, "mssn-s"))[MODEL] == ["mssn-s"]


def test_another_programs_property_of_the_same_name_stays() -> None:
    theirs = '<rdf:Description rdf:about="" xmlns:mssn="http://elsewhere/" mssn:Model="theirs"/>'
    found = facts(signed(packet(f"{RDF}{theirs}</rdf:RDF>"), "mssn-s"))
    assert (found["{http://elsewhere/}Model"], found[MODEL]) == (["theirs"], ["mssn-s"])


@pytest.mark.parametrize("name", ["a \"<b>&'.onnx", "t\u00fcr.onnx", "a\x01b\n.onnx", "a\udcff.onnx"])
def test_any_name_makes_a_readable_note(name) -> None:
    (named,) = facts(signed(None, name))[MODEL]
    assert named == "".join(letter if letter.isprintable() else "?" for letter in name)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\0\1\2hello",
        packet("<rdf:RDF>"),
        packet(f"{RDF}{RATED}</rdf:RDF>").decode().encode("utf-16"),
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + packet(f"{RDF}{RATED}</rdf:RDF>"),
    ],
)
def test_what_is_damaged_or_hostile_stays_as_it_is(damaged) -> None:
    assert signed(damaged, "mssn-s") == damaged


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("length", [59_900, 60_001, 65_400])
def test_large_packets_arrive(tmp_path: Path, suffix, length) -> None:
    body = f"{RDF}{RATED}{TITLE.replace('T', 'A' * 59_000, 1)}</rdf:RDF>"
    xmp = packet(body, padding=0)
    xmp = xmp.replace(b"AAA", b"A" * (3 + length - len(xmp)), 1)
    assert len(xmp) == length
    write(tmp_path / f"a{suffix}", Picture(np.zeros((8, 8, 3), np.uint8), xmp=xmp, exif=b""))
    assert read(tmp_path / f"a{suffix}").xmp == xmp


def test_a_jpeg_loses_padding_before_content(tmp_path: Path) -> None:
    xmp = packet(f"{RDF}{RATED}</rdf:RDF>", padding=70_000)
    write(tmp_path / "a.jpg", Picture(np.zeros((8, 8, 3), np.uint8), xmp=xmp))
    assert read(tmp_path / "a.jpg").xmp == compact(xmp) != xmp
    assert facts(compact(xmp)) == facts(xmp)
