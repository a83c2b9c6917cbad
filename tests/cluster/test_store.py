"""Stores of every kind: names, listings, what is whole and what is not there."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
import store_servers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_names import NASTY

from mssn.cluster import faults, local
from mssn.cluster.faults import MissingError, RefusedError, StoreError
from mssn.cluster.store import Entry, Store

pytestmark = pytest.mark.slow  # real servers


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """What listens on loopback while these tests run."""
    folder = tmp_path_factory.mktemp("servers")
    with store_servers.moto_server() as s3:
        yield {"s3": s3, "folder": folder}


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    if why := store_servers.why_no_sshd():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("ssh")
    with store_servers.sshd(folder) as port:
        yield port, folder


@pytest.fixture(params=["path", "file", "s3", "sftp", "gs"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty store of each kind, with a root that is no easy name either."""
    monkeypatch.setattr(faults, "PAUSE", 0.01)
    name = f"root #?%41 {tmp_path.name}"
    if request.param == "path":
        return str(tmp_path / name)
    if request.param == "file":
        return (tmp_path / name).as_uri()
    if request.param == "s3":
        _use(monkeypatch, store_servers.s3_environment(request.getfixturevalue("servers")["s3"]))
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        client.close()
        return f"s3://bucket/{name}"
    if request.param == "gs":
        _use(monkeypatch, {"STORAGE_EMULATOR_HOST": request.getfixturevalue("gcs")})
        return f"gs://bucket/{name}"
    port, folder = request.getfixturevalue("ssh")
    _use(monkeypatch, store_servers.sftp_environment(folder))
    return f"sftp://127.0.0.1:{port}{tmp_path}/{name}"


@pytest.fixture(scope="module")
def gcs() -> Iterator[str]:
    if not shutil.which("fake-gcs-server"):
        pytest.skip("needs fake-gcs-server on the PATH")
    with store_servers.fake_gcs("bucket") as port:
        yield f"http://127.0.0.1:{port}"


def _use(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)


def names_of(store: Store, **more: object) -> list[str]:
    return [entry.name for entry in store.list(**more)]  # type: ignore[arg-type]


def test_nasty_names(url: str, tmp_path: Path) -> None:
    store, names = Store(url), [name for name in NASTY if not (url.startswith("s3") and MOTO & {*name})]
    assert names_of(store, needed=False) == []
    for name in names:
        store.write(name, name.encode())
    listed = list(Store(url).list())
    assert [entry.name for entry in listed] == sorted(names, key=os.fsencode)
    assert [entry.size for entry in listed] == [len(entry.name.encode()) for entry in listed]
    for name in names:
        assert store.read(name) == name.encode()
    store.get(NASTY[0], tmp_path / "got", len(NASTY[0]))
    assert (tmp_path / "got").read_bytes() == NASTY[0].encode()
    for name in names:
        store.remove(name)
        store.remove(name)
    assert names_of(store) == []


MOTO = {"\n", "\x01"}  # what moto does not find again, or writes into XML as it is

LETTERS = st.sampled_from([*"ab+%#?[]*~ '\"&=;:@!$\\-_.<>|^`{},\n\té\u0301☃😀ﬁ\x7f\x01", "%41", "..", "%2e"])
PART = st.lists(LETTERS, min_size=1, max_size=8).map("".join).filter(lambda part: part not in (".", ".."))


@given(tops=st.lists(st.lists(PART, min_size=1, max_size=3), min_size=1, max_size=5))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_names(url: str, tops: list[list[str]]) -> None:
    # No name is a folder of another: folders end in "d", files in "f".
    paths = [[part + "d" for part in parts[:-1]] + [parts[-1] + "f"] for parts in tops]
    names = {"/".join(parts) for parts in paths}
    if url.startswith("s3"):
        names = {name for name in names if not MOTO & {*name}}
    store = Store(url)
    for name in names:
        store.write(name, name.encode())
    assert {entry.name: store.read(entry.name).decode() for entry in store.list()} == {
        name: name for name in names
    }
    for name in names:
        store.remove(name)
    assert names_of(store) == []


def test_put_replaces_as_a_whole(url: str, tmp_path: Path) -> None:
    store, file = Store(url), tmp_path / "content"
    for content in (b"first", os.urandom(3_000_000), b""):
        file.write_bytes(content)
        store.put(file, "a/b/c.png")
        (entry,) = store.list()
        assert entry.size == len(content)
        assert store.read("a/b/c.png") == content
    marks = set()
    for content in (b"one", b"two!"):
        store.write("a/b/c.png", content)
        marks |= {entry.mark for entry in store.list()}
    assert len(marks) == 2


def test_what_is_not_there(url: str, tmp_path: Path) -> None:
    store = Store(url)
    with pytest.raises(MissingError, match=r"no/x\.png: .*(not there|No such file)"):
        store.get("no/x.png", tmp_path / "got")
    assert not (tmp_path / "got").exists()
    with pytest.raises(MissingError):
        store.put(tmp_path / "nothing", "x")


def test_half_an_answer(url: str, tmp_path: Path) -> None:
    store = Store(url)
    store.write("a", b"abc")
    with pytest.raises(StoreError, match=r"a: .*4"):
        store.get("a", tmp_path / "got", 4)
    assert not (tmp_path / "got").exists()


def test_folders_left_out(url: str) -> None:
    store = Store(url)
    for name in ("a/1", "out/2", "out/3/4", "out-5", "out.png", "outer/6", "z/out/7"):
        store.write(name, b"x")
    assert names_of(store, leave_out=["out"]) == ["a/1", "out-5", "out.png", "outer/6", "z/out/7"]
    assert names_of(store, leave_out=["out/3", "a", "z"]) == ["out-5", "out.png", "out/2", "outer/6"]
    assert names_of(store, leave_out=["out", "outer", "a", "z", "nothing"]) == ["out-5", "out.png"]


def test_a_store_is_pickled_as_its_address(url: str) -> None:
    store = Store(url)
    store.write("a", b"x")  # it is open
    packed = pickle.dumps(store)
    again = pickle.loads(packed)
    assert (again.url, names_of(again)) == (store.url, ["a"])
    assert again.url_of("b/ü") == f"{store.url}/b/ü"
    for secret in (store_servers.SECRET, "test:tester", "PRIVATE KEY"):
        assert secret.encode() not in packed and secret not in repr(store)


@pytest.mark.parametrize("scheme", ["s3", "gs", "sftp", "https", "http"])
def test_passwords_are_refused_and_not_repeated(scheme: str) -> None:
    with pytest.raises(StoreError) as caught:
        Store(f"{scheme}://anna:s3cr3t@host/folder")
    assert "password" in str(caught.value)
    assert "s3cr3t" not in str(caught.value) and "\n" not in str(caught.value)


NO_SENSE = ["ftp://host/x", "s3://", "s3:///x", "s3://b?c", "file://host/x", "file://"]
NO_SENSE += ["s3://arn:aws:s3:us-east-1:123456789012:accesspoint/mine/in"]
NO_SENSE += ["sftp://host", "sftp:///x", "sftp://h:port/x", "sftp://h:65536/x", "sftp://a@/x"]
NO_SENSE += ["https://", "https:///x", "https://h/x?token=s3cr3t", "https://h/x#y", "http://a@h/"]


@pytest.mark.parametrize("bad", ["", *NO_SENSE])
def test_addresses_that_make_no_sense(bad: str) -> None:
    with pytest.raises(StoreError) as caught:
        Store(bad)
    assert "\n" not in str(caught.value) and "s3cr3t" not in str(caught.value)


def test_addresses_for_people(tmp_path: Path) -> None:
    assert Store(tmp_path).url_of("a/b") == str(tmp_path / "a/b")
    assert Store("s3://b/").url == "s3://b"
    assert Store("s3://b/x y/").url_of("z#") == "s3://b/x y/z#"
    assert Store("sftp://anna@h:22/~/x/").url_of("z") == "sftp://anna@h:22/~/x/z"
    assert Store("https://h/a%20b/").url_of("c d") == "https://h/a%20b/c%20d"
    assert Store(Path("s3://b")).url == "s3:/b"  # a path stays one
    assert Store("file:///a%20b").url == "/a b"


@pytest.mark.parametrize("name", ["", "/a", "a//b", "../a", "a/../b", "./a", "a/", "nul\0"])
def test_no_name_leaves_a_folder(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "in")
    with pytest.raises(StoreError, match="can have this name"):
        store.write(name, b"x")
    assert [path.name for path in tmp_path.iterdir()] == []


def test_markers_of_folders_are_no_files(servers: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    _use(monkeypatch, store_servers.s3_environment(int(str(servers["s3"]))))
    client = boto3.client("s3")
    client.create_bucket(Bucket="markers")
    for key in ("in/", "in/a/", "in/a/b.png", "in-other/c", "in/d//e", "in/../f"):
        client.put_object(Bucket="markers", Key=key, Body=b"" if key.endswith("/") else b"x")
    client.close()
    store = Store("s3://markers/in")
    assert names_of(store) == ["../f", "a/b.png", "d//e"]
    assert store.read("../f") == store.read("d//e") == b"x"


def test_a_missing_root_is_an_error_where_it_is_needed(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such folder"):
        names_of(Store(tmp_path / "no"))
    (tmp_path / "file").write_bytes(b"")
    for needed in (True, False):
        with pytest.raises(StoreError, match="is a file"):
            names_of(Store(tmp_path / "file"), needed=needed)


def test_a_file_is_no_folder(url: str) -> None:
    Store(url).write("a/b.png", b"x")
    Store(url).write("a/b.png.txt", b"x")
    with pytest.raises(StoreError, match=r"a/b\.png: is a file, not a folder$"):
        names_of(Store(f"{url}/a/b.png"))
    part = Store(f"{url}/a/b")  # where there are no folders, one without files is empty
    if url.startswith(("s3", "gs")):
        assert names_of(part) == []
    else:
        with pytest.raises(StoreError, match="no such folder"):
            names_of(part)
    assert names_of(Store(f"{url}/a")) == ["b.png", "b.png.txt"]


def test_a_machine_behind_another(
    ssh: tuple[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, folder = ssh
    shutil.copytree(folder / "home", tmp_path / "home")
    both = f"HostName 127.0.0.1\nPort {port}\n"
    config = (
        f"Host gate\n{both}Host nas\n{both}ProxyJump gate\nHost broken\n{both}ProxyCommand no-such-program\n"
    )
    (tmp_path / "home" / ".ssh" / "config").write_text(config)
    _use(monkeypatch, store_servers.sftp_environment(tmp_path))
    store = Store(f"sftp://nas{tmp_path}/out")
    store.write("a", b"x")
    assert (tmp_path / "out" / "a").read_bytes() == b"x"
    with pytest.raises(RefusedError, match="no-such-program: No such file or directory"):
        Store(f"sftp://broken{tmp_path}/out").read("a")
    (tmp_path / "home" / ".ssh" / "config").write_text("Host nas\nPort none\n")
    with pytest.raises(RefusedError, match=r"~/\.ssh/config cannot be read"):
        Store(f"sftp://nas{tmp_path}/out").read("a")


def test_a_key_with_a_passphrase_wants_an_agent(
    ssh: tuple[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, folder = ssh
    shutil.copytree(folder / "home", tmp_path / "home")
    key = tmp_path / "home" / ".ssh" / "id_ed25519"
    (tmp_path / "open").write_bytes(key.read_bytes())
    (tmp_path / "open").chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "a passphrase", "-f", str(key)], check=True)
    _use(monkeypatch, store_servers.sftp_environment(tmp_path))
    store = f"sftp://127.0.0.1:{port}{tmp_path}"
    with pytest.raises(RefusedError, match=r"no login; see your keys in ~/\.ssh and its agent"):
        Store(store).read("open")
    agent = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdout=subprocess.DEVNULL) as process:
        while not agent.exists():
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        subprocess.run(["ssh-add", "-q", str(tmp_path / "open")], check=True)
        assert Store(store).read("open").startswith(b"-----BEGIN OPENSSH PRIVATE KEY")
        process.terminate()


def test_links_and_our_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request) -> None:
    root, outside = tmp_path / "in", tmp_path / "outside"
    for folder in (root / "a", outside, root / ".mssn-0123456789abcdef.work"):
        folder.mkdir(parents=True)
    (outside / "x").write_bytes(b"xyz")
    (root / ".mssn-0123456789abcdef.work" / "y").write_bytes(b"")
    (root / "a" / ".mssn-0123456789abcdef.part").write_bytes(b"")
    (root / ".mssn-other").write_bytes(b"o")
    (root / "file").symlink_to(outside / "x")
    (root / "folder").symlink_to(outside)
    (root / "nothing").symlink_to("nowhere")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe")
    stores = [Store(root)]
    if not store_servers.why_no_sshd():
        port, folder = request.getfixturevalue("ssh")
        _use(monkeypatch, store_servers.sftp_environment(folder))
        stores.append(Store(f"sftp://127.0.0.1:{port}{root}"))
    for store in stores:
        listed = [(entry.name, entry.size) for entry in store.list(needed=False)]
        assert listed == [(".mssn-other", 1), ("file", 3)]
        links = [("folder/", 0), ("loop/", 0), ("nothing", -1)]
        assert [(entry.name, entry.size) for entry in store.list()] == [*listed, *links, ("pipe", -1)]
        with pytest.raises(StoreError, match="pipe: is a pipe or a device, not a file"):
            store.read("pipe")


def test_names_that_are_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request) -> None:
    raw = [b"\xff.png", b"\xe4/\xc3.png", "\ue000".encode(), b"z"]
    for name in raw:
        path = os.path.join(os.fsencode(tmp_path / "in"), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(name)
    stores = [Store(tmp_path / "in")]
    if not store_servers.why_no_sshd():
        port, folder = request.getfixturevalue("ssh")
        _use(monkeypatch, store_servers.sftp_environment(folder))
        stores.append(Store(f"sftp://127.0.0.1:{port}{tmp_path}/in"))
    for store in stores:
        found = names_of(store)
        assert [os.fsencode(name) for name in found] == sorted(raw)
        assert [store.read(name) for name in found] == sorted(raw)
    with pytest.raises(StoreError, match="not UTF-8"):
        Store("s3://bucket/in").write(os.fsdecode(raw[0]), b"")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_no_room_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    store = Store(tmp_path / "out")
    store.write("a/b", b"old")

    def full(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    (tmp_path / "new").write_bytes(b"new")
    with monkeypatch.context() as patch:
        patch.setattr(local, "_copy", full)
        with pytest.raises(RefusedError, match=os.strerror(code)):
            store.put(tmp_path / "new", "a/b")
    assert [path.name for path in (tmp_path / "out" / "a").iterdir()] == ["b"]
    assert store.read("a/b") == b"old"


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk(tiny_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request) -> None:
    stores = [Store(tiny_disk)]
    if not store_servers.why_no_sshd():
        port, folder = request.getfixturevalue("ssh")
        _use(monkeypatch, store_servers.sftp_environment(folder))
        stores.append(Store(f"sftp://127.0.0.1:{port}{tiny_disk}"))
    (tmp_path / "large").write_bytes(os.urandom(3_000_000))
    for store in stores:
        store.write("a", b"old")
        with pytest.raises(RefusedError, match=r"a: .*([Nn]o space|no room)"):
            store.put(tmp_path / "large", "a")
        assert store.read("a") == b"old"
        assert [path.name for path in tiny_disk.iterdir()] == ["a"]


def test_a_page_of_links(tmp_path: Path) -> None:
    good = [name for name in NASTY if name not in ("new\nline\ttab", ".hidden") and len(name) < 255]
    good = [name for name in good if not name.startswith(" ")]
    local_store = Store(tmp_path / "in")
    for name in good:
        local_store.write(name, name.encode())
    with serving(partial(Files, directory=str(tmp_path))) as address:
        store = Store(f"{address}/in")
        found = list(store.list())
        assert [entry.name for entry in found] == sorted(good, key=os.fsencode)
        assert {entry.size for entry in found} == {-1}
        for entry in found:
            assert store.read(entry.name) == entry.name.encode()
        assert names_of(store, leave_out=["dir"]) == [
            name for name in sorted(good) if not name.startswith("dir/")
        ]
        with pytest.raises(RefusedError, match="can only be read"):
            store.write("x", b"")
        with pytest.raises(StoreError, match="not there"):
            names_of(Store(f"{address}/nothing"))


NGINX = """<html><head><title>Index of /p/</title></head><body>
<h1>Index of /p/</h1><hr><pre><a href="../">../</a>
<a href="sub/">sub/</a>                          01-Mar-2026 10:00                   -
<a href="a%20very%20long%20name.png">a very long n..&gt;</a>  02-Mar-2026 11:30              350123
<a href="b&amp;c.png">b&amp;c.png</a>    02-Mar-2026 11:31     5
</pre><hr></body></html>"""
APACHE = """<table><tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>
<tr><td><a href="/">Parent Directory</a></td></tr><tr><td><A HREF='/p/x.png'>x.png</A></td>
<td>2026-03-01 10:00</td><td>1.2M</td></tr><tr><td><a href="/p/x.png">again</a><a href="gallery/y.png">y</a>
<a href="http://elsewhere/p/z.png">z</a><a href="#top">top</a><a>nothing</a></table>"""


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (NGINX, [("a very long name.png", "02-Mar-2026 11:30 350123"), ("b&c.png", "02-Mar-2026 11:31 5")]),
        (APACHE, [("gallery/y.png", ""), ("x.png", "2026-03-01 10:00 1.2M")]),
    ],
)
def test_pages_of_other_servers(page: str, expected: list[tuple[str, str]]) -> None:
    class Handler(Files):
        def do_GET(self) -> None:
            body = (page if self.path == "/p/" else "<html></html>").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as address:
        assert [(entry.name, entry.mark) for entry in Store(f"{address}/p").list()] == expected


class Files(SimpleHTTPRequestHandler):
    """Python's own web server, without its log."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


class serving:
    """A web server while the block runs; gives its address."""

    def __init__(self, handler: Callable[..., SimpleHTTPRequestHandler]) -> None:
        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

        self.server = Quiet(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))

    def __enter__(self) -> str:
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_a_listing_out_of_order_is_no_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("in").mkdir()
    entries = [Entry("b", 1, ""), Entry("a", 1, "")]
    monkeypatch.setattr(local.Local, "list", lambda *_: iter(entries))
    with pytest.raises(StoreError, match="out of order"):
        names_of(Store(tmp_path / "in"))


def test_what_dead_writers_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request) -> None:
    stores = [Store(tmp_path / "out")]
    if not store_servers.why_no_sshd():
        port, folder = request.getfixturevalue("ssh")
        _use(monkeypatch, store_servers.sftp_environment(folder))
        stores.append(Store(f"sftp://127.0.0.1:{port}{tmp_path}/out"))
    for store in stores:
        store.write("a/b", b"x")
        old, new = (tmp_path / "out" / "a" / f".mssn-{letter * 16}.part" for letter in "01")
        for path in (old, new):
            path.write_bytes(b"half")
        os.utime(old, (0, 0))
        store.sweep()
        assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir()) == [new.name, "b"]
    Store(tmp_path / "nothing").sweep()
