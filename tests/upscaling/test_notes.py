"""What did not come along is said in the line of a picture and in its JSON."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from mssn.cli.progress import as_json, as_text
from mssn.image.picture import Picture
from mssn.image.png import chunk
from mssn.image.read import read
from mssn.image.write import write
from mssn.upscaling.batch import upscale_files
from mssn.upscaling.files import upscale_bytes, upscale_file
from mssn.upscaling.jobs import Done, Job, Options
from mssn.upscaling.size import Factor
from mssn.upscaling.upscaler import Upscaler
from mssn.upscaling.way import ModelFamily

CASES = Path(__file__).parents[1] / "cases"
BICUBIC = Upscaler(ModelFamily("bicubic", (), lambda *_: pytest.fail("no network is needed")), Factor(2))
DAMAGED = "damaged XMP left out"


def assert_said(done: Done, *notes: str) -> None:
    assert done.notes == notes
    assert json.loads(as_json(done))["notes"] == list(notes)
    assert all(f"  {note}  " in as_text(done) for note in notes)


def test_every_way_through_tells(tmp_path: Path) -> None:
    source = CASES / "xmp-slow.png"
    assert_said(upscale_file(BICUBIC, source, tmp_path / "a.png"), DAMAGED)
    (done,) = upscale_files(BICUBIC, [Job(source, tmp_path / "b.png")])
    assert_said(done, DAMAGED)
    content, done = upscale_bytes(BICUBIC, source.read_bytes(), Job(source, tmp_path / "c"))
    assert_said(done, DAMAGED)
    assert read(content).pixels.shape == (192, 256, 3)
    assert_said(upscale_file(BICUBIC, source, tmp_path / "d.png", Options(metadata="strip")))


def test_the_format_that_is_written_decides(tmp_path: Path) -> None:
    source = CASES / "thumbnail-sideways.jpg"
    assert_said(upscale_file(BICUBIC, source, tmp_path / "a.jpg"))
    assert_said(upscale_file(BICUBIC, source, tmp_path / "a.tif"), "EXIF left out (the format gets none)")
    _, done = upscale_bytes(BICUBIC, source.read_bytes(), Job(source, tmp_path / "a.TIFF"))
    assert_said(done, "EXIF left out (the format gets none)")


def test_notes_of_reading_and_writing_are_both_said(tmp_path: Path) -> None:
    write(tmp_path / "a.png", Picture(np.zeros((8, 8, 3), np.uint8), colours=((b"cICP", b"\x09\x10\0\1"),)))
    content = (tmp_path / "a.png").read_bytes()
    exif = b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIII", 0x8769, 4, 1, 8, 0)  # a directory in itself
    (tmp_path / "a.png").write_bytes(content[:33] + chunk(b"eXIf", exif) + content[33:])
    done = upscale_file(BICUBIC, tmp_path / "a.png", tmp_path / "b.jpg")
    assert_said(done, "damaged EXIF left out", "colour tags left out (PNG and AVIF can hold them)")
