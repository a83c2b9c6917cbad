"""The page with a fake engine: served with the app's security policy, visited, and watched."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "src" / "mssn" / "app" / "page"
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "worker-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
# Counts the object URLs that are alive.
COUNT_URLS = """
globalThis.alive = new Set();
const { createObjectURL, revokeObjectURL } = URL;
URL.createObjectURL = (blob) => { const url = createObjectURL.call(URL, blob); alive.add(url); return url; };
URL.revokeObjectURL = (url) => { alive.delete(url); revokeObjectURL.call(URL, url); };
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's files, with the fake engine in place of the app's."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    for name in ("app.js", "fake.js"):
        shutil.copy(HERE / name, folder / name)
    return folder


@pytest.fixture
def visit(chromium: Any, serve: Callable[..., Any], folder: Path) -> Iterator[Callable[..., Any]]:
    """Opens the page: visit(viewport={...}, ..., query={"kind": "server"}).

    Whatever asks another host, breaks the policy or is an error in the browser fails the test.
    """
    server = serve(folder, {"Content-Security-Policy": POLICY})
    contexts, wrong = [], list[str]()

    def open_page(query: dict[str, str] | None = None, clock: bool = False, **context: Any) -> Any:
        contexts.append(chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **context}))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)  # a busy machine is no fault
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console", lambda line: wrong.append(line.text) if line.type in ("error", "warning") else None
        )
        page.on("request", lambda request: allowed(request.url) or wrong.append(request.url))
        page.add_init_script(COUNT_URLS)
        if clock:
            page.clock.install()
        page.goto(f"{server.url}?{urlencode(query or {})}")
        if not {"start", "late"} & set(query or {}):
            page.wait_for_selector("#privacy:not([hidden])")
        return page

    def allowed(url: str) -> bool:
        return url.startswith((server.url, f"blob:{server.url}", "data:"))

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def finished() -> Callable[..., None]:
    """Waits until so many pictures are in the list, and nothing is left to do for any."""

    def wait(page: Any, rows: int = 1) -> None:
        busy = "[data-state=working], [data-state=waiting]"
        page.wait_for_selector(f"#list:has(li:nth-child({rows})):not(:has({busy}))")

    return wait


@pytest.fixture
def becomes() -> Callable[..., None]:
    """becomes(page, read, wanted) waits until read() gives what is wanted; a busy machine may need long."""

    def wait(page: Any, read: Callable[[], Any], wanted: Any) -> None:
        for _ in range(1200):
            if read() == wanted:
                return
            page.wait_for_timeout(50)
        assert read() == wanted

    return wait


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., str]:
    """Writes a picture of some size under a name, and returns its path."""

    def write(name: str, width: int = 48, height: int = 40) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        y, x = np.mgrid[0:height, 0:width]
        pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], axis=2).astype(np.uint8)
        Image.fromarray(pixels).save(path)
        return str(path)

    return write
