"""The built site: as light as said, asks nobody for anything, and works from disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

MOST = 1_000_000  # bytes that a visitor loads until the first result


@pytest.fixture
def small(tmp_path: Path, photo: np.ndarray) -> Path:
    """A picture of 48 x 40 pixels with a name that is not ASCII."""
    path = tmp_path / "Übung 1+1.png"
    Image.fromarray(photo[:40, :48]).save(path)
    return path


@pytest.fixture
def watched(page: Any) -> list[str]:
    """What the page's policy refused, and what its scripts complained of."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    return said


def enlarged(page: Any, picture: Path, tmp_path: Path) -> Path:
    """What the page makes of a picture, downloaded."""
    page.set_input_files("#files", str(picture))
    with page.expect_download(timeout=60_000) as waiting:
        page.get_by_role("button", name="Download").first.click(timeout=60_000)
    path = tmp_path / "downloads" / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def expected(picture: Path) -> np.ndarray:
    import mssn

    return np.asarray(mssn.upscale(Image.open(picture), runtime="onnxruntime", precision="fp32"))


def close(path: Path, picture: Path) -> bool:
    wanted = expected(picture)
    made = np.asarray(Image.open(path))
    return made.shape == wanted.shape and np.abs(made.astype(int) - wanted.astype(int)).max() <= 1


@pytest.mark.parametrize("folder", ["", "some/folder/"])
def test_a_first_result_costs_one_visit_and_nothing_is_asked_for_later(
    page, site, serve, small, tmp_path, watched, folder
):
    if folder:
        (tmp_path / "host" / folder).parent.mkdir(parents=True)
        (tmp_path / "host" / folder).symlink_to(site)
    host = serve(tmp_path / "host" if folder else site)
    page.goto(host.url + folder)
    result = enlarged(page, small, tmp_path)
    assert result.name == "Übung 1+1_x2.png"
    assert close(result, small)
    page.wait_for_timeout(1500)  # the service worker stores what the visit loaded
    asked = {path.removeprefix(f"/{folder}").split("?")[0] or "index.html" for path in host.requests}
    asked = {name.lstrip("/") or "index.html" for name in asked}
    assert sum((site / name).stat().st_size for name in asked if (site / name).is_file()) <= MOST
    before = len(host.requests)
    other = tmp_path / "again.png"
    Image.open(small).transpose(Image.Transpose.ROTATE_90).save(other)
    page.get_by_role("button", name="Remove all").click()
    assert close(enlarged(page, other, tmp_path), other)
    # The browser looks for a new service worker by itself.
    assert [path for path in host.requests[before:] if not path.endswith("/sw.js")] == []
    assert watched == []


def test_the_site_works_offline_after_the_first_result(page, site, serve, small, tmp_path):
    host = serve(site)
    page.goto(host.url)
    enlarged(page, small, tmp_path)
    for _ in range(600):
        if page.evaluate("caches.keys().then((keys) => keys.some((key) => key !== 'mssn-models'))"):
            break
        page.wait_for_timeout(100)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    host.refuse = lambda path: True
    page.goto(host.url)
    assert close(enlarged(page, small, tmp_path), small)


def test_the_first_result_needs_one_network_alone(chromium, site, serve, small, tmp_path):
    """The known answer is computed by the network that pictures need unless they ask for another."""
    host, context = serve(site), chromium.new_context(service_workers="block")
    page = context.new_page()
    page.goto(host.url)
    enlarged(page, small, tmp_path)
    context.close()
    [network] = [path for path in host.requests if path.endswith(".onnx")]
    assert network.startswith("/models/mssn-s-photo-x2.")


def test_a_network_that_is_not_kept_offline_is_told_in_plain_words(page, site, serve, small):
    host = serve(site)
    page.goto(host.url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.locator("#privacy").wait_for()
    host.refuse = lambda path: True
    page.check("[name=model][value=mssn]", force=True)
    page.set_input_files("#files", str(small))
    row = page.locator(".row[data-state=failed]")
    row.wait_for()
    words = "What this needs is not stored here yet. Connect to the internet once, then try again."
    assert [row.locator(part).inner_text() for part in (".facts", ".notes")] == [words, ""]
    host.refuse = None
    row.locator(".retry").click()
    page.locator(".row[data-state=done]").wait_for()


def test_one_file_works_from_disk(page, site, small, tmp_path, watched):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((site / "mssn.html").as_uri())
    assert close(enlarged(page, small, tmp_path), small)
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    assert watched == []


def test_the_sites_page_says_from_disk_which_file_works_there(page, site, serve):
    words = page.locator("#stuck")
    page.goto((site / "index.html").as_uri())
    words.wait_for(timeout=20_000)
    assert "open mssn.html" in words.inner_text()
    page.goto(serve(site).url)
    page.locator("#privacy").wait_for()
    assert words.count() == 0


def test_pages_have_no_place_where_scripts_slip_in(site: Path):
    for name in ("index.html", "mssn.html"):
        text = (site / name).read_text()
        assert "default-src 'none'" in text
        assert "'unsafe-inline'" not in text
        assert "'unsafe-eval'" not in text
        assert text.index("Content-Security-Policy") < text.index("<script")


def test_names_hold_the_content(site: Path, node: Callable[..., str]):
    import hashlib

    for path in site.rglob("*"):
        if path.is_file() and path.name not in (
            "index.html",
            "mssn.html",
            "sw.js",
            "manifest.webmanifest",
            "icon.svg",
        ):
            assert hashlib.sha256(path.read_bytes()).hexdigest()[:12] in path.name
