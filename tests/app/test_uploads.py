"""What comes in is limited while it comes."""

from __future__ import annotations

import gc
import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

OVER = ("done", "failed", "cancelled")


def raw(client, head: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", client.port), timeout=600)
    head = f"POST /api/upscale?name=a.png HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n{head}"
    connection.sendall(f"{head}Authorization: Bearer {client.token}\r\n\r\n".encode())
    return connection


def status(connection: socket.socket) -> int:
    """Of an answer that ends with its JSON."""
    answer = b""
    while not answer.endswith(b"}"):
        more = connection.recv(1000)
        assert more, answer
        answer += more
    return int(answer.split()[1])


def test_a_length_beyond_the_limit_is_refused_at_once(serve) -> None:
    client = serve(upload=1000)
    with raw(client, "Content-Length: 1001\r\n") as connection:
        assert status(connection) == 413
    with raw(client, f"Content-Length: {10**18}\r\nExpect: 100-continue\r\n") as connection:
        assert status(connection) == 413  # and not 100
    assert not client.files()


def test_chunks_beyond_the_limit_are_refused_while_they_come(serve) -> None:
    client = serve(upload=3 * 2**20)
    with raw(client, "Transfer-Encoding: chunked\r\n") as connection:
        piece = b"10000\r\n" + b"x" * 2**16 + b"\r\n"
        with suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(64):
                connection.sendall(piece)
                most = max((path.stat().st_size for path in client.files()), default=0)
                assert most <= 3 * 2**20
        assert status(connection) == 413
    client.until(lambda: not client.files())
    assert client.get("/api/jobs").json == []


def test_chunks_within_the_limit_are_taken(client, png) -> None:
    reply = client.ask("POST", "/api/upscale?name=a.png&model=bicubic", iter([png[:100], png[100:]]))
    assert reply.status == 200


def test_who_stops_in_the_middle_is_not_waited_for(serve) -> None:
    client = serve(stall=0.5)
    with raw(client, "Content-Length: 1000\r\n") as connection:
        connection.sendall(b"x")
        assert status(connection) == 408
    assert not client.files() and client.get("/api/jobs").json == []


def test_who_hangs_up_in_the_middle_leaves_nothing(client) -> None:
    with raw(client, "Content-Length: 1000\r\n") as connection:
        connection.sendall(b"x" * 500)
        client.until(lambda: client.get("/api/jobs").json)
    client.until(lambda: client.get("/api/jobs").json == [])
    assert not client.files()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX: "])
def test_headers_that_do_not_come_are_not_waited_for(serve, sent, monkeypatch) -> None:
    monkeypatch.setattr("mssn.app.serve._HEADERS", 0.3)
    client = serve()
    with socket.create_connection(("127.0.0.1", client.port), timeout=600) as connection:
        connection.sendall(sent)
        assert connection.recv(100) == b""
    with socket.create_connection(("127.0.0.1", client.port), timeout=600) as connection:
        whole = (
            f"GET /health HTTP/1.1\r\nHost: localhost:{client.port}\r\nAuthorization: Bearer {client.token}"
        )
        connection.sendall(f"{whole}\r\n\r\n".encode())
        assert status(connection) == 200
        connection.sendall(sent or b"G")  # the next request on the same connection
        assert connection.recv(100) == b""


def test_headers_without_end_are_refused(client) -> None:
    with socket.create_connection(("127.0.0.1", client.port), timeout=600) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 2**20)
        with suppress(ConnectionResetError):
            assert connection.recv(100).split()[1] in (b"400", b"431")


def test_forms_and_packed_bodies_are_refused_with_what_to_do(client) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    reply = client.ask("POST", "/api/upscale?name=a.png", b"--x", form)
    assert reply.status == 415 and "--data-binary" in reply.json["error"]
    reply = client.ask("POST", "/api/upscale?name=a.png", b"x", {"Content-Encoding": "gzip"})
    assert reply.status == 415 and "packed" in reply.json["error"]


def test_a_disk_that_fills_up_in_the_middle_is_said(client) -> None:
    """The system then writes a part of what it is given."""
    resource = pytest.importorskip("resource")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, usual[1]))
    try:
        reply = client.upscale(bytes(400_000), name="a.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert (reply.status, reply.json["code"]) == (507, "failed")
    assert reply.json["error"] == "no room for the upload: File too large"
    client.until(lambda: not client.files())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="/proc tells which files are open")
def test_what_failed_holds_no_file_open(client, png) -> None:
    """Its place on the disk is free at once, not when Python next looks for cycles."""

    def held() -> list[str]:
        links = []
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                links.append(os.readlink(f"/proc/self/fd/{name}"))
        return [link for link in links if "/source" in link]

    asked: list[tuple[bytes, dict]] = [
        (png[: len(png) // 2], {}),
        (b"hello", {}),
        (png, {"size": "5000x"}),
        (png, {"crop": "1000,1000,5,5"}),
        (png, {"format": "webp", "size": "760x"}),
    ]
    gc.collect()
    gc.disable()
    try:
        for content, options in asked:
            for ask in (client.upscale, lambda *a, **k: client.ask("POST", "/api/jobs", *a, **k)):
                ask(content, name="a.png", model="bicubic", **options)
        client.until(lambda: all(job["state"] in OVER for job in client.get("/api/jobs").json))
        client.until(lambda: not held(), within=5)
    finally:
        gc.enable()
