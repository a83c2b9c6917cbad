"""Films go the same way as pictures, and let them pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from film_clips import decoded, make_clip

from mssn import upscale
from mssn.api import load
from mssn.film.run import upscale_film


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("film") / "a.mkv", 12)


@pytest.fixture(scope="module")
def long_film(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("film") / "a.mkv", 400, sound=False)


def test_a_film_is_that_of_the_library(client, film, tmp_path) -> None:
    options = {"model": "bicubic", "codec": "ffv1"}
    reply = client.upscale(film.read_bytes(), name="Sommer ☀.mkv", **options)
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "video/x-matroska"
    told = json.loads(reply.headers["mssn-result"])
    assert told["name"] == "Sommer ☀_x2.mkv" and told["frames"] == 12
    assert told["after"] == {"width": 128, "height": 96}
    (tmp_path / "ours.mkv").write_bytes(reply.body)
    from mssn.film.plan import FilmOptions

    upscale_film(load("bicubic", 2), film, tmp_path / "theirs.mkv", FilmOptions(codec="ffv1"))
    ours, theirs = (list(decoded(tmp_path / name)) for name in ("ours.mkv", "theirs.mkv"))
    assert len(ours) == 12
    for (when, one), (then, other) in zip(ours, theirs, strict=True):
        assert when == then and (one == other).all()
    client.until(lambda: not client.files())


def test_a_part_of_a_film_in_another_format(client, film) -> None:
    reply = client.upscale(film.read_bytes(), name="a.mkv", model="bicubic", format="gif", to="0.2")
    assert reply.status == 200 and reply.body.startswith(b"GIF8")
    assert json.loads(reply.headers["mssn-result"])["name"] == "a_x2.gif"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"codec": "h265"}, "codec must be one of"),
        ({"from": "soon"}, "from must be a time"),
        ({"from": 5, "to": 2}, "to (2 s) must come after from (5 s)"),
        ({"interlaced": "keep"}, "interlaced must be auto or refuse"),
        ({"metadata": "strip"}, "metadata of films is kept"),
        ({"crop": "0,0,5,5"}, "crop is for pictures"),
        ({"format": "webm", "codec": "h264"}, "webm"),
        ({"format": "png"}, "'png' is no format to write"),
    ],
)
def test_options_of_films_that_make_no_sense_are_one_line(client, film, options, words) -> None:
    reply = client.upscale(film.read_bytes(), name="a.mkv", model="bicubic", **options)
    assert (reply.status, reply.json["code"]) == (400, "bad-request"), reply.body
    assert words in reply.json["error"] and str(client.room) not in reply.json["error"]


@pytest.mark.parametrize(
    "content",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:%s\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile %s\n",
        b"ffconcat version 1.0\nfile ../../a.mkv\n",
        b"<MPD><BaseURL>file:%s</BaseURL></MPD>",
        b"v=0\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        b"\x1aE\xdf\xa3" + b"\0" * 500,
        b"hello",
    ],
)
def test_what_is_no_film_reads_no_other_file(client, film, content) -> None:
    content = content.replace(b"%s", str(film).encode())
    for name in ("a.mkv", "a.mp4", "a.avi", "a.ts"):
        reply = client.upscale(content, name=name, model="bicubic")
        assert (reply.status, reply.json["code"]) == (415, "not-a-picture"), reply.body
        assert str(client.room) not in reply.json["error"]
    client.until(lambda: not client.files())


def test_pictures_pass_a_film(client, long_film, png) -> None:
    identity = client.job(long_film.read_bytes(), name="a.mkv", ensemble="true")
    client.until(lambda: client.get(f"/api/jobs/{identity}").json["progress"] > 0, 30)
    assert client.upscale(png, name="a.png").body == upscale(png)
    assert client.get(f"/api/jobs/{identity}").json["state"] == "running"
    assert client.ask("DELETE", f"/api/jobs/{identity}").status == 204
    client.until(lambda: not client.files(), 20)
