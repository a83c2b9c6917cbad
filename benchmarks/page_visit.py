"""The page in a browser, watched from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# A phone of the smaller kind; what it says of itself is what the page divides its work by.
PHONE = {
    "viewport": {"width": 360, "height": 640},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
}
PHONE_MEMORY = 4  # gigabytes
WATCH = Path(__file__).with_name("page_watch.js")
CHROMIUM = "/usr/bin/chromium"
# Without them a browser looks for its maker's servers.
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
]


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium with an empty profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def peak(browser: Any) -> int:
    """Bytes that the largest of the browser's pages has held at most, as Linux tells."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    pages = [Path(f"/proc/{one['id']}/status").read_text() for one in processes if one["type"] == "renderer"]
    return max(1024 * int(page.split("VmHWM:")[1].split()[0]) for page in pages)


class Visit:
    """The page, opened and watched.

    Args:
        context: Playwright's.
        url: Of the site.
        memory: Gigabytes that the machine says it has; None: as it is.
    """

    def __init__(self, context: Any, url: str, memory: int | None = None) -> None:
        self.page = context.new_page()
        if memory:
            self.page.add_init_script(
                f"Object.defineProperty(navigator, 'deviceMemory', {{value: {memory}}})"
            )
        self.page.add_init_script(path=WATCH)
        self.page.set_default_timeout(300_000)
        self.page.goto(url)
        self.wait("seen.buttons")

    def wait(self, condition: str) -> None:
        """Until something holds in the page (Playwright's own way is forbidden by the page's policy)."""
        self.page.evaluate(f"until(() => {condition})")

    def ready(self) -> dict[str, float]:
        """Seconds until the buttons work, and until the engine does."""
        self.wait("seen.ready")
        return {name: self.page.evaluate(f"seen.{name} / 1000") for name in ("buttons", "ready")}

    def enlarge(self, picture: Path, folder: Path | None = None) -> dict[str, float]:
        """Seconds that a picture took, part by part; `end`: since the page was opened.

        Args:
            picture: Its file.
            folder: Where the result is saved; None: nowhere.
        """
        count = self.page.evaluate("seen.pictures.length")
        self.page.set_input_files("#files", str(picture))
        self.wait(f"seen.pictures[{count}]?.done")
        found = self.page.evaluate(f"seen.pictures[{count}]")
        began, opened, enlarged, done = (found[k] / 1000 for k in ("began", "opened", "enlarged", "done"))
        if folder:
            with self.page.expect_download() as download:
                self.page.click(".row .save")
            download.value.save_as(folder / download.value.suggested_filename)
        self.page.click("#remove-all")
        return {
            "all": done - began,
            "decode": opened - began,
            "network": enlarged - opened,
            "encode": done - enlarged,
            "end": done,
        }

    def choose(self, model: str) -> None:
        """Have the next pictures enlarged by a model."""
        self.page.evaluate(f"document.querySelector('[name=model][value={model}]').click()")

    def kept(self) -> None:
        """Wait until the service worker has stored the page."""
        self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        self.wait("navigator.serviceWorker.controller")
