"""Stores on bad days: what heals is tried again, what does not is one right error, nothing half is left."""

from __future__ import annotations

import logging
import os
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import store_faults
import store_servers
from store_faults import HttpFaults

from mssn.cluster import faults, s3
from mssn.cluster.faults import MissingError, PassingError, RefusedError, StoreError
from mssn.cluster.store import Store

pytestmark = pytest.mark.slow  # real servers

CONTENT = bytes(range(256)) * 200


@pytest.fixture(scope="module", params=["moto", "swift"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """S3: as a simulation, and as OpenStack does it."""
    if request.param == "moto":
        with store_servers.moto_server() as port:
            yield port
        return
    if why := store_servers.why_no_swift():
        pytest.skip(why)
    with store_servers.swift_server(tmp_path_factory.mktemp("swift")) as port:
        yield port


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses and little patience."""
    for name, value in {"PAUSE": 0.01, "SILENCE": 0.7, "PATIENCE": 2.0, "CONNECT": 1.0}.items():
        monkeypatch.setattr(faults, name, value)


@pytest.fixture
def before(server: int, monkeypatch: pytest.MonkeyPatch, quick: None) -> Iterator[HttpFaults]:
    """A proxy before S3, with an empty bucket."""
    for key, value in store_servers.s3_environment(server).items():
        monkeypatch.setenv(key, value)
    client = boto3.client("s3")
    if "bucket" not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket="bucket")
    for entry in client.list_objects_v2(Bucket="bucket").get("Contents", ()):
        client.delete_object(Bucket="bucket", Key=entry["Key"])
    client.close()
    with store_faults.http_faults(server) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        yield proxy


def uploads(port: int) -> list[Any]:
    """Uploads in parts that the server still keeps."""
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}")
    found = client.list_multipart_uploads(Bucket="bucket").get("Uploads", [])
    client.close()
    return found


def everything(store: Store, tmp_path: Path) -> None:
    """Write, list, read and remove, and check what comes."""
    (tmp_path / "content").write_bytes(CONTENT)
    store.put(tmp_path / "content", "a/b.png")
    store.write("c", b"c")
    assert [(entry.name, entry.size) for entry in store.list()] == [("a/b.png", len(CONTENT)), ("c", 1)]
    store.get("a/b.png", tmp_path / "got", len(CONTENT))
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert store.read("c") == b"c"
    store.remove("c")
    assert [entry.name for entry in store.list()] == ["a/b.png"]


@pytest.mark.parametrize("fault", ["503", "500", "429", "reset", "lost", "half", "silence"])
def test_what_heals(before: HttpFaults, tmp_path: Path, fault: str) -> None:
    # Every second request fails; of "silence" only a few, for it takes long.
    before.rule = lambda method, path, number: (
        fault if number % (4 if fault == "silence" else 2) == 0 else None
    )
    everything(Store("s3://bucket/in"), tmp_path)
    assert len(before.asked) > 8


def test_it_is_tried_five_times(before: HttpFaults) -> None:
    store = Store("s3://bucket/in")
    store.write("a", b"x")
    before.calm()
    before.rule = lambda *_: "503"
    with pytest.raises(PassingError, match=r"^s3://bucket/in/a: .*now \(503\), 5 times$"):
        store.read("a")
    assert len(before.asked) == faults.TRIES  # those of the libraries below are off
    before.calm()
    before.rule = lambda method, path, number: "503" if number < faults.TRIES - 1 else None
    assert store.read("a") == b"x"


@pytest.mark.parametrize(
    ("what", "call"),
    [
        ("read", lambda store, path: store.get("a", path)),
        ("write", lambda store, path: store.write("a", b"new")),
        ("list", lambda store, path: list(store.list())),
        ("remove", lambda store, path: store.remove("a")),
    ],
)
def test_no_right_is_no_matter_of_time(
    before: HttpFaults, tmp_path: Path, what: str, call: Callable[[Store, Path], object]
) -> None:
    store = Store("s3://bucket/in")
    store.write("a", b"x")
    before.calm()
    before.rule = lambda *_: "403"
    with pytest.raises(RefusedError, match=r"403.*AWS_ACCESS_KEY_ID") as caught:
        call(store, tmp_path / "got")
    assert "\n" not in str(caught.value)
    assert len(before.asked) == 1
    assert not (tmp_path / "got").exists()
    before.calm()
    assert store.read("a") == b"x"


def test_bytes_that_drip(before: HttpFaults, tmp_path: Path) -> None:
    store = Store("s3://bucket/in")
    store.write("a", CONTENT)
    before.calm()
    before.rule = lambda method, path, number: "drip" if number == 0 else None
    store.get("a", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert len(before.asked) == 2


def test_a_page_that_fails(before: HttpFaults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "PAGE", 3)
    store = Store("s3://bucket/in")
    names = [f"{number:02d}" for number in range(10)]
    for name in names:
        store.write(name, b"")
    for fault in ("503", "half", "reset", "lost", "drip"):
        before.calm()
        before.rule = lambda method, path, number, fault=fault: fault if number in (1, 3) else None
        assert [entry.name for entry in store.list()] == names
        assert len(before.asked) == 4 + 2
    before.calm()
    before.rule = lambda method, path, number: "503" if "continuation-token" in path else None
    listing = store.list()
    assert [next(listing).name for _ in range(3)] == names[:3]
    with pytest.raises(PassingError, match="503"):
        next(listing)


def test_no_such_bucket(before: HttpFaults) -> None:
    for call in (
        lambda store: list(store.list()),
        lambda store: store.write("a", b""),
        lambda store: store.read("a"),
    ):
        with pytest.raises(RefusedError, match="no such bucket"):
            call(Store("s3://nothing-here/in"))


def test_no_credentials(before: HttpFaults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(RefusedError, match="no credentials; set AWS_ACCESS_KEY_ID"):
        Store("s3://bucket/in").read("a")


def test_nobody_answers(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in store_servers.s3_environment(store_servers.free_port()).items():
        monkeypatch.setenv(key, value)
    with pytest.raises(PassingError, match=r"ECONNREFUSED.*5 times"):
        Store("s3://bucket/in").read("a")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["503", "reset", "lost", "403"])
@pytest.mark.parametrize("step", ["begin", "part", "complete"])
def test_uploads_in_parts(
    before: HttpFaults, server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, step: str
) -> None:
    monkeypatch.setattr(s3, "LARGEST", 6_000_000)
    monkeypatch.setattr(s3, "PART", 5_300_000)
    content = os.urandom(11_000_000)
    (tmp_path / "large").write_bytes(content)
    store = Store("s3://bucket/in")
    store.write("large", b"old")

    def is_step(method: str, path: str) -> bool:
        begins, part = path.endswith("?uploads"), "partNumber=2" in path
        completes = method == "POST" and "uploadId=" in path
        return {"begin": begins, "part": part, "complete": completes}[step]

    for lasts in (False, True):
        before.calm()
        hits = []

        def rule(
            method: str, path: str, number: int, lasts: bool = lasts, hits: list[int] = hits
        ) -> str | None:
            if is_step(method, path) and (lasts or not hits):
                hits.append(number)
                return fault
            return None

        before.rule = rule
        if lasts or fault == "403":
            # If all answers to the last request are lost, it is written whole; all else changes nothing.
            if step == "begin" and fault == "lost":
                break
            with pytest.raises(RefusedError if fault == "403" else StoreError):
                store.put(tmp_path / "large", "large")
            before.calm()
            assert store.read("large") in (
                (content, b"old") if (step, fault) == ("complete", "lost") else (b"old",)
            )
        elif (step, fault) == ("complete", "lost"):
            continue
        else:
            store.put(tmp_path / "large", "large")
            before.calm()
            assert store.read("large") == content
            store.write("large", b"old")
        if not (step == "begin" and fault == "lost"):
            assert uploads(server) == []
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{server}")
    for upload in client.list_multipart_uploads(Bucket="bucket").get("Uploads", []):
        client.abort_multipart_upload(Bucket="bucket", Key=upload["Key"], UploadId=upload["UploadId"])
    client.close()


def test_old_uploads_are_swept(before: HttpFaults, server: int, monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{server}")
    for key in ("in/a", "elsewhere/b"):
        client.create_multipart_upload(Bucket="bucket", Key=key)
    store = Store("s3://bucket/in")
    monkeypatch.setattr(s3, "ABANDONED", 1e9)  # moto says that all were begun in 2010
    store.sweep()
    assert len(uploads(server)) == 2
    monkeypatch.setattr(s3, "ABANDONED", -60)  # Swift, that it was just now
    store.sweep()
    left = uploads(server)
    assert [upload["Key"] for upload in left] == ["elsewhere/b"]
    client.abort_multipart_upload(Bucket="bucket", Key="elsewhere/b", UploadId=left[0]["UploadId"])
    client.close()
    before.rule = lambda *_: "403"
    store.sweep()  # never fails


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[store_faults.TcpFaults, Path]]:
    """A proxy before an SFTP server."""
    if why := store_servers.why_no_sshd():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("ssh")
    with store_servers.sshd(folder) as port:
        proxy = store_faults.TcpFaults(port)
        host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
        with open(folder / "home" / ".ssh" / "known_hosts", "a") as known:
            known.write(f"[127.0.0.1]:{proxy.port} {host_key}\n")
        yield proxy, folder
        proxy.close()


@pytest.fixture
def far(ssh: tuple[store_faults.TcpFaults, Path], monkeypatch: pytest.MonkeyPatch) -> store_faults.TcpFaults:
    for key, value in store_servers.sftp_environment(ssh[1]).items():
        monkeypatch.setenv(key, value)
    ssh[0].plan = []
    return ssh[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cut", "silence"])
def test_sftp_connections_that_break(
    far: store_faults.TcpFaults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for name, value in {"PAUSE": 0.01, "SILENCE": 3.0, "PATIENCE": 4.0, "CONNECT": 3.0}.items():
        monkeypatch.setattr(faults, name, value)
    store = Store(f"sftp://127.0.0.1:{far.port}{tmp_path}/out")
    made = far.made
    # Bytes from the server: about 2,000 for the login, then a few dozen an answer, then a file's content.
    far.plan = [(kind, after) for after in ((0, 1000, 2600, 3000) if kind == "cut" else (2700,))]
    everything(store, tmp_path)
    far.plan = [(kind, 30_000)]
    assert Store(store.url).read("a/b.png") == CONTENT
    assert far.made - made > 2
    assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir()) == ["b.png"]


def test_sftp_refusals(
    far: store_faults.TcpFaults, ssh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    url = f"sftp://127.0.0.1:{far.port}{tmp_path}/out"
    Store(url).write("a", b"x")
    with pytest.raises(MissingError):
        Store(url).read("b")
    with pytest.raises(StoreError, match="no such folder"):
        list(Store(f"{url}/nothing").list())
    assert list(Store(f"{url}/nothing").list(needed=False)) == []
    with pytest.raises(RefusedError, match="no login"):
        Store(url.replace("//", "//nobody-of-that-name@")).read("a")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(RefusedError, match="host key"):
        Store(url).read("a")


def test_no_secret_is_told(
    before: HttpFaults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mssn")
    monkeypatch.setattr(faults, "TRIES", 2)
    monkeypatch.setenv("AWS_SESSION_TOKEN", store_servers.TOKEN)
    told: list[str] = []
    store = Store("s3://bucket/in")
    store.write("a", b"x")
    for fault in ("503", "403", "reset", "half", "404", "400", "301"):
        before.calm()
        before.rule = lambda method, path, number, fault=fault: fault
        for call in (
            lambda: store.read("a"),
            lambda: store.write("a", b"y"),
            lambda: list(store.list()),
            lambda: store.remove("a"),
        ):
            try:
                call()
            except StoreError as error:
                told += [repr(error), repr(pickle.dumps(error)), *traceback.format_exception(error)]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "")
    told += [repr(store), repr(pickle.dumps(store)), caplog.text]
    assert len(told) > 40
    for secret in (store_servers.SECRET, store_servers.TOKEN, "test:tester", "Signature", "X-Amz"):
        assert not any(secret in line for line in told), secret
