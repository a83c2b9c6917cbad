"""Picture files that tests of the page make, and what its modules say of them, asked of Node.js."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage.data import astronaut

from mssn.image.exif import upright_exif
from mssn.image.picture import Picture
from mssn.image.png import chunk
from mssn.image.xmp import signed
from mssn.version import __version__

ROOT = Path(__file__).parents[1]
CASES = Path(os.environ.get("MSSN_DATA", ROOT.parent / "shared" / "data")).parent / "cases"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
IPTC = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x08" + b"\x1c\x02\x74\x00\x03abc"
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}


SOFT = np.linspace(0, 255, 43 * 57).astype(np.uint8).reshape(43, 57, 1)
Ask = Callable[..., Any]


class FileError(Exception):
    """What the page says instead of a picture."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tobytes()
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: packed(each) for key, each in value.items()}
    return [packed(each) for each in value] if isinstance(value, list | tuple) else value


def unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"base64"}:
            return base64.b64decode(value["base64"])
        return {key: unpacked(each) for key, each in value.items()}
    return [unpacked(each) for each in value] if isinstance(value, list) else value


@contextmanager
def asking() -> Iterator[Ask]:
    """Asks the page's modules, in Node.js: ask(name, arguments ...), as web/files.mjs lists them."""
    with subprocess.Popen(
        ["node", ROOT / "tests" / "web" / "files.mjs", __version__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:

        def asked(name: str, *arguments: Any) -> Any:
            assert running.stdin is not None and running.stdout is not None
            running.stdin.write(json.dumps([name, *packed(arguments)]) + "\n")
            running.stdin.flush()
            answer = json.loads(running.stdout.readline())
            if "error" in answer:
                raise FileError(answer["error"], answer["message"])
            return unpacked(answer["value"])

        yield asked
        running.kill()


def saved(picture: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture).save(buffer, kind, **options)
    return buffer.getvalue()


def given(picture: Picture) -> dict[str, Any]:
    """A picture as the page knows it."""
    height, width, channels = picture.pixels.shape
    return {
        "width": width,
        "height": height,
        "channels": channels,
        "pixels": picture.pixels,
        "alpha": picture.alpha,
        "kept": {
            **{name: getattr(picture, name) for name in ("icc", "exif", "xmp", "iptc")},
            "colours": [[name.decode(), content] for name, content in picture.colours],
            "text": [[name.decode(), content] for name, content in picture.text],
            "dpi": picture.resolution,
            "source": picture.format,
            "lossless": picture.stays_lossless,
            "bits": picture.bits,
        },
    }


def to_8(plane: np.ndarray) -> np.ndarray:
    return ((plane.astype(int) + 128) // 257).astype(np.uint8) if plane.dtype == np.uint16 else plane


def assert_same(found: dict[str, Any], wanted: Picture) -> None:
    """Pixels, transparency and all that travels with them."""
    pixels = to_8(wanted.pixels)
    shape = found["height"], found["width"], found["channels"]
    assert shape == pixels.shape
    assert np.array_equal(np.frombuffer(found["pixels"], np.uint8).reshape(shape), pixels)
    assert (found["alpha"] is None) == (wanted.alpha is None)
    if wanted.alpha is not None:
        alpha = np.frombuffer(found["alpha"], np.uint8).reshape(wanted.alpha.shape)
        assert np.array_equal(alpha, to_8(wanted.alpha))
    travels, theirs = found["kept"], given(wanted)["kept"]
    if wanted.resolution is not None:
        assert travels["dpi"] == pytest.approx(wanted.resolution, abs=0.06)
        theirs["dpi"] = travels["dpi"]
    if theirs["bits"] != 1:
        theirs["bits"] = None
    assert travels == theirs
    told = wanted.compression
    assert found["compression"] == {"lossy": told.lossy, "kind": told.kind, "quality": told.quality}
    assert found["format"] == wanted.format


def small() -> np.ndarray:
    return np.ascontiguousarray(astronaut()[40:83, 200:257])


def png(width: int, height: int, bits: int, kind: int, seed: int, *extra: bytes, interlaced: bool) -> bytes:
    """A PNG of random samples and filters."""
    rng = np.random.default_rng(seed)
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    rows = b""
    for x, y, dx, dy in passes if interlaced else [(0, 0, 1, 1)]:
        columns, lines = -(-(width - x) // dx), -(-(height - y) // dy)
        if columns > 0:
            for _ in range(lines):
                filtered = rng.integers(0, 5) if kind != 3 else 0  # others would name colours at random
                rows += bytes([filtered]) + rng.bytes(-(-columns * bits * samples // 8))
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    start = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *extra]
    packed_rows = zlib.compress(rows)
    parts = [packed_rows[n : n + 700] for n in range(0, len(packed_rows), 700)]
    return b"".join([*start, *(chunk(b"IDAT", part) for part in parts), chunk(b"IEND", b"")])


def loaded(pixels: np.ndarray, **changes: Any) -> Picture:
    """A picture with all that can travel with it."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0100], exif[0x011A], exif[0x011B], exif[0x0128] = "Maker", 9, 72.0, 72.0, 2
    wide = ((b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),)
    every: dict[str, Any] = {
        "icc": SRGB,
        "colours": wide,
        "exif": upright_exif(exif.tobytes()),
        "xmp": signed(None, "another"),
        "iptc": IPTC,
        "text": ((b"tEXt", b"Title\0x"),),
        "dpi": 300.0,
    }
    return Picture(pixels, **{**every, **changes})
