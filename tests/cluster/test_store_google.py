"""gs:// against what Google's reference says: tokens, who pays, pages, and what each status means."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.compute_engine import _metadata
from google_storage import BUCKET, Google, error
from store_answers import Answer, Answers, answering
from store_names import NASTY

from mssn.cluster import faults, gs
from mssn.cluster.faults import MissingError, PassingError, RefusedError, StoreError
from mssn.cluster.store import Store

pytestmark = pytest.mark.slow  # credentials of google-auth take their time

URL = f"gs://{BUCKET}/in"


@pytest.fixture
def google() -> Google:
    return Google()


@pytest.fixture
def server(google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """It, and an environment that says nothing of it."""
    for name in os.environ:
        if name.startswith(("GOOGLE_", "GCE_", "CLOUDSDK_", "STORAGE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setattr(faults, "PAUSE", 0.001)
    with answering(google) as one:
        monkeypatch.setattr(gs, "SERVER", f"http://127.0.0.1:{one.port}")
        yield one


@pytest.fixture(scope="module")
def key() -> str:
    """A private key."""
    made = rsa.generate_private_key(65537, 2048)
    return made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def account(server: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> Path:
    """A service account's key file."""
    file = tmp_path / "account.json"
    told = {"type": "service_account", "project_id": "project", "private_key_id": "1", "private_key": key}
    told |= {"client_email": "a@project.iam.gserviceaccount.com", "client_id": "1"}
    told |= {"token_uri": f"http://127.0.0.1:{server.port}/token", "universe_domain": "googleapis.com"}
    file.write_text(json.dumps(told))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    return file


def given(server: Answers) -> int:
    """How many tokens were asked for."""
    return sum(asked.path.partition("?")[0].endswith("token") for asked in server.asked)


def test_a_service_account_gets_one_token(server: Answers, account: Path) -> None:
    store = Store(URL)
    store.write("a.png", b"a")
    assert store.read("a.png") == b"a"
    assert [(entry.name, entry.size, entry.mark) for entry in store.list()] == [("a.png", 1, "1")]
    store.remove("a.png")
    store.remove("a.png")  # 404
    assert list(store.list()) == []
    with pytest.raises(MissingError):
        store.read("a.png")
    assert given(server) == 1


def test_the_account_of_a_machine(server: Answers, google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_GCE_CHECK")
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", f"127.0.0.1:{server.port}")  # read once, from
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{server.port}")  # this
    monkeypatch.setenv("GCE_METADATA_IP", f"127.0.0.1:{server.port}")
    google.objects["in/a.png"] = b"a"
    assert Store(URL).read("a.png") == b"a"
    assert any(
        "/computeMetadata/v1/instance/service-accounts/default/token" in one.path for one in server.asked
    )


def test_a_metadata_server_that_stumbles_ends_nothing(
    server: Answers, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_the_account_of_a_machine(server, google, monkeypatch)
    store = Store(URL)
    google.token_faults = [Answer(404)] * 2
    assert store.read("a.png") == b"a"
    assert google.token_faults == []


def test_a_token_that_is_taken_back(server: Answers, google: Google, account: Path) -> None:
    store = Store(URL)
    store.write("a.png", b"a")
    google.token = "ya29.second"
    assert store.read("a.png") == b"a"
    assert given(server) == 2
    google.faults = [error(401, "authError")] * faults.TRIES
    with pytest.raises(PassingError, match=r"^gs://photos/in/a\.png: .* not take the token \(401\)"):
        store.read("a.png")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(408),
        error(429, "rateLimitExceeded"),
        error(403, "rateLimitExceeded"),
        error(403, "userRateLimitExceeded"),
        error(500, "backendError"),
        Answer(502, b"<html>"),
        error(503, "backendError"),
        Answer(504),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:9].decode()}",
)
def test_what_heals(server: Answers, google: Google, account: Path, answer: Answer) -> None:
    store = Store(URL)
    for call in (
        lambda: store.write("a.png", b"a"),
        lambda: list(store.list()),
        lambda: store.read("a.png"),
        lambda: store.remove("a.png"),
    ):
        google.faults = [answer] * (faults.TRIES - 1)
        call()
        assert google.faults == []


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (error(403, "forbidden"), RefusedError, r"no right to do this \(403\)"),
        (error(403, "insufficientPermissions"), RefusedError, r"no right to do this \(403\)"),
        (Answer(403, b"no JSON"), RefusedError, r"no right to do this \(403\)"),
        (error(400, "invalid"), StoreError, r"refuses this request \(400\)"),
        (error(412, "conditionNotMet"), StoreError, r"refuses this request \(412\)"),
        (Answer(304), StoreError, r"refuses this request \(304\)"),
        (Answer(308), StoreError, r"refuses this request \(308\)"),
    ],
    ids=lambda one: f"{one.status} {one.body[44:60].decode()}" if isinstance(one, Answer) else "",
)
def test_what_does_not_heal(
    server: Answers, google: Google, account: Path, answer: Answer, kind: type[StoreError], said: str
) -> None:
    store = Store(URL)
    for call in (lambda: store.write("a.png", b"a"), lambda: list(store.list()), lambda: store.read("a.png")):
        google.faults = [answer]
        with pytest.raises(kind, match=said) as caught:
            call()
        assert type(caught.value) is kind
        assert "a sentence" not in str(caught.value)  # no word is the server's own


def test_no_such_bucket(server: Answers, account: Path) -> None:
    store = Store("gs://nothing/in")
    with pytest.raises(RefusedError, match="no such bucket"):
        list(store.list())
    with pytest.raises(RefusedError, match="no such bucket"):
        store.write("a", b"")


def test_whoever_asks_pays(
    server: Answers, google: Google, account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.pays = True
    with pytest.raises(RefusedError, match=r"whoever asks pays .*; set GOOGLE_CLOUD_QUOTA_PROJECT"):
        list(Store(URL).list())
    monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "mine")
    store = Store(URL)
    store.write("a.png", b"a")
    assert store.read("a.png") == b"a"
    assert [entry.name for entry in store.list()] == ["a.png"]
    store.remove("a.png")
    storage = [asked for asked in server.asked if "/storage/" in asked.path][1:]
    assert {asked.headers["x-goog-user-project"] for asked in storage} == {"mine"}


def test_pages(server: Answers, google: Google, account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = sorted({name for name in NASTY if "\n" not in name} | {f"p/{n}" for n in range(20)})
    google.objects = {f"in/{name}": name.encode() for name in names}
    google.objects |= {"in-other/a": b"", "in": b"x", "i": b"", "in/marker/": b"", "in/p/": b""}
    in_order = sorted(names, key=os.fsencode)
    for google.page in (5, 1000):
        store = Store(URL)
        assert [entry.name for entry in store.list()] == in_order
        kept = [name for name in in_order if not name.startswith("p/")]
        assert [entry.name for entry in store.list(leave_out=["p"])] == kept
    for name in names:
        assert store.read(name) == name.encode()


def test_a_name_that_google_does_not_take(server: Answers, account: Path) -> None:
    store = Store(URL)
    for name in ("new\nline", "l" * 1100):
        with pytest.raises(StoreError, match=r"refuses this request \(400\)") as caught:
            store.write(name, b"x")
        assert type(caught.value) is StoreError  # it is about one file


def test_an_object_is_no_folder(server: Answers, google: Google, account: Path) -> None:
    google.objects = {"in/a.png": b"a", "in/a.png.txt": b""}
    with pytest.raises(StoreError, match=r"^gs://photos/in/a\.png: is a file, not a folder$"):
        list(Store(f"{URL}/a.png").list())
    assert list(Store(f"{URL}/a.png").list(needed=False)) == []
    assert list(Store(f"{URL}/a").list()) == []


@pytest.mark.parametrize(
    "wrong", ["nothing", "no file", "no JSON", "no key", "a key that is none", "refused"]
)
def test_no_credentials(
    server: Answers,
    google: Google,
    account: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = json.loads(account.read_text())
    if wrong == "nothing":
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    elif wrong == "no file":
        account.unlink()
    elif wrong == "no JSON":
        account.write_text("{")
    elif wrong == "half":
        account.write_text(json.dumps({"type": "service_account"}))
    elif wrong == "a key that is none":
        account.write_text(json.dumps(told | {"private_key": "secret"}))
    else:
        google.token_faults = [Answer(400, b'{"error": "invalid_grant", "error_description": "a sentence"}')]
    with pytest.raises(RefusedError, match=r"^gs://photos/in: no credentials; set GOOGLE_APP") as caught:
        list(Store(URL).list())
    assert "secret" not in str(caught.value) and "sentence" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_server_of_tokens_that_stumbles_ends_nothing(
    server: Answers, google: Google, account: Path
) -> None:
    google.token_faults = [Answer(503, b"{}")] * 2
    Store(URL).write("a.png", b"a")
    assert google.objects == {"in/a.png": b"a"}
