"""The page as the local app serves it, in a real browser: what comes out is what the command line makes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_client import Client, serving

from mssn import upscale
from mssn.image.picture import Picture
from mssn.image.write import write


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Client]:
    (tmp_path / "room").mkdir()
    with serving(tmp_path / "room") as client:
        yield client


@pytest.fixture
def picture(tmp_path, photo) -> Path:
    path = tmp_path / "Füße 你好.png"
    write(path, Picture(photo))
    return path


@pytest.fixture
def big(tmp_path) -> Path:
    y, x = np.mgrid[0:1200, 0:1600]
    path = tmp_path / "big.png"
    write(path, Picture(np.stack([x // 8, y // 8, (x + y) // 16], axis=2).astype(np.uint8)))
    return path


def visit(page: Any, app: Client) -> None:
    page.goto(app.app.access.address)
    page.locator("#privacy").wait_for()


def saved(page: Any, row: int = 0) -> tuple[str, bytes]:
    with page.expect_download() as download:
        page.locator(".row").nth(row).locator(".save").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_a_picture_goes_in_and_the_command_lines_comes_out(app, page, picture) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    visit(page, app)
    assert page.url == f"http://127.0.0.1:{app.port}/"  # without the code
    page.set_input_files("#files", picture)
    page.locator(".row[data-state=done]").wait_for()
    name, content = saved(page)
    upscale(picture, 2)
    assert name == "Füße 你好_x2.png"
    assert content == (picture.parent / name).read_bytes()
    assert all(url.startswith((f"http://127.0.0.1:{app.port}/", "blob:", "data:")) for url in asked)
    app.until(lambda: not app.files())
    cookies = page.context.cookies()
    assert [(c["name"], c["httpOnly"], c["sameSite"]) for c in cookies] == [
        (f"mssn-{app.port}", True, "Strict")
    ]
    assert page.evaluate("document.cookie") == ""


def test_broken_files_are_said_in_words(app, page, tmp_path, picture) -> None:
    (tmp_path / "bad.png").write_bytes(b"hello")
    (tmp_path / "cut.png").write_bytes(picture.read_bytes()[:500])
    visit(page, app)
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "x.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    files = [tmp_path / name for name in ("bad.png", "cut.png", "empty.png", "x.svg")]
    page.set_input_files("#files", [*files, picture])
    page.locator(".row[data-state=done]").wait_for()
    page.locator(".row:nth-child(5)[data-state=failed]").wait_for()
    rows = page.locator(".row[data-state=failed]")
    assert rows.count() == 4
    for row in (0, 1, 2):
        assert rows.nth(row).locator(".facts").inner_text() == "This file is not a picture that can be read."
    assert rows.nth(0).locator(".notes").inner_text() == "It is not a picture but text"
    assert rows.nth(2).locator(".notes").inner_text() == "It is empty"
    assert rows.nth(3).locator(".notes").inner_text().startswith("It is an SVG drawing, which cannot be read")
    assert "not a picture" in rows.nth(0).inner_text().lower()
    assert "damaged or cut short" in rows.nth(1).inner_text()


def test_cancel_acts_at_once_and_the_next_one_begins(app, page, big, picture) -> None:
    visit(page, app)
    page.set_input_files("#files", [big, picture])
    app.until(lambda: any(job["progress"] > 0 for job in app.get("/api/jobs").json), 30)
    page.locator(".row .cancel").nth(0).click()
    app.until(lambda: all(job["name"] != "big.png" for job in app.get("/api/jobs").json), 2)
    page.locator(".row:nth-child(2)[data-state=done]").wait_for()
    assert saved(page, 1)[0] == "Füße 你好_x2.png"


def test_a_job_survives_a_page_that_is_loaded_again(app, page, big) -> None:
    visit(page, app)
    page.set_input_files("#files", big)
    [before] = app.until(lambda: [job for job in app.get("/api/jobs").json if job["progress"] > 0], 30)
    page.reload()
    page.locator(".row[data-state=done]").wait_for(timeout=90_000)
    name, content = saved(page)
    assert name == "big_x2.png" and content == upscale(big.read_bytes(), 2)
    assert sum("POST /api/jobs 202" in line for line in app.lines) == 1, before
    app.until(lambda: not app.files())


def test_two_tabs_keep_apart(app, page, picture, tmp_path) -> None:
    write(tmp_path / "other.jpg", Picture(np.zeros((30, 20, 3), np.uint8)))
    visit(page, app)
    other = page.context.new_page()
    other.goto(f"http://127.0.0.1:{app.port}/")
    other.locator("#privacy").wait_for()
    page.set_input_files("#files", picture)
    other.set_input_files("#files", tmp_path / "other.jpg")
    for tab, name in ((page, "Füße 你好_x2.png"), (other, "other_x2.jpg")):
        tab.locator(".row[data-state=done]").wait_for()
        assert tab.locator(".row").count() == 1
        assert saved(tab)[0] == name


@pytest.mark.parametrize("path", ["/", "/api/jobs", "/api/models"])
def test_a_foreign_page_reaches_nothing(app, page, path, serve, tmp_path, picture) -> None:
    """A page of another port of this machine: same site, other origin; the cookie may go along."""
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil/index.html").write_text("<!doctype html><title>evil</title>")
    visit(page, app)
    evil = page.context.new_page()
    page.close()  # the cookie stays; what it asks for itself is over
    evil.goto(serve(tmp_path / "evil").url)
    target = f"http://127.0.0.1:{app.port}{path}"
    before = len(app.lines)
    for how in (
        {"method": "GET", "mode": "cors", "credentials": "include"},
        {"method": "GET", "mode": "no-cors", "credentials": "include"},
        {"method": "POST", "mode": "no-cors", "credentials": "include", "body": "x"},
    ):
        seen = evil.evaluate(
            "([url, how]) => fetch(url, how).then((r) => r.type + r.status, (e) => 'refused')", [target, how]
        )
        assert seen in ("refused", "opaque0")
    frame = "(url) => document.body.append(Object.assign(document.createElement('iframe'), {src: url}))"
    evil.evaluate(frame, target)
    evil.evaluate(
        """(url) => new Promise((done) => { const f = document.createElement('form'); f.method = 'post';
        f.action = url; f.target = 'x'; document.body.append(f); f.submit(); setTimeout(done, 300); })""",
        target,
    )
    asked = [line for line in app.lines[before:] if line.split()[1] == path]
    assert len(asked) >= 3
    assert all(line.split()[2] == "403" for line in asked), asked
    assert app.get("/api/jobs").json == []


@pytest.mark.slow
def test_a_server_that_dies_says_so_and_goes_on(page, picture, tmp_path, big) -> None:
    """It dies in the middle; another one on its port goes on with what waits."""
    with ExitStack() as stack:
        run, address, port = _start(stack, tmp_path, "0")
        page.goto(address)
        page.locator("#privacy").wait_for()
        page.set_input_files("#files", [big, picture])
        page.locator(".row[data-state=working]").wait_for()
        run.send_signal(signal.SIGKILL)
        run.wait()
        page.locator("#banner").wait_for(timeout=15_000)
        assert "does not answer" in page.locator("#banner-text").inner_text()
        _, address, again = _start(stack, tmp_path, port)
        assert again == port
        page.locator("#go-on").click()  # too early: this page has no leave yet
        page.locator("#banner").wait_for()
        assert "open the address that it prints" in page.locator("#banner-text").inner_text()
        notes = page.locator(".row[data-state=failed] .notes").inner_text()
        assert "token" not in notes and "fetch" not in notes
        second = page.context.new_page()  # as the app opens it
        second.goto(address)
        page.locator("#go-on").click()
        page.locator(".row[data-state=done]").nth(1).wait_for(timeout=90_000)
        assert saved(page, 1)[0] == "Füße 你好_x2.png"


@pytest.mark.slow
def test_a_server_that_dies_after_each_request_of_a_visit(page, tmp_path) -> None:
    """The next visit works, whatever of the page was there."""
    with ExitStack() as stack:
        _, address, _ = _start(stack, tmp_path, "0")
        requests: list[str] = []
        page.on("requestfinished", lambda request: requests.append(request.url))
        page.goto(address)
        page.locator("#privacy").wait_for()
    for count in range(1, len(requests)):
        with ExitStack() as stack:
            run, address, port = _start(stack, tmp_path, "0")
            tab = page.context.new_page()
            tab.route("**/*", _Dying(run, count))
            with suppress(Exception):  # the browser itself says that nobody answers
                tab.goto(address)
            tab.unroute_all()
            _, address, _ = _start(stack, tmp_path, port)
            tab.goto(address)
            tab.locator("#privacy").wait_for()
            tab.close()


class _Dying:
    """Lets so many requests through, and kills the server before the next one."""

    def __init__(self, run: subprocess.Popen[str], count: int) -> None:
        self.run, self.left = run, count

    def __call__(self, route: Any) -> None:
        if not self.left and self.run.poll() is None:
            self.run.kill()
            self.run.wait()
        self.left = max(self.left - 1, 0)
        route.continue_()


def _start(stack: ExitStack, place: Path, port: str) -> tuple[subprocess.Popen[str], str, str]:
    command = [sys.executable, "-m", "mssn", "app", "--no-browser", "--port", port]
    run = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "TMPDIR": str(place)},
    )
    assert run.stdout is not None
    stack.callback(run.stdout.close)
    stack.callback(run.wait)
    stack.callback(run.kill)
    assert run.stdout is not None
    address = run.stdout.readline().strip()
    found = re.search(r":(\d+)/", address)
    assert found
    return run, address, found[1]
