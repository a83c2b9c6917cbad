"""A file in, a file out: the same as on the command line, or a line that says why not."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from mssn import upscale
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import to_bytes


def name_of(reply) -> str:
    return unquote(reply.headers["content-disposition"].removeprefix("attachment; filename*=UTF-8''"))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {}),
        ("a.jpg", {"model": "mssn-s", "scale": 3, "quality": 70}),
        ("a.webp", {"strength": 0.4}),
        ("a.png", {"variant": "clean", "scale": 1.5, "metadata": "strip"}),
        ("a.tif", {"size": "80x60!", "ensemble": "true", "precision": "fp32"}),
        ("a.png", {"model": "bicubic", "scale": 3}),
        ("a.png", {"model": "bicubic", "size": "x111"}),
    ],
)
def test_the_result_is_that_of_the_library(client, photo, tmp_path, name, options) -> None:
    content = to_bytes(Picture(photo[:40, :48]), Path(name).suffix)
    reply = client.upscale(content, name=name, **options)
    assert reply.status == 200, reply.body
    same = {"scale": options.get("scale"), **options, "ensemble": "ensemble" in options}
    source = tmp_path / name
    source.write_bytes(content)
    made = upscale(source, **same)
    assert reply.body == made.read_bytes()
    assert name_of(reply) == made.name
    told = json.loads(reply.headers["mssn-result"])
    height, width = read(made).page_size
    assert told["before"] == {"width": 48, "height": 40} and told["after"] == {
        "width": width,
        "height": height,
    }
    assert told["name"] == made.name and told["bytes"] == len(reply.body)
    client.until(lambda: not client.files())


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("Füße 你好 🐈‍⬛.png", "Füße 你好 🐈‍⬛_x2.png"),
        ("../../etc/passwd.png", "passwd_x2.png"),
        ("C:\\Users\\me\\a.png", "a_x2.png"),
        ("a\r\nSet-Cookie: b.png", "aSet-Cookie: b_x2.png"),
        ("gpj.\u202egnp.png", "gpj.gnp_x2.png"),
        ("..", "picture_x2.png"),
        ("", "picture_x2.png"),
        ("noending", "noending_x2.png"),
        ("a.b.c.PNG", "a.b.c_x2.PNG"),
        ('"quoted"; filename=x.png', '"quoted"; filename=x_x2.png'),
        ("%2e%2e%2f.png", "%2e%2e%2f_x2.png"),
        ("source.png", "source_x2.png"),
        ("é" * 300 + ".png", "é" * 90 + "_x2.png"),
    ],
)
def test_names_are_kept_and_lead_nowhere(client, png, name, result) -> None:
    reply = client.upscale(png, name=name, model="bicubic")
    assert reply.status == 200, reply.body
    assert name_of(reply) == result
    assert "set-cookie" not in reply.headers


def test_formats_are_chosen(client, png) -> None:
    for asked, ending, start in (
        ("jpeg", ".jpg", b"\xff\xd8"),
        ("webp", ".webp", b"RIFF"),
        ("tiff", ".tif", b"II*\0"),
    ):
        reply = client.upscale(png, name="a.png", model="bicubic", format=asked)
        assert reply.body.startswith(start) and name_of(reply) == f"a_x2{ending}"
        assert reply.headers["content-type"].startswith("image/")
    jpeg = to_bytes(Picture(np.zeros((5, 5, 3), np.uint8)), ".jpg")
    assert name_of(client.upscale(jpeg, model="bicubic")) == "picture_x2.jpg"  # by its content
    tiff = to_bytes(Picture(np.zeros((5, 5, 3), np.uint8)), ".tif")
    assert name_of(client.upscale(tiff, model="bicubic")) == "picture_x2.tif"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scole": 2}, "'scole' is no option"),
        ({"scale": "two"}, "scale takes a number, not 'two'"),
        ({"scale": "nan"}, "scale takes a number, not 'nan'"),
        ({"scale": -1}, "scale must be above 0"),
        ({"scale": 2, "size": "5x5"}, "a scale or a size, not both"),
        ({"size": "5by5"}, "is no size"),
        ({"quality": 0}, "quality must be 1 to 100"),
        ({"quality": 2.5}, "quality takes a whole number"),
        ({"strength": 2}, "strength"),
        ({"variant": "best"}, "variant must be one of auto, photo, clean, not 'best'"),
        ({"metadata": "some"}, "metadata must be 'keep' or 'strip'"),
        ({"ensemble": "perhaps"}, "ensemble takes true or false"),
        ({"crop": "1,2,3"}, "crop is X,Y,W,H"),
        ({"crop": "40,0,20,20"}, "reaches beyond its 48x40 pixels"),
        ({"model": "mssn-xl"}, "unknown model 'mssn-xl'"),
        ({"model": "/etc/passwd"}, "a model that ships, not a file"),
        ({"model": "weights.onnx"}, "a model that ships, not a file"),
        ({"model": "..\\x"}, "not a file"),
        ({"runtime": "best"}, "runtime must be one of"),
        ({"precision": "int3"}, "precision must be one of"),
        ({"format": "gif"}, "'gif' is no format to write"),
        ({"format": "../x"}, "is no format to write"),
        ({"codec": "av1"}, "codec is for films"),
        ({"output": "/tmp/x.png"}, "'output' is no option"),
        ({"threads": 1}, "'threads' is no option"),
        ({"max_megapixels": 1e9}, "is no option"),
        ({"dpi": "300"}, "dpi must be 'keep' or 'scale'"),
    ],
)
def test_options_that_make_no_sense_are_one_line(client, png, options, words) -> None:
    reply = client.upscale(png, name="a.png", **options)
    assert reply.status == 400, reply.body
    assert reply.json["code"] == "bad-request"
    assert words in reply.json["error"] and "\n" not in reply.json["error"]
    assert "`" not in reply.json["error"] and str(client.room) not in reply.json["error"]
    client.until(lambda: not client.files())


def test_an_option_given_twice_is_refused(client, png) -> None:
    reply = client.ask("POST", "/api/upscale?name=a.png&scale=2&scale=3", png)
    assert (reply.status, reply.json["error"]) == (400, "scale is given twice")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(width: int, height: int) -> bytes:
    """A small PNG that claims a size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    ("content", "status", "code", "words"),
    [
        (b"", 400, "not-a-picture", "the body is empty"),
        (b"hello", 415, "not-a-picture", "not a picture but text"),
        (b"<html><script>alert(1)</script></html>", 415, "not-a-picture", "a web page"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
            415,
            "unsupported",
            "an SVG drawing",
        ),
        (b"%PDF-1.7", 415, "not-a-picture", "a PDF document"),
        (b"GIF89a", 422, "not-a-picture", "damaged"),
        (bomb(100_000, 100_000), 413, "too-large", "100000x100000 pixels are too many"),
        (bomb(2**31 - 1, 2**31 - 1), None, None, "a.png"),
        (bomb(20_000, 15_000), 413, "too-large", "40000x30000 pixels are too many"),  # the result
        (bomb(100, 100), 422, "not-a-picture", "damaged"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 2000, 422, "not-a-picture", "damaged"),
    ],
)
def test_broken_and_hostile_files_are_one_line(client, content, status, code, words) -> None:
    reply = client.upscale(content, name="a.png", model="bicubic")
    assert reply.status in ((status,) if status else (413, 415, 422)), reply.body
    assert code is None or reply.json["code"] == code
    assert words in reply.json["error"] and str(client.room) not in reply.json["error"]
    assert "/" not in reply.json["error"].replace("mssn[formats]", "")
    client.until(lambda: not client.files())
    assert client.get("/health").status == 200


def gif(frames: int, side: int) -> bytes:
    """A moving picture of one colour."""
    from io import BytesIO

    from PIL import Image

    file, pages = BytesIO(), [Image.new("L", (side, side), 3 * number) for number in range(frames)]
    pages[0].save(file, "GIF", save_all=True, append_images=pages[1:], duration=50)
    return file.getvalue()


@pytest.mark.slow
def test_all_frames_count(serve) -> None:
    client = serve(megapixels=60)
    reply = client.upscale(gif(6, 200), name="a.gif", model="bicubic", scale=16)
    assert (reply.status, reply.json["code"]) == (413, "too-large")
    assert "3200x3200 pixels on 6 pages are too many" in reply.json["error"]
    reply = client.upscale(gif(6, 200), name="a.gif", model="bicubic", scale=16, format="jpeg")
    assert reply.status == 200  # which holds one


def test_a_format_that_cannot_hold_the_result_says_so_before_the_work(client) -> None:
    wide = to_bytes(Picture(np.zeros((1, 9000, 3), np.uint8)), ".png")
    reply = client.upscale(wide, name="a.png", format="webp", model="bicubic")
    assert (reply.status, reply.json["code"]) == (413, "too-large")
    assert "sides of .webp files" in reply.json["error"]


def test_damage_behind_the_header_is_one_line(client, photo) -> None:
    whole = to_bytes(Picture(photo), ".png")
    reply = client.upscale(whole[: len(whole) // 2], name="holiday.png", model="bicubic")
    assert (reply.status, reply.json["code"]) == (422, "not-a-picture")
    assert reply.json["error"].startswith("holiday.png:") and "damaged or cut short" in reply.json["error"]
    client.until(lambda: not client.files())


def test_what_cannot_be_kept_is_said(client) -> None:
    deep = to_bytes(Picture(np.full((8, 8, 3), 1.5, np.float32)), ".tif")
    reply = client.upscale(deep, name="a.tif", format="png", model="bicubic")
    assert "cut to 0..1" in json.loads(reply.headers["mssn-result"])["notes"][0]


def test_what_can_be_asked_for(client) -> None:
    offer = client.get("/api/models").json
    names = {model["name"]: model for model in offer["models"]}
    assert list(names)[-1] == "bicubic" and names["mssn-s"]["scales"] == [2, 3, 4]
    assert (
        set(names["mssn-s"]["told"]) <= set(names["mssn-s"]["photo"]) and names["mssn-s"]["bytes"]["2"] > 1e5
    )
    assert {"png", "jpeg", "webp"} <= set(offer["formats"]) and offer["limits"]["megapixels"] == 500
