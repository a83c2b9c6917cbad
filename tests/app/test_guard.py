"""Nobody but this user's page and scripts gets an answer."""

from __future__ import annotations

import socket
from http.client import HTTPConnection

import pytest

from mssn.app.guard import Access

PATHS = ("/", "/health", "/openapi.json", "/api/models", "/api/jobs", "/main.js", "/api/events", "/none")


def ask(client, path="/api/jobs", method="GET", body=None, **headers: str):
    """A request with exactly these headers."""
    connection = HTTPConnection("127.0.0.1", client.port, timeout=600)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        given = {"Host": f"127.0.0.1:{client.port}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        for name, value in given.items():
            if value:
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


@pytest.fixture
def bearer(client) -> str:
    return f"Bearer {client.token}"


@pytest.fixture(scope="module")
def cookie(client) -> str:
    """What the first address is exchanged for."""
    path = client.app.access.address.split(str(client.port))[1]
    reply = ask(client, path, Sec_Fetch_Site="none")
    assert reply.status == 303
    assert reply.headers["location"] == "/"
    told = reply.headers["set-cookie"]
    assert told.startswith(f"mssn-{client.port}=")
    assert {part.strip().lower() for part in told.split(";")[1:]} == {"httponly", "path=/", "samesite=strict"}
    return told.split(";")[0]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_answered_without_token_or_cookie(client, path) -> None:
    own = f"http://127.0.0.1:{client.port}"
    assert ask(client, path).status == 401
    assert ask(client, path, Sec_Fetch_Site="same-origin").status == 401
    assert ask(client, path, Origin=own).status == 401
    assert ask(client, path, Authorization="Bearer wrong").status == 401
    assert ask(client, path, Authorization=f"Basic {client.token}").status == 401
    assert ask(client, path, Cookie=f"mssn-{client.port}=wrong", Origin=own).status == 401
    assert ask(client, f"{path}?code=wrong", Sec_Fetch_Site="none").status == 401


@pytest.mark.parametrize("path", PATHS)
def test_names_that_may_point_here_are_refused(client, bearer, cookie, path) -> None:
    port = client.port
    for host in (
        *("evil.example", f"evil.example:{port}", "127.0.0.1", "localhost", f"127.0.0.1:{port + 1}", "[::1]"),
        *(f"127.0.0.1.evil.example:{port}", f"127.0.0.2:{port}", f"0.0.0.0:{port}", f"localhost.:{port}"),
        *(f"localhost:{port}@evil.example", f"evil.example:{port}:{port}", "", ":", f":{port}", "[", "]:"),
    ):
        for entry in ({"Authorization": bearer}, {"Cookie": cookie, "Sec_Fetch_Site": "same-origin"}):
            assert ask(client, path, Host=host, **entry).status in (400, 421), host


def test_all_names_of_loopback_are_known(client, bearer) -> None:
    for host in (f"127.0.0.1:{client.port}", f"localhost:{client.port}", f"[::1]:{client.port}"):
        assert ask(client, Host=host, Authorization=bearer).status == 200
        assert ask(client, Host=host, Authorization=bearer, Origin=f"http://{host}").status == 200


def test_two_hosts_are_refused(client) -> None:
    with socket.create_connection(("127.0.0.1", client.port)) as raw:
        raw.sendall(
            f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nHost: evil.example\r\n"
            f"Authorization: Bearer {client.token}\r\n\r\n".encode()
        )
        assert raw.recv(100).split()[1] in (b"400", b"421")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://localhost", "https://127.0.0.1"])
def test_other_origins_are_refused(client, bearer, cookie, path, origin) -> None:
    for origin_ in (origin, f"{origin}:{client.port}"):
        assert ask(client, path, Authorization=bearer, Origin=origin_).status == 403
        assert ask(client, path, Cookie=cookie, Origin=origin_, Sec_Fetch_Site="same-origin").status == 403


def test_two_names_of_loopback_are_two_origins(client, bearer) -> None:
    assert ask(client, Authorization=bearer, Origin=f"http://localhost:{client.port}").status == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("site", ["cross-site", "same-site", "else"])
def test_other_sites_are_refused(client, bearer, cookie, path, site) -> None:
    own = f"http://127.0.0.1:{client.port}"
    assert ask(client, path, Authorization=bearer, Sec_Fetch_Site=site).status == 403
    assert ask(client, path, Cookie=cookie, Origin=own, Sec_Fetch_Site=site).status == 403


def test_a_page_needs_its_cookie_and_its_origin(client, cookie, png) -> None:
    own = f"http://127.0.0.1:{client.port}"
    assert ask(client, Cookie=cookie, Sec_Fetch_Site="same-origin").status == 200
    assert ask(client, Cookie=cookie, Sec_Fetch_Site="none").status == 200  # typed into the address bar
    assert ask(client, Cookie=cookie, Origin=own).status == 200  # a browser without Sec-Fetch-Site
    assert ask(client, Cookie=cookie).status == 403
    path = "/api/jobs?name=a.png&model=bicubic"
    for headers in ({}, {"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none", "Origin": own}):
        assert ask(client, path, "POST", png, Cookie=cookie, **headers).status == 403
    assert ask(client, path, "POST", png, Cookie=cookie, Origin=own).status == 202
    others = f"a=b; mssn-1=x; {cookie}; mssn-{client.port}; c"
    assert (
        ask(client, path, "POST", png, Cookie=others, Origin=own, Sec_Fetch_Site="same-origin").status == 202
    )


def test_people_get_a_plain_line(client) -> None:
    with socket.create_connection(("127.0.0.1", client.port)) as raw:
        raw.sendall(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nAccept: text/html,*/*\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: raw.recv(4096), b"")).decode()
    assert answer.startswith("HTTP/1.1 401") and "content-type: text/plain" in answer
    assert answer.endswith("\r\nmssn: open the address that mssn app printed, or send its token\n")


def test_a_page_of_an_earlier_run_is_told_how_it_goes_on(serve) -> None:
    """Its cookie has the same name, as long as the port is the same."""
    client = serve()
    access, port = client.app.access, client.port
    own, stale = f"http://127.0.0.1:{port}", f"mssn-{port}=of-the-run-before"

    def page(cookie: str, **more: str) -> str:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin", **more}
            connection.request("GET", "/api/jobs", headers=headers)
            response = connection.getresponse()
            return f"{response.status} {response.read().decode()}"
        finally:
            connection.close()

    words = "mssn app was started again; open the address that it printed, and this page goes on"
    for _ in range(3):
        assert page(stale).startswith("401 ") and words in page(stale)
    line = f"a page of an earlier run is open; {access.address} lets it go on"
    assert client.lines.count(line) == 1  # however often the page asks
    assert page(f"mssn-{port + 1}=x").startswith("401 ") and words not in page(f"mssn-{port + 1}=x")
    assert page(stale, Origin="http://evil.example").startswith("403 ")
    told = ask(client, access.address.split(str(port))[1], Sec_Fetch_Site="none").headers["set-cookie"]
    assert page(told.split(";")[0], Origin=own) == "200 []"
    assert page(stale).startswith("401 ")


def test_a_page_of_an_earlier_run_gets_an_address_that_works(serve) -> None:
    client = serve()
    access, used = client.app.access, client.app.access.code
    assert ask(client, f"/?code={used}", Sec_Fetch_Site="none").status == 303
    assert ask(client, Cookie=f"mssn-{client.port}=x", Sec_Fetch_Site="same-origin").status == 401
    assert access.code not in ("", used) and access.address in "\n".join(client.lines)
    assert ask(client, f"/?code={access.code}", Sec_Fetch_Site="none").status == 303


def test_scripts_need_the_token_alone(client, bearer, png) -> None:
    path = "/api/jobs?name=a.png&model=bicubic"
    assert ask(client, path, "POST", png, Authorization=bearer).status == 202


def test_the_first_address_works_once(client, cookie) -> None:
    access = client.app.access
    first = "/?code=" + "x" * 43
    assert access.code == "" or access.code != "x" * 43
    assert ask(client, first, Sec_Fetch_Site="none").status == 401
    assert (
        ask(client, first, Cookie=cookie, Sec_Fetch_Site="none").status == 303
    )  # reloaded, in the same browser
    assert "again" in client.lines[-3] + client.lines[-2] + client.lines[-1]
    second = access.address.split(str(client.port))[1]
    reply = ask(client, second, Sec_Fetch_Site="none")
    assert reply.status == 303 and reply.headers["set-cookie"]
    assert ask(client, second, Sec_Fetch_Site="none").status == 401


def test_a_code_is_taken_by_the_front_door_alone(serve) -> None:
    client = serve()
    code = client.app.access.code
    assert ask(client, f"/health?code={code}", Sec_Fetch_Site="none").status == 401
    assert ask(client, f"/?code={code}", "POST", b"").status == 401
    assert ask(client, f"/?code={code}", Sec_Fetch_Site="cross-site").status == 403
    assert ask(client, f"/?code={code}", Sec_Fetch_Site="none").status == 303


def test_questions_about_health_leave_no_lines(serve) -> None:
    """Who watches the app may not have its token, and asks every few seconds."""
    client = serve()
    assert ask(client, "/health").status == 401
    assert client.get("/health").status == 200
    assert ask(client, "/api/models").status == 401
    client.until(lambda: any("/api/models 401" in line for line in client.lines))
    assert not any("/health" in line for line in client.lines)


def test_every_answer_is_harmless_in_a_browser(client, bearer, png) -> None:
    identity = client.job(png, name="a.png", model="bicubic")
    client.over(identity)
    for path in (*PATHS, "/api/nothing", f"/api/jobs/{identity}/result", f"/api/jobs/{identity}/source"):
        for entry in ({}, {"Authorization": bearer}):
            if path == "/api/events":
                continue
            headers = ask(client, path, **entry).headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["content-security-policy"].startswith("default-src 'none'"), path
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert not [name for name in headers if name.lower().startswith("access-control-")]
    assert ask(client, "/", "OPTIONS", Authorization=bearer, Origin="").status == 405


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/vendor/../../serve.py",
        "/serve.py",
        "/..\\..\\serve.py",
        "/main.js%00.html",
        "/api/jobs/..%2f..%2flock/result",
        "/api/jobs/%2e%2e/result",
    ],
)
def test_paths_lead_nowhere_else(client, bearer, path) -> None:
    assert ask(client, path, Authorization=bearer).status == 404


def test_no_secret_and_no_name_is_logged(client, bearer, png) -> None:
    access = client.app.access
    client.upscale(png, name="secret holiday.png", model="bicubic")
    client.get("/api/jobs/none")
    ask(client, "/?code=guess")
    ask(client, "/\x1b[31m".replace("\x1b", "%1b"), Authorization=bearer)
    text = "\n".join(line for line in client.lines if "again" not in line)
    assert "POST /api/upscale 200" in text and "GET /api/jobs/none 404" in text
    for secret in (access.token, access.session, "guess", "secret", "holiday", "\x1b"):
        assert secret not in text
    assert access.token not in repr(access) and access.session not in repr(access)


def test_another_host_is_known_by_its_name_and_by_numbers() -> None:
    access = Access(8000, "box.lan")
    assert (
        access.knows("box.lan:8000") and access.knows("192.168.1.2:8000") and access.knows("[fe80::1]:8000")
    )
    assert not access.knows("evil.example:8000") and not access.knows("box.lan")
    assert Access(8000, "0.0.0.0").address.startswith("http://127.0.0.1:8000/?code=")
    assert access.address.startswith("http://box.lan:8000/?code=")
    assert Access(80).knows("127.0.0.1") and Access(80).knows("localhost:80")
