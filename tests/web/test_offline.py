"""The service worker: a version is stored whole or not at all, and never changes in the middle of a visit."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_MAIN = """
import { keepOffline, isKept } from "./src/offline.js";
window.isKept = isKept;
await keepOffline();
const read = async (name) => (await fetch(FILES[name])).text();
window.read = read;
document.body.textContent = VERSION + " " + (await read("data.txt"));
"""


@pytest.fixture
def publish(node: Callable[..., str], tmp_path: Path) -> Callable[..., Path]:
    """Writes a version of a small site into a folder, in place of the one that is there."""

    def write(version: str, folder: Path | None = None) -> Path:
        folder = folder or tmp_path / "host"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "models").mkdir(parents=True)
        names: dict[str, str] = {}
        for name, text in (("data.txt", f"data of {version}"), ("models/big.onnx", "always the same")):
            stem, ending = name.rsplit(".", 1)
            names[name] = f"{stem}.{hashlib.sha256(text.encode()).hexdigest()[:12]}.{ending}"
            (folder / names[name]).write_text(text)
        build = """
        import { build } from "esbuild";
        const [out, entry, stdin, define] = process.argv.slice(2);
        await build({ ...(stdin ? { stdin: { contents: stdin, resolveDir: "." } } : { entryPoints: [entry] }),
          bundle: true, outfile: out, format: stdin ? "esm" : "iife", define: JSON.parse(define) });
        """
        define = {"FILES": json.dumps(names), "VERSION": json.dumps(version)}
        node(build, folder / f"main.{version}.js", "", _MAIN, json.dumps(define))
        (folder / "index.html").write_text(f'<body><script type="module" src="main.{version}.js"></script>')
        sums = {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }
        later = [names["models/big.onnx"]]
        define = {"FILES": json.dumps(sums), "LATER": json.dumps(later), "VERSION": json.dumps(version)}
        node(build, folder / "sw.js", "src/sw.js", "", json.dumps(define))
        return folder

    return write


def shown(page: Any) -> str:
    page.wait_for_function("document.body.textContent.includes('data')")
    return page.inner_text("body").strip()


def until(page: Any, expression: str) -> None:
    """Wait for a promise that says yes; Playwright's own waiting takes any promise for a yes."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never: {expression}")


def kept(page: Any) -> None:
    """Wait until the page says that it works without a network."""
    until(page, "window.isKept ? isKept() : false")


def waits(page: Any, host: Any) -> None:
    """Wait until a new version is stored."""
    try:
        until(page, "navigator.serviceWorker.getRegistration().then((found) => Boolean(found.waiting))")
    except AssertionError as error:
        raise AssertionError(f"{error}; requests: {host.requests}") from None


def test_works_without_a_network_after_one_visit_from_any_folder(page, publish, serve, tmp_path):
    publish("one", tmp_path / "host" / "some" / "folder")
    host = serve(tmp_path / "host")
    page.goto(host.url + "some/folder/?from=a+link#top")
    assert shown(page) == "one data of one"
    kept(page)
    host.refuse = lambda path: True
    page.goto(host.url + "some/folder/")
    assert shown(page) == "one data of one"
    page.goto(host.url + "some/folder/index.html")
    assert shown(page) == "one data of one"


def test_a_network_that_does_not_answer_keeps_nobody_waiting(page, publish, serve):
    """At every visit it is asked for a new version, and the page does not wait for what it says."""
    host = serve(publish("one"))
    page.goto(host.url)
    kept(page)
    answers = threading.Event()
    host.refuse = lambda path: path == "/sw.js" and not answers.wait(60)
    page.goto(host.url)
    assert shown(page) == "one data of one"
    answers.set()
    until(page, "navigator.serviceWorker.getRegistration().then((found) => !found.installing)")


def test_a_model_is_kept_once_it_was_used(page, publish, serve):
    host = serve(publish("one"))
    page.goto(host.url)
    kept(page)
    assert not any("models/" in path for path in host.requests)
    page.reload()
    shown(page)
    assert page.evaluate("read('models/big.onnx')") == "always the same"
    host.refuse = lambda path: True
    page.reload()
    shown(page)
    assert page.evaluate("read('models/big.onnx')") == "always the same"


@pytest.mark.parametrize("answered", range(8))
def test_a_server_that_dies_early_leaves_nothing_half(page, publish, serve, answered):
    """It answers so many requests; what the page then says is true, and the next visit repairs."""
    host, page = serve(publish("one")), page.context.new_page()  # another one: errors in it are expected
    left = iter(range(answered))
    host.refuse = lambda path: next(left, None) is None
    if answered:
        page.goto(host.url)
        page.wait_for_timeout(400)
        says = page.evaluate("window.isKept ? isKept() : false")
    else:
        with pytest.raises(Exception, match="ERR_"):
            page.goto(host.url)
        page.wait_for_url("chrome-error://**")
        says = False
    host.refuse = lambda path: True
    if says:
        page.reload()
        assert shown(page) == "one data of one"
    host.refuse = None
    page.goto(host.url)
    assert shown(page) == "one data of one"
    kept(page)
    host.refuse = lambda path: True
    page.reload()
    assert shown(page) == "one data of one"


def test_what_the_browser_dropped_or_damaged_is_fetched_again(page, publish, serve):
    host = serve(publish("one"))
    page.goto(host.url)
    kept(page)
    page.evaluate(
        """async () => {
          const cache = await caches.open("mssn-one");
          const keys = await cache.keys();
          await cache.delete(keys[0]);
          await cache.put(keys[1], new Response("half"));
        }"""
    )
    page.evaluate("isKept()")
    host.refuse = lambda path: True
    page.reload()
    assert shown(page) == "one data of one"


def test_a_new_version_waits_until_no_other_page_is_open(page, publish, serve):
    host = serve(publish("one"))
    page.goto(host.url)
    kept(page)
    other = page.context.new_page()
    other.goto(host.url)
    assert shown(other) == "one data of one"
    publish("two")
    page.goto(host.url)  # finds it, and stores it
    waits(page, host)
    page.reload()
    assert shown(page) == "one data of one"
    assert other.evaluate("read('data.txt')") == "data of one"  # still whole for whoever works with it
    other.close()
    for _ in range(10):  # until the browser knows that it is closed
        page.goto(host.url)
        page.wait_for_timeout(300)
        if "two" in shown(page):
            break
    assert shown(page) == "two data of two"
    host.refuse = lambda path: True
    page.reload()
    assert shown(page) == "two data of two"


def test_a_version_that_is_half_uploaded_is_not_taken(page, publish, serve, tmp_path):
    host = serve(publish("one"))
    page.goto(host.url)
    kept(page)
    new = publish("two", tmp_path / "new")
    for name in ("sw.js", "index.html"):  # the rest is not there yet
        shutil.copy(new / name, tmp_path / "host" / name)
    page.goto(host.url)
    assert shown(page) == "one data of one"
    page.wait_for_timeout(300)
    page.reload()
    assert shown(page) == "one data of one"
    publish("two")
    page.goto(host.url)
    waits(page, host)
    page.goto(host.url)
    page.wait_for_function("document.body.textContent.includes('two data of two')")
