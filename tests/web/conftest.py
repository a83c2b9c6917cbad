"""The page in a real browser: Debian's Chromium, driven by Playwright, from servers on loopback."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_files import asking

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
PAGE = ROOT / "src" / "mssn" / "app" / "page"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Without them a browser looks for its maker's servers.
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What drives a browser, or builds the site, is slow."""
    for item in items:
        if {"chromium", "site"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def packages() -> Path:
    """web/node_modules, installed if need be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed")
    if not (WEB / "node_modules" / ".package-lock.json").exists():
        done = subprocess.run(
            ["npm", "ci", "--silent", "--ignore-scripts"], cwd=WEB, capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"npm ci failed: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")
    return WEB / "node_modules"


@pytest.fixture(scope="session")
def node(packages: Path) -> Callable[..., str]:
    """Runs the text of a JavaScript module, which may import what lies in web/; returns what it prints."""

    def run(text: str, *arguments: str | Path) -> str:
        done = subprocess.run(
            ["node", "--input-type=module", "-", *map(str, arguments)],
            cwd=WEB,
            input=text,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def ask(packages: Path) -> Iterator[Callable[..., Any]]:
    """Asks the page's modules that read and write pictures (`page_files.asking`)."""
    with asking() as asked:
        yield asked


@pytest.fixture(scope="session")
def site(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static site, built once."""
    out = tmp_path_factory.mktemp("site")
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        ["node", "build.mjs", str(out)], cwd=WEB, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Plain files, quietly; what was asked for is noted."""

    def log_message(self, *args: Any) -> None:
        pass

    def end_headers(self) -> None:
        for name, value in getattr(self.server, "headers", {}).items():
            self.send_header(name, value)
        super().end_headers()

    def do_GET(self) -> None:
        self.server.requests.append(self.path)  # type: ignore[attr-defined]
        refuse = self.server.refuse  # type: ignore[attr-defined]
        if refuse is not None and refuse(self.path):
            self.close_connection = True
            self.connection.close()
            return
        super().do_GET()


class StaticServer:
    """A static host on loopback.

    Attributes:
        url: Of the folder, with a slash at its end.
        requests: The paths asked for so far.
        refuse: Says of a path whether the connection breaks instead of an answer; None: never.
    """

    def __init__(self, folder: Path, headers: dict[str, str] | None = None) -> None:
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder))
        )
        self._server.daemon_threads = True
        self._server.headers, self._server.requests = headers or {}, []  # type: ignore[attr-defined]
        self._server.refuse = None  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()

    @property
    def requests(self) -> list[str]:
        return self._server.requests  # type: ignore[attr-defined]

    @property
    def refuse(self) -> Callable[[str], bool] | None:
        return self._server.refuse  # type: ignore[attr-defined]

    @refuse.setter
    def refuse(self, refuse: Callable[[str], bool] | None) -> None:
        self._server.refuse = refuse  # type: ignore[attr-defined]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., StaticServer]]:
    """Starts static hosts: serve(folder, headers)."""
    servers: list[StaticServer] = []

    def start(folder: Path, headers: dict[str, str] | None = None) -> StaticServer:
        servers.append(StaticServer(folder, headers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium (Playwright's Browser)."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=_QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of its own profile, of 1280 x 800 pixels; errors in it fail the test."""
    context = chromium.new_context(accept_downloads=True, viewport={"width": 1280, "height": 800})
    opened, errors = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors, errors
