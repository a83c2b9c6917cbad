"""Picture files in a real browser: those that it decodes itself, and those that the page's codecs do."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_files import ROOT, SOFT, SRGB, assert_same, saved, small, unpacked
from PIL import Image
from skimage.data import astronaut

from mssn.image.kept import kept
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import to_bytes

WORKER = """
import { decode } from "./src/files/decode.js";
import { encode } from "./src/files/encode.js";
import { provide } from "./src/files/provided.js";

provide({ version: "0", asset: async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer()) });
const base64 = (bytes) => {
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return { base64: btoa(letters) };
};
const packed = (_, value) => (value instanceof Uint8Array ? base64(value) : value);
const text = (value) => JSON.stringify(value, packed);
self.onmessage = async ({ data: { file, format } }) => {
  try {
    const picture = await decode(Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)));
    self.postMessage(text(format ? await encode(picture, format, null, { model: "m" }) : picture));
  } catch (error) {
    self.postMessage(text({ code: error.code ?? String(error.stack) }));
  }
};
"""
SCRIPT = """
const worker = new Worker("worker.js");
window.ask = (question) => new Promise((resolve) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.postMessage(question);
});
"""
CODECS = {
    "jpeg-decode": "jpeg/codec/dec/mozjpeg_dec",
    "webp-decode": "webp/codec/dec/webp_dec",
    "webp-encode": "webp/codec/enc/webp_enc_simd",
}
POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'"


@pytest.fixture(scope="module")
def folder(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page that decodes what it is given, in a worker, as the site does."""
    out = tmp_path_factory.mktemp("files")
    command = [packages / ".bin" / "esbuild", "--bundle", "--format=iife", "--log-level=error"]
    command += ["--define:import.meta.url='about:page'", "--external:module", "--external:node:*"]
    made = subprocess.run(
        list(map(str, command)), cwd=ROOT / "web", input=WORKER, capture_output=True, text=True, check=True
    )
    (out / "worker.js").write_text(made.stdout)
    (out / "main.js").write_text(SCRIPT)
    (out / "index.html").write_text("<!doctype html><script src=main.js></script>")
    for name, path in CODECS.items():
        (out / f"{name}.wasm").write_bytes((packages / "@jsquash" / f"{path}.wasm").read_bytes())
    return out


@pytest.fixture
def look(folder: Path, serve: Callable[..., Any], page: Any) -> Callable[..., Any]:
    """The picture that the browser makes of a file; or the file that it makes of it in a format."""
    page.goto(serve(folder, {"Content-Security-Policy": POLICY}).url)

    def looked(file: bytes, form: str | None = None) -> Any:
        question = {"file": base64.b64encode(file).decode(), "format": form}
        return unpacked(json.loads(page.evaluate("(question) => ask(question)", question)))

    return looked


def pixels(found: dict[str, Any]) -> np.ndarray:
    shape = found["height"], found["width"], found["channels"]
    return np.frombuffer(found["pixels"], np.uint8).reshape(shape).astype(int)


def test_files_of_all_kinds_that_are_written(look: Callable[..., Any]) -> None:
    for form in ("png", "jpeg", "webp"):
        file = saved(small(), form.upper(), icc_profile=SRGB, lossless=True)
        assert_same(look(file), read(file))
        again, suffix = look(file, form), {"jpeg": ".jpg"}.get(form, f".{form}")
        wanted = read(to_bytes(kept(read(file), suffix, "m", "keep"), suffix))
        assert np.array_equal(read(again).pixels, wanted.pixels) and read(again).icc == SRGB


def test_an_avif(look: Callable[..., Any]) -> None:
    told = "colours and transparency are as this browser decodes them, and may differ a little from the app's"
    smooth = Picture(np.ascontiguousarray(astronaut()[:90, :120]), alpha=None)
    for quality in (90, 50):
        file = to_bytes(smooth, ".avif", quality=quality)
        found, wanted = look(file), read(file)
        assert found["format"] == "avif" and found["compression"]["kind"] == "AVIF"
        assert found["alpha"] is None and told in found["notes"]
        assert np.abs(pixels(found) - wanted.pixels).mean() < 1.5
    wide = Picture(smooth.pixels, colours=((b"cICP", b"\x0c\x0d\0\1"),))
    file = to_bytes(wide, ".avif")
    found = look(file)
    if found["kept"]["colours"]:  # the browser left them alone
        assert np.abs(pixels(found) - read(file).pixels).mean() < 1.5
    else:
        assert "colours converted to sRGB" in found["notes"]


def test_what_is_hidden_under_transparency_comes_along(look: Callable[..., Any]) -> None:
    """A canvas, which multiplies by alpha, would leave black where it is 0, few levels where it is small."""
    rgba = np.concatenate([np.full((43, 57, 3), (200, 100, 50), np.uint8), SOFT // 4], axis=2)
    file = saved(rgba, "AVIF", quality=95)
    found, wanted = look(file), read(file)
    assert wanted.alpha is not None
    alpha = np.frombuffer(found["alpha"], np.uint8).reshape(SOFT.shape).astype(int)
    # Chromium 156 takes the transparency of an AVIF for video, in which 16 is black and 235 is white.
    assert np.abs(alpha - wanted.alpha).max() < 17
    assert np.abs(pixels(found) - wanted.pixels).max() < 8


def test_gif_and_bmp(look: Callable[..., Any]) -> None:
    flat = Image.fromarray(small()).quantize(40)
    for frames in ([], [flat.rotate(180)]):
        file = saved(flat, "GIF", save_all=True, append_images=frames)
        found = look(file)
        assert np.array_equal(pixels(found), read(file).pixels) and found["alpha"] is None
        assert ("only the first of 2 frames" in found["notes"]) == bool(frames)
    file = saved(flat, "GIF", transparency=3)
    hidden = read(file).alpha
    assert hidden is not None and look(file)["alpha"] == hidden.tobytes()
    file = saved(small(), "BMP")
    assert np.array_equal(pixels(look(file)), small()) and look(file)["format"] == "bmp"


def test_inks_become_srgb(look: Callable[..., Any]) -> None:
    file = saved(Image.fromarray(small()).convert("CMYK"), "JPEG", quality=95)
    found = look(file)
    said = "inks (CMYK) turned into sRGB by this browser; colours may differ from the app's, which keeps inks"
    assert said in found["notes"]
    assert np.abs(pixels(found) - small()).mean() < 60  # every program has colours of its own for inks


def test_what_this_browser_cannot_decode_is_told(look: Callable[..., Any]) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
    assert look(heic) == {"code": "unsupported"}
    assert look(saved(small(), "GIF")[:30]) == {"code": "unsupported"}
