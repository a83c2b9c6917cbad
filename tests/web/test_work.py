"""A picture at work in the real page: cancelling stops it at once, a tab that nobody looks at goes on."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

BOUND = 5  # seconds; cancelling takes one at most, and what is cancelled here would take minutes
LOOK = 1  # second, in which workers that went on would use a core each

# When a button was pressed, and when a picture was first shown as cancelled.
WATCH = """
addEventListener("click", ({ timeStamp }) => (window.clicked = timeStamp), true);
(function look() {
  const row = document.querySelector(".row[data-state=cancelled] .facts");
  if (row?.innerText === "Cancelled" && !row.parentElement.querySelector("progress").checkVisibility()) {
    window.shown ??= performance.now();
  }
  requestAnimationFrame(look);
})();
"""
# A tab behind another one: told so, never asked to paint, its timers late.
HIDE = """
window.away = false;
const held = [];
const { requestAnimationFrame, setTimeout } = window;
window.requestAnimationFrame = (paint) => (away ? held.push(paint) : requestAnimationFrame(paint));
window.setTimeout = (act, wait = 0, ...given) =>
  setTimeout(act, away ? Math.max(wait, 1000) : wait, ...given);
Object.defineProperty(document, "hidden", { get: () => away });
Object.defineProperty(document, "visibilityState", { get: () => (away ? "hidden" : "visible") });
window.hide = (yes) => {
  window.away = yes;
  document.dispatchEvent(new Event("visibilitychange"));
  if (!yes) held.splice(0).forEach((paint) => requestAnimationFrame(paint));
};
"""


def noise(path: Path, width: int, height: int) -> Path:
    """A picture that no part of the way makes short work of."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path, compress_level=1)
    return path


def test_cancel_is_shown_at_once_and_nothing_computes_any_more(
    chromium: Any, page: Any, site: Path, serve: Any, tmp_path: Path
) -> None:
    session = chromium.new_browser_cdp_session()

    def computed() -> float:
        """Seconds of processors' time that pages have used."""
        found = session.send("SystemInfo.getProcessInfo")["processInfo"]
        return sum(one["cpuTime"] for one in found if one["type"] == "renderer")

    def workers() -> list[str]:
        return [worker.url for worker in page.workers]

    page.add_init_script(WATCH)
    page.goto(serve(site).url)
    page.check("[name=model][value=mssn]", force=True)
    page.set_input_files("#files", noise(tmp_path / "large.png", 2400, 1600))
    page.locator(".row[data-state=working] .facts", has_text="%").wait_for(timeout=60_000)
    assert workers()
    pressed = time.monotonic()
    page.locator(".row .cancel").click()
    page.locator(".row[data-state=cancelled]").wait_for()
    while workers() and time.monotonic() < pressed + BOUND:
        page.wait_for_timeout(20)
    assert workers() == []
    page.wait_for_timeout(100)  # a frame or two
    assert page.evaluate("shown - clicked") < 1000 * BOUND
    before = computed()
    page.wait_for_timeout(1000 * LOOK)
    assert computed() - before < LOOK / 2
    session.detach()


def test_a_hidden_tab_goes_on_and_says_how_far_in_its_title(
    page: Any, site: Path, serve: Any, tmp_path: Path
) -> None:
    page.add_init_script(HIDE)
    page.goto(serve(site).url)
    pictures = [noise(tmp_path / f"{number}.png", 1000, 700) for number in range(2)]
    page.set_input_files("#files", pictures)
    page.locator(".row[data-state=working] .facts", has_text="%").wait_for(timeout=60_000)
    front = page.context.new_page()
    front.bring_to_front()
    page.evaluate("hide(true)")
    titles = set[str]()
    for _ in range(6000):
        titles.add(page.title())
        if page.locator(".row[data-state=done]").count() == 2:
            break
        page.wait_for_timeout(20)
    assert page.locator(".row[data-state=done]").count() == 2
    shares = {int(found[1]) for title in titles if (found := re.match(r"(\d+)%", title))}
    assert len(shares) >= 3, titles
    page.evaluate("hide(false)")
    front.close()
    page.bring_to_front()
    page.locator("#count", has_text=re.compile("^2 pictures$")).wait_for()
    assert page.title() == "mssn: enlarge pictures"
    assert page.locator(".row .save:visible").count() == 2
