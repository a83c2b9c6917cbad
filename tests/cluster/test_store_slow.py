"""Stores against real servers that take long to start, and writers that are killed at any moment."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import store_servers
import store_writer
from store_names import NASTY

from mssn.cluster import s3
from mssn.cluster.faults import RefusedError
from mssn.cluster.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    if why := store_servers.why_no_swift():
        pytest.skip(why)
    with store_servers.swift_server(tmp_path_factory.mktemp("swift") / "swift") as port:
        yield port


@pytest.fixture
def bucket(swift: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Any]]:
    """A bucket of OpenStack Swift, and boto3's client."""
    for key, value in store_servers.s3_environment(swift).items():
        monkeypatch.setenv(key, value)
    client = boto3.client("s3")
    name = f"bucket-{random.randrange(10**9)}"
    client.create_bucket(Bucket=name)
    yield name, client
    client.close()


def test_names_on_swift(bucket: tuple[str, Any]) -> None:
    store = Store(f"s3://{bucket[0]}/in #?%41+")
    for name in [*NASTY, "a//b", "x/../y", "x/./z", "/lead"]:
        store.write(name, name.encode())
    listed = list(store.list())
    names = [entry.name for entry in listed]
    assert names == sorted([*NASTY, "a//b", "x/../y", "x/./z", "/lead"], key=os.fsencode)
    assert [entry.size for entry in listed] == [len(name.encode()) for name in names]
    assert [store.read(name).decode() for name in names] == names
    dirs = [name for name in names if not name.startswith("dir/")]
    assert [entry.name for entry in store.list(leave_out=["dir"])] == dirs


def test_parts_on_swift(bucket: tuple[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "LARGEST", 6_000_000)
    monkeypatch.setattr(s3, "PART", 5_300_000)
    content = os.urandom(12_000_000)
    (tmp_path / "large").write_bytes(content)
    store = Store(f"s3://{bucket[0]}/in")
    store.put(tmp_path / "large", "a/large #")
    assert store.read("a/large #") == content
    assert [(entry.name, entry.size) for entry in store.list()] == [("a/large #", len(content))]
    assert bucket[1].list_multipart_uploads(Bucket=bucket[0]).get("Uploads", []) == []


def test_a_wrong_key_on_swift(bucket: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(RefusedError, match="403"):
        list(Store(f"s3://{bucket[0]}/in").list())


@pytest.mark.parametrize("kind", ["path", "sftp", "s3", "s3 in parts"])
def test_killed_writers_publish_nothing_half(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    url, name, client = str(tmp_path / "out"), "", None
    if kind == "sftp":
        if why := store_servers.why_no_sshd():
            pytest.skip(why)
        server = store_servers.sshd(tmp_path)
        port = server.__enter__()
        request.addfinalizer(lambda: server.__exit__(None, None, None))
        for key, value in store_servers.sftp_environment(tmp_path).items():
            monkeypatch.setenv(key, value)
        url = f"sftp://127.0.0.1:{port}{url}"
    elif kind != "path":
        name, client = request.getfixturevalue("bucket")
        url = f"s3://{name}/out"
    store, draw = Store(url), random.Random(kind)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["mssn.cluster.s3", "mssn.cluster.sftp", "mssn.cluster.local", "test_store_slow"]
    )
    seen = set()
    for number in range(20):
        written = context.Semaphore(0)
        about = (url, dict(os.environ), str(tmp_path / "new"), "parts" in kind, written)
        writer = context.Process(target=store_writer.write_on, args=about)
        writer.start()
        for _ in range(1 + number % 2):
            assert written.acquire(timeout=60)
        time.sleep(draw.uniform(0, 0.4))
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        content = store.read("a/b.png")
        assert len(content) == store_writer.SIZE and content == content[:1] * store_writer.SIZE
        assert [(entry.name, entry.size) for entry in store.list()] == [("a/b.png", store_writer.SIZE)]
        seen.add(content[0])
    assert len(seen) > 1
    if client:
        with monkeypatch.context() as patch:
            patch.setattr(s3, "ABANDONED", -60.0)
            store.sweep()
        assert client.list_multipart_uploads(Bucket=name).get("Uploads", []) == []
    else:
        for path in (tmp_path / "out" / "a").iterdir():
            os.utime(path, (0, 0))
        store.sweep()
        assert [path.name for path in (tmp_path / "out" / "a").iterdir()] == ["b.png"]
