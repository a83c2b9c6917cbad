"""The note of what enlarged a picture stands in its XMP once, and nothing else in there changes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import write
from mssn.image.xmp import compact, is_signed, signed, upright_xmp

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


def facts(xmp: bytes | None) -> dict[str, list[str]]:
    """Every attribute and text that an XML parser, which accepts nothing malformed, finds."""
    assert xmp is not None
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
    "noted before, on lines": f"{RDF}\n{NOTED}\n{RATED}\n</rdf:RDF>",
    "as empty elements": f'{RDF}{RATED}<rdf:Description rdf:about="" {OURS}><mssn:Model/><mssn:Version/>\n'
    f"</rdf:Description><!-- -->{TITLE}</rdf:RDF>",
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
    for xmp in (None, packet(RDF[:-1] + "/>"), packet(RDF[:-1] + "/>\n"), packet(f"{RDF}</rdf:RDF>")):
        found = signed(xmp, "mssn-s") or b""
        assert facts(found)[MODEL] == ["mssn-s"]
        assert found.rindex(b"mssn:Model") < found.rindex(b"</rdf:RDF>")


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
        packet("<a/>"),
        packet(f"{RDF}{RATED}</rdf:RDF>").replace(b"4", b"\xff"),
        packet(f"{RDF}{RATED}</rdf:RDF>").decode().encode("utf-16")[:-1],
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + packet(f"{RDF}{RATED}</rdf:RDF>"),
        ('<!DOCTYPE x [<!ENTITY a "aaaa">]>' + packet(f"{RDF}{RATED}</rdf:RDF>").decode()).encode("utf-16"),
        packet(f"{RDF}{RATED}</rdf:RDF>{' ' * 2**24}"),
    ],
    ids=["empty", "no XML", "open", "no RDF", "no text", "cut", "DOCTYPE", "wide DOCTYPE", "too long"],
)
def test_no_note_finds_a_place_in_what_is_damaged_or_hostile(damaged) -> None:
    assert signed(damaged, "mssn-s") is None


@pytest.mark.parametrize(
    "body",
    [
        f"{RDF}{RATED}{TITLE}</rdf:RDF>",
        f"\n  {RDF}\n\t{RATED}\n{TITLE}  </rdf:RDF>\n",
        f"{RDF}<!-- </rdf:RDF> <x -->{RATED}</rdf:RDF ><!-- </rdf:RDF> -->",
        f"{RDF}{TITLE.replace('T', '<![CDATA[</rdf:RDF>]]>')}</rdf:RDF>",
        f"{RDF}{RATED}</rdf:RDF>".replace('"', "'").replace("4'", "4' xmp:Label='a > b \"'"),
        f"<?a </rdf:RDF> ?>{RDF}{RATED}</rdf:RDF>".replace("rdf:", "r:").replace("xmlns:rdf", "xmlns:r"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n" * 2000, "\0\0"])
def test_without_our_note_a_packet_is_what_it_was(body, end) -> None:
    xmp = packet(body).replace(b"<?xpacket end", end.encode() + b"<?xpacket end")
    xmp = xmp if "\0" not in end else packet(body) + b"\0\0"
    note = re.compile(rb"<rdf:Description [^<>]*mssn:Model[^<>]*/>")
    once = signed(xmp, "mssn-s")
    assert once is not None
    assert note.sub(b"", once) == xmp != once
    again = signed(once, "mssn-m")
    assert again is not None
    assert note.sub(b"", again) == xmp and len(note.findall(again)) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_wide_packets_become_utf_8(encoding) -> None:
    wide = packet(f"{RDF}{RATED.replace('4', '4&#8364;')}{TITLE}</rdf:RDF>").decode()
    noted = signed(wide.encode(encoding), "mssn-s")
    assert noted is not None
    assert facts(noted)[MODEL] == ["mssn-s"] and facts(noted)[RATING] == ["4\u20ac"]
    assert is_signed(noted.decode().encode(encoding))
    turned = wide.replace("xmp:Rating", 'xmlns:tiff="urn:t" tiff:Orientation="6" xmp:Rating')
    assert b'Orientation="1"' in upright_xmp(turned.encode(encoding))


HOSTILE = {
    "openings": b"<?xpacket",
    "ends": b"</rdf:RDF>",
    "spaces": b" ",
    "orientations": b"tiff:Orientation   =   ",
    "turned": b"tiff:Orientation='6'",
    "brackets": b"<",
    "quotes": b"<a b='",
    "comments": b"<!--",
    "notes": b'<rdf:Description xmlns:mssn="urn:mssn:1.0/" mssn:Model="a"/>',
    "declarations": b'<a xmlns:m="urn:mssn:1.0/">',
    "wide": b"\0<",
    "packet ends": b"<?xpacket end='w'",
    "ours": b"urn:mssn:1.0",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("frame", ["bare", "in RDF", "in a tag", "in a tag of ours", "at the end"])
def test_any_packet_takes_linear_time(piece, frame) -> None:
    before, after = {
        "bare": ("", ""),
        "in RDF": ("<a>" + RDF, "</rdf:RDF></a>"),
        "in a tag": (RDF + "<rdf:Description a='", "'/></rdf:RDF>"),
        "in a tag of ours": (RDF + f'<rdf:Description {OURS} mssn:Model="a"', "/></rdf:RDF>"),
        "at the end": (f"{RDF}{RATED}</rdf:RDF>", "<?xpacket end='w'?>"),
    }[frame]
    xmp = before.encode() + piece * (2**20 // len(piece)) + after.encode()
    for step in (lambda: signed(xmp, "mssn-s"), lambda: is_signed(xmp), lambda: upright_xmp(xmp)):
        assert seconds(step) < 1
    assert seconds(lambda: compact(xmp)) < 1


def seconds(step: Callable[[], object]) -> float:
    started = time.process_time()
    step()
    return time.process_time() - started


def test_deep_and_wide_packets_take_linear_time() -> None:
    deep = f"{RDF}{RATED}" + "<a>" * 300_000 + "</a>" * 300_000 + "</rdf:RDF>"
    wide = f"{RDF}<rdf:Description " + " ".join(f'a{n}="x"' for n in range(80_000)) + "/></rdf:RDF>"
    mixed = RDF + f'<rdf:Description {OURS} a="b"><mssn:Model>a</mssn:Model></rdf:Description>' * 10_000
    for body in (deep, wide, mixed + "</rdf:RDF>"):
        noted: list[bytes | None] = []
        assert seconds(lambda body=body, noted=noted: noted.append(signed(packet(body), "mssn-s"))) < 2
        assert noted[0] is not None
        assert noted[0].count(b"mssn:Model") == 1


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
