"""Where S3's server, its keys and its rules are taken from, and what is said where they are wrong."""

from __future__ import annotations

import datetime
import errno
import json
import logging
import os
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fsspec.config import conf, set_conf_env
from store_answers import Answer, Answers, Asked, answering
from store_servers import SECRET, TOKEN, free_port

from mssn.cluster import faults
from mssn.cluster.faults import PassingError, RefusedError, StoreError
from mssn.cluster.remote import Remote
from mssn.cluster.store import Store

pytestmark = pytest.mark.slow  # a client of botocore takes half a second to make

KEY = "AKIAIOSFODNN7EXAMPLE"
KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
PAGE = (
    b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Contents><Key>in/a.png</Key><ETag>&quot;e&quot;</ETag><Size>1</Size></Contents>"
    b"<IsTruncated>false</IsTruncated></ListBucketResult>"
)
ROLE = {"AccessKeyId": KEY, "SecretAccessKey": SECRET, "Expiration": "2099-01-01T00:00:00Z"}
STS = (
    '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    "<AssumeRoleWithWebIdentityResult><Credentials>"
    f"<AccessKeyId>{KEY}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>"
    f"<SessionToken>{TOKEN}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
    "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
).encode()


def answer(asked: Asked) -> Answer:
    """A bucket with one object; servers of credentials; a role that is refused."""
    if asked.path == "/container":
        return Answer(body=json.dumps(ROLE | {"Token": TOKEN}).encode())
    if asked.path == "/" and b"AssumeRole" in asked.body:
        if b"denied" in asked.body:
            return Answer(403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
        return Answer(body=STS)
    return Answer(body=PAGE)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """A server, and an environment that says nothing of it."""
    for name in os.environ:
        if name.startswith(("AWS_", "FSSPEC_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(faults, "PAUSE", 0.001)
    monkeypatch.setattr(faults, "TRIES", 2)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with answering(answer) as one:
        yield one


def use(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(conf, "s3", {})
    set_conf_env(conf)  # as when fsspec is imported


def names(url: str = "s3://bucket/in") -> list[str]:
    return [entry.name for entry in Store(url).list()]


@pytest.mark.parametrize(
    ("environment", "config"),
    [
        ({"AWS_ENDPOINT_URL": "HERE"}, ""),
        ({"AWS_ENDPOINT_URL_S3": "HERE", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, ""),
        ({"FSSPEC_S3_ENDPOINT_URL": "HERE"}, ""),
        ({}, "[default]\nendpoint_url = HERE"),
        ({"AWS_PROFILE": "mine"}, "[profile mine]\nendpoint_url = HERE"),
        (
            {"AWS_PROFILE": "mine"},
            "[profile mine]\nservices = local\n[services local]\ns3 =\n  endpoint_url = HERE",
        ),
    ],
    ids=["env", "env-s3", "s3fs", "config", "profile", "services"],
)
def test_where_the_server_is(
    server: Answers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    config: str,
) -> None:
    here = f"http://127.0.0.1:{server.port}"
    use(monkeypatch, KEYS | {name: text.replace("HERE", here) for name, text in environment.items()})
    (tmp_path / "config").write_text(config.replace("HERE", here))
    assert names() == ["a.png"]
    (asked,) = server.asked
    assert asked.path.startswith("/bucket?")  # a server with a number has no names for buckets


@pytest.mark.parametrize("way", ["env", "file", "process", "container", "web identity"])
def test_where_the_keys_are(
    server: Answers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    here = f"http://127.0.0.1:{server.port}"
    use(monkeypatch, {"AWS_ENDPOINT_URL": here, "AWS_REGION": "eu-central-1"})
    if way == "env":
        use(monkeypatch, KEYS | {"AWS_SESSION_TOKEN": TOKEN})
    elif way == "file":
        use(monkeypatch, {"AWS_PROFILE": "mine"})
        lines = [f"aws_access_key_id={KEY}", f"aws_secret_access_key={SECRET}", f"aws_session_token={TOKEN}"]
        (tmp_path / "credentials").write_text("\n".join(["[mine]", *lines]))
    elif way == "process":
        (tmp_path / "keys.json").write_text(json.dumps(ROLE | {"Version": 1, "SessionToken": TOKEN}))
        (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {tmp_path}/keys.json")
    elif way == "container":
        use(monkeypatch, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{here}/container"})
    else:
        (tmp_path / "identity").write_text("a token of Kubernetes")
        role = "arn:aws:iam::123456789012:role/pictures"
        use(monkeypatch, {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "identity")})
    assert names() == ["a.png"]
    asked = server.asked[-1]
    assert f"Credential={KEY}/" in asked.headers["Authorization"]
    assert "/eu-central-1/s3/" in asked.headers["Authorization"]
    assert asked.headers["X-Amz-Security-Token"] == TOKEN
    assert capfd.readouterr() == ("", "")


ROLES = {"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/denied", "AWS_WEB_IDENTITY_TOKEN_FILE": "identity"}
WRONG: list[tuple[dict[str, str], type[StoreError], str]] = [
    ({}, RefusedError, "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET"),
    ({"AWS_ACCESS_KEY_ID": KEY}, RefusedError, "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET"),
    ({"AWS_PROFILE": "nobody"}, RefusedError, "no such profile in ~/.aws; see AWS_PROFILE"),
    ({"AWS_PROFILE": "login"}, RefusedError, "log in with aws sso login"),
    ({"AWS_PROFILE": "nothing"}, RefusedError, "/no/such/program: No such file or directory"),
    ({"AWS_PROFILE": "fails"}, PassingError, "no credentials can be had now, 2 times"),
    ({"AWS_CONFIG_FILE": "broken"}, RefusedError, "~/.aws/config, or AWS_CONFIG_FILE, cannot be read"),
    (KEYS | {"AWS_ENDPOINT_URL": "127.0.0.1:9000"}, RefusedError, "no address as in https://host:9000; see"),
    (KEYS | {"AWS_ENDPOINT_URL": "https://HERE"}, RefusedError, "does not speak TLS; is it http://, or"),
    (
        KEYS | {"HTTP_PROXY": "http://127.0.0.1:1"},
        PassingError,
        "no connection to its proxy; see HTTPS_PROXY",
    ),
    (ROLES, RefusedError, r"no credentials; AssumeRoleWithWebIdentity is refused \(403 AccessDenied\)"),
    (
        ROLES | {"AWS_WEB_IDENTITY_TOKEN_FILE": "/no/file"},
        RefusedError,
        "/no/file: No such file or directory",
    ),
]
CONFIG = """
[profile login]
sso_start_url = https://example.awsapps.com/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = pictures
[profile nothing]
credential_process = /no/such/program
[profile fails]
credential_process = false
"""


@pytest.mark.parametrize(("environment", "kind", "said"), WRONG, ids=[said[:40] for _, _, said in WRONG])
def test_what_is_wrong_is_said_in_a_line(
    server: Answers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    kind: type[StoreError],
    said: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])  # else pytest takes what Python would print
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "broken").write_text("no section\n")
    (tmp_path / "identity").write_text("a token of Kubernetes")
    here = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}", "AWS_REGION": "us-east-1"}
    told = {name: text.replace("HERE", f"127.0.0.1:{server.port}") for name, text in environment.items()}
    use(monkeypatch, here | told)
    with pytest.raises(kind, match=f"^s3://bucket/in: .*{said}") as caught:
        names()
    assert "\n" not in str(caught.value)
    assert type(caught.value) is kind
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "RequestTimeTooSkewed", "the clock of this machine is wrong"),
        (400, "ExpiredToken", "the session token has expired"),
        (403, "AccessDenied", "no right to do this"),
        (301, "PermanentRedirect", "in another region; set AWS_REGION"),
    ],
)
def test_what_a_server_refuses(
    server: Answers, monkeypatch: pytest.MonkeyPatch, status: int, code: str, said: str
) -> None:
    body = f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>".encode()
    with answering(lambda _: Answer(status, body)) as refusing:
        use(monkeypatch, KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{refusing.port}"})
        with pytest.raises(RefusedError, match=rf"^s3://bucket/in: .*{said}.*\({status} {code}\)") as caught:
            names()
    assert SECRET not in str(caught.value)


def test_a_bucket_in_another_region_is_found(server: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(asked: Asked) -> Answer:
        if "/eu-west-3/s3/" in asked.headers["Authorization"]:
            return Answer(body=PAGE)
        body = b"<Error><Code>PermanentRedirect</Code></Error>"
        return Answer(301, body, {"x-amz-bucket-region": "eu-west-3"})

    with answering(elsewhere) as there:
        use(
            monkeypatch,
            KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{there.port}", "AWS_REGION": "us-east-1"},
        )
        assert names() == ["a.png"]


def test_whoever_asks_may_pay(server: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"})
    for environment, said in (({}, None), ({"FSSPEC_S3_REQUESTER_PAYS": "true"}, "requester")):
        with monkeypatch.context() as patch:
            use(patch, environment)
            server.asked.clear()
            store = Store("s3://bucket/in")
            list(store.list())
            store.read("a.png")
            store.write("b", b"")
            store.remove("b")
            assert [asked.headers.get("x-amz-request-payer") for asked in server.asked] == [said] * 4


def test_a_proxy_is_used_unless_it_is_not_to_be(server: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"})
    with answering(lambda _: Answer(body=PAGE)) as proxy:
        use(monkeypatch, {"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}"})
        assert names() == ["a.png"]
        assert (len(proxy.asked), len(server.asked)) == (1, 0)
        assert proxy.asked[0].path.startswith(f"http://127.0.0.1:{server.port}/bucket?")
        use(monkeypatch, {"NO_PROXY": "127.0.0.1"})
        assert names() == ["a.png"]
        assert (len(proxy.asked), len(server.asked)) == (1, 1)


def certificate(path: Path) -> ssl.SSLContext:
    """A server's end of TLS, with a new certificate that nobody else signed; it is at the path, too."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")]),
    )
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = path.with_suffix(".key")
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, secret)
    return context


def test_certificates(server: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(answer, certificate(tmp_path / "own.pem")) as safe:
        use(monkeypatch, KEYS | {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{safe.port}"})
        with pytest.raises(RefusedError, match="certificate of its server cannot be trusted; AWS_CA_BUNDLE"):
            names()
        assert safe.asked == []
        use(monkeypatch, {"AWS_CA_BUNDLE": str(tmp_path / "own.pem")})
        assert names() == ["a.png"]
        for content, said in ((None, "No such file or directory"), ("no certificate", "no certificates")):
            use(monkeypatch, {"AWS_CA_BUNDLE": str(tmp_path / "other.pem")})
            if content:
                (tmp_path / "other.pem").write_text(content)
            with pytest.raises(RefusedError, match=f"a file of its settings.*{said}"):
                names()


def test_nobody_is_there(server: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"})
    with pytest.raises(PassingError, match="ECONNREFUSED"):
        names()
    use(monkeypatch, {"AWS_ENDPOINT_URL": "http://no-such-host.invalid"})
    with pytest.raises(PassingError, match="no such host"):
        names()


def test_trouble_with_files_is_no_trouble_with_connections() -> None:
    remote = Remote("s3://bucket")
    full = OSError(errno.ENOSPC, "a sentence")
    assert remote.judge(full) == (PassingError, "there is no room left on this machine")
    kept = PermissionError(errno.EACCES, "a sentence", "/home/anna/.aws/credentials")
    assert remote.judge(kept) == (RefusedError, "/home/anna/.aws/credentials: Permission denied")
    walled = PermissionError(errno.EACCES, "Connect call failed")
    assert remote.judge(walled) == (PassingError, "the connection failed (EACCES)")
