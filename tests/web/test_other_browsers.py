"""The built site in Firefox and in WebKit: opened, from disk, offline, and the pixels of what they decode."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from other_browsers import FIREFOX, WEBKIT, Browser, firefox, webkit
from page_files import saved, small
from PIL import Image
from skimage.data import astronaut

import mssn
from mssn.image.picture import Picture
from mssn.image.read import read
from mssn.image.write import to_bytes

pytestmark = pytest.mark.slow

ROW = "document.querySelector('#list li')"
READY = "!document.getElementById('privacy').hidden"


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    start, there = {"firefox": (firefox, FIREFOX), "webkit": (webkit, WEBKIT)}[request.param]
    if not there:
        pytest.skip(
            {"firefox": "Firefox is", "webkit": "WebKitGTK's driver or Xvfb is"}[request.param]
            + " not installed"
        )
    with start(tmp_path_factory.mktemp("browser") / request.param) as started:
        yield started


@pytest.fixture
def opened(browser: Browser, site: Path, serve: Any) -> Browser:
    """The site, ready to enlarge."""
    browser.open(serve(site).url)
    browser.until(READY)
    return browser


@pytest.fixture
def picture(tmp_path: Path) -> Any:
    """Writes a file."""

    def write(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


def ended(browser: Browser, file: Path) -> str:
    """Give the page a picture in place of others; what becomes of it: "done" or "failed"."""
    browser.run("document.getElementById('remove-all').click()")
    browser.choose("#files", file)
    return browser.until(f"['done', 'failed'].find((state) => state === {ROW}?.dataset.state)")


def enlarged(browser: Browser, file: Path, suffix: str = ".png") -> np.ndarray:
    """What the page makes of a picture, downloaded."""
    assert ended(browser, file) == "done", browser.run(f"return {ROW}.textContent")
    browser.run(f"{ROW}.querySelector('.save').click()")
    path = browser.saved(f"{file.stem}_x2{suffix}")
    pixels = np.asarray(Image.open(path)).astype(int)
    path.unlink()
    return pixels


def expected(file: Path) -> np.ndarray:
    """What the package makes of it."""
    found = read(file.read_bytes())
    planes = found.pixels if found.alpha is None else np.concatenate([found.pixels, found.alpha], axis=2)
    return np.asarray(mssn.upscale(Image.fromarray(planes), runtime="onnxruntime", precision="fp32")).astype(
        int
    )


def test_pictures_of_all_formats_that_are_written(opened: Browser, picture: Any) -> None:
    flat = small()
    clear = np.dstack([flat, np.linspace(0, 255, flat[..., 0].size).reshape(flat.shape[:2]).astype(np.uint8)])
    for name, content in (("Übung 1+1.png", saved(flat, "PNG")), ("clear.png", saved(clear, "PNG"))):
        file = picture(name, content)
        assert np.abs(enlarged(opened, file) - expected(file)).max() <= 1
    file = picture("clear.webp", saved(clear, "WEBP", lossless=True, exact=True))
    difference, seen = np.abs(enlarged(opened, file, ".webp") - expected(file)), expected(file)[..., 3:]
    assert difference[..., 3].max() <= 1 and (difference * (seen > 0)).max() <= 1
    file = picture("a.jpg", saved(flat, "JPEG", quality=90))
    large = mssn.upscale(Image.open(file), runtime="onnxruntime", precision="fp32")  # knows how it was stored
    again = read(to_bytes(Picture(np.asarray(large)), ".jpg")).pixels
    assert np.abs(enlarged(opened, file, ".jpg") - again).mean() < 3  # two encoders


def test_results_are_compared_and_packed(opened: Browser, picture: Any) -> None:
    files = [picture(f"{n}.png", saved(np.roll(small(), n, 1), "PNG")) for n in range(2)]
    opened.run("document.getElementById('remove-all').click()")
    opened.choose("#files", *files)
    opened.until("document.querySelectorAll('[data-state=done]').length === 2")
    opened.run("document.getElementById('zip-all').click()")
    with zipfile.ZipFile(opened.saved("enlarged.zip")) as packed:
        assert packed.namelist() == ["0_x2.png", "1_x2.png"] and packed.testzip() is None
        for file in files:
            made = np.asarray(Image.open(packed.open(f"{file.stem}_x2.png"))).astype(int)
            assert np.abs(made - expected(file)).max() <= 1
    opened.run(f"{ROW}.querySelector('.compare').click()")
    for image, width in (("img-before", 57), ("img-after", 114)):
        opened.until(f"document.getElementById('{image}').naturalWidth === {width}")
    cut = "document.getElementById('layer-after').style.clipPath"
    before = opened.run(f"return {cut}")
    opened.run(
        "document.getElementById('divider').dispatchEvent("
        "new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }))"
    )
    assert opened.run(f"return {cut}") != before


def test_cancelling_ends_the_work_at_once(opened: Browser, picture: Any) -> None:
    large = picture("large.png", saved(np.tile(astronaut(), (2, 2, 1)), "PNG"))
    opened.choose("#files", large)
    opened.until(f"{ROW}?.querySelector('progress').value > 0.02")
    opened.run(f"{ROW}.querySelector('.cancel').click()")
    opened.until(f"{ROW}.dataset.state === 'cancelled'", seconds=1)
    file = picture("next.png", saved(small(), "PNG"))
    assert np.abs(enlarged(opened, file) - expected(file)).max() <= 1


def test_what_browsers_decode_stands_upright_and_keeps_its_levels(opened: Browser, picture: Any) -> None:
    flat = Image.fromarray(small()).quantize(40)
    for name, content in (
        ("a.gif", saved(flat, "GIF")),
        ("hole.gif", saved(flat, "GIF", transparency=3)),
        ("a.bmp", saved(small(), "BMP")),
    ):
        file = picture(name, content)
        assert np.abs(enlarged(opened, file) - expected(file)).max() <= 1, name
    exif = Image.Exif()
    for orientation in (1, 7):  # 7: turned and mirrored
        exif[0x0112] = orientation
        file = picture(f"{orientation}.avif", saved(Image.fromarray(small()), "AVIF", exif=exif.tobytes()))
        assert np.abs(enlarged(opened, file) - expected(file)).mean() < 3, (
            orientation
        )  # colours are at half size
    file = picture("inks.jpg", saved(Image.fromarray(small()).convert("CMYK"), "JPEG", exif=exif.tobytes()))
    assert enlarged(opened, file, ".jpg").shape == (2 * 57, 2 * 43, 3)
    clear = np.dstack([np.full_like(small(), (200, 100, 50)), np.full(small().shape[:2], 3, np.uint8)])
    made = enlarged(opened, picture("faint.avif", saved(clear, "AVIF", quality=100)))
    assert np.abs(made[..., 3] - 3).max() <= 1
    told = opened.run(f"return {ROW}.textContent").lower()
    noted = "colours of transparent pixels rounded" in told
    assert noted == (np.abs(made[..., :3] - (200, 100, 50)).max() > 2)


def test_one_file_works_from_disk(browser: Browser, site: Path, picture: Any) -> None:
    browser.open((site / "mssn.html").as_uri())
    browser.until(READY)
    for file in (
        picture("a.png", saved(small(), "PNG")),
        picture("b.gif", saved(Image.fromarray(small()).quantize(40), "GIF")),
    ):
        assert np.abs(enlarged(browser, file) - expected(file)).max() <= 1


def test_the_site_works_offline_after_the_first_result(
    browser: Browser, site: Path, serve: Any, picture: Any
) -> None:
    host, file = serve(site), picture("a.png", saved(small(), "PNG"))
    browser.open(host.url)
    browser.until(READY)
    first = enlarged(browser, file)
    browser.until("navigator.serviceWorker.getRegistration().then((found) => Boolean(found?.active))")
    host.refuse = lambda path: True
    browser.open(host.url)
    browser.until(READY)
    assert np.array_equal(enlarged(browser, file), first)


@pytest.mark.skipif(not FIREFOX, reason="Firefox is not installed")
def test_a_browser_that_hides_from_trackers_never_gives_noise(
    site: Path, serve: Any, picture: Any, tmp_path: Path
) -> None:
    """It puts noise into every canvas that is read."""
    with firefox(tmp_path / "firefox", {"privacy.resistFingerprinting": True}) as browser:
        browser.open(serve(site).url)
        browser.until(READY)
        file = picture("a.png", saved(small(), "PNG"))
        assert np.abs(enlarged(browser, file) - expected(file)).max() <= 1
        assert ended(browser, picture("b.bmp", saved(small(), "BMP"))) == "failed"
        assert "cannot be read" in browser.run(f"return {ROW}.textContent")
